"""State machines as tables: a missing key is the error, and the diagram in the docs is drawn from here.

A table maps (event, from-state) to the to-state. Each state's line says who enters, who leaves, and what a crash leaves
behind. The store derives the WHERE and the SET of every transition from these tables (`store.db.state_columns`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class CampaignState(StrEnum):
    """The life of a campaign."""

    draft = "draft"  #: `new`, `apply` and `copy` enter; `schedule` and `start` leave. Nobody is contacted.
    scheduled = "scheduled"  #: `schedule` enters; its moment, `start` or `pause` (back to draft) leaves.
    active = "active"  #: `start`, `resume` enter; `pause`, `stop`, `complete` leave. A crash leaves it active.
    paused = "paused"  #: `pause` and `reopen` enter; `resume` and `stop` leave. Nothing is marked meanwhile.
    stopped = "stopped"  #: `stop` enters; only `reopen` leaves. People keep their place.
    completed = "completed"  #: the last person's end enters; `reopen` leaves.


CAMPAIGN: dict[tuple[str, CampaignState], CampaignState] = {
    ("schedule", CampaignState.draft): CampaignState.scheduled,
    ("schedule", CampaignState.scheduled): CampaignState.scheduled,
    ("start", CampaignState.draft): CampaignState.active,
    ("start", CampaignState.scheduled): CampaignState.active,
    ("pause", CampaignState.scheduled): CampaignState.draft,
    ("pause", CampaignState.active): CampaignState.paused,
    ("resume", CampaignState.paused): CampaignState.active,
    ("stop", CampaignState.scheduled): CampaignState.stopped,
    ("stop", CampaignState.active): CampaignState.stopped,
    ("stop", CampaignState.paused): CampaignState.stopped,
    ("complete", CampaignState.active): CampaignState.completed,
    ("complete", CampaignState.paused): CampaignState.completed,
    ("reopen", CampaignState.stopped): CampaignState.paused,
    ("reopen", CampaignState.completed): CampaignState.paused,
}


class EnrollmentState(StrEnum):
    """The state of one person in one campaign."""

    queued = "queued"  #: enrolling, a finished try, a retry by hand enter; a claim or an exit leaves. Survives a crash.
    active = "active"  #: a claim enters; the attempt's outcome leaves. A crash leaves it to the reconciler.
    completed = "completed"  #: the end of the flow enters; only `unknown retry` leaves. Re-entry is a new enrollment.
    exited = "exited"  #: an exit criterion or a person enters; `reason` says which. Nothing leaves.
    errored = "errored"  #: a failing template, plugin or setting enters; `retry`, `dismiss` or an exit leaves.


ENROLLMENT: dict[tuple[str, EnrollmentState], EnrollmentState] = {
    ("claim", EnrollmentState.queued): EnrollmentState.active,
    ("requeue", EnrollmentState.queued): EnrollmentState.queued,
    ("requeue", EnrollmentState.active): EnrollmentState.queued,
    ("complete", EnrollmentState.queued): EnrollmentState.completed,
    ("complete", EnrollmentState.active): EnrollmentState.completed,
    ("exit", EnrollmentState.queued): EnrollmentState.exited,
    ("exit", EnrollmentState.active): EnrollmentState.exited,
    ("exit", EnrollmentState.errored): EnrollmentState.exited,
    ("fail", EnrollmentState.queued): EnrollmentState.errored,
    ("retry", EnrollmentState.errored): EnrollmentState.queued,
    ("dismiss", EnrollmentState.errored): EnrollmentState.exited,
    ("retry unknown", EnrollmentState.queued): EnrollmentState.queued,
    ("retry unknown", EnrollmentState.completed): EnrollmentState.queued,
}


class AttemptState(StrEnum):
    """One try of one step."""

    open = "open"  #: a claim enters, before the provider is called; an outcome leaves. A crash leaves it to a look-up.
    settled = "settled"  #: a proven outcome enters; later evidence may improve it, nothing reopens it.
    unknown = "unknown"  #: an outcome without proof enters; counts as made; later evidence may still settle it.


ATTEMPT: dict[tuple[str, AttemptState], AttemptState] = {
    ("settle", AttemptState.open): AttemptState.settled,
    ("give up", AttemptState.open): AttemptState.unknown,
    ("improve", AttemptState.settled): AttemptState.settled,
    ("improve", AttemptState.unknown): AttemptState.settled,
}


class DeliveryState(StrEnum):
    """One event on its way to one target of the outbox."""

    due = "due"  #: the event, `retry` and the end of an earlier one enter; a delivery leaves. Survives a crash.
    behind = "behind"  #: a pass enters, because an earlier event of the key waits; the end of that event leaves.
    delivered = "delivered"  #: the target's acceptance enters; nothing leaves. A crash before it repeats the delivery.
    dead = "dead"  #: the last refusal enters; only `outbox retry` leaves. Later events of the key have gone on.


DELIVERY: dict[tuple[str, DeliveryState], DeliveryState] = {
    ("postpone", DeliveryState.due): DeliveryState.due,
    ("park", DeliveryState.due): DeliveryState.behind,
    ("unpark", DeliveryState.behind): DeliveryState.due,
    ("deliver", DeliveryState.due): DeliveryState.delivered,
    ("bury", DeliveryState.due): DeliveryState.dead,
    ("retry", DeliveryState.dead): DeliveryState.due,
}


class AfterCallState(StrEnum):
    """The work after one call: analysis, write-back, follow-ups."""

    pending = "pending"  #: the call's outcome enters; the work leaves. Survives a crash: its task is delivered again.
    done = "done"  #: the work enters, with its follow-ups in the same transaction; nothing leaves.
    failed = "failed"  #: an analysis without a usable answer enters; the transcript is kept; `calls analyse` leaves.


AFTER_CALL: dict[tuple[str, AfterCallState], AfterCallState] = {
    ("finish", AfterCallState.pending): AfterCallState.done,
    ("fail", AfterCallState.pending): AfterCallState.failed,
    ("repeat", AfterCallState.failed): AfterCallState.pending,
}


class IllegalTransition(ValueError):
    """A verb that the present state does not allow; nothing was changed."""

    def __init__(self, verb: str, state: CampaignState) -> None:
        doors = sorted({v for v, s in CAMPAIGN if s == state})
        super().__init__(f"cannot {verb} a campaign that is {state}; possible now: {', '.join(doors)}")


def next_campaign_state(verb: str, state: CampaignState) -> CampaignState:
    """Where `verb` leads from `state`; `IllegalTransition` names what is possible instead."""
    try:
        return CAMPAIGN[verb, state]
    except KeyError:
        raise IllegalTransition(verb, state) from None


def from_states(machine: Mapping[tuple[str, S], S], event: str) -> tuple[S, ...]:
    """The states an event may leave; KeyError when the table does not know the event."""
    found = tuple(before for name, before in machine if name == event)
    if not found:
        raise KeyError(event)
    return found


def to_state(machine: Mapping[tuple[str, S], S], event: str) -> S:
    """The one state an event leads to; KeyError when the table does not know the event."""
    found = {machine[event, before] for before in from_states(machine, event)}
    if len(found) != 1:
        raise ValueError(f"{event!r} leads to several states")
    return found.pop()
