"""The flow and a person's progress through it."""

from __future__ import annotations

import datetime as dt

import pytest

from fluentsd.api import Outcome
from fluentsd.domain import campaign as spec
from fluentsd.domain.enrollment import Exits, Leave, Progress, Queue, move_after
from fluentsd.domain.flow import compile_flow, count_unreached, exit_reason, next_after_start
from fluentsd.domain.gate import Rules
from fluentsd.domain.time.windows import ContactWindow

ANY_TIME = Rules(window=ContactWindow.always(), fixed_zone="America/New_York", fallback_zone=None)
EXITS = Exits(("answered", "opted_out", "unreachable", "replied"), 2)
SATURDAY = round(dt.datetime(2026, 3, 7, 12, tzinfo=dt.UTC).timestamp() * 1_000_000)
DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000


def flow(*steps: dict[str, object]):
    return compile_flow([spec.Step.model_validate({"channel": "phone", "agent": "a"} | step) for step in steps])


FLOW = flow({"id": "one", "retry": {"busy": "30 min", "limit": 1}}, {"id": "two", "after": "1 day"})


def progress(**values: object) -> Progress:
    return Progress(**({"step": "one", "try_no": 1, "retries": 0, "unreached": 0, "zones": ()} | values))  # type: ignore[arg-type]


def test_a_retry_repeats_the_step_until_its_limit_then_the_flow_goes_on() -> None:
    first = move_after(FLOW, ANY_TIME, EXITS, progress(), Outcome.busy, SATURDAY)
    assert isinstance(first, Queue)
    assert (first.step.id, first.try_no, first.retries, first.due_at) == ("one", 2, 1, SATURDAY + 30 * MINUTE)
    second = move_after(FLOW, ANY_TIME, EXITS, progress(try_no=2, retries=1), Outcome.busy, SATURDAY)
    assert isinstance(second, Queue)
    assert (second.step.id, second.try_no, second.retries) == ("two", 1, 0)


def test_a_day_keeps_the_wall_time_across_the_change_of_the_clock() -> None:
    moved = move_after(FLOW, ANY_TIME, EXITS, progress(), Outcome.voicemail, SATURDAY)
    assert isinstance(moved, Queue)
    assert moved.due_at == SATURDAY + 23 * HOUR  # New York springs forward on Sunday 8 March 2026


def test_not_sent_repeats_the_same_try_under_a_new_number_and_counts_as_nothing() -> None:
    moved = move_after(FLOW, ANY_TIME, EXITS, progress(unreached=1), Outcome.not_sent, SATURDAY)
    assert isinstance(moved, Queue)
    assert (moved.step.id, moved.try_no, moved.retries, moved.unreached) == ("one", 2, 0, 1)


def test_unknown_counts_as_made() -> None:
    moved = move_after(FLOW, ANY_TIME, EXITS, progress(), Outcome.unknown, SATURDAY)
    assert isinstance(moved, Queue)
    assert moved.step.id == "two"


def test_after_the_last_step_the_course_is_completed() -> None:
    assert move_after(FLOW, ANY_TIME, EXITS, progress(step="two"), Outcome.voicemail, SATURDAY) == Leave("", 0)


@pytest.mark.parametrize(
    ("outcome", "unreached", "expected"),
    [
        (Outcome.answered, 0, "answered"),
        (Outcome.replied, 0, "replied"),
        (Outcome.opted_out, 0, "opted_out"),
        (Outcome.failed, 1, None),
        (Outcome.failed, 2, "unreachable"),
        (Outcome.bounced, 3, "unreachable"),
        (Outcome.no_answer, 9, None),
        (Outcome.delivered, 9, None),
    ],
)
def test_exits(outcome: Outcome, unreached: int, expected: str | None) -> None:
    assert exit_reason(EXITS.on, outcome, unreached, EXITS.unreachable_after) == expected


def test_an_opt_out_ends_the_course_whatever_the_campaign_says() -> None:
    assert exit_reason([], Outcome.opted_out, 0, 9) == "opted_out"
    assert exit_reason([], Outcome.answered, 0, 9) is None


def test_failures_count_in_a_row_only() -> None:
    count = 0
    for outcome, expected in (
        (Outcome.failed, 1),
        (Outcome.no_answer, 1),
        (Outcome.bounced, 2),
        (Outcome.voicemail, 0),
    ):
        count = count_unreached(count, outcome)
        assert count == expected


def test_a_person_who_enters_waits_for_the_first_steps_delay() -> None:
    slow = flow({"id": "one", "after": "2 hours"})
    assert next_after_start(slow, SATURDAY, "UTC").due_at == SATURDAY + 2 * HOUR
