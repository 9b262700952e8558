"""A session whose commands of the envelope are sent in one write."""

from __future__ import annotations

import socket
import threading

import pytest

from fluentsd.api import Outcome, Receipt, Rejected, Unavailable
from plugins.channel_email.tests.sending import ended


class Scripted:
    """A server on one connection that gives the next of its answers to whatever its client writes; after BYE it hangs
    up, and after 354 it waits for the dot."""

    def __init__(self, *answers: str) -> None:
        self._answers = ["220 here", "250-here\r\n250 PIPELINING", *answers]
        self.heard: list[bytes] = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10)
        self._listener.close()

    def _talk(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            for answer in self._answers:
                connection.sendall(f"{answer.removesuffix(BYE)}\r\n".encode())
                if answer.endswith(BYE):
                    return
                self._hear(connection, b".\r\n" if "354" in answer else b"")
            while self._hear(connection):
                pass

    def _hear(self, connection: socket.socket, until: bytes = b"") -> bool:
        self.heard.append(b"")
        while more := connection.recv(65536):
            self.heard[-1] += more
            if self.heard[-1].endswith(until):
                return True
        return False


BYE = "\r\nBYE"
GO = "250 ok\r\n250 ok\r\n354 go ahead"


async def test_the_envelope_is_one_write(build):
    with Scripted(GO, "250 kept") as server:
        channel = build(server)
        assert isinstance(await ended(channel), Receipt)
        await channel.aclose()
    hello, envelope, _mail, *_ = server.heard
    assert hello.startswith(b"ehlo")
    assert [line.split()[0] for line in envelope.splitlines()] == [b"MAIL", b"RCPT", b"DATA"]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["250 ok\r\n550 5.1.1 no such user\r\n503 no recipient"], Outcome.bounced),
        (["250 ok\r\n550 5.1.1 no such user\r\n354 go ahead"], Outcome.bounced),
        (["250 ok\r\n550 5.1.1 no such user\r\nBYE"], Outcome.bounced),
        (["552 too large\r\n503 first MAIL\r\n503 first RCPT"], Outcome.failed),
        (["552 too large\r\nBYE"], Outcome.failed),
    ],
)
async def test_a_refusal_in_the_envelope_is_heard_and_no_dot_is_given(build, answers, outcome):
    with Scripted(*answers, "250 reset") as server:
        channel = build(server)
        found = await ended(channel)
        await channel.aclose()
    assert isinstance(found, Rejected)
    assert found.outcome == outcome
    assert b"Subject" not in b"".join(server.heard)
    assert not any(heard.endswith(b".\r\n") for heard in server.heard)


@pytest.mark.parametrize("answer", ["250 ok\r\nBYE", "250 ok\r\n250 ok\r\nBYE", "421 bye", "250 ok\r\n421 bye"])
async def test_a_server_that_leaves_in_the_envelope_has_accepted_nothing(build, answer):
    with Scripted(answer) as server:
        channel = build(server)
        assert isinstance(await ended(channel), Unavailable)
        await channel.aclose()
    assert b"Subject" not in b"".join(server.heard)
