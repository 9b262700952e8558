"""Attack: strangers who keep bodies and connections open while providers report opt-outs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import trio

from fluentsd.fronts.web import server
from tests.fronts.web.front import PUBLIC, fronted, sign

ADDRESSES = [f"127.0.0.{n}" for n in range(1, 6)]
SLOW, STOPS = 200, 60


async def status_of(port: int, body: bytes) -> int:
    """The status of a signed report over a connection of its own; repeated while the database of a busy machine does
    not answer in time, which no stranger causes."""
    for _ in range(5):
        status, says = await _asked(port, body)
        if b"the database does not answer" not in says:
            return status
    return status


async def _asked(port: int, body: bytes) -> tuple[int, bytes]:
    """The status and the whole response of one request; 0 when the connection ended without one."""
    head = (
        f"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nX-Signature: {sign(f'{PUBLIC}/hooks/sms', body)}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.9") as stream:
            await stream.send_all(head.encode() + body)
            answer = b"".join([part async for part in stream])
    except (OSError, trio.BrokenResourceError):
        return 0, b""
    return (int(answer.split(b" ")[1]) if answer else 0), answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "dribble",
    [
        b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 20_000,
        b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"POST /u/0123 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
        b"POST /hooks/sms HTTP/1.1\r\nHost:",
        b"",
    ],
    ids=["large bodies", "chunks", "unsubscribes", "headers", "idle"],
)
@pytest.mark.parametrize("places", [1000, 120])
async def test_no_opt_out_is_refused_while_strangers_dribble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dribble: bytes, places: int
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_AT_MOST", places)
    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front:
        statuses: Counter[int] = Counter()

        async def stranger(address: str) -> None:
            try:
                async with await trio.open_tcp_stream("127.0.0.1", front.port, local_address=address) as stream:
                    await stream.send_all(dribble)
                    begun.release()
                    while True:
                        await trio.sleep(0.5)
                        if dribble:
                            await stream.send_all(b"x")
            except (OSError, trio.BrokenResourceError):
                begun.release()

        async def stop(nth: int) -> None:
            said = {"outcome": "opted_out", "address": f"+1212555{nth:04}", "message_ref": f"SM{nth}"}
            statuses[await status_of(front.port, json.dumps([said]).encode())] += 1

        begun = trio.Semaphore(0)
        async with trio.open_nursery() as strangers:
            for nth in range(SLOW):
                strangers.start_soon(stranger, ADDRESSES[nth % len(ADDRESSES)])
            for _ in range(SLOW):
                await begun.acquire()
            await stop(0)
            async with trio.open_nursery() as providers:
                for nth in range(1, STOPS):
                    providers.start_soon(stop, nth)
            strangers.cancel_scope.cancel()
        assert statuses == {204: STOPS}
        assert await front.ask("SELECT count(*) FROM suppression") == [(STOPS,)]
