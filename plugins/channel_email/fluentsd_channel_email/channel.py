"""The e-mail channel: a small pool of connections, each used by one thread at a time, and the inbox if configured.

SMTP has no look-up: an attempt with a lost answer stays unknown. A cancelled send cuts its connection and waits for the
thread's result; a proven result is reported, and only an uncertain one stays open.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

from fluentsd.api import (
    Attempt,
    CannotTell,
    Finding,
    Inbound,
    Kind,
    Lookup,
    Message,
    NeedsHuman,
    Outcome,
    PluginError,
    Price,
    Receipt,
    Rejected,
    Tools,
)
from fluentsd_channel_email.addressing import BadAddress
from fluentsd_channel_email.checks import findings, missing
from fluentsd_channel_email.compose import Letter, compose, message_findings
from fluentsd_channel_email.dns import resolver
from fluentsd_channel_email.imap_listener import Listener
from fluentsd_channel_email.inbound import Reader
from fluentsd_channel_email.per_domain_pace import Turns
from fluentsd_channel_email.session import Session
from fluentsd_channel_email.settings import Settings

#: A connection idle for longer (microseconds) is replaced: servers and firewalls drop them silently.
IDLE_AT_MOST = 30 * 1_000_000


class EmailChannel:
    """Sends through one SMTP account."""

    kind: Kind = "email"
    lookup_is_final = False
    lookup_after = 0
    calls_begin = True

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self.settings = settings
        self._tools = tools
        self.capacity = settings.connections  #: concurrent sends
        self._turns = Turns(tools.clock, settings.pace_per_domain)
        self._free = trio.Semaphore(settings.connections)
        self._idle: list[Session] = []
        weakref.finalize(self, _close_all, self._idle)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        _close_all(self._idle)

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Pass one mail to the server; its acceptance is the end of the step (`Outcome.sent`).

        Raises `NeedsHuman` for a marketing mail without a postal address or a way to unsubscribe.
        """
        if lacks := missing(self.settings, self._tools.links):
            raise NeedsHuman("; ".join(f"{what}: {fix}" for what, fix in lacks))
        await self._turns.wait_turn(message.to)
        async with self._free:
            attempt.begin()
            session = self._pooled() or Session(self.settings)
            try:
                ref = await self._in_thread(session, self._carry, message, attempt, self._tools.clock.now())
            finally:
                if session.is_open:
                    session.idle_since = self._tools.clock.now()
                    self._idle.append(session)
                else:
                    session.close()
        return Receipt(ref, Outcome.sent)

    def _carry(self, session: Session, message: Message, attempt: Attempt, at: int) -> str:
        letter = self._compose(message, attempt, at)
        session.carry(letter)
        return letter.ref

    def _compose(self, message: Message, attempt: Attempt, at: int) -> Letter:
        try:
            return compose(self.settings, message, attempt, at, self._tools.links.unsubscribe(attempt.token))
        except BadAddress as why:
            raise Rejected(f"the address is not usable: {why}", outcome=Outcome.bounced, dead=True) from why
        except ValueError as why:  # an invalid sender, a text with a broken character
            raise Rejected(f"the e-mail cannot be composed: {why}") from why

    def price(self, message: Message) -> Price:
        """Nothing: an SMTP server charges nothing for a message. A campaign may name a cost of its own."""
        return Price(0)

    def findings(self, message: Message) -> Sequence[Finding]:
        """Findings about a message before it is sent; a marketing mail without its required parts is not ok."""
        required = [Finding(False, what, fix) for what, fix in missing(self.settings, self._tools.links)]
        return required + message_findings(self.settings, message)

    def _pooled(self) -> Session | None:
        """The last used connection that is not idle for too long."""
        now = self._tools.clock.now()
        while self._idle:
            session = self._idle.pop()
            if abs(now - session.idle_since) <= IDLE_AT_MOST:
                return session
            session.close()
        return None

    async def _in_thread(self, session: Session, work: Callable[..., str], *args: Any) -> str:
        """Run blocking work; when cancelled, cut the session and wait for the work's result.

        A result, or an error that proves that nothing was accepted, is reported in spite of the cancellation.
        """
        done, ended = trio.Event(), _Ended()

        async def run() -> None:
            with trio.CancelScope(shield=True):  # the thread ends soon: done, or cut
                try:
                    ended.result = await self._tools.run_sync(work, session, *args)
                except Exception as why:  # noqa: BLE001 - raised again below
                    ended.failure = why
            done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            try:
                await done.wait()
            except trio.Cancelled:
                session.cut()
                with trio.CancelScope(shield=True):
                    await done.wait()
                if ended.failure is not None and not isinstance(ended.failure, PluginError):
                    raise
        if ended.failure is not None:
            raise ended.failure
        return ended.result

    async def lookup(self, attempt: Attempt) -> Lookup:
        """SMTP has no look-up."""
        return CannotTell("SMTP has no look-up of accepted mail")

    async def cancel(self, attempt: Attempt) -> bool:
        """An accepted mail cannot be cancelled."""
        return False

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Read the inbox until cancelled; return at once if none is configured."""
        if self.settings.inbox is not None:
            await Listener(self.settings.inbox, Reader.of(self.settings, self._tools.links), self._tools).run(deliver)

    async def check(self) -> Sequence[Finding]:
        """Check both servers, DNS and the required parts of mails; sends nothing."""
        in_dns: list[Finding] = []

        async def look_up() -> None:
            in_dns.extend(await resolver.findings(self.settings))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look_up)
            found: list[Finding] = await self._tools.run_sync(findings, self.settings, self._tools.links)
        return found + in_dns


class _Ended:
    """The result of a thread's work."""

    __slots__ = ("failure", "result")

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.result = ""


def _close_all(sessions: list[Session]) -> None:
    while sessions:
        sessions.pop().close()
