"""The table of area codes says what the numbering data say, corrected; a number tells every zone of its code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import phonenumbers
import pytest

from fluentsd.domain.places import readings
from fluentsd.domain.places.area_codes import of_number, short, table
from fluentsd.domain.time.zones import zone_names

ROOT = Path(__file__).parents[3]
RULES = ROOT / "fluentsd" / "domain" / "rules"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("area_codes", ROOT / "docs" / "area_codes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_the_script_draws(script):
    drawn_from = readings.rules("area_codes.toml")["phonenumbers"]
    if phonenumbers.__version__ != drawn_from:
        pytest.skip(f"the table is drawn from phonenumbers {drawn_from}, and {phonenumbers.__version__} is installed")
    assert (RULES / "area_codes.toml").read_text("utf-8") == script.draw()


def test_codes_laid_over_each_other_have_the_same_zones_and_states(script):
    for codes in script.OVERLAYS:
        assert len({frozenset(table()[code].zones) for code in codes}) == 1, codes
        assert len({table()[code].states for code in codes}) == 1, codes


def test_every_area_code_has_zones_and_states_that_exist():
    states = {state.id for state in readings.states().values()}
    for code, area in table().items():
        assert area.zones, code
        assert set(area.zones) <= zone_names(), code
        assert set(area.states) <= states, code
        assert area.place, code


def test_every_state_has_an_area_code():
    reached = {state for area in table().values() for state in area.states}
    assert {state.id for state in readings.states().values()} - reached == set()


def test_the_zones_of_an_area_code_are_zones_of_its_states():
    by_state = {state.id: {*map(readings.zone_rules, state.zones)} for state in readings.states().values()}
    strangers = {
        code
        for code, area in table().items()
        if area.states
        and not {*map(readings.zone_rules, area.zones)} <= set().union(*(by_state[state] for state in area.states))
    }
    assert strangers == set()


@pytest.mark.parametrize("code", ["208", "219", "270", "308", "423", "541", "574", "605", "606", "620", "701", "775",
                                  "785", "812", "850", "906", "907", "928", "986"])  # fmt: skip
def test_a_code_over_two_zones_is_both(code):
    assert len({*map(readings.zone_rules, table()[code].zones)}) == 2


def test_orlando_is_eastern_only():
    assert table()["689"].zones == table()["407"].zones == ("America/New_York",)


@pytest.mark.parametrize("phone", ["+18005551234", "+19005551234", "+15005551234", "+15555555555"])
def test_a_number_without_a_place_is_north_american_and_nothing_else(phone):
    area = of_number(short(phone), None)
    assert (area.zones, area.states, area.north_american) == ((), (), True)


def test_a_short_number_tells_what_the_whole_one_does():
    assert short("+12125551234") == "+1212"
    assert of_number("+1212", None) == of_number("+1 212 555 1234", None) == of_number("212-555-1234", "US")


@pytest.mark.parametrize("phone", ["+442079460000", "+4930901820", "+1212555", "2125551234", ""])
def test_other_numbers_are_not_cut(phone):
    assert short(phone) == phone
