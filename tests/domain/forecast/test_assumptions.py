"""What a forecast assumes: draws, shares, lengths, and the weight of history."""

from __future__ import annotations

from collections import Counter

import pytest

from fluentsd.api import Outcome
from fluentsd.domain.forecast.assumptions import (
    DEFAULTS,
    PSEUDO_COUNT,
    Assumed,
    BadAssumption,
    draw,
    from_history,
)
from tests.domain.forecast.campaigns import QUIET, SECOND


def test_a_draw_is_the_same_for_ever() -> None:
    assert draw(1, 42, "call", 1) == 2_185_498_240_688_810_130
    assert DEFAULTS.outcome(1, 42, "call", 1, "phone") == Outcome.answered
    assert DEFAULTS.length(1, 42, "call", 1, "phone") == 70_077_042
    assert len({draw(s, i, step, t) for s in range(3) for i in range(3) for step in "ab" for t in range(3)}) == 54


def test_outcomes_come_in_their_shares_and_lengths_about_their_mean() -> None:
    ends = [DEFAULTS.ends("phone", draw(0, n, "call", 1)) for n in range(5_000)]
    shares = Counter(outcome for outcome, _ in ends)
    for outcome, share in DEFAULTS.shares["phone"].items():
        assert abs(shares[outcome] / 5_000 - share) < 0.02
    talks = [length for outcome, length in ends if outcome == Outcome.answered]
    assert min(talks) >= 60 * SECOND
    assert max(talks) <= 180 * SECOND
    assert abs(sum(talks) / len(talks) - 120 * SECOND) < 6 * SECOND


def test_history_outweighs_the_assumption_as_it_grows() -> None:
    assert from_history({}).shares == DEFAULTS.shares
    counted = {Outcome.answered: 9 * PSEUDO_COUNT, Outcome.unknown: 1_000}
    mixed = from_history({"phone": counted}, {"phone": {Outcome.answered: 200, Outcome.busy: 9}})
    assert mixed.shares["phone"][Outcome.answered] == pytest.approx(0.9 + 0.1 * 0.22)
    assert sum(mixed.shares["phone"].values()) == pytest.approx(1)
    assert (mixed.seconds["phone"][Outcome.answered], mixed.seconds["phone"][Outcome.busy]) == (200, 5)
    assert mixed.shares["sms"] == pytest.approx(DEFAULTS.shares["sms"])


@pytest.mark.parametrize("shares", [{}, {Outcome.sent: -1.0, Outcome.failed: 2.0}, {Outcome.unknown: 1.0}])
def test_shares_that_cannot_be_meant_are_refused(shares: dict[Outcome, float]) -> None:
    with pytest.raises(BadAssumption, match="sms"):
        Assumed({"sms": shares})


def test_a_length_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(BadAssumption, match="86400"):
        Assumed(QUIET.shares, {"phone": {Outcome.no_answer: 90_000}})
