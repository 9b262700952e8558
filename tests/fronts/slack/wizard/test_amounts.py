"""Delays, rates and the like as a person types them; every offer can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.campaign_values import _reenter
from fluentsd.domain.membership import leaves_after
from fluentsd.domain.time.durations import Delay, Rate
from fluentsd.fronts.slack.wizard.amounts import delays, leavings, rates, reentries


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("3", ["3 min", "3 hours", "3 days", "30 min"]),
        ("36 hours", ["36 hours"]),
        ("1 week", ["7 days"]),
        ("24 h", ["24 hours"]),
        ("1 day", ["1 day"]),
        ("soon", []),
        ("0", ["30 min"]),
    ],
)
def test_delays_are_offered_with_their_units(typed: str, offered: list[str]) -> None:
    assert [one for one in delays(typed) if one in offered] == offered
    assert typed != "soon" or not delays(typed)


def test_a_day_and_24_hours_stay_two_things() -> None:
    assert {"1 day", "24 hours"} <= set(delays(""))
    assert next(iter(delays("24 hours"))) == "24 hours"


def test_who_may_enter_again_and_what_happens_to_who_leaves() -> None:
    assert reentries("45") == {"after 45 days": "after 45 days"}
    assert reentries("alw") == {"always": "always"}
    assert "exit after 3 days" in leavings("3")
    assert leavings("stay") == {"stay": "stays in the campaign"}


@given(st.text("0123456789 hdaysminwek/per", max_size=12))
def test_whatever_is_typed_each_offer_can_be_read(typed: str) -> None:
    for delay in delays(typed):
        Delay.parse(delay)
    for rate in rates(typed):
        Rate.parse(rate)
    for text in leavings(typed):
        leaves_after(text)
    for text in reentries(typed):
        _reenter(text)
