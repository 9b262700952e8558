"""Rows of attempts and their words, as they cross between the engine and the store."""

from __future__ import annotations

from typing import NamedTuple

from fluentsd.api import Kind


class OpenAttempt(NamedTuple):
    """An attempt as it is committed before the provider is called. `deadline_at`: when to ask the provider."""

    id: str
    enrollment_id: int
    campaign_id: int
    contact_id: int
    step: str
    try_no: int
    channel: str
    point_id: int | None
    number_id: int | None
    claimed_at: int
    deadline_at: int
    cost_micros: int
    currency: str


class Content(NamedTuple):
    """Words to or of a person: body, reply, transcript or recording."""

    contact_id: int
    attempt_id: str
    kind: str
    text: str
    created_at: int
    provider_ref: str | None = None


class Settlement(NamedTuple):
    """The outcome of an open attempt; `ref` and `accepted_at` None leave what is known."""

    id: str
    outcome: str
    reason: str
    ref: str | None
    accepted_at: int | None
    at: int
    duration_s: int | None
    cost_micros: int
    currency: str
    counted: str | None


class Acceptance(NamedTuple):
    """The provider has the attempt; its outcome is due by `deadline_at`."""

    id: str
    ref: str
    at: int
    deadline_at: int | None


class Postponement(NamedTuple):
    """Nothing is known yet; ask the provider at `deadline_at`."""

    id: str
    deadline_at: int | None
    reason: str


class Conversation(NamedTuple):
    """What a call's conversation came to; None leaves what is known."""

    id: str
    disposition: str | None
    callback_at: int | None
    duration_s: int | None


class Improvement(NamedTuple):
    """Later evidence about a closed attempt; a `reason` of None leaves the old one."""

    id: str
    outcome: str
    reason: str | None
    counted: str | None


class AttemptRow(NamedTuple):
    """An attempt with its enrollment and the zones of its person: what an outcome report is judged by."""

    id: str
    enrollment_id: int
    campaign_id: int
    contact_id: int
    step: str
    try_no: int
    channel: str
    point_id: int | None
    state: str
    outcome: str | None
    cost_micros: int
    claimed_at: int
    number_id: int | None
    counted: str | None
    version_id: int
    enrollment_state: str
    at_step: str
    at_try: int
    retries: int
    unreached: int
    outcomes: str
    last_outcome: str
    zones: str
    states: str
    follows: int | None = None  #: of a follow-up: the enrollment whose call it follows


class OpenRow(NamedTuple):
    """An open attempt as a look-up at its provider needs it; `text` where the words are kept."""

    id: str
    channel: Kind
    step: str
    try_no: int
    claimed_at: int
    accepted_at: int | None
    provider_ref: str | None
    to: str | None
    sender: str | None
    point_id: int | None
    text: str | None = None


class OpenNow(NamedTuple):
    """An open attempt; `is_accepted`: its provider is known to have it."""

    id: str
    campaign_id: int
    channel: Kind
    is_accepted: bool
