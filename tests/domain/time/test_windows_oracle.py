"""Contact windows against an oracle that looks at every minute."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.domain.time.windows import (
    ContactWindow,
    Hours,
    Part,
    together,
)
from fluentsd.domain.time.zones import year_offsets
from tests.domain.time.wall import ZONES, fresh, instant

from . import window_oracle as oracle

SCAN = 2 * 1440 + 240


@st.composite
def hours(draw):
    step = draw(st.sampled_from((1, 15, 60)))
    cuts = sorted(draw(st.lists(st.integers(0, 2100 // step), min_size=2, max_size=4, unique=True)))
    ranges = [(a * step, b * step) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return Hours(tuple((a, b) for a, b in ranges if a < 1440 and b - a < 1440) or ((0, 1440),))


@st.composite
def cases(draw):
    """Rules, zones, and an instant that is often near a change of clocks or a named date."""
    names = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True))
    year = draw(st.integers(2007, 2030))
    changes = [at for name in names for at, _ in year_offsets(name, year)]  # the first is New Year
    if names[0] == "Pacific/Apia":
        changes.append(instant("2011-12-31 00:00", "Pacific/Apia"))
    near = st.sampled_from(changes).flatmap(lambda at: st.integers(at - 2 * 86_400_000_000, at + 43_200_000_000))
    start = instant(f"{year}-01-01", "UTC")
    at = draw(st.one_of(near, st.integers(start, start + 365 * 86_400_000_000)))
    day = oracle.shown(at, names[0]).date()

    def rules():
        week = tuple(draw(st.lists(st.none() | hours(), min_size=7, max_size=7)))
        named = draw(st.dictionaries(st.integers(-1, 4), st.none() | hours(), max_size=3))
        since, until = draw(st.sampled_from(((None, None),) * 3 + ((0, None), (None, 1), (-1, 2), (1, 3))))
        edge = (day + timedelta(days=n) if n is not None else None for n in (since, until))
        return ContactWindow(week, tuple((day + timedelta(days=n), own) for n, own in named.items()), (), *edge)

    return names, at, [rules() for _ in range(draw(st.sampled_from((1, 1, 2))))]


def check(names, at, rules):
    """The calendar and the oracle agree on everything they can be asked about this instant."""
    one = fresh(rules[0], names, rules[1] if len(rules) == 2 else None)
    found, expected = one.next_open(at), oracle.next_open(rules, names, at, SCAN)
    assert together([Part(each, frozenset(names)) for each in rules]).next_open(at) == found
    assert one.is_open(at) == oracle.all_open(rules, names, at)
    if expected is None:
        assert found is None or found >= at + SCAN * oracle.MINUTE - oracle.MINUTE
        return
    assert found == expected
    end = oracle.closes(rules, names, found, SCAN)
    assert one.closes(found) == end if end is not None else one.closes(found) > found + (SCAN - 1) * oracle.MINUTE


@settings(max_examples=15, deadline=None)
@given(cases())
def test_a_calendar_agrees_with_the_clock_on_the_wall(case):
    check(*case)


@pytest.mark.slow
@settings(max_examples=400 if os.environ.get("FLUENTSD_LONG") else 120, deadline=None)
@given(cases())
def test_a_calendar_agrees_with_the_clock_on_the_wall_at_length(case):
    check(*case)


@settings(max_examples=10, deadline=None)
@given(cases())
def test_open_time_is_the_sum_of_open_minutes(case):
    names, at, rules = case
    since = at - at % oracle.MINUTE
    until = since + 300 * oracle.MINUTE
    one = fresh(rules[0], names, rules[1] if len(rules) == 2 else None)
    assert one.open_time(since, until) == oracle.open_time(rules, names, since, until)
