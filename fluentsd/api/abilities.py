"""The optional abilities of a plugin's objects, each a protocol.

A channel (or a source, or an agent provider) has an ability when it has all members of its protocol; it may also name
the protocol as a base class. fluentsd resolves abilities once, at start, and refuses an object that has only a part of
one, or a member with the wrong form: see `fluentsd.api.contract`. The conformance suite picks its checks by them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from fluentsd.api.agent_settings import AgentSettings
from fluentsd.api.analysis import AnalysisRequest
from fluentsd.api.values import (
    Attempt,
    Call,
    Finding,
    Inbound,
    Made,
    Message,
    Owned,
    Pickup,
    PickupVerdict,
    Price,
    Reply,
    Request,
    WebhookResult,
)


@runtime_checkable
class Closes(Protocol):
    """It has connections of its own."""

    async def aclose(self) -> None:
        """Close them; called when the daemon stops."""


@runtime_checkable
class BeginsAttempts(Protocol):
    """Its `send` calls `attempt.begin()` once, immediately before its request leaves, so that a crash leaves only begun
    attempts in doubt. Without it an attempt counts as begun when `send` is called."""

    calls_begin: bool  #: True


@runtime_checkable
class ListsAttempts(Protocol):
    """Its provider lists what was sent or dialled through the account. fluentsd asks once, before the first claim of a
    run. A message to a contact that the database does not know means that it is an older copy."""

    async def made_since(self, at: int, most: int) -> Sequence[Made]:
        """The newest messages or calls that were made through the API since an instant (epoch microseconds), newest
        first, at most `most` of them; none that the provider made by itself. Any error means that it cannot be told."""


@runtime_checkable
class ListsNumbers(Protocol):
    """Its provider's account has caller IDs."""

    async def numbers(self) -> Sequence[Owned]:
        """All of them, or an error (`Unavailable`, `NeedsHuman`), never a part."""


@runtime_checkable
class Forgets(Protocol):
    """Its provider keeps data about attempts that can be deleted."""

    async def forget(self, attempt: Attempt) -> None:
        """Delete the attempt at the provider; return also when there was nothing to delete.

        After any error it is called again later (`Unavailable(why, after)` says when). The attempt has its token, time
        and `provider_ref`, and no number or address.
        """


@runtime_checkable
class Previews(Protocol):
    """It knows limits of its messages."""

    def findings(self, message: Message) -> Sequence[Finding]:
        """Findings about a message before it is sent. Pure. One that is not ok would never be sent and keeps a campaign
        from starting; the fix of one that is ok is advice."""


@runtime_checkable
class Prices(Protocol):
    """It knows what a message will probably cost."""

    def price(self, message: Message) -> Price | None:
        """The expected cost, reserved in the campaign's budget when the message is claimed; None if it is not known.
        Pure and quick: it is called inside the claim."""


@runtime_checkable
class LimitsConcurrency(Protocol):
    """It accepts a limited number of sends at once."""

    capacity: int | None  #: None: this instance has no limit of its own


@runtime_checkable
class SpacesSends(Protocol):
    """Its provider limits the pace of one caller ID."""

    sender_interval: int  #: microseconds between two messages of one caller ID; 0 is no limit


@runtime_checkable
class ReceivesWebhooks(Protocol):
    """Its provider posts to us: to `tools.links.callback(token)` and `tools.links.inbound()`."""

    def webhook(self, request: Request) -> WebhookResult:
        """Prove the origin of a request and name its content. Pure; raises `Forged`, or ValueError when the request is
        authentic but invalid."""


@runtime_checkable
class DatesMessages(Protocol):
    """Its webhooks do not say when a person wrote, but its provider can be asked."""

    async def said_at(self, message_ref: str) -> int | None:
        """When the provider received the person's message, in epoch microseconds; None if it does not know the message.
        Asked before an opt-in lifts an opt-out, so that a late one does not undo a newer opt-out. Any error means that
        it cannot be told."""


@runtime_checkable
class AnswersPickups(Protocol):
    """Its provider asks by webhook what to do with a call that was picked up. `webhook` then returns a `Pickup`; the
    engine binds the provider's call id to the attempt and asks the gate again, and `answer` words the verdict."""

    def webhook(self, request: Request) -> WebhookResult:
        """As in `ReceivesWebhooks`."""

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        """The response to the provider. Pure. A verdict that is not `go` must end the call."""


class CallSocket(Protocol):
    """The WebSocket of one call. One task receives; any task may send or close."""

    async def receive(self) -> str | bytes:
        """The next whole message; raises `SocketClosed` at the end."""

    async def send(self, data: str | bytes) -> None:
        """Send one whole message; raises `SocketClosed` at the end."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; a second close does nothing. `reason` has at most 123 bytes."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The messages until either side closes."""


@runtime_checkable
class ServesCalls(Protocol):
    """Its provider opens a WebSocket for the audio or text of a call, at the `relay_url` of a `PickupVerdict`."""

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        """Serve one call; it ends when this returns, and the socket is closed then. It has no time limit. An error ends
        this call and affects no other. When the daemon stops it is cancelled after `[daemon] call_grace`."""


@runtime_checkable
class RunsAgents(Protocol):
    """The agents of `fluentsd agents` conduct its calls. A campaign whose agent is unknown, or has a setting that the
    channel cannot keep, is refused."""

    def unsupported(self, agent: AgentSettings) -> Sequence[str]:
        """What the channel cannot keep of an agent's settings, one sentence each. Pure."""


class Typist(Protocol):
    """Somebody at a keyboard who talks with an agent."""

    async def say(self, text: str) -> None:
        """Show what the agent says."""

    async def listen(self) -> str | None:
        """The next line; None hangs up."""


@runtime_checkable
class Rehearses(Protocol):
    """Its agents can be talked with at a keyboard, without a call."""

    has_model: bool  #: False: a script answers in the model's place

    async def rehearse(self, message: Message, typist: Typist) -> Inbound:
        """Converse as in a call to the person of `message`; the outcome, with the transcript. Calls nobody; skills that
        ask other services do ask them."""


@runtime_checkable
class AnalysesCalls(Protocol):
    """It can say what a conversation came to, after its end."""

    async def analyse(self, request: AnalysisRequest) -> Mapping[str, Any]:
        """The analysis as JSON values; fluentsd checks it against the schema. Raises `Unavailable` to be asked again
        later, and `Rejected` when there will be no answer that keeps the schema."""


@runtime_checkable
class FetchesRecordings(Protocol):
    """Its provider keeps recordings of calls, for those who have the account's credentials."""

    async def fetch_recording(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> str:
        """Read the recording at an address that the provider has reported (`Inbound.recording`), piece by piece, and
        return its media type. Raises `Unavailable` and `NeedsHuman`, to be asked again, and `Rejected` for an address
        that is not the account's, or a recording that is gone."""


#: Every optional ability of a channel.
CHANNEL_ABILITIES: tuple[type, ...] = (
    Closes, BeginsAttempts, ListsAttempts, ListsNumbers, Forgets, Previews, Prices, LimitsConcurrency, SpacesSends,
    ReceivesWebhooks, DatesMessages, AnswersPickups, ServesCalls, RunsAgents, Rehearses, AnalysesCalls,
    FetchesRecordings,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelAbilities:
    """The abilities of one channel, resolved; each is the channel itself, or None. `capacity` None and
    `sender_interval` 0 are no limit."""

    closes: Closes | None = None
    lists_attempts: ListsAttempts | None = None
    lists_numbers: ListsNumbers | None = None
    forgets: Forgets | None = None
    previews: Previews | None = None
    prices: Prices | None = None
    webhooks: ReceivesWebhooks | None = None
    dates: DatesMessages | None = None
    pickups: AnswersPickups | None = None
    calls: ServesCalls | None = None
    agents: RunsAgents | None = None
    rehearses: Rehearses | None = None
    analyses: AnalysesCalls | None = None
    fetches: FetchesRecordings | None = None
    calls_begin: bool = False
    capacity: int | None = None
    sender_interval: int = 0
