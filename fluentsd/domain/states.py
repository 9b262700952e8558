"""The machines, as tables: a missing key is the error, and the diagram in the docs is drawn from here.

Each state's line names its doors: who enters, who leaves, what a crash leaves behind. The store's named transitions
carry the same from-states in their WHERE.
"""

from __future__ import annotations

from enum import StrEnum


class Campaign(StrEnum):
    """The life of a campaign."""

    draft = "draft"  #: `new`, `apply` and `copy` enter; `schedule` and `start` leave. Nobody is contacted.
    scheduled = "scheduled"  #: `schedule` enters; its moment, `start` or `pause` (back to draft) leaves.
    active = "active"  #: `start`, `resume` enter; `pause`, `stop`, `complete` leave. A crash leaves it active.
    paused = "paused"  #: `pause` and `reopen` enter; `resume` and `stop` leave. Nothing is marked meanwhile.
    stopped = "stopped"  #: `stop` enters; only `reopen` leaves. People keep their place.
    completed = "completed"  #: the last person's end enters; `reopen` leaves.


CAMPAIGN: dict[tuple[str, Campaign], Campaign] = {
    ("schedule", Campaign.draft): Campaign.scheduled,
    ("schedule", Campaign.scheduled): Campaign.scheduled,
    ("start", Campaign.draft): Campaign.active,
    ("start", Campaign.scheduled): Campaign.active,
    ("pause", Campaign.scheduled): Campaign.draft,
    ("pause", Campaign.active): Campaign.paused,
    ("resume", Campaign.paused): Campaign.active,
    ("stop", Campaign.scheduled): Campaign.stopped,
    ("stop", Campaign.active): Campaign.stopped,
    ("stop", Campaign.paused): Campaign.stopped,
    ("complete", Campaign.active): Campaign.completed,
    ("complete", Campaign.paused): Campaign.completed,
    ("reopen", Campaign.stopped): Campaign.paused,
    ("reopen", Campaign.completed): Campaign.paused,
}


class Enrollment(StrEnum):
    """Where one person stands in one campaign."""

    queued = "queued"  #: enrolling, a finished try, a retry by hand enter; a mark, an exit leave. Survives any crash.
    active = "active"  #: a mark enters; the attempt's outcome leaves. A crash leaves it to the reconciler.
    completed = "completed"  #: the flow ended; nobody leaves but by re-entry, which is a new enrollment.
    exited = "exited"  #: an exit criterion was met; `reason` says which.
    errored = "errored"  #: a template, a plugin or a setting failed; `retry` leaves to queued, `dismiss` to exited.


ENROLLMENT: dict[tuple[str, Enrollment], Enrollment] = {
    ("mark", Enrollment.queued): Enrollment.active,
    ("wait", Enrollment.queued): Enrollment.queued,
    ("skip", Enrollment.queued): Enrollment.queued,
    ("next", Enrollment.active): Enrollment.queued,
    ("complete", Enrollment.queued): Enrollment.completed,
    ("complete", Enrollment.active): Enrollment.completed,
    ("exit", Enrollment.queued): Enrollment.exited,
    ("exit", Enrollment.active): Enrollment.exited,
    ("fail", Enrollment.queued): Enrollment.errored,
    ("fail", Enrollment.active): Enrollment.errored,
    ("retry", Enrollment.errored): Enrollment.queued,
    ("dismiss", Enrollment.errored): Enrollment.exited,
}


class Attempt(StrEnum):
    """One try of one step."""

    open = "open"  #: the mark enters, before the provider is called; an outcome leaves. A crash leaves it to look-up.
    settled = "settled"  #: an outcome is proven; later evidence may improve it, nothing reopens it.
    unknown = "unknown"  #: nobody can prove what happened; counts as made; later evidence may still settle it.


class IllegalTransition(ValueError):
    """A verb that the present state does not allow; nothing was changed."""

    def __init__(self, verb: str, state: Campaign) -> None:
        doors = sorted({v for v, s in CAMPAIGN if s == state})
        super().__init__(f"cannot {verb} a campaign that is {state}; possible now: {', '.join(doors)}")


def next_campaign_state(verb: str, state: Campaign) -> Campaign:
    """Where `verb` leads from `state`; `IllegalTransition` names what is possible instead."""
    try:
        return CAMPAIGN[verb, state]
    except KeyError:
        raise IllegalTransition(verb, state) from None
