"""Which line carries the next contact."""

from __future__ import annotations

from fluentsd.domain.pacing import Full, Line, Lines, room, spread

HERE, THERE = Line(1, "+12125550199"), Line(2, "+14155550199")


def lines(*given: Line, local: bool = True) -> Lines:
    return Lines([Line(g.id, g.e164, g.room_at, g.used, g.interval) for g in given], local_presence=local)


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
