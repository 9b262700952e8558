"""A postal code gives its states and zones; an invalid one gives nothing."""

from __future__ import annotations

import pytest

from fluentsd.domain.places import readings
from fluentsd.domain.places.postal import _table, of_postal, short
from fluentsd.domain.time.zones import zone_names


@pytest.mark.parametrize(
    ("text", "states", "zones"),
    [
        ("10001", ["US-NY"], ["America/New_York"]),
        ("00501", ["US-NY"], ["America/New_York"]),
        ("06390", ["US-NY"], ["America/New_York"]),  # Fishers Island, by way of Connecticut
        ("06320", ["US-CT"], ["America/New_York"]),
        ("83414", ["US-WY"], ["America/Denver"]),  # Alta, by way of Idaho
        ("32401", ["US-FL"], ["America/New_York", "America/Chicago"]),
        ("33101-1234", ["US-FL"], ["America/New_York"]),
        ("79901", ["US-TX"], ["America/Denver"]),
        ("86515", ["US-AZ"], ["America/Phoenix", "America/Denver"]),  # the Navajo Nation
        ("96701", ["US-HI"], ["Pacific/Honolulu"]),
        ("96799", ["US-AS"], ["Pacific/Pago_Pago"]),
        ("96910", ["US-GU"], ["Pacific/Guam"]),
        ("00901", ["US-PR"], ["America/Puerto_Rico"]),
        ("20500", ["US-DC"], ["America/New_York"]),
        ("K1A 0B1", ["CA-ON"], ["America/Toronto"]),
        ("h2x1y4", ["CA-QC"], ["America/Toronto"]),
        ("X0A 0H0", ["CA-NU"], None),
        ("X1A", ["CA-NT"], None),
        ("P7A 1A1", ["CA-ON"], ["America/Toronto", "America/Winnipeg", "America/Atikokan"]),
    ],
)
def test_a_code_tells_its_state_and_zones(text, states, zones):
    found = of_postal(text, None)
    assert [state.id for state in found.states] == states
    assert found.wrong is None
    if zones is not None:
        assert list(found.zones) == zones


def test_a_spreadsheet_may_have_taken_the_leading_zeros_where_the_country_is_known():
    assert [state.id for state in of_postal("2134", "US").states] == ["US-MA"]
    assert [state.id for state in of_postal("601", "US").states] == ["US-PR"]
    assert of_postal("2134", None).states == ()


@pytest.mark.parametrize(
    ("text", "country", "says"),
    [
        ("ABC", "US", "not a US ZIP code"),
        ("21300", "US", "not a US ZIP code"),  # no such prefix
        ("96940", "US", "not a US ZIP code"),  # Palau is a country of its own
        ("10001", "CA", "not a Canadian one"),
        ("D1A 1A1", "CA", "not a Canadian one"),
        ("09012", "US", "armed forces"),
        ("96201", None, "armed forces"),
    ],
)
def test_what_is_no_code_of_the_country_is_said(text, country, says):
    found = of_postal(text, country)
    assert (found.states, found.zones) == ((), ())
    assert says in found.wrong


@pytest.mark.parametrize("text", ["", "SW1A 1AA", "1234 AB", "750011"])
def test_codes_of_other_countries_tell_nothing(text):
    assert of_postal(text, None) == of_postal("10115", "DE") == ((), (), None)


def test_every_state_has_prefixes_and_every_prefix_one_state():
    codes = {state.code for state in readings.states().values() if state.country == "US"}
    assert {*_table().states.values(), *_table().codes.values()} - {""} == codes
    assert not _table().forces & set(_table().states)


def test_every_zone_of_a_prefix_is_a_zone_of_its_state():
    for prefix, zones in _table().zones.items():
        assert zones
        assert set(zones) <= zone_names()
        assert set(zones) <= set(readings.states()[_table().states[prefix].lower()].zones), prefix


def test_every_prefix_of_a_state_of_two_zones_is_listed():
    split = {state.code for state in readings.states().values() if state.country == "US" and len(state.zones) > 1}
    missing = {prefix for prefix, state in _table().states.items() if state in split and prefix not in _table().zones}
    assert missing == set()


def test_a_code_is_cut_to_what_decides():
    assert [short(code) for code in ("32501", "32501-1234", " 32599 ", "06390", "M5V 2T6", "SW1A 1AA")] == [
        "32500", "32500", "32500", "06390", "M5V 2T6", "SW1A 1AA",
    ]  # fmt: skip
