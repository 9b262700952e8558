"""The protocol of a channel, and the tools a plugin gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fluentsd.api.values import Attempt, Cancelled, Finding, Inbound, Kind, Lookup, Message, Receipt, Request

if TYPE_CHECKING:
    import httpx


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
