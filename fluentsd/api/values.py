"""The values exchanged with plugins: messages, attempts, outcomes, look-ups, inbound events. Frozen; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from fluentsd.api.agent_settings import AgentSettings, Disposition
from fluentsd.api.outcome import Fault, Outcome

#: The kind of a channel. Steps, suppression entries and lanes refer to it.
Kind = Literal["phone", "sms", "email"]


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message and its recipient.

    `to` is E.164 for phone and SMS, an address for e-mail. `sender` is the chosen caller ID (for e-mail, the From of
    the message), or None to leave the choice to the channel. `reply_to` is "" to use the channel's own.
    `valid_until_at` (epoch microseconds) is the end of this person's contact window: the provider must not deliver
    later. `agent` is the name of the agent who speaks, `variables` are the contact's fields, for its prompt, and
    `settings` is the agent with its texts rendered, None when fluentsd has no agent of that name (a hosted one).
    `timezone` is the zone in which the person names hours, "" if it is not known.
    """

    kind: Kind
    to: str
    sender: str | None = None
    reply_to: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    agent: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    valid_until_at: int | None = None
    settings: AgentSettings | None = field(default=None, repr=False)
    timezone: str = ""


def _begin_unnoted() -> None:
    """Outside the engine nobody notes that an attempt begins."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step, for a channel.

    `token` is random, unguessable and unique for ever; pass it to the provider (callback URL, Message-ID, marker) so
    that `lookup` and callbacks can find the attempt. `claimed_at` is epoch microseconds. `provider_ref` is the
    reference of an earlier receipt, if there was one. `text` is set for a look-up: the stored text (an e-mail's subject
    above its body), None when none is stored or it has been erased. `other_refs`, for a look-up too, are the provider's
    references that belong to other attempts to the same number or address: none of them is this attempt.

    A channel with `calls_begin` calls `begin()` once, immediately before its request leaves: only then does a crash
    leave the attempt in doubt. It raises `Unavailable` when the attempt must not begin any more (a pause, a hold).
    """

    token: str
    kind: Kind
    to: str
    claimed_at: int
    sender: str | None = None
    provider_ref: str | None = None
    step: str = ""
    try_no: int = 1
    text: str | None = field(default=None, repr=False)
    other_refs: frozenset[str] = field(default=frozenset(), repr=False)
    begin: Callable[[], None] = field(default=_begin_unnoted, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider accepted the message.

    `outcome` None means that the outcome is not known yet (a call is ringing). It arrives by `listen` or a webhook, or
    at the latest by a look-up at the deadline. `cost_micros` is in millionths of `currency`; `fault` applies to a
    failure that a look-up finds.
    """

    ref: str
    outcome: Outcome | None = None
    cost_micros: int = 0
    currency: str = "USD"
    duration_s: int | None = None
    fault: Fault = "person"


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has this attempt, with this receipt as of now. `by_token`: the provider's record carries our token,
    which proves it; a match of number, text and time alone proves nothing where several attempts look the same."""

    receipt: Receipt
    by_token: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider does not have it. Proof only from a channel with `lookup_is_final`."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The answer proves nothing; or the provider could not be asked (`asked` False): then it is asked until it can."""

    why: str = ""
    asked: bool = True


Lookup = Found | Absent | CannotTell


class Cancelled(StrEnum):
    """What the provider proves of a cancelled call."""

    before_ringing = "before_ringing"  #: it was still queued: the person noticed nothing
    may_have_rung = "may_have_rung"  #: the phone may have rung: it counts as a call


@dataclass(frozen=True, slots=True)
class Inbound:
    """An inbound event: a status, a reply, an opt-out.

    Addressed by our `token`, else by the provider's `ref`, else by `address` (the other party's number or e-mail, for a
    reply that quotes nothing). `at` is epoch microseconds by the provider's clock, if it is known: it decides the order
    of opt-outs and opt-ins, and a time in the future counts as now. `dead`: the number or address cannot be reached on
    this channel at all. `resubscribed`: the person withdrew an opt-out with the carrier's keyword (START); `outcome` is
    then `replied`. `fault` is the cause of a failure; an opt-out whose `reason` begins with "complaint" counts as a
    complaint.

    `message_ref` is the provider's id of the inbound message: each message has its effect once, however often it is
    delivered. A provider that stores a copy deletes it by this id.

    `away_until_at` (epoch microseconds) is set for an automatic reply that says the person is away; `outcome` is then
    `delivered`, because an automatic reply proves no more. The person is not contacted before. A whole day in UTC means
    that day where the person is; a past date is ignored, and an absence lasts at most 60 days.

    `called_us`: the event is about a call that the person made to us, `ref` names it, and `address` is theirs; of such
    a call `outcome` unknown says nothing.

    `disposition` is what a conversation came to and `summary` a sentence about it. With the disposition `callback`,
    `callback_at` (epoch microseconds) is the time the person asked for: the step is repeated then, when the gate allows
    it.
    """

    outcome: Outcome
    token: str | None = None
    ref: str | None = None
    address: str | None = None
    text: str = ""
    at: int | None = None
    duration_s: int | None = None
    recording: str = ""
    transcript: str = ""
    cost_micros: int | None = None
    reason: str = ""
    dead: bool = False
    resubscribed: bool = False
    fault: Fault = "person"
    away_until_at: int | None = None
    message_ref: str | None = None
    disposition: Disposition | None = None
    summary: str = ""
    callback_at: int | None = None
    called_us: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a channel's webhook, of limited size and not decoded.

    `url` is the full public address as the provider knows it (in front of any proxy), with its query; header names are
    in lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The response to a provider's webhook, as it is sent."""

    status: int = 204
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Pickup:
    """A call that was picked up, and a provider that asks what to do with it.

    `ref` is the provider's id of the call. `token` names our attempt; without one it is taken from the request's URL,
    and a request without either is an inbound call from `address` to `to`, a number of ours. `details` are the
    channel's own, for its `answer`. `resumes`: the call was picked up before, and its WebSocket broke; this is allowed
    once for each call.
    """

    ref: str
    token: str | None = None
    address: str | None = None
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    resumes: bool = False
    to: str | None = None


@dataclass(frozen=True, slots=True)
class PickupVerdict:
    """Whether a call that was picked up goes on. Otherwise the channel ends it; `reason` says why, for the log.

    `relay_url` is the WebSocket of the call (wss://…), good for one connection within a minute; None when the channel
    serves no calls or there is no public address. `message` is the message of the attempt, rendered now. For an inbound
    call `message` has the agent who answers; without one the call goes to `forward_to`; without either the caller hears
    that nobody can answer, and how to opt out.
    """

    go: bool
    reason: str = ""
    relay_url: str | None = field(default=None, repr=False)
    message: Message | None = field(default=None, repr=False)
    forward_to: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """The content of an authentic request: events, perhaps a pick-up, and the response that the provider expects.

    `reply` is sent when the events are committed (None: 204 without a body); with a `pickup` the channel's `answer`
    gives the response.
    """

    inbounds: Sequence[Inbound] = ()
    pickup: Pickup | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One live call. An inbound one has no attempt; its message has the agent who answers. `address` is the other
    party's number if it is known. `details` are those of the channel's `Pickup`."""

    kind: Kind
    ref: str
    attempt: Attempt | None = None
    message: Message | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in millionths of a currency ("USD")."""

    micros: int
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `fluentsd check`: the finding, whether it is ok, and how to fix it."""

    ok: bool
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """One message or call in a provider's list: its reference, the number or address it went to, when it was made
    (epoch microseconds), and its caller ID; `sender` None: the channel's own one, which nothing else uses."""

    ref: str
    to: str
    at: int
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Owned:
    """One caller ID of the account at a provider.

    `carries` are the kinds it can be used for; empty when it can send neither messages nor calls. `label` is the
    provider's name for it, `ref` the provider's id, `tags` its groups there.
    """

    e164: str
    label: str = ""
    carries: frozenset[Kind] = frozenset()
    ref: str = ""
    tags: tuple[str, ...] = ()
