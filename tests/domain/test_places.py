"""A person's candidate zones come from what is written of them, all of them, and never from a default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain import places
from fluentsd.domain.places import zones_of
from fluentsd.domain.zones import zone_names

CALLABLE = [
    # as IANA, in any capitals, and as HubSpot, Salesforce and Outlook write it
    ("America/New_York", "America/New_York"),
    ("america/new_york", "America/New_York"),
    ("america_slash_los_angeles", "America/Los_Angeles"),
    ("america_slash_port_hyphen_au_hyphen_prince", "America/Port-au-Prince"),
    ("us_slash_eastern", "US/Eastern"),
    ("UTC -05:00 America Bahia Banderas", "America/Bahia_Banderas"),
    ("(GMT-05:00) Eastern Standard Time (America/New_York)", "America/New_York"),
    ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
    ("Eastern Time (US & Canada)", "America/New_York"),
    ("Eastern Standard Time", "America/New_York"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("GMT Standard Time", "Europe/London"),
    ("Indiana (East)", "America/Indiana/Indianapolis"),
    ("EST", "America/New_York"),
    ("PT", "America/Los_Angeles"),
    ("Central", "America/Chicago"),
    ("MT", "America/Denver"),
    ("São Paulo", "America/Sao_Paulo"),
    ("London", "Europe/London"),
]


@pytest.mark.parametrize(("text", "name"), CALLABLE)
def test_a_zone_field_is_read_as_it_is_written(text, name):
    found = zones_of(text, None, None, None)
    assert (found.candidates, found.basis, found.said) == ((name,), "field", None)


def test_a_word_used_in_two_zones_means_both():
    assert zones_of("MST", None, None, None).candidates == ("America/Denver", "America/Phoenix")
    assert zones_of("Michigan", None, None, None).candidates == ("America/Detroit", "America/Chicago")


@pytest.mark.parametrize(
    "text", ["UTC-5", "GMT+2", "+02:00", "-0500", "UTC", "gmt", "Etc/GMT+5", "5", "UTC -05:00", "Z"]
)
def test_an_offset_is_no_zone(text):
    found = zones_of(text, None, None, None)
    assert (found.candidates, found.basis) == ((), "none")
    assert "is a UTC offset" in found.said


@pytest.mark.parametrize("text", ["Etc/Unknown", "n/a", "Springfield", "../../etc/passwd", "Factory", "IST", "-"])
def test_what_cannot_be_read_is_said_and_the_next_basis_counts(text):
    found = zones_of(text, "NY", None, None)
    assert (found.candidates, found.basis) == (("America/New_York",), "address")
    assert "zone field" in found.said


@pytest.mark.parametrize(
    ("state", "country", "names"),
    [
        ("FL", None, {"America/New_York", "America/Chicago"}),
        ("Florida", "USA", {"America/New_York", "America/Chicago"}),
        ("us-fl", "United States", {"America/New_York", "America/Chicago"}),
        ("Florida (FL)", "", {"America/New_York", "America/Chicago"}),
        ("AZ", "US", {"America/Phoenix", "America/Denver"}),
        ("ID", "US", {"America/Boise", "America/Los_Angeles"}),
        ("AK", "US", {"America/Anchorage", "America/Adak"}),
        ("PR", "US", {"America/Puerto_Rico"}),
        ("ON", "Canada", {"America/Toronto", "America/Winnipeg", "America/Atikokan"}),
        ("Québec", None, {"America/Toronto", "America/Halifax", "America/Blanc-Sablon"}),
        ("Georgia", "Georgia", {"Asia/Tbilisi"}),
        (None, "UK", {"Europe/London"}),
        ("Bayern", "Germany", {"Europe/Berlin"}),
        (None, "Argentina", {"America/Argentina/Buenos_Aires"}),
    ],
)
def test_an_address_gives_every_zone_of_its_state_or_country(state, country, names):
    found = zones_of(None, state, country, None)
    assert set(found.candidates) == names
    assert found.basis == "address"


def test_exactly_fifteen_states_have_two_zones():
    split = {"AK", "AZ", "FL", "ID", "IN", "KS", "KY", "MI", "ND", "NE", "NV", "OR", "SD", "TN", "TX"}
    states = places._rules("us_zones.toml")["us"]
    assert {code for code, row in states.items() if len(row["zones"]) > 1} == split
    assert len(states) == 51 + 5


@pytest.mark.parametrize(
    ("state", "country", "says"),
    [
        ("WA", "Australia", "too many zones"),  # Western Australia is not Washington
        (None, "US", "too many zones"),
        ("ZZ", "US", "'ZZ' is not a US state"),
        ("FL", "Canada", "'FL' is not a Canadian province"),
        ("AA", None, "is not a US state or a Canadian province"),  # the armed forces are no place
        ("NY", "Narnia", "country 'Narnia' is not known"),
    ],
)
def test_an_address_that_tells_no_zone_says_why(state, country, says):
    found = zones_of(None, state, country, None)
    assert (found.candidates, found.basis) == ((), "none")
    assert says in found.said


@pytest.mark.parametrize(
    ("phone", "country", "names"),
    [
        ("+12125551234", None, {"America/New_York"}),
        ("(212) 555-1234", "US", {"America/New_York"}),
        ("+442079460000", None, {"Europe/London"}),
        ("+447911123456", None, {"Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London"}),
    ],
)
def test_a_number_gives_the_zones_of_its_prefix(phone, country, names):
    found = zones_of(None, None, country, phone)
    assert set(found.candidates) == names
    assert (found.basis, found.said) == ("number", None)


@pytest.mark.parametrize(
    "phone", ["+18005551234", "+15555555555", "+870773111632", "+79161234567", "0123", "call me", "+"]
)
def test_a_number_without_a_place_gives_no_zone(phone):
    found = zones_of(None, None, None, phone)
    assert (found.candidates, found.basis) == ((), "none")
    assert "tells no zone" in found.said


def test_field_goes_before_address_and_address_before_number_and_all_are_kept():
    found = zones_of("Pacific", "TN", "US", "+12125551234")
    assert (found.candidates, found.basis, found.said) == (("America/Los_Angeles",), "field", None)
    assert found.by_basis == {
        "field": ("America/Los_Angeles",),
        "address": ("America/New_York", "America/Chicago"),
        "number": ("America/New_York",),
    }
    assert zones_of(None, "TN", "US", "+12125551234").basis == "address"


def test_a_number_without_a_place_is_no_problem_when_the_address_tells():
    assert zones_of(None, "NY", "US", "+18005551234").said is None


def test_nothing_known_gives_nothing():
    for nothing in (None, "", "  "):
        found = zones_of(nothing, nothing, nothing, nothing)
        assert (found.candidates, found.basis, dict(found.by_basis)) == ((), "none", {})
        assert "nothing tells the zone" in found.said


def test_a_reading_is_a_value():
    assert len({zones_of("EST", None, None, None), zones_of("EST", None, None, None)}) == 1


def test_every_zone_in_the_tables_is_known():
    names = {
        name
        for country in ("us", "ca")
        for row in places._rules("us_zones.toml")[country].values()
        for name in row["zones"]
    }
    words = places._rules("zone_names.toml")
    names |= {name for zones in words["usage"].values() for name in zones} | set(words["windows"].values())
    assert names - zone_names() == set()


def test_every_word_in_the_tables_is_written_as_it_is_looked_up():
    words = places._rules("zone_names.toml")
    for table in ("usage", "windows", "countries"):
        assert [word for word in words[table] if places._fold(word) != word] == []


def test_every_zone_the_numbering_data_names_is_known():
    from phonenumbers.tzdata import TIMEZONE_DATA

    assert {name for zones in TIMEZONE_DATA.values() for name in zones} - zone_names() == set()


@given(*[st.none() | st.text(max_size=40)] * 4)
def test_no_text_breaks_the_reading(field, state, country, phone):
    found = zones_of(field, state, country, phone)
    assert set(found.candidates) <= zone_names()
    assert bool(found.candidates) == (found.basis != "none")
