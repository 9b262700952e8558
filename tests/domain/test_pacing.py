"""The choice of the caller ID for the next contact."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from fluentsd.domain.pacing import SLACK, TOLERANCE, CallerId, CallerIds, Full, capacity, credible, spread

HERE, THERE = CallerId(1, "+12125550199"), CallerId(2, "+14155550199")


def caller_ids(*given: CallerId, local: bool = True) -> CallerIds:
    return CallerIds(map(replace, given), local_presence=local)


def test_the_known_number_then_the_area_code_then_the_least_used() -> None:
    busy_here = CallerId(1, "+12125550199", used=9)
    assert caller_ids(busy_here, THERE).choose("+12125550100", None, 0) == busy_here
    assert caller_ids(busy_here, THERE).choose("+12125550100", 2, 0) == THERE
    assert caller_ids(busy_here, THERE).choose("+13035550100", None, 0) == THERE
    assert caller_ids(busy_here, THERE, local=False).choose("+12125550100", None, 0) == THERE


def test_a_line_without_room_is_passed_over_and_without_any_the_lane_is_full() -> None:
    assert caller_ids(CallerId(1, HERE.e164, next_slot_at=5), THERE).choose("+12125550100", 1, 0) == THERE
    assert caller_ids(CallerId(1, HERE.e164, next_slot_at=5), CallerId(2, THERE.e164, next_slot_at=3)).choose(
        "+12125550100", 1, 0
    ) == Full(3)


def test_uses_are_spread_evenly() -> None:
    pool = caller_ids(CallerId(1, HERE.e164, interval=10))
    for at in (0, 10, 20):
        caller_id = pool.choose("+12125550100", None, at)
        assert isinstance(caller_id, CallerId)
        pool.grant(caller_id, at)
        assert pool.choose("+12125550100", None, at + 9) == Full(at + 10)


def test_a_pace_gives_room_for_what_its_slack_holds() -> None:
    assert capacity(0, 0, 5, 500) == 500
    assert capacity(6, 1, 5, 500) == 0
    assert capacity(0, 40_000, 5, 500) == 2
    assert capacity(0, 1_000, 5, 500) == 100
    assert capacity(0, 1_000, 5, 30) == 30
    assert capacity(0, 60_000_000, 5, 500) == 1
    assert spread(0, 0, 100, 3) == 0


@pytest.mark.parametrize("interval", [1_000, 10_000, 40_000, 66_000])
def test_claims_that_come_late_lose_no_pace(interval: int) -> None:
    chance, at, slot, started = random.Random(3), 0, 0, list[int]()
    while at < 60_000_000:
        if most := capacity(slot, interval, at, 500):
            slot = spread(slot, interval, at, most)
            started += [at] * most
        at = max(at + 1_000, slot + chance.randrange(12_000))
    assert 0.99 < len(started) / (60_000_000 / interval) <= 1.01
    least = min(later - first for first, later in zip(started, started[2 * SLACK // interval :], strict=False))
    assert least > 0  # never more than twice the slack at once


@pytest.mark.parametrize("interval", [SLACK, 1_000_000, 180_000_000])
def test_slower_paces_keep_their_interval_exactly(interval: int) -> None:
    assert spread(1_000, interval, 90_000, 1) == 90_000 + interval


def test_a_slot_that_its_pace_cannot_explain_is_dropped() -> None:
    day, minute, at = 86_400_000_000, 60_000_000, 10**15
    assert credible(at + minute, minute, at) == at + minute
    assert credible(at + minute + TOLERANCE, minute, at) == at + minute + TOLERANCE
    assert credible(at + minute + TOLERANCE + 1, minute, at) == at
    assert credible(at + day, day, at) == at + day
    assert credible(at + day, 0, at) == at
    assert credible(at - day, minute, at) == at - day


STATES = {"212": "NY", "718": "NY", "415": "CA", "303": "CO"}


def test_without_the_area_code_the_same_state_is_near() -> None:
    manhattan, boston = CallerId(1, "+12125550199", used=5), CallerId(2, "+16175550199")
    assert caller_ids(manhattan, boston).choose("+17185550100", None, 0) == manhattan  # Brooklyn
    assert caller_ids(manhattan, boston).choose("+14155550100", None, 0) == boston


def looked_through(pool: list[CallerId], to: str, known: int | None, at: int, *, local: bool) -> CallerId | Full:
    """The choice by looking at every caller ID."""
    free = [caller_id for caller_id in pool if caller_id.next_slot_at <= at]
    for caller_id in free:
        if caller_id.id == known:
            return caller_id
    near = [caller_id for caller_id in free if caller_id.e164[2:5] == to[2:5]] if local else []
    if local and not near:
        near = [caller_id for caller_id in free if STATES[caller_id.e164[2:5]] == STATES[to[2:5]]]
    return min(
        near or free,
        key=lambda caller_id: (caller_id.used, caller_id.id),
        default=Full(min(n.next_slot_at for n in pool)),
    )


def test_the_choice_is_that_of_looking_at_every_line() -> None:
    chance = random.Random(1)
    for _ in range(200):
        pool = [
            CallerId(
                n,
                f"+1{chance.choice(['212', '718', '415'])}55501{n:02d}",
                chance.randrange(20),
                chance.randrange(3),
                chance.choice([0, 5, 30]),
            )
            for n in range(1, chance.randint(2, 9))
        ]
        local, at = chance.random() < 0.5, 0
        kept, twin = caller_ids(*pool, local=local), caller_ids(*pool, local=local)
        seen = kept.granted()
        for _ in range(60):
            at = max(0, at + chance.randint(-2, 8))
            to, known = f"+1{chance.choice(['212', '718', '303', '415'])}5550000", chance.choice([None, 1, 3])
            chosen = kept.choose(to, known, at)
            assert chosen == looked_through(seen, to, known, at, local=local)
            if isinstance(chosen, CallerId):
                kept.grant(chosen, at)
        assert twin.granted() == sorted(pool, key=lambda caller_id: caller_id.id)


def test_a_copy_is_used_up_apart() -> None:
    pool = caller_ids(CallerId(1, HERE.e164, interval=10), THERE)
    copied = pool.copy()
    copied.grant(copied.granted()[0], 0)
    assert (pool.granted()[0].used, pool.granted()[0].next_slot_at) == (0, 0)
    assert (copied.granted()[0].used, copied.granted()[0].next_slot_at) == (1, 10)
    assert len(copied) == 2


def test_only_lines_that_were_used_are_written_again() -> None:
    pool = caller_ids(CallerId(1, HERE.e164, next_slot_at=50), CallerId(2, THERE.e164, interval=10))
    caller_id = pool.choose("+12125550100", 1, 20)
    assert isinstance(caller_id, CallerId)
    pool.grant(caller_id, 20)
    assert pool.changed() == [caller_id] == [CallerId(2, THERE.e164, next_slot_at=30, used=1, interval=10)]
    assert pool.copy().changed() == []


def test_only_lines_that_carry_the_channel_are_chosen() -> None:
    voice, both, unknown = (
        CallerId(n, f"+1212555010{n}", carries=c) for n, c in ((1, "phone"), (2, "phone,sms"), (3, ""))
    )
    assert caller_ids(voice, both).choose("+12125550100", None, 0, "sms") == both
    assert caller_ids(voice, both).choose("+12125550100", 1, 0, "sms") == both  # whom this person knows cannot text
    assert caller_ids(voice, both).choose("+12125550100", None, 0, "phone") == voice
    assert caller_ids(voice, unknown).choose("+12125550100", None, 0, "sms") == unknown
    assert caller_ids(voice).choose("+12125550100", None, 0, "sms") is None
    rests = CallerId(4, "+12125550104", next_slot_at=50, carries="sms")
    assert caller_ids(CallerId(1, voice.e164, next_slot_at=5, carries="phone"), rests).choose(
        "+12125550100", None, 0, "sms"
    ) == Full(50)
