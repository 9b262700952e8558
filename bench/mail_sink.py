"""A cheap mail server: an event loop with the answers of a real server, which keeps only the envelopes.

It offers what Debian's exim offers and answers pipelined commands in one write, `--far` milliseconds after they arrive
(the final dot of DATA too). It prints its port, serves until its input ends, and then prints the number of messages and
of different recipients. Standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter

from figures import tell

HELLO = ("250-sink.invalid", "250-SIZE 52428800", "250-8BITMIME", "250-DSN", "250-PIPELINING", "250 HELP")


class Session(asyncio.Protocol):
    """One client."""

    def __init__(self, took: Counter[str], far: float) -> None:
        self._took, self._far = took, far
        self._kept = b""
        self._in_data, self._to = False, ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say(["220 sink.invalid ESMTP"])

    def data_received(self, data: bytes) -> None:
        self._kept += data
        answers: list[str] = []
        while self._in_data or b"\n" in self._kept:
            if self._in_data:
                _, end, rest = self._kept.partition(b"\r\n.\r\n")
                if not end:
                    break
                self._kept, self._in_data = rest, False
                self._took[self._to] += 1
                answers.append("250 OK id=1wMXyz-000000000AB-0cde")
            else:
                line, _, self._kept = self._kept.partition(b"\n")
                answers += self._answers(line.decode().strip())
        if answers:
            self._say(answers)

    def _answers(self, line: str) -> tuple[str, ...] | list[str]:
        verb = line[:4].upper()
        if verb in ("EHLO", "HELO"):
            return HELLO
        if verb == "RCPT":
            self._to = line.partition("<")[2].partition(">")[0]
        if verb == "DATA":
            self._in_data = True
            return ['354 Enter message, ending with "." on a line by itself']
        return ["221 sink.invalid closing connection"] if verb == "QUIT" else ["250 OK"]

    def _say(self, answers: list[str]) -> None:
        words = "".join(f"{line}\r\n" for line in answers).encode()
        if self._far:
            asyncio.get_running_loop().call_later(self._far, self._write, words)
        else:
            self._write(words)

    def _write(self, words: bytes) -> None:
        self._transport.write(words)
        if words.startswith(b"221"):
            self._transport.close()


async def serve(far: float) -> Counter[str]:
    loop, took = asyncio.get_running_loop(), Counter[str]()
    server = await loop.create_server(lambda: Session(took, far), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--far", type=float, default=0.0, help="milliseconds until each answer")
    took = asyncio.run(serve(parser.parse_args().far / 1000))
    tell(messages=took.total(), people=len(took), cpu_s=sum(os.times()[:2]))
