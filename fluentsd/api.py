"""The words plugins share with the house.

A plugin imports this module (and its own SDK) and nothing else of ours; the house imports no plugin. What lives
here: the values that cross the border, the protocol a channel fulfils, the tools a plugin is handed, and the errors
by which a plugin tells the house what to do next. What must not: anything with a wait or a table in it.

The one rule that carries the promise "nobody twice": `Unavailable` and `Rejected` raised from `Channel.send` assert
that the provider accepted *nothing*. Whatever else ends a send (any other exception, a timeout, a cancellation)
leaves the attempt open, and the house asks `Channel.lookup` what happened.
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

#: What a channel carries. Steps, stop-list entries and lanes are named by it.
Kind = Literal["phone", "sms", "email"]
#: Whose fault it is that something did not arrive: the person's (a full mailbox, a phone that is off) · the message's
#: (a carrier or server filters or blocks what it says) · the sender's (the line is not registered, or not allowed to).
#: Only the person's counts towards "unreachable"; the others trip breakers of the house.
Fault = Literal["person", "message", "sender"]


class Outcome(StrEnum):
    """How an attempt ended. Later evidence may improve one (sent → delivered); nothing makes one vaguer."""

    answered = "answered"  #: a person spoke on the phone
    voicemail = "voicemail"  #: a machine answered
    no_answer = "no_answer"  #: it rang out
    busy = "busy"
    failed = "failed"  #: the provider proved it did not arrive
    sent = "sent"  #: the provider accepted it; where SMS and e-mail steps end
    delivered = "delivered"
    bounced = "bounced"
    replied = "replied"  #: the person wrote back
    opted_out = "opted_out"  #: the person asked us to stop
    unknown = "unknown"  #: nobody can prove what happened; counts as made
    not_sent = "not_sent"  #: the call to the provider never began, or it accepted nothing; counts as not made


@dataclass(frozen=True, slots=True)
class Message:
    """What to say and to whom, rendered and ready.

    `to` is E.164 for phone and SMS, an address for e-mail. `sender` is the caller ID the house chose (for e-mail, the
    From that the message asks for), or None to leave the choice to the channel. `reply_to` is "" where the channel's
    own counts. `valid_until_at` (epoch microseconds) is the end of this person's contact
    window: the provider must not deliver later. `variables` are the contact's fields, for a phone agent's prompt.
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step, as a channel sees it.

    `token` is random, unguessable and unique for ever; hand it to the provider (callback URL, Message-ID, marker) so
    that `lookup` and callbacks can find the way home. `claimed_at` is epoch microseconds. `provider_ref` is what an
    earlier receipt said, if there was one. `text` is given to a look-up: the words as the house keeps them (an e-mail's
    subject stands above its text), None when it keeps none or they have been erased.
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider accepted it.

    `outcome` None means the end is still to come (a call is ringing): it arrives by `listen` or a webhook, or at the
    latest by a look-up at the deadline. `cost_micros` is in millionths of `currency`; `fault` is for a failure that a
    look-up finds.
    """

    ref: str
    outcome: Outcome | None = None
    cost_micros: int = 0
    currency: str = "USD"
    duration_s: int | None = None
    fault: Fault = "person"


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has this attempt; here is its receipt as of now."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider does not have it. Proof only from a channel with `lookup_is_final`."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The provider could not be asked, or its answer proves nothing."""

    why: str = ""


Lookup = Found | Absent | CannotTell


@dataclass(frozen=True, slots=True)
class Inbound:
    """Anything coming back: a status, a reply, an opt-out.

    Addressed by our `token`, else by the provider's `ref`, else by `address` (the other party's number or e-mail,
    for a reply that quotes nothing). `at` is epoch microseconds by the provider's clock, for the record only.
    `dead` says that the number or address cannot be reached on this channel at all; `resubscribed` that the person
    took an opt-out back with the word their carrier knows for it (START), `outcome` being `replied`. `fault` says whose
    fault a failure is; an opt-out whose `reason` begins with "complaint" counts as one.

    `message_ref` is the provider's own name of what came in (a reply), if it keeps a copy that it can be asked to
    forget.

    `away_until_at` (epoch microseconds) comes with an automatic answer that says the person is away, `outcome` being
    `delivered`, for a robot's answer proves no more: nobody contacts them before. A whole day in UTC means that day
    where the person is; what has passed is no absence, and 60 days are believed at most.
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
    """One HTTP request to a channel's webhook, bounded and decoded by nobody yet.

    `url` is the whole address as the provider knows it (the public one, whatever proxy stands before us), with its
    query; header names are in small letters.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `fluentsd check`: what is, whether it is well, and how to mend it."""

    ok: bool
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """One caller ID that a provider has for this account.

    `carries` are the kinds it can be used for; empty when neither messages nor calls go out from it. `label` is the
    provider's name for it, `ref` the provider's id, `tags` the groups it belongs to there.
    """

    e164: str
    label: str = ""
    carries: frozenset[Kind] = frozenset()
    ref: str = ""
    tags: tuple[str, ...] = ()


class Clock(Protocol):
    """Time as the house sees it; a simulation passes its own."""

    def now(self) -> int:
        """Epoch microseconds, UTC."""

    async def sleep_until(self, at: int) -> None:
        """Return when `now() >= at`; a Trio checkpoint in any case."""


class Links(Protocol):
    """The public addresses of this house for one channel; each None as long as it has no public address."""

    def callback(self, token: str) -> str | None:
        """Where a provider reports what becomes of one attempt."""

    def inbound(self) -> str | None:
        """Where a provider hands over what people send of their own accord."""

    def unsubscribe(self, token: str) -> str | None:
        """Where the person an attempt went to may end all contact (RFC 8058: POST does it, GET shows a page)."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a plugin is handed: one HTTP client, one door for blocking code, a log, the clock, a folder of its own, and
    the house's public addresses.

    `run_sync(fn, *args)` runs blocking code in a thread under this plugin's own limiter. Plugins never read the
    wall clock or open a client of their own, so that a simulation can run weeks in seconds.
    """

    http: Callable[[], httpx.AsyncClient]
    run_sync: Callable[..., Awaitable[Any]]
    log: Any
    clock: Clock
    folder: str
    links: Links


@runtime_checkable
class Channel(Protocol):
    """A way to reach people. Plain methods, no pluggy on the hot path.

    Besides these a channel may have:

    - `async aclose()`, called when the daemon leaves: for connections of its own.
    - `room: int`, how many sends it can hand over at once. What waits inside it when the daemon is killed counts as
      made although no provider ever saw it.
    - `sender_interval: int`, microseconds between two messages of one caller ID: the house paces its numbers by it.
    - `remarks(message) -> Sequence[Finding]`, pure: what there is to say of a message before anybody gets it. What is
      not ok would never be sent and keeps a campaign from starting; a fix on one that is ok is advice.
    - `async numbers() -> Sequence[Owned]`: all the caller IDs its provider rents out to us, or an error
      (`Unavailable`, `NeedsHuman`), never a part.
    - `async forget(attempt)`: the provider keeps nothing of it when that returns, also when there was nothing; any
      error (`Unavailable(why, after)` says when) has it called again later. The attempt has its token, moment and
      `provider_ref`, and nobody's number or address.

    `lookup_is_final`: an `Absent` from `lookup` proves that the provider never accepted the attempt, so that a
    further try is safe. `lookup_after` is the grace, in microseconds, after which the provider's lists are complete.
    """

    kind: Kind
    lookup_is_final: bool
    lookup_after: int

    async def check(self) -> Sequence[Finding]:
        """Say what an operator must know: credentials, senders, reachability. Sends nothing."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Hand one message to the provider; raise `Unavailable` or `Rejected` only if it accepted nothing."""

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Ask the provider what became of an attempt whose send did not end in a receipt, or of an overdue call."""

    async def cancel(self, attempt: Attempt) -> bool:
        """Withdraw what has not reached the person yet (a queued or ringing call); True if it will not happen."""

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Run for as long as the daemon, delivering what comes back; return at once if all arrives by webhook."""

    def parse_webhook(self, request: Request) -> Sequence[Inbound]:
        """Prove where a request comes from and turn it into what it says. Pure; raises `Forged`, or ValueError when it
        is authentic and makes no sense."""


#: `register(name, factory)`; the house calls `factory(config, tools)` for each `[channel.<name>]` that names it.
Register = Callable[[str, Callable[[Mapping[str, Any], Tools], Channel]], None]


class PluginError(Exception):
    """A plugin tells the house what to do next. One subclass per decision."""


class Unavailable(PluginError):
    """The provider accepted nothing and may later; the same step is tried anew after `after` seconds.

    The whole channel backs off for as long, unless it is `only_this` attempt that has to wait (a greylisted mailbox).
    """

    def __init__(self, why: str, after: float = 30.0, *, only_this: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.only_this = only_this


class Rejected(PluginError):
    """The provider accepted nothing and never will for this person this way; the flow goes on.

    `outcome` says how the step ended (`failed`, `bounced`; `opted_out` puts the person on the stop list for every
    channel). `dead` marks the number or address as unreachable on this channel; `fault` says whose fault it is.
    """

    def __init__(
        self, why: str, *, outcome: Outcome = Outcome.failed, dead: bool = False, fault: Fault = "person"
    ) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.dead = dead
        self.fault = fault


class Forged(PluginError):
    """A request that does not prove where it comes from; nothing is taken from it."""


class NeedsHuman(PluginError):
    """The provider accepted nothing and will not until a person acts (credentials, registration, funds).

    The whole channel is held, unless it is `only_sender`: the line the message was to come from; then that line is.
    """

    def __init__(self, what: str, *, only_sender: bool = False) -> None:
        super().__init__(what)
        self.only_sender = only_sender


def asks_to_stop(text: str) -> bool:
    """Whether a person's own words ask us to leave them alone; one reading for SMS, e-mail and calls."""
    from fluentsd.optout import asks_to_stop as read  # only here: who reads no replies does not load it

    return read(text)
