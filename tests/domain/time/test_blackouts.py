"""Preset blackouts are the right dates of each year, and a misspelt one is never an empty one."""

from __future__ import annotations

from datetime import date

import pytest

from fluentsd.domain.time.blackouts import FEDERAL, UnknownPreset, all_presets, check_preset, dates, preset_words


def test_the_federal_holidays_of_2026_with_the_observed_fourth_of_july():
    assert sorted(day.isoformat()[5:] for day in dates("us-federal-holidays", 2026)) == [
        "01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11", "11-26", "12-25",
    ]  # fmt: skip


def test_new_year_observed_in_december_belongs_to_december():
    assert date(2021, 12, 31) in dates("us-federal-holidays", 2021)
    assert all(day.year == 2022 for day in dates("us-federal-holidays", 2022))


def test_inauguration_day_is_a_holiday_of_washington_only():
    day = date(2025, 1, 20)  # in 2025 also the birthday of Martin Luther King
    assert day in dates("us-federal-holidays", 2025)
    assert date(2029, 1, 20) not in dates("us-federal-holidays", 2029)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("us-pa", date(2026, 11, 27)),  # the day after Thanksgiving
        ("us-la", date(2026, 2, 17)),  # Mardi Gras
        ("gb-sct", date(2026, 11, 30)),  # St Andrew's Day
        ("ca", date(2026, 7, 1)),
        ("de-by", date(2026, 1, 6)),
    ],
)
def test_states_and_countries_have_their_own_days(name, day):
    assert day in dates(name, 2026)
    assert day not in dates("us-federal-holidays", 2026)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("us-federal-holidays", "us-federal-holidays"),
        ("US federal holidays", "us-federal-holidays"),
        ("us", "us-federal-holidays"),
        ("US-PA", "us-pa"),
        ("us_pa_holidays", "us-pa"),
        ("uk", "gb"),
        ("GB-SCT", "gb-sct"),
    ],
)
def test_a_preset_has_one_name(name, plain):
    assert check_preset(name) == plain
    assert check_preset(plain) == plain
    assert dates(name, 2026) == dates(plain, 2026)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("us-federel-holidays", "'us-federal-holidays'"),
        ("us-zz", "us-"),
        ("gb-xx", "'gb-sct'|'gb-eng'|'gb"),
        ("", "us-federal-holidays"),
        ("../x", "us-federal-holidays"),
        ("x" * 10_000, "…"),
    ],
)
def test_an_unknown_preset_is_refused_with_near_names(name, near):
    with pytest.raises(UnknownPreset, match=near):
        check_preset(name)
    with pytest.raises(UnknownPreset):
        dates(name, 2026)


@pytest.mark.parametrize(
    ("state", "day"),
    [
        ("al", date(2027, 2, 9)),  # Mardi Gras
        ("al", date(2027, 4, 26)),  # Confederate Memorial Day
        ("al", date(2027, 6, 7)),  # the birthday of Jefferson Davis
        ("la", date(2027, 1, 8)),  # Battle of New Orleans
        ("la", date(2027, 2, 9)),  # Mardi Gras
        ("la", date(2027, 3, 26)),  # Good Friday
        ("la", date(2027, 8, 30)),  # Huey P. Long Day
        ("la", date(2027, 11, 1)),  # All Saints' Day
        ("pa", date(2027, 3, 26)),  # Good Friday
        ("pa", date(2027, 6, 14)),  # Flag Day
        ("pa", date(2027, 11, 2)),  # an election in an odd year
        ("pa", date(2026, 11, 3)),
        ("ri", date(2026, 8, 10)),  # Victory Day
        ("ri", date(2026, 11, 3)),  # a general election
        ("ut", date(2026, 7, 24)),  # Pioneer Day
    ],
)
def test_legal_holidays_are_what_the_state_and_the_nation_keep_and_what_the_package_lacks(state, day):
    name = f"us-{state}-legal-holidays"
    assert day in dates(name, day.year)
    assert dates(f"us-{state}", day.year) | dates("us-federal-holidays", day.year) <= dates(name, day.year)
    assert check_preset(name.upper().replace("-", " ")) == name


def test_rhode_island_has_no_election_day_in_odd_years():
    assert date(2027, 11, 2) not in dates("us-ri-legal-holidays", 2027)


def test_a_state_without_such_a_list_has_no_legal_holidays_of_ours():
    with pytest.raises(UnknownPreset):
        check_preset("us-tx-legal-holidays")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("us-federal-holidays", "United States: federal holidays"),
        ("US-TX", "Texas, United States"),
        ("us-pa-legal-holidays", "Pennsylvania, United States: legal holidays"),
        ("uk", "United Kingdom"),
        ("ca-on", "Ontario, Canada"),
        ("gb-sct", "Scotland, United Kingdom"),
        ("atlantis", "atlantis"),
    ],
)
def test_a_preset_in_words(name: str, words: str) -> None:
    assert preset_words(name) == words


def test_every_preset_that_is_offered_exists_and_has_words_of_its_own() -> None:
    names = all_presets()
    assert names[0] == FEDERAL
    assert [check_preset(name) for name in names] == list(names)
    assert len({preset_words(name) for name in names}) == len(names)
