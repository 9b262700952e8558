"""Enrollments: one contact in one campaign, and the queue they wait in.

`transitions` changes state (re-exported here, with the rows it takes), `enrolling` lets people in, `rescheduling` moves
their moments, `manual_changes` carries out an operator's act. The others only read: `queries`, `members` (a campaign's
people), `counts`, `errored`, `known_people`.
"""

from __future__ import annotations

from fluentsd.store.enrollments.rows import (
    ORDINARY,
    PROMISED,
    Cause,
    Claim,
    Due,
    End,
    EnrollmentRow,
    Evidence,
    QueueKey,
    Requeue,
    Snooze,
)
from fluentsd.store.enrollments.transitions import (
    claim,
    dismiss,
    due,
    end,
    fail,
    free,
    leave_queue,
    note_evidence,
    put_on_hold,
    release_held,
    requeue,
    reserve_those,
    retry,
    retry_unknown,
    snooze,
    unwait,
    wait,
)

__all__ = [
    "ORDINARY",
    "PROMISED",
    "Cause",
    "Claim",
    "Due",
    "End",
    "EnrollmentRow",
    "Evidence",
    "QueueKey",
    "Requeue",
    "Snooze",
    "claim",
    "dismiss",
    "due",
    "end",
    "fail",
    "free",
    "leave_queue",
    "note_evidence",
    "put_on_hold",
    "release_held",
    "requeue",
    "reserve_those",
    "retry",
    "retry_unknown",
    "snooze",
    "unwait",
    "wait",
]
