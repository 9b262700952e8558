"""Which line carries the next contact."""

from __future__ import annotations

import random
from dataclasses import replace

from fluentsd.domain.pacing import Full, Line, Lines, room, spread

HERE, THERE = Line(1, "+12125550199"), Line(2, "+14155550199")


def lines(*given: Line, local: bool = True) -> Lines:
    return Lines(map(replace, given), local_presence=local)


def test_the_known_number_then_the_area_code_then_the_least_used() -> None:
    busy_here = Line(1, "+12125550199", used=9)
    assert lines(busy_here, THERE).choose("+12125550100", None, 0) == busy_here
    assert lines(busy_here, THERE).choose("+12125550100", 2, 0) == THERE
    assert lines(busy_here, THERE).choose("+13035550100", None, 0) == THERE
    assert lines(busy_here, THERE, local=False).choose("+12125550100", None, 0) == THERE


def test_a_line_without_room_is_passed_over_and_without_any_the_lane_is_full() -> None:
    assert lines(Line(1, HERE.e164, room_at=5), THERE).choose("+12125550100", 1, 0) == THERE
    assert lines(Line(1, HERE.e164, room_at=5), Line(2, THERE.e164, room_at=3)).choose("+12125550100", 1, 0) == Full(3)


def test_uses_are_spread_evenly() -> None:
    pool = lines(Line(1, HERE.e164, interval=10))
    for at in (0, 10, 20):
        line = pool.choose("+12125550100", None, at)
        assert isinstance(line, Line)
        pool.grant(line, at)
        assert pool.choose("+12125550100", None, at + 9) == Full(at + 10)


def test_a_pace_gives_room_for_what_its_slack_holds() -> None:
    assert room(0, 0, 5, 500, 2_000_000) == 500
    assert room(6, 1, 5, 500, 2_000_000) == 0
    assert room(0, 1_000_000, 5, 500, 2_000_000) == 2
    assert room(0, 60_000_000, 5, 500, 2_000_000) == 1
    assert spread(0, 10, 100, 3) == 130
    assert spread(0, 0, 100, 3) == 0


STATES = {"212": "NY", "718": "NY", "415": "CA", "303": "CO"}


def test_without_the_area_code_the_same_state_is_near() -> None:
    manhattan, boston = Line(1, "+12125550199", used=5), Line(2, "+16175550199")
    assert lines(manhattan, boston).choose("+17185550100", None, 0) == manhattan  # Brooklyn
    assert lines(manhattan, boston).choose("+14155550100", None, 0) == boston


def looked_through(pool: list[Line], to: str, known: int | None, at: int, *, local: bool) -> Line | Full:
    """The choice by looking at every line."""
    free = [line for line in pool if line.room_at <= at]
    for line in free:
        if line.id == known:
            return line
    near = [line for line in free if line.e164[2:5] == to[2:5]] if local else []
    if local and not near:
        near = [line for line in free if STATES[line.e164[2:5]] == STATES[to[2:5]]]
    return min(near or free, key=lambda line: (line.used, line.id), default=Full(min(n.room_at for n in pool)))


def test_the_choice_is_that_of_looking_at_every_line() -> None:
    chance = random.Random(1)
    for _ in range(200):
        pool = [
            Line(
                n,
                f"+1{chance.choice(['212', '718', '415'])}55501{n:02d}",
                chance.randrange(20),
                chance.randrange(3),
                chance.choice([0, 5, 30]),
            )
            for n in range(1, chance.randint(2, 9))
        ]
        local, at = chance.random() < 0.5, 0
        kept, twin = lines(*pool, local=local), lines(*pool, local=local)
        seen = kept.granted()
        for _ in range(60):
            at = max(0, at + chance.randint(-2, 8))
            to, known = f"+1{chance.choice(['212', '718', '303', '415'])}5550000", chance.choice([None, 1, 3])
            chosen = kept.choose(to, known, at)
            assert chosen == looked_through(seen, to, known, at, local=local)
            if isinstance(chosen, Line):
                kept.grant(chosen, at)
        assert twin.granted() == sorted(pool, key=lambda line: line.id)


def test_a_copy_is_used_up_apart() -> None:
    pool = lines(Line(1, HERE.e164, interval=10), THERE)
    copied = pool.copy()
    copied.grant(copied.granted()[0], 0)
    assert (pool.granted()[0].used, pool.granted()[0].room_at) == (0, 0)
    assert (copied.granted()[0].used, copied.granted()[0].room_at) == (1, 10)
    assert len(copied) == 2


def test_only_lines_that_were_used_are_written_again() -> None:
    pool = lines(Line(1, HERE.e164, room_at=50), Line(2, THERE.e164, interval=10))
    line = pool.choose("+12125550100", 1, 20)
    assert isinstance(line, Line)
    pool.grant(line, 20)
    assert pool.changed() == [line] == [Line(2, THERE.e164, room_at=30, used=1, interval=10)]
    assert pool.copy().changed() == []


def test_only_lines_that_carry_the_channel_are_chosen() -> None:
    voice, both, unknown = (Line(n, f"+1212555010{n}", carries=c) for n, c in ((1, "phone"), (2, "phone,sms"), (3, "")))
    assert lines(voice, both).choose("+12125550100", None, 0, "sms") == both
    assert lines(voice, both).choose("+12125550100", 1, 0, "sms") == both  # whom this person knows cannot text
    assert lines(voice, both).choose("+12125550100", None, 0, "phone") == voice
    assert lines(voice, unknown).choose("+12125550100", None, 0, "sms") == unknown
    assert lines(voice).choose("+12125550100", None, 0, "sms") is None
    rests = Line(4, "+12125550104", room_at=50, carries="sms")
    assert lines(Line(1, voice.e164, room_at=5, carries="phone"), rests).choose("+12125550100", None, 0, "sms") == Full(
        50
    )
