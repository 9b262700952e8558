"""Answers about attempts: the history, and attempts without a proven result. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.verbs.answers.codec import absent


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, or a call to us (`direction` "in"), which has an agent instead of a campaign. `contact`: the
    person's id, None if several share the number; `analysis`: declared field → value."""

    id: str = ""
    ref: str = ""
    step: str = ""
    try_no: int = 0
    channel: str = ""
    to: str | None = None
    sender: str | None = None
    state: str = ""
    outcome: str | None = None
    reason: str | None = None
    claimed_at: int | None = None
    settled_at: int | None = None
    duration_s: int | None = None
    cost_micros: int | None = None
    currency: str | None = None
    disposition: str | None = None
    callback_at: int | None = None
    provider_ref: str | None = None
    reply: str | None = None
    transcript: str | None = None
    recording: str | None = None
    summary: str | None = None
    analysis: Mapping[str, Any] = field(default_factory=dict)
    analysis_state: str | None = None
    analysis_problem: str | None = None
    direction: str = "out"
    contact: int | None = None
    agent: str | None = absent()
    answered_by: str | None = absent()


@dataclass(frozen=True, slots=True)
class History:
    """`history` and `calls`, the newest first; `whole`: one attempt was asked for."""

    calls: tuple[Attempt, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """`unknown list`: attempts that wait for a decision, the newest first."""

    calls: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An attempt that is not repeated, and why."""

    attempt: str = ""
    person: str | None = None
    step: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """`unknown retry` and `unknown dismiss`: how many, and the campaign's state now."""

    ref: str = ""
    people: int = 0
    state: str = ""
    left_alone: tuple[LeftAlone, ...] | None = absent()
