"""X"""

from __future__ import annotations

from fluentsd.store.enrollments.transitions import (
    Due,
    claim,
    dismiss,
    due,
    end,
    fail,
    free,
    hear,
    leave_queue,
    put_on_hold,
    release_held,
    requeue,
    reserve_those,
    retry,
    snooze,
    state_is,
    unwait,
    wait,
)

__all__ = [
    "Due",
    "claim",
    "dismiss",
    "due",
    "end",
    "fail",
    "free",
    "hear",
    "leave_queue",
    "put_on_hold",
    "release_held",
    "requeue",
    "reserve_those",
    "retry",
    "snooze",
    "state_is",
    "unwait",
    "wait",
]
