"""Rows of enrollments and of the queue, as they cross between the engine and the store. The columns stand here once."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.tables import contact, enrollment

#: Ranks: a promised callback goes before the flow.
PROMISED, ORDINARY = 0, 1


class Due(NamedTuple):
    """An enrollment whose moment has come, with its person's place and consent as the store keeps them."""

    id: int
    rank: int
    due_at: int
    contact_id: int
    version_id: int
    step: str
    try_no: int
    retries: int
    unreached: int
    outcomes: str
    last_outcome: str
    sender_id: int | None
    zones: str
    states: str = ""
    conflict: bool = False
    consent: str = ""
    scrubbed_at: int | None = None
    away_until_at: int | None = None
    called_back_at: int | None = None
    touched_at: int | None = None
    entry: int = 1


class EnrollmentRow(NamedTuple):
    """An enrollment: its state and its place in the flow."""

    id: int
    campaign_id: int
    contact_id: int
    version_id: int
    state: str
    reason: str
    step: str
    try_no: int
    rank: int
    due_at: int | None
    unreached: int
    outcomes: str
    last_outcome: str


def _column(name: str) -> ColumnElement[Any]:
    return enrollment.c[name] if name in enrollment.c else contact.c[name]


#: Without id, rank and moment, which a claim reads from the queue.
DUE_COLUMNS = tuple(map(_column, Due._fields[3:]))
ENROLLMENT_COLUMNS = tuple(map(_column, EnrollmentRow._fields))


class QueueKey(NamedTuple):
    """The whole key of a waiting row."""

    lane_id: int
    rank: int
    due_at: int
    enrollment_id: int


class Claim(NamedTuple):
    """queued → active."""

    id: int
    at: int
    sender_id: int | None


class Requeue(NamedTuple):
    """Back to the queue at a step. `reason`: why `due_at` is later than `wanted_at`, "" when it is not."""

    id: int
    lane_id: int
    step: str
    try_no: int
    retries: int
    unreached: int
    wanted_at: int
    due_at: int
    reason: str
    outcomes: str
    last_outcome: str
    rank: int = ORDINARY


class Snooze(NamedTuple):
    """A later moment for one person, without spending a try."""

    id: int
    rank: int
    due_at: int
    reason: str


class End(NamedTuple):
    """→ completed or exited."""

    id: int
    state: EnrollmentState
    reason: str
    at: int
    unreached: int
    outcomes: str
    last_outcome: str


class Cause(NamedTuple):
    """Why an enrollment is held or errored."""

    id: int
    reason: str


class Evidence(NamedTuple):
    """What later evidence about an earlier contact changes; the place in the flow stays."""

    id: int
    unreached: int
    outcomes: str
    last_outcome: str
