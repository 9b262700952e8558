"""One IMAP folder: connect, log in, search, read, wait. It deletes nothing and marks nothing as read.

imapclient speaks the protocol and blocks, so that everything here belongs in a thread; only `cut` may be called from
another one. Trouble is `Unavailable` (the network, a busy server) or `NeedsHuman` (password, certificate, folder); an
answer that the library cannot parse is `BadAnswer`.
"""

from __future__ import annotations

import contextlib
import imaplib
import logging
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError, LoginError, ProtocolError  # type: ignore[import-untyped]

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd_channel_email.settings import InboxSettings

#: The most bytes of one mail: headers, text and a report are at its beginning; attachments do not matter.
READ_AT_MOST = 262_144
#: Errors that end a connection; imaplib has its own errors for broken answers.
_BROKEN = (OSError, imaplib.IMAP4.error, imaplib.IMAP4.abort, IMAPClientError)

# at debug level imapclient logs every line of the connection, people's mail included.
logging.getLogger("imapclient").setLevel(logging.WARNING)


class BadAnswer(Exception):
    """The server's answer about these mails cannot be parsed; the connection is not usable any more."""


class NotHandedOut(BadAnswer):
    """The server refuses to hand out these mails: one is damaged there, or it hands out none now."""


class _Wire(imaplib.IMAP4):
    """imaplib over the mailbox's own socket, which `cut` can close at any time."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        super().__init__(mailbox.settings.host, mailbox.settings.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return self._mailbox.reach()

    def has_read_ahead(self) -> bool:
        """Whether bytes have left the socket that no response has used: nobody who waits for the socket sees them.

        Up to Python 3.13 a buffered file reads ahead, later a list does; and TLS does, by whole records.
        """
        if getattr(self, "_readbuf", None) or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return True
        if (file := self.__dict__.get("file")) is None:
            return False
        timeout = self.sock.gettimeout()
        self.sock.setblocking(False)
        try:
            return bool(file.peek(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            self.sock.settimeout(timeout)


class _Client(IMAPClient):  # type: ignore[misc]
    """imapclient over that connection."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        super().__init__(mailbox.settings.host, mailbox.settings.port, ssl=False, timeout=mailbox.settings.timeout)

    def _create_IMAP4(self) -> _Wire:
        return _Wire(self._mailbox)


class Mailbox:
    """One connection; after `close` it can be opened again, after `cut` not."""

    def __init__(self, settings: InboxSettings) -> None:
        self.settings = settings
        self.is_cut = False
        self.validity = 0  #: the folder's UIDVALIDITY
        self.count = 0  #: mails in it when it was opened
        self.has_news = False  #: whether the server has told of more mail since the search began
        self._searched = 0  #: mails in the folder when the search began
        self._client: _Client | None = None
        self._sock: socket.socket | None = None

    # Connecting and closing

    def cut(self) -> None:
        """Stop the waits of the thread that uses the mailbox."""
        self.is_cut = True
        if (sock := self._sock) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close at once, without LOGOUT."""
        client, self._client = self._client, None
        sock, self._sock = self._sock, None
        if client is not None:
            with contextlib.suppress(*_BROKEN):
                client.shutdown()
        if sock is not None:
            sock.close()

    def open(self) -> None:
        """Connect, start TLS, log in, open the folder; raises `Unavailable` or `NeedsHuman`."""
        where = f"{self.settings.host}:{self.settings.port}"
        try:
            self._open()
        except ssl.SSLCertVerificationError as why:
            self.close()
            raise NeedsHuman(f"the certificate of {where} is not trusted: {why.verify_message}") from why
        except _BROKEN as why:
            self.close()
            raise Unavailable(f"no connection to {where}: {_words(why)}") from why
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        settings = self.settings
        self._client = client = _Client(self)
        if settings.tls == "starttls":
            if not client.has_capability("STARTTLS"):
                raise NeedsHuman(
                    f'{settings.host} offers no STARTTLS; set tls = "tls" (port 993), or "none" on purpose'
                )
            client.starttls(self._context())
            self._sock = client.socket()
        try:
            client.login(settings.username, settings.password)
        except LoginError as why:
            if "[UNAVAILABLE]" in str(why):  # RFC 5530: the password could not be checked
                raise Unavailable(f"{settings.host} cannot check the password now") from None
            raise NeedsHuman(f"{settings.host} refuses the user name or password: {_words(why)}") from None
        try:
            folder = client.select_folder(settings.folder, readonly=not settings.processed_folder)
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError as why:
            raise NeedsHuman(f"the folder {settings.folder!r} cannot be opened: {_words(why)}") from None
        self.validity, self.count = int(folder.get(b"UIDVALIDITY", 0)), int(folder.get(b"EXISTS", 0))
        self._searched = self.count

    def reach(self) -> socket.socket:
        """A socket to the server, with TLS if configured; `cut` also stops it while it connects."""
        settings, failure = self.settings, OSError("the host has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        ):
            self._sock = sock = socket.socket(family, kind, protocol)
            try:
                if self.is_cut:
                    raise TimeoutError("cancelled")
                sock.settimeout(settings.timeout)
                sock.connect(address)
                if settings.tls == "tls":
                    self._sock = sock = self._context().wrap_socket(
                        sock, server_hostname=settings.host, do_handshake_on_connect=False
                    )
                    sock.do_handshake()
            except OSError as why:
                failure = why
                sock.close()
            else:
                return sock
        raise failure

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings.ca_file or None)

    # Searching and reading

    def offers(self, name: str) -> bool:
        """Whether the server has an extension (IDLE, MOVE)."""
        return self._client is not None and bool(self._client.has_capability(name))

    def has_folder(self, name: str) -> bool:
        """Whether a folder exists; raises `Unavailable`."""
        try:
            return bool(self._live().folder_exists(name))
        except _BROKEN as why:
            raise self._lost(why) from why

    def newer_than(self, uid: int) -> list[int]:
        """The UIDs above this one, ascending; raises `Unavailable`."""
        return [found for found in self._search(["UID", f"{uid + 1}:*"]) if found > uid]  # "n:*" always has the last

    def since(self, at: int) -> list[int]:
        """The UIDs of mail received on this day (epoch microseconds, UTC) or later; raises `Unavailable`."""
        return self._search(["SINCE", datetime.fromtimestamp(at // 1_000_000, UTC).date()])

    def _search(self, criteria: list[object]) -> list[int]:
        try:
            client = self._live()
            client.noop()  # lets the server report new mail
            self._searched = self._told()  # of mail that comes from now on the answers tell
            return sorted(client.search(criteria))
        except _BROKEN as why:
            raise self._lost(why) from why

    def read(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The beginnings of these mails, without marking them as read; missing mails are left out.

        Raises `Unavailable`, `BadAnswer` when the answer cannot be parsed, or `NotHandedOut`.
        """
        try:
            answer = self._live().fetch(uids, [f"BODY.PEEK[]<0.{READ_AT_MOST}>"])
            return {uid: raw for uid in uids if (raw := answer.get(uid, {}).get(b"BODY[]<0>")) is not None}
        except (ProtocolError, ValueError, TypeError, AssertionError, KeyError, IndexError) as why:
            self.close()
            raise BadAnswer(type(why).__name__) from why
        except (imaplib.IMAP4.abort, OSError) as why:
            raise self._lost(why) from why
        except _BROKEN as why:
            self.close()
            raise NotHandedOut(_words(why)) from why

    def file_away(self, uids: Sequence[int]) -> None:
        """Move mails to the processed folder, if the server supports it; raises `Unavailable`."""
        if not uids or not self.settings.processed_folder or not self.offers("MOVE"):
            return
        try:
            self._live().move(uids, self.settings.processed_folder)
        except _BROKEN as why:
            raise self._lost(why) from why

    # Waiting

    def start_waiting(self) -> socket.socket | None:
        """Start IDLE; returns the socket to wait on, None without IDLE. Raises `Unavailable`."""
        if not self.offers("IDLE"):
            return None
        try:
            client = self._live()
            client.idle()
            self.has_news = self._told() != self._searched or client._imap.has_read_ahead()
        except _BROKEN as why:
            raise self._lost(why) from why
        return self._sock

    def stop_waiting(self) -> None:
        """End IDLE; raises `Unavailable`."""
        try:
            self._live().idle_done()
        except _BROKEN as why:
            raise self._lost(why) from why

    def _told(self) -> int:
        """How many mails the folder has, as far as the server has told."""
        exists = self._live()._imap.untagged_responses.pop("EXISTS", ())
        return int(exists[-1]) if exists else self._searched

    def _live(self) -> _Client:
        if self._client is None or self.is_cut:
            raise ConnectionError("the connection was closed")
        return self._client

    def _lost(self, why: BaseException) -> Unavailable:
        self.close()
        return Unavailable(f"the connection to {self.settings.host} broke: {_words(why)}")


def _words(why: BaseException) -> str:
    """The text of an error, on one short line; imapclient shows bytes."""
    return " ".join(str(why).removeprefix("b'").removesuffix("'").split())[:200] or type(why).__name__
