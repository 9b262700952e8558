"""The plugin API.

A plugin imports this module (and its own SDK) and no other module of fluentsd; the engine imports no plugin. What lives
here: the values exchanged with plugins, the protocol of a channel, the tools of a plugin, and the errors by which a
plugin decides the next action of the engine. What must not: I/O, waiting, or tables.

One rule prevents duplicate contacts: `Unavailable` and `Rejected` raised from `Channel.send` assert that the provider
accepted *nothing*. Any other end of a send (another exception, a timeout, a cancellation) leaves the attempt open, and
the engine calls `Channel.lookup` to find out what happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

import pluggy

from fluentsd.plugin_config import ConfigProblem, Table, a_rate

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Absent",
    "Attempt",
    "Cancelled",
    "CannotTell",
    "Channel",
    "Clock",
    "ConfigProblem",
    "Fault",
    "Finding",
    "Forged",
    "Found",
    "Inbound",
    "Kind",
    "Links",
    "Lookup",
    "Message",
    "NeedsHuman",
    "Outcome",
    "Owned",
    "PluginError",
    "Receipt",
    "Register",
    "Rejected",
    "Request",
    "Table",
    "Tools",
    "Unavailable",
    "a_rate",
    "asks_to_stop",
    "hookimpl",
]

T = TypeVar("T")

#: Marks a plugin's hook implementations: `@hookimpl`.
hookimpl = pluggy.HookimplMarker("fluentsd")

#: The kind of a channel. Steps, suppression entries and lanes refer to it.
Kind = Literal["phone", "sms", "email"]
#: The cause of a failed delivery: the person (a full mailbox, a phone that is off) · the message (a carrier or server
#: filters or blocks the content) · the sender (the caller ID is not registered or not allowed). Only "person" counts
#: towards "unreachable"; the others count towards breakers.
Fault = Literal["person", "message", "sender"]


class Outcome(StrEnum):
    """How an attempt ended. Later evidence may make one more precise (sent → delivered), never less."""

    answered = "answered"  #: a person spoke on the phone
    voicemail = "voicemail"  #: a machine answered
    no_answer = "no_answer"  #: it rang without an answer
    busy = "busy"
    failed = "failed"  #: the provider proved it did not arrive
    sent = "sent"  #: the provider accepted it; where SMS and e-mail steps end
    delivered = "delivered"
    bounced = "bounced"
    replied = "replied"  #: the person wrote back
    opted_out = "opted_out"  #: the person asked us to stop
    unknown = "unknown"  #: the outcome cannot be proved; counts as made
    not_sent = "not_sent"  #: the call to the provider never began, or it accepted nothing; counts as not made


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message and its recipient.

    `to` is E.164 for phone and SMS, an address for e-mail. `sender` is the chosen caller ID (for e-mail, the From of
    the message), or None to leave the choice to the channel. `reply_to` is "" to use the channel's own.
    `valid_until_at` (epoch microseconds) is the end of this person's contact window: the provider must not deliver
    later. `variables` are the contact's fields, for a phone agent's prompt.
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

    `outcome` None means that the outcome is not known yet (a call is ringing): it arrives by `listen` or a webhook, or
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

    Addressed by our `token`, else by the provider's `ref`, else by `address` (the other party's number or e-mail,
    for a reply that quotes nothing). `at` is epoch microseconds by the provider's clock, if it is known: it decides the
    order of opt-outs and opt-ins, and a time in the future counts as now.
    `dead`: the number or address cannot be reached on this channel at all. `resubscribed`: the person withdrew an
    opt-out with the carrier's keyword (START); `outcome` is then `replied`. `fault` is the cause of a failure; an
    opt-out whose `reason` begins with "complaint" counts as a complaint.

    `message_ref` is the provider's id of the inbound message: each message has its effect once, however often it is
    delivered. A provider that stores a copy deletes it by this id.

    `away_until_at` (epoch microseconds) is set for an automatic reply that says the person is away; `outcome` is then
    `delivered`, because an automatic reply proves no more. The person is not contacted before. A whole day in UTC means
    that day where the person is; a past date is ignored, and an absence lasts at most 60 days.
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
class Finding:
    """One line of `fluentsd check`: the finding, whether it is ok, and how to fix it."""

    ok: bool
    what: str
    fix: str = ""


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


class Clock(Protocol):
    """The source of time; a simulation passes its own."""

    def now(self) -> int:
        """Epoch microseconds, UTC."""

    async def sleep_until(self, at: int) -> None:
        """Return when `now() >= at`; always a Trio checkpoint."""


class Links(Protocol):
    """The public URLs of this installation for one channel; each None without a configured public URL."""

    def callback(self, token: str) -> str | None:
        """The URL for status reports about one attempt."""

    def inbound(self) -> str | None:
        """The URL for inbound messages from people."""

    def unsubscribe(self, token: str) -> str | None:
        """The URL by which the attempt's person opts out (RFC 8058: POST does it, GET shows a page)."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a plugin: an HTTP client, threads for blocking code, a log, the clock, its own folder, and the
    public URLs.

    `run_sync(fn, *args)` runs blocking code in a thread under this plugin's own limiter. Plugins never read the
    wall clock or open their own client, so that a simulation can run weeks in seconds.
    """

    http: Callable[[], httpx.AsyncClient]
    run_sync: Callable[..., Awaitable[Any]]
    log: Any
    clock: Clock
    folder: str
    links: Links


@runtime_checkable
class Channel(Protocol):
    """A channel. Plain methods, no pluggy on the hot path.

    Optional members:

    - `async aclose()`: closes the channel's own connections; called when the daemon stops.
    - `capacity: int`: how many sends the channel accepts at once.
    - `calls_begin: bool`: True promises that `send` calls `attempt.begin()` immediately before its request leaves.
      Without it the engine counts an attempt as begun when `send` is called.
    - `sender_interval: int`: microseconds between two messages of one caller ID; the engine paces its caller IDs by it.
    - `remarks(message) -> Sequence[Finding]`, pure: findings about a message before it is sent. One that is not ok
      would never be sent and keeps a campaign from starting; the fix of one that is ok is advice.
    - `async numbers() -> Sequence[Owned]`: all caller IDs of the account at the provider, or an error (`Unavailable`,
      `NeedsHuman`), never a part.
    - `async forget(attempt)`: deletes the attempt at the provider; returns also when there was nothing to delete. After
      any error it is called again later (`Unavailable(why, after)` says when). The attempt has its token, time and
      `provider_ref`, and no number or address.

    `lookup_is_final`: an `Absent` from `lookup` proves that the provider never accepted the attempt, so that another
    try is safe. `lookup_after` is the time, in microseconds, after which the provider's lists are complete.
    """

    kind: Kind
    lookup_is_final: bool
    lookup_after: int

    async def check(self) -> Sequence[Finding]:
        """Check credentials, senders and reachability for the operator. Sends nothing."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Pass one message to the provider; raise `Unavailable` or `Rejected` only if it accepted nothing."""

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Ask the provider about an attempt whose send did not end in a receipt, or about an overdue call."""

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        """Cancel an attempt that has not reached the person yet (a queued or ringing call). False: too late. True
        counts as `Cancelled.may_have_rung`."""

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Deliver inbound events for as long as the daemon runs; return at once if all events arrive by webhook."""

    def parse_webhook(self, request: Request) -> Sequence[Inbound]:
        """Verify the origin of a request and return its inbound events. Pure; raises `Forged`, or ValueError when the
        request is authentic but invalid."""


#: `register(name, factory)`; `factory(config, tools)` is called for each `[channel.<name>]` that names the plugin.
Register = Callable[[str, Callable[[Mapping[str, Any], Tools], Channel]], None]


class PluginError(Exception):
    """A plugin's decision about the next action of the engine. One subclass per decision."""


class Unavailable(PluginError):
    """The provider accepted nothing but may later; the same step is tried again after `after` seconds.

    The whole channel waits as long, unless `only_this` attempt has to wait (a greylisted mailbox).
    """

    def __init__(self, why: str, after: float = 30.0, *, only_this: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.only_this = only_this


class Rejected(PluginError):
    """The provider accepted nothing and never will for this person on this channel; the flow goes on.

    `outcome` is the outcome of the step (`failed`, `bounced`; `opted_out` puts the person on the suppression list for
    every channel). `dead` marks the number or address as unreachable on this channel; `fault` is the cause.
    """

    def __init__(
        self, why: str, *, outcome: Outcome = Outcome.failed, dead: bool = False, fault: Fault = "person"
    ) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.dead = dead
        self.fault = fault


class Forged(PluginError):
    """A request of unproved origin; it is ignored."""


class NeedsHuman(PluginError):
    """The provider accepted nothing and will not until a person acts (credentials, registration, funds).

    The whole channel is held, or with `only_sender` only the caller ID of the message.
    """

    def __init__(self, what: str, *, only_sender: bool = False) -> None:
        super().__init__(what)
        self.only_sender = only_sender


def asks_to_stop(text: str) -> bool:
    """Whether a person's text is an opt-out; one detection for SMS, e-mail and calls."""
    from fluentsd.optout import asks_to_stop as read  # only here: a plugin without replies does not load it

    return read(text)
