"""Mail servers on loopback: a real IMAP server (pymap, in a process of its own, with an in-memory mailbox), and a
sink for SMTP with the channels that send to it."""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import imapclient
import pytest
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.dns import resolver
from fluentsd_channel_email.settings import read_settings

from fluentsd.testing import SmtpSink, tools
from plugins.channel_email.tests.sending import CERTIFICATE, table
from tests.processes import Child, start

USER, PASSWORD = "campaigns", "sesame"


class ImapServer:
    """pymap, started, stopped and restarted on the same port; its mail is gone then, as after a restore."""

    host = "127.0.0.1"

    def __init__(self, certificate: Path | None = None) -> None:
        self._tls = ["--cert", str(certificate), "--key", str(certificate)] if certificate else ["--no-tls"]
        # Bound but not listening, for as long as the server may be stopped and started again: nothing else on a busy
        # machine gets the port meanwhile, and the server, which sets SO_REUSEADDR too, may still listen on it.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((self.host, 0))
        self.port: int = self._reserved.getsockname()[1]
        self._process: Child | None = None
        self.start()

    def start(self) -> None:
        arguments = ["--host", self.host, "--port", str(self.port), *self._tls, "dict"]
        arguments += ["--demo-user", USER, "--demo-password", PASSWORD]
        log = Path(os.devnull)
        self._process = start("plugins.channel_email.tests.imap_child:serve", *arguments, output=log, folder=log.parent)
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with socket.create_connection((self.host, self.port), 5) as sock:
                    if sock.recv(16).startswith(b"* OK"):
                        return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the IMAP server did not start in 20 s")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def release(self) -> None:
        """Give the port back."""
        self._reserved.close()

    def client(self) -> imapclient.IMAPClient:
        """Somebody else's connection to the same mailbox."""
        client = imapclient.IMAPClient(self.host, self.port, ssl=False, timeout=10)
        client.login(USER, PASSWORD)
        return client

    def put(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Mail arrives."""
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail)

    def held(self, folder: str = "INBOX") -> list[tuple[int, bool]]:
        """The UIDs in a folder, and whether each has been marked as read."""
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            flags = client.get_flags(client.search()) if client.search() else {}
            return [(uid, b"\\Seen" in said) for uid, said in sorted(flags.items())]

    def inbox(self, **more: object) -> dict[str, object]:
        """`[channel.email.inbox]` for it."""
        table = {"host": self.host, "port": self.port, "tls": "none", "username": USER, "password": PASSWORD}
        return {**table, "poll": "1 s", **more}


def _started(certificate: Path | None) -> Iterator[ImapServer]:
    if importlib.util.find_spec("pymap") is None:
        pytest.skip("needs a real IMAP server: pip install pymap")
    server = ImapServer(certificate)
    yield server
    server.stop()
    server.release()


@pytest.fixture(autouse=True)
def no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of the machine's own DNS; a test that wants one brings its own."""
    monkeypatch.setattr(resolver, "open_resolver", lambda: None)


@pytest.fixture
def imap() -> Iterator[ImapServer]:
    yield from _started(None)


@pytest.fixture
def imap_with_starttls() -> Iterator[ImapServer]:
    yield from _started(CERTIFICATE)


@pytest.fixture(params=[True, False], ids=["at once", "one by one"])
def sink(request) -> Iterator[SmtpSink]:
    with SmtpSink(pipelining=request.param) as sink:
        yield sink


@pytest.fixture
async def build(tmp_path):
    """Builds channels and closes them."""
    built = []

    def make(sink, **config):
        built.append(EmailChannel(read_settings(table(sink, **config)), tools(folder=tmp_path)))
        return built[-1]

    yield make
    for channel in built:
        await channel.aclose()
