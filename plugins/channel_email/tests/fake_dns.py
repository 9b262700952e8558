"""A DNS server on loopback, over UDP and TCP, that knows what a test tells it and answers as DNS does.

A name it has records at answers with those of the type asked for, and with none when there are none of it; a name above
such a one exists and is empty; any other does not exist. An answer that does not fit a datagram is cut, and has to be
asked for again over TCP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import trio

#: Octets of a TXT record's string; a longer text comes in several.
STRING_AT_MOST = 255
#: Octets of an answer over UDP.
DATAGRAM_AT_MOST = 1232


def txt(text: str) -> str:
    """A text as a zone file writes it, in strings of at most 255 octets."""
    pieces = [text[at : at + STRING_AT_MOST] for at in range(0, len(text), STRING_AT_MOST)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


class FakeDns:
    """What it knows: `records` by name and type, `failing` names answered with SERVFAIL, `silent` ones not at all (None
    for all). `asked` counts questions by name and way."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.failing: set[str] = set()
        self.silent: set[str] | None = set()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.port = 0

    def put(self, name: str, *texts: str) -> None:
        """Publish texts at a name."""
        self.records[name, "TXT"] = [txt(text) for text in texts]

    def alias(self, name: str, target: str) -> None:
        """The name is another one's (CNAME)."""
        self.records[name, "CNAME"] = [f"{target}."]

    def resolver(self) -> dns.asyncresolver.Resolver:
        """A resolver that asks here and nowhere else."""
        found = dns.asyncresolver.Resolver(configure=False)
        found.nameservers, found.port, found.timeout = ["127.0.0.1"], self.port, 2.0
        return found

    def answer(self, wire: bytes, way: str) -> bytes | None:
        question = dns.message.from_wire(wire)
        (asked,) = question.question
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked[name, way] += 1
        if self.silent is None or name in self.silent:
            return None
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(answer, name, kind)
        whole = answer.to_wire()
        return whole if way == "tcp" or len(whole) <= DATAGRAM_AT_MOST else _cut(question)

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        while target := self.records.get((name, "CNAME")):
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *target))
            name = target[0].rstrip(".")
        if found := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        listeners, sock = await _one_port()
        self.port = sock.getsockname()[1]
        with sock:
            async with trio.open_nursery() as nursery:
                await nursery.start(trio.serve_listeners, self._converse, listeners)
                task_status.started()
                while True:
                    wire, where = await sock.recvfrom(4096)
                    if (answer := self.answer(wire, "udp")) is not None:
                        await sock.sendto(answer, where)

    async def _converse(self, stream: trio.SocketStream) -> None:
        wire = await stream.receive_some(4096)
        if (answer := self.answer(wire[2:], "tcp")) is not None:
            await stream.send_all(len(answer).to_bytes(2, "big") + answer)


async def _one_port() -> tuple[list[trio.SocketListener], trio.socket.SocketType]:
    """A port that is free for both ways."""
    while True:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        try:
            await sock.bind(listener.socket.getsockname())
        except OSError:  # somebody else has the other one
            sock.close()
            await listener.aclose()
        else:
            return [listener], sock


def _cut(question: dns.message.Message) -> bytes:
    """The answer that there is one, too large for a datagram."""
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.TC | dns.flags.RA
    return answer.to_wire()


@asynccontextmanager
async def channel_state() -> AsyncIterator[FakeDns]:
    """A server for the length of a block."""
    found = FakeDns()
    async with trio.open_nursery() as nursery:
        await nursery.start(found.serve)
        yield found
        nursery.cancel_scope.cancel()
