"""The pauses of segments: they double, have an end, and are one segment's own."""

from __future__ import annotations

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.sync.pauses import LONGEST_PAUSE, Pauses


def test_a_segment_that_is_refused_again_and_again_waits_longer_and_alone() -> None:
    pauses = Pauses()
    waits = []
    for n in range(6):
        assert pauses.refused(1, "no", 0) is (n == 0)
        waits.append((pauses.until(1) or 0) // SECOND)
    assert waits == [60, 120, 240, 480, 600, 600]
    assert pauses.until(2) is None
    assert pauses.accepted(1) == "no"
    assert pauses.accepted(1) == ""
    pauses.begin(1)
    assert pauses.until(1) is None
    assert pauses.refused(1, "no", 0)


def test_a_walk_begins_again_at_once_and_then_later_and_later() -> None:
    pauses, waits = Pauses(), []
    for _ in range(8):
        pauses.walk_restarted(1, 0)
        waits.append(pauses.walks_from(1) // SECOND)
    assert waits == [0, 30, 60, 120, 240, 480, 600, 600]
    pauses.walked(1)
    pauses.walk_restarted(1, 5 * SECOND)
    assert pauses.walks_from(1) == 5 * SECOND


def test_walks_in_the_place_of_changes_come_to_the_usual_pace() -> None:
    pauses, waits = Pauses(), []
    for _ in range(9):
        _, pause = pauses.walk_instead(1, 0, 3600 * SECOND)
        waits.append(pause // SECOND)
        pauses.walked(1)  # the walk itself succeeds, and mends nothing
    assert waits == [0, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    pauses.changes_told(1)
    assert pauses.walk_instead(1, 0, 3600 * SECOND) == (1, 0)


def test_a_segment_that_nobody_has_is_looked_for_every_ten_minutes() -> None:
    pauses = Pauses()
    pauses.unknown(1, 0)
    assert pauses.until(1) == LONGEST_PAUSE
