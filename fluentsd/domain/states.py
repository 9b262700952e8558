"""The machines, as tables: a missing key is the error, and the diagram in the docs is drawn from here.

Each state's line names its doors: who enters, who leaves, what a crash leaves behind. The store's named transitions
carry the same from-states in their WHERE.
"""

from __future__ import annotations

from enum import StrEnum


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
    """Where one person stands in one campaign."""

    queued = "queued"  #: enrolling, a finished try, a retry by hand enter; a mark, an exit leave. Survives any crash.
    active = "active"  #: a mark enters; the attempt's outcome leaves. A crash leaves it to the reconciler.
    completed = "completed"  #: the flow ended; nobody leaves but by re-entry, which is a new enrollment.
    exited = "exited"  #: an exit criterion was met; `reason` says which.
    errored = "errored"  #: a template, a plugin or a setting failed; `retry` leaves to queued, `dismiss` to exited.


ENROLLMENT: dict[tuple[str, EnrollmentState], EnrollmentState] = {
    ("mark", EnrollmentState.queued): EnrollmentState.active,
    ("wait", EnrollmentState.queued): EnrollmentState.queued,
    ("skip", EnrollmentState.queued): EnrollmentState.queued,
    ("next", EnrollmentState.active): EnrollmentState.queued,
    ("complete", EnrollmentState.queued): EnrollmentState.completed,
    ("complete", EnrollmentState.active): EnrollmentState.completed,
    ("exit", EnrollmentState.queued): EnrollmentState.exited,
    ("exit", EnrollmentState.active): EnrollmentState.exited,
    ("fail", EnrollmentState.queued): EnrollmentState.errored,
    ("fail", EnrollmentState.active): EnrollmentState.errored,
    ("retry", EnrollmentState.errored): EnrollmentState.queued,
    ("dismiss", EnrollmentState.errored): EnrollmentState.exited,
}


class AttemptState(StrEnum):
    """One try of one step."""

    open = "open"  #: the mark enters, before the provider is called; an outcome leaves. A crash leaves it to look-up.
    settled = "settled"  #: an outcome is proven; later evidence may improve it, nothing reopens it.
    unknown = "unknown"  #: nobody can prove what happened; counts as made; later evidence may still settle it.


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
