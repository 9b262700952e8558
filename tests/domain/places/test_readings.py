"""The tables of zones and words, which say nothing that nobody knows."""

from __future__ import annotations

from fluentsd.domain.places import readings
from fluentsd.domain.time.zones import zone_names


def test_every_zone_in_the_tables_is_known():
    names = {
        name
        for country in ("us", "ca")
        for row in readings.rules("us_zones.toml")[country].values()
        for name in row["zones"]
    }
    words = readings.rules("zone_names.toml")
    names |= {name for zones in words["usage"].values() for name in zones} | set(words["windows"].values())
    assert names - zone_names() == set()


def test_every_word_in_the_tables_is_written_as_it_is_looked_up():
    words = readings.rules("zone_names.toml")
    for table in ("usage", "windows", "countries"):
        assert [word for word in words[table] if readings.fold(word) != word] == []


def test_every_zone_the_numbering_data_names_is_known():
    from phonenumbers.tzdata import TIMEZONE_DATA

    assert {name for zones in TIMEZONE_DATA.values() for name in zones} - zone_names() == set()
