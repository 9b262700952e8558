"""A connection to a mail server: connect, EHLO, TLS, login; then commands and answers.

smtplib parses answers, sends EHLO and logs in. The socket is opened here, so that `cut` can close it from another
thread at any time; only the DNS look-up of the host cannot be cut. A failure to connect is `Unavailable` (the network,
a busy server) or `NeedsHuman` (password, certificate, settings).
"""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd_channel_email.settings import Settings
from fluentsd_channel_email.smtp_errors import Answer

#: Permanent TLS failures.
_LASTING_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"})


class Lost(Exception):
    """The connection has ended."""


class Connection:
    """One connection; after `close` it can be opened again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.is_cut = False
        self.is_open = False
        self._smtp: smtplib.SMTP | None = None
        self._sock: socket.socket | None = None

    @property
    def offers(self) -> dict[str, str]:
        """The extensions the server offers, by lower-case name."""
        return self._smtp.esmtp_features if self._smtp is not None else {}

    def cut(self) -> None:
        """Stop the waits of the thread that uses the connection; the only method for other threads."""
        self.is_cut = True
        if (sock := self._sock) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's, which the other thread is using

    def close(self) -> None:
        """Close at once, without QUIT."""
        self.is_open = False
        smtp, self._smtp = self._smtp, None
        sock, self._sock = self._sock, None
        if smtp is not None:
            smtp.close()
        if sock is not None:
            sock.close()

    # Commands and answers

    def say(self, *lines: str) -> Answer:
        """Send commands in one write, and return the answer to the first; raises `Lost`."""
        if broken := next((line for line in lines if "\r" in line or "\n" in line), None):
            raise ValueError(f"a line break in an SMTP command: {broken!r}")
        self.write("".join(f"{line}\r\n" for line in lines).encode())
        return self.answer()

    def write(self, data: bytes) -> None:
        """Write bytes to the socket; raises `Lost`."""
        if self._sock is None or self.is_cut:
            raise Lost("the connection was closed")
        try:
            self._sock.sendall(data)
        except OSError as why:
            raise Lost(f"the connection to {self.settings.host} broke: {why}") from why

    def answer(self) -> Answer:
        """Wait for an answer; raises `Lost`."""
        if self._smtp is None:
            raise Lost("the connection was closed")
        try:
            code, text = self._smtp.getreply()
        except (OSError, smtplib.SMTPException, ValueError) as why:
            raise Lost(f"the connection to {self.settings.host} broke: {why}") from why
        return Answer(code, text.decode("utf-8", "replace"))

    def has_spoken(self) -> bool:
        """Whether the server sent something unexpected, or closed. Under TLS this is unknown, and False."""
        if self._sock is None or isinstance(self._sock, ssl.SSLSocket):
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))

    # Connecting

    def open(self) -> None:
        """Connect, send EHLO, start TLS, log in; raises `Unavailable` or `NeedsHuman`."""
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self.is_open = True

    def _open(self) -> None:
        settings = self.settings
        where = f"{settings.host}:{settings.port}"
        try:
            self._sock = self._connect()
            if settings.tls == "tls":
                self._wrap_tls()
            name = settings.ehlo_name or settings.sender.domain
            self._smtp = smtp = smtplib.SMTP(local_hostname=name, timeout=settings.timeout)
            smtp.sock = self._sock
            self._read_greeting(smtp)
            self._hello(smtp)
            if settings.tls == "starttls":
                self._start_tls(smtp)
            if settings.username:
                self._log_in(smtp)
        except ssl.SSLCertVerificationError as why:
            raise NeedsHuman(f"the certificate of {where} is not trusted: {why.verify_message}") from why
        except ssl.SSLError as why:
            if why.reason in _LASTING_TLS:
                raise NeedsHuman(f'{where} does not speak TLS there ({why.reason}): check "port" and "tls"') from why
            raise Unavailable(f"the TLS handshake with {where} failed: {why}") from why
        except (OSError, smtplib.SMTPException) as why:
            raise Unavailable(f"no connection to {where}: {why}") from why

    def _connect(self) -> socket.socket:
        """Try every address of the host; `cut` also stops a socket that is still connecting."""
        host, port, failure = self.settings.host, self.settings.port, OSError("the host has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            self._sock = sock = socket.socket(family, kind, protocol)
            try:
                if self.is_cut:
                    raise TimeoutError("cancelled")
                sock.settimeout(self.settings.timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the dot must not wait for an ACK
                sock.connect(address)
            except OSError as why:
                failure = why
                sock.close()
            else:
                return sock
        raise failure

    def _read_greeting(self, smtp: smtplib.SMTP) -> None:
        answer = Answer.of(smtp.getreply())
        if answer.code // 100 == 5:
            raise NeedsHuman(f"{self.settings.host} refuses connections from this machine: {answer}")
        if answer.code != 220:
            raise Unavailable(f"{self.settings.host} is not ready: {answer}")

    def _hello(self, smtp: smtplib.SMTP) -> None:
        answer = Answer.of(smtp.ehlo())
        if answer.code // 100 == 5:
            answer = Answer.of(smtp.helo())
        if answer.code != 250:
            raise Unavailable(f"{self.settings.host} rejected EHLO: {answer}")

    def _start_tls(self, smtp: smtplib.SMTP) -> None:
        if not smtp.has_extn("starttls"):
            raise NeedsHuman(
                f'{self.settings.host} offers no STARTTLS; set tls = "tls" (port 465), or "none" on purpose'
            )
        answer = Answer.of(smtp.docmd("STARTTLS"))
        if answer.code != 220:
            raise Unavailable(f"{self.settings.host} refused STARTTLS: {answer}")
        if smtp.file is not None:
            smtp.file.close()
        self._wrap_tls()
        smtp.sock, smtp.file = self._sock, None
        smtp.ehlo_resp, smtp.esmtp_features, smtp.does_esmtp = None, {}, False  # sent in clear text: RFC 3207 §4.2
        self._hello(smtp)

    def _wrap_tls(self) -> None:
        context = ssl.create_default_context(cafile=self.settings.ca_file or None)
        assert self._sock is not None  # noqa: S101 - connected a moment ago
        # handshake only after the assignment, so that `cut` has the TLS socket: wrapping detaches the plain one
        self._sock = wrapped = context.wrap_socket(
            self._sock, server_hostname=self.settings.host, do_handshake_on_connect=False
        )
        wrapped.do_handshake()

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        host = self.settings.host
        try:
            smtp.login(self.settings.username, self.settings.password)
        except smtplib.SMTPAuthenticationError as why:
            answer = Answer.of((why.smtp_code, why.smtp_error))
            if answer.code // 100 == 4:
                raise Unavailable(f"{host} cannot check the password now: {answer}") from None
            raise NeedsHuman(f"{host} refuses the user name or password: {answer}") from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as why:  # no AUTH at all, or only mechanisms unknown here
            raise NeedsHuman(f"{host} offers no supported login mechanism; it may require TLS first") from why
