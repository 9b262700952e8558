"""A real SMTP server on this machine that stores its messages and plays scripted faults.

`SmtpSink` is used by the tests of e-mail channels and by `fluentsd demo`. It listens on 127.0.0.1, on a port the
system chooses, in its own thread with its own asyncio loop; nothing leaves the machine. aiosmtpd implements the
protocol; it is imported only when a sink starts.

The most important fault is `vanish_after_dot`: the message is stored and the connection dropped before the answer. The
sender's conclusion decides whether a person gets the same mail twice (RFC 1047).
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from fluentsd.testing.smtp_faults import Phase, SinkFault

#: Seconds to wait for the sink's thread to begin or end.
THREAD_WAIT = 10.0


class SinkUnavailable(RuntimeError):
    """The local SMTP server needs a library that is not installed."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One stored message: its envelope and its original bytes. `order` counts from 1."""

    order: int
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    envid: str = ""
    notify: str = ""

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.data, policy=policy.default)


class SmtpSink:
    """A context manager: `with SmtpSink() as sink:` serves on `sink.host`, `sink.port` until the block ends.

    `tls` (a server-side context) offers STARTTLS, or TLS from the first byte with `implicit_tls`. `login` is the
    one user name and password; without it any client may send. Raises `SinkUnavailable` without aiosmtpd.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
        smtputf8: bool = True,
        dsn: bool = True,
        pipelining: bool = True,
    ) -> None:
        self.tls, self.implicit_tls, self.login = tls, implicit_tls, login
        self.smtputf8, self.dsn, self.pipelining = smtputf8, dsn, pipelining
        self.port = 0
        self.connections = 0  #: opened so far
        self._mails: list[Mail] = []
        self._faults: list[SinkFault] = []
        self._arrived = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._trouble: BaseException | None = None

    # Stored messages

    @property
    def mails(self) -> tuple[Mail, ...]:
        """All stored messages, in order of arrival."""
        return tuple(self._mails)

    def wait_for(self, count: int, seconds: float = 10.0) -> tuple[Mail, ...]:
        """Block until at least `count` messages are stored; raises `TimeoutError` after `seconds`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._mails) >= count, seconds):
                raise TimeoutError(f"the sink kept {len(self._mails)} messages, not {count}, in {seconds} s")
        return self.mails

    # Faults

    def script(self, fault: SinkFault) -> None:
        """Add a fault; the first one that matches is played."""
        self._faults.append(fault)

    def behave(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def refuse(self, to: str | None = None, answer: str = "550 5.1.1 No such user here") -> None:
        """Refuse one recipient, or all."""
        self.script(SinkFault(Phase.rcpt, answer, to=to))

    def answer(self, phase: Phase, answer: str, *, times: int | None = None) -> None:
        """Answer a phase with this line ("451 4.3.0 Try later"); at `dot` the message is not stored."""
        self.script(SinkFault(phase, answer, left=times))

    def drop(self, phase: Phase, *, times: int | None = None) -> None:
        """Drop the connection at a phase; the message is not stored."""
        self.script(SinkFault(phase, drop=True, left=times))

    def vanish_after_dot(self, *, times: int | None = None) -> None:
        """Store the message, then drop the connection before the answer."""
        self.script(SinkFault(Phase.dot, drop=True, keep=True, left=times))

    def slow(self, phase: Phase, seconds: float, *, keep: bool = True, times: int | None = None) -> None:
        """Answer a phase late; at `dot` the message is stored first, unless `keep` is False."""
        self.script(SinkFault(phase, slow=seconds, keep=keep, left=times))

    # Called by sessions, in the sink's thread

    def fault_at(self, phase: Phase, to: str | None = None) -> SinkFault | None:
        """The fault to play now; counts it down."""
        for fault in self._faults:
            if fault.phase == phase and fault.to in (None, to) and fault.left != 0:
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None

    def keep(self, sender: str, recipients: tuple[str, ...], data: bytes, envid: str, notify: str) -> None:
        """Store one accepted message."""
        with self._arrived:
            self._mails.append(Mail(len(self._mails) + 1, sender, recipients, data, envid, notify))
            self._arrived.notify_all()

    # Start and stop

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start listening; returns when connections are accepted."""
        new_session = _session_class()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(new_session, ready), name="smtp-sink", daemon=True)
        self._thread.start()
        ready.wait(THREAD_WAIT)
        if self._trouble is not None or self.port == 0:
            raise SinkUnavailable(f"the local SMTP server did not start: {self._trouble!r}") from self._trouble

    def stop(self) -> None:
        """Stop listening and drop every connection; stored messages stay."""
        if self._loop is not None and self._ending is not None and self._thread is not None:
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(THREAD_WAIT)
        self._thread = self._loop = self._ending = None

    def _run(self, new_session: Any, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(new_session, ready))
        except Exception as why:  # noqa: BLE001 - raised again by `start`
            self._trouble = why
        finally:
            ready.set()

    async def _serve(self, new_session: Any, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._ending = loop, asyncio.Event()
        sessions: set[Any] = set()
        at_once = self.tls if self.implicit_tls else None
        server = await loop.create_server(lambda: new_session(self, sessions), self.host, 0, ssl=at_once)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._ending.wait()
        server.close()
        for session in list(sessions):
            session.abort()
        await asyncio.sleep(0)  # let the aborted transports close


def _session_class() -> Any:
    try:
        from fluentsd.testing.smtp_session import SinkSession
    except ImportError as why:
        raise SinkUnavailable(
            'The local SMTP server needs aiosmtpd, which is missing; install it with: pip install "fluentsd[demo]"'
        ) from why
    return SinkSession
