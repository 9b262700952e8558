"""The protocol of a channel, and the tools a plugin gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fluentsd.api.agent import AgentProvider
from fluentsd.api.values import Attempt, Cancelled, Finding, Inbound, Kind, Lookup, Message, Receipt

if TYPE_CHECKING:
    import httpx


class Clock(Protocol):
    """The source of time; a simulation passes its own."""

    def now(self) -> int:
        """Epoch microseconds, UTC."""

    async def sleep_until(self, at: int) -> None:
        """Return when `now() >= at`; always a Trio checkpoint."""


class Links(Protocol):
    """The public URLs of this installation for one channel or agent provider; each None without a configured public
    URL. A source has none."""

    def callback(self, token: str) -> str | None:
        """The URL for status reports about one attempt."""

    def inbound(self) -> str | None:
        """The URL for inbound messages from people, and of an agent provider for all its reports."""

    def unsubscribe(self, token: str) -> str | None:
        """The URL by which the attempt's person opts out (RFC 8058: POST does it, GET shows a page)."""


class Secrets(Protocol):
    """The secrets that a plugin keeps from one start to the next, like a refresh token that was replaced. They are
    encrypted in the plugin's folder, under a key outside of it."""

    async def load(self, name: str) -> str | None:
        """The secret of that name; None if there is none. Raises `NeedsHuman` when it cannot be read, and when none
        could be saved."""

    async def save(self, name: str, text: str) -> None:
        """Keep a secret; it is on the disk when this returns. Raises `NeedsHuman`."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a plugin: an HTTP client, threads for blocking code, a log, the clock, its own folder, the public
    URLs, and its secrets.

    `agent_providers` are those of `[agents.<name>]`, by name: a phone channel lets one speak. Only channels get them.
    `run_sync(fn, *args)` runs blocking code in a thread under this plugin's own limiter. Plugins never read the
    wall clock or open their own client, so that a simulation can run weeks in seconds.
    """

    http: Callable[[], httpx.AsyncClient]
    run_sync: Callable[..., Awaitable[Any]]
    log: Any
    clock: Clock
    folder: str
    links: Links
    secrets: Secrets
    agent_providers: Mapping[str, AgentProvider] = field(default_factory=dict)


@runtime_checkable
class Channel(Protocol):
    """A channel. Plain methods, no pluggy on the hot path.

    `fluentsd.api.abilities` lists what a channel may do beyond this: receive webhooks, limit its concurrency, serve
    calls, and more.

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
