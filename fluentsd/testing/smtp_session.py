"""One SMTP session of the sink: aiosmtpd's protocol, plus faults at every phase and DSN parameters.

Importing this module imports aiosmtpd; only `SmtpSink.start` does. Everything runs on the sink's asyncio loop.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from fluentsd.testing.smtp_faults import Phase, SinkFault

#: SMTP parameters of RFC 3461, which aiosmtpd would refuse.
DSN_PARAMETERS = ("ENVID=", "RET=", "NOTIFY=", "ORCPT=")


class Sink(Protocol):
    """The sink of a session, as `SmtpSink` implements it."""

    tls: ssl.SSLContext | None
    implicit_tls: bool
    login: tuple[str, str] | None
    smtputf8: bool
    dsn: bool
    pipelining: bool
    connections: int

    def fault_at(self, phase: Phase, to: str | None = None) -> SinkFault | None:
        """The fault to play now."""

    def keep(self, sender: str, recipients: tuple[str, ...], data: bytes, envid: str, notify: str) -> None:
        """Store one accepted message."""


class SinkSession(SMTP):
    """The session with one client."""

    def __init__(self, sink: Sink, sessions: set[Any]) -> None:
        self._sink, self._sessions = sink, sessions
        self._envid = self._notify = ""
        super().__init__(
            self,  # the handler of the hooks below
            hostname="sink.invalid",
            ident="fluentsd sink",
            enable_SMTPUTF8=sink.smtputf8,
            tls_context=None if sink.implicit_tls else sink.tls,
            require_starttls=sink.tls is not None and not sink.implicit_tls,
            authenticator=self._check_login if sink.login else None,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.add(self)
        if self._tls_protocol is None:
            self._sink.connections += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Abort the connection."""
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    async def _handle_client(self) -> None:
        fault = self._sink.fault_at(Phase.connect)
        if fault is not None:
            answer = await self._play(fault)
            if answer is not None:
                await self.push(answer)
                self._writer.close()
                return
        await super()._handle_client()

    async def _play(self, fault: SinkFault | None) -> str | None:
        """Play a fault: wait, drop or answer; None means that the session goes on as usual."""
        if fault is None:
            return None
        if fault.slow:
            await asyncio.sleep(fault.slow)
        if fault.drop:
            self.abort()
            raise asyncio.CancelledError  # aiosmtpd's own sign that the client is gone
        return fault.answer or None

    def _check_login(self, _server: Any, _session: Session, _envelope: Envelope, _kind: str, auth: Any) -> AuthResult:
        login = self._sink.login
        good = isinstance(auth, LoginPassword) and login is not None
        good = good and (auth.login, auth.password) == (login[0].encode(), login[1].encode())  # type: ignore[index]
        return AuthResult(success=good, handled=False)

    async def handle_EHLO(self, _server: Any, session: Session, _e: Envelope, name: str, lines: list[str]) -> list[str]:
        session.host_name = name
        answer = await self._play(self._sink.fault_at(Phase.ehlo))
        if answer is not None:
            return [answer]
        if self._sink.login is None:
            lines = [line for line in lines if "AUTH" not in line]
        offers = {"DSN": self._sink.dsn, "PIPELINING": self._sink.pipelining}
        return [lines[0], *(f"250-{name}" for name, offered in offers.items() if offered), *lines[1:]]

    async def smtp_MAIL(self, arg: str | None) -> None:
        arg, given = self._without_dsn(arg)
        self._envid, self._notify = given.get("ENVID", ""), ""
        answer = await self._play(self._sink.fault_at(Phase.mail))
        if answer is None and self._sink.login is not None and self.session and not self.session.authenticated:
            answer = "530 5.7.0 Authentication required"
        if answer is None:
            await super().smtp_MAIL(arg)
        else:
            await self._answer(answer)

    async def smtp_RCPT(self, arg: str | None) -> None:
        arg, given = self._without_dsn(arg)
        self._notify = given.get("NOTIFY", "")
        to = (arg or "").partition("<")[2].partition(">")[0]
        answer = await self._play(self._sink.fault_at(Phase.rcpt, to))
        if answer is None:
            await super().smtp_RCPT(arg)
        else:
            await self._answer(answer)

    async def smtp_DATA(self, arg: str) -> None:
        answer = await self._play(self._sink.fault_at(Phase.data))
        if answer is not None:
            await self._answer(answer)
            return
        fault = self._sink.fault_at(Phase.body)
        if fault is not None:
            await self.push("354 Go ahead")
            await self._reader.readuntil(b"\r\n")
            await self._answer(await self._play(fault) or "451 4.3.0 The message was not wanted after all")
            self.abort()
            return
        await super().smtp_DATA(arg)

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:
        fault = self._sink.fault_at(Phase.dot)
        if fault is None or fault.keep:
            recipients = tuple(str(to) for to in envelope.rcpt_tos)
            data = bytes(envelope.original_content or b"")
            self._sink.keep(envelope.mail_from or "", recipients, data, self._envid, self._notify)
        answer = await self._play(fault)
        if answer is not None and answer.startswith("421"):
            asyncio.get_running_loop().call_later(0.01, self._writer.close)
        return answer or "250 2.0.0 Kept"

    async def _answer(self, answer: str) -> None:
        await self.push(answer)
        if answer.startswith("421"):  # "closing the channel"
            self._writer.close()
            raise asyncio.CancelledError

    def _without_dsn(self, arg: str | None) -> tuple[str | None, dict[str, str]]:
        """The command's argument without the parameters of RFC 3461, and those parameters."""
        if arg is None or not self._sink.dsn:
            return arg, {}
        words = arg.split(" ")
        given = [word for word in words if word.upper().startswith(DSN_PARAMETERS)]
        rest = " ".join(word for word in words if word not in given)
        return rest, {name.upper(): value for name, _, value in (word.partition("=") for word in given)}
