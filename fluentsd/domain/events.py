"""Events: what the installation tells others through the outbox, one frozen class per topic.

A payload holds ids, states and figures, never personal data: no number or address of a person, no text, no name. Field
names are the keys of the JSON that an operator's webhook receives, so they do not change. Events with the same key are
delivered in order. What must not live here: who receives an event (`domain.subscriptions`), how it is stored or sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

#: The fields of each class, found once: an attempt posts one event.
_NAMES: dict[type, tuple[str, ...]] = {}
_JSON = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    topic: ClassVar[str]

    @property
    def key(self) -> str:
        """Events with the same key reach a target in the order in which they were posted."""
        raise NotImplementedError

    def payload(self) -> dict[str, Any]:
        """The payload as JSON values; every field is there, null where nothing is known."""
        kind = type(self)
        if (names := _NAMES.get(kind)) is None:
            names = _NAMES[kind] = tuple(field.name for field in fields(self))
        return {name: getattr(self, name) for name in names}

    def as_json(self) -> str:
        """The payload as it is stored."""
        return _JSON(self.payload())


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvent(Event):
    """A campaign changed. `campaign` is its ref; `by`: a user, `schedule`, or `fluentsd` itself."""

    campaign: str
    by: str

    @property
    def key(self) -> str:
        return self.campaign


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignScheduled(CampaignEvent):
    """draft or scheduled → scheduled. `starts_at`: epoch microseconds."""

    topic: ClassVar[str] = "campaign.scheduled"
    starts_at: int | None = None


class CampaignUnscheduled(CampaignEvent):
    """scheduled → draft."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.unscheduled"


class CampaignStarted(CampaignEvent):
    """draft or scheduled → active."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.started"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPaused(CampaignEvent):
    """active → paused. Of a breaker: `because` with its figures, its name, and the ids of attempts that tripped it."""

    topic: ClassVar[str] = "campaign.paused"
    because: str | None = None
    breaker: str | None = None
    cases: list[str] | None = None


class CampaignResumed(CampaignEvent):
    """paused → active."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.resumed"


class CampaignStopped(CampaignEvent):
    """scheduled, active or paused → stopped."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCompleted(CampaignEvent):
    """active or paused → completed, with the number of people by state and their `total`."""

    topic: ClassVar[str] = "campaign.completed"
    total: int
    queued: int
    active: int
    completed: int
    exited: int
    errored: int


class CampaignReopened(CampaignEvent):
    """stopped or completed → paused."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.reopened"


class CampaignArchived(CampaignEvent):
    """Hidden from lists."""

    __slots__ = ()
    topic: ClassVar[str] = "campaign.archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignGiven(CampaignEvent):
    """Another owner: a user, a group like "@sales", or "" for nobody."""

    topic: ClassVar[str] = "campaign.given"
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdStopped(Event):
    """A breaker stopped a caller ID of ours, `label` as its users call it."""

    number_id: int
    label: str
    because: str
    breaker: str
    cases: list[str]
    until_at: int | None

    @property
    def key(self) -> str:
        return f"number:{self.number_id}"


class NumberHeld(CallerIdStopped):
    """Until a person releases it: `until_at` is null."""

    __slots__ = ()
    topic: ClassVar[str] = "number.held"


class NumberCooling(CallerIdStopped):
    """Until `until_at`, epoch microseconds."""

    __slots__ = ()
    topic: ClassVar[str] = "number.cooling"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEvent(Event):
    """A hold was placed or lifted. `target`: a campaign's ref, a channel, a caller ID's database id, or the name that
    stands for the whole installation."""

    scope: str
    target: str
    reason: str

    @property
    def key(self) -> str:
        return f"hold:{self.scope}:{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced(HoldEvent):
    """`by`: a user or fluentsd; `until_at`: epoch microseconds, null when a person has to lift it; `cases`: ids of
    the attempts that caused it."""

    topic: ClassVar[str] = "hold.placed"
    by: str
    until_at: int | None = None
    cases: list[str] | None = None


class HoldLifted(HoldEvent):
    """Lifted before its time; one event per hold."""

    __slots__ = ()
    topic: ClassVar[str] = "hold.lifted"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentEvent(Event):
    """About one contact in one campaign: database ids of enrollment and contact, the campaign's ref."""

    enrollment: int
    contact: int
    campaign: str

    @property
    def key(self) -> str:
        return f"enrollment:{self.enrollment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecorded(EnrollmentEvent):
    """An attempt got its outcome, or later a clearer one: `attempt` is its id, `step` and `try_no` its place."""

    topic: ClassVar[str] = "attempt.recorded"
    attempt: str
    channel: str
    step: str
    try_no: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceived(EnrollmentEvent):
    """A person answered `attempt`; the text is in `fluentsd campaign replies`."""

    topic: ClassVar[str] = "reply.received"
    attempt: str
    channel: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentEnded(EnrollmentEvent):
    """→ completed, or → exited for `reason`."""

    topic: ClassVar[str] = "enrollment.ended"
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnalysed(EnrollmentEvent):
    """The work after a call is done. `state`: done, or failed when the analysis has failed; `analysed`: whether there
    is an analysis; `disposition`: what the conversation came to, "" if that is not known; `follow_ups`: the steps that
    follow it."""

    topic: ClassVar[str] = "call.analysed"
    attempt: str
    step: str
    outcome: str
    disposition: str
    state: str
    analysed: bool
    follow_ups: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Event):
    """A person came onto the suppression list, whether in a campaign or not. `channel`: phone, sms, email, or "*" for
    all; `source`: the CRM that said so, "" if none did."""

    topic: ClassVar[str] = "contact.opted_out"
    contact: int
    channel: str
    source: str = ""

    @property
    def key(self) -> str:
        return f"contact:{self.contact}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReceived(Event):
    """A person's call to us has ended, and is analysed if its agent asks for that. `call` is its id; `contact` is null
    when several people share the number, or when the caller is unknown (`known` is false); `campaign`: to which it
    belongs, "" for none; `answered_by`: agent, forward or announcement; `disposition`: "" if it is not known;
    `analysed`: whether there is an analysis; `follow_ups`: the steps that follow it; `again`: it was told before this
    was known."""

    topic: ClassVar[str] = "call.received"
    call: str
    contact: int | None
    known: bool
    campaign: str
    answered_by: str
    outcome: str
    disposition: str
    analysed: bool
    follow_ups: list[str]
    again: bool

    @property
    def key(self) -> str:
        return f"call:{self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncHeld(Event):
    """A sync would add or remove so many people that a person has to release it: `change` in words. `segment` is its
    database id, `name` its name in the `source`."""

    topic: ClassVar[str] = "sync.held"
    segment: int
    source: str
    name: str
    change: str

    @property
    def key(self) -> str:
        return f"segment:{self.segment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTrouble(Event):
    """A source, or one segment of it by its `name` ("" for the whole source)."""

    source: str
    name: str = ""

    @property
    def key(self) -> str:
        return f"source:{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFailed(SyncTrouble):
    """It cannot be read, and a person has to act or it has lasted for an hour; `because` in words. Nobody joins or
    leaves by it."""

    topic: ClassVar[str] = "sync.failed"
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRecovered(SyncTrouble):
    """It can be read again, after a `sync.failed`."""

    topic: ClassVar[str] = "sync.recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetTask(Event):
    """A task of the daemon's own: the provider of `channel` deletes its data about an erased person's attempt, found by
    our token or by the provider's reference. `claimed_at`: epoch microseconds."""

    topic: ClassVar[str] = "task.forget"
    channel: str
    token: str
    ref: str | None = None
    claimed_at: int

    @property
    def key(self) -> str:
        return f"forget:{self.token or self.ref}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterCallTask(Event):
    """A task of the daemon's own: what follows a call (`engine.after_calls`). `call` is the id of an attempt, or of a
    call to us; `is_told`: whether `call.received` has been posted already."""

    topic: ClassVar[str] = "task.after_call"
    call: str
    is_told: bool = False

    @property
    def key(self) -> str:
        return f"call:{self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingTask(Event):
    """A task of the daemon's own: the recording of an attempt, or of a call to us, is fetched from its provider
    (`engine.recordings`)."""

    topic: ClassVar[str] = "task.recording"
    attempt: str

    @property
    def key(self) -> str:
        return f"recording:{self.attempt}"


#: The topics that a target may subscribe to; tasks go to the daemon alone.
TOPICS: tuple[str, ...] = tuple(
    event.topic
    for event in (
        CampaignScheduled, CampaignUnscheduled, CampaignStarted, CampaignPaused, CampaignResumed, CampaignStopped,
        CampaignCompleted, CampaignReopened, CampaignArchived, CampaignGiven, NumberHeld, NumberCooling, HoldPlaced,
        HoldLifted,
        AttemptRecorded, ReplyReceived, EnrollmentEnded, CallAnalysed, CallReceived, OptedOut,
        SyncHeld, SyncFailed, SyncRecovered,
    )
)  # fmt: skip
