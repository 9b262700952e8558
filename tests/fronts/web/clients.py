"""Clients of the web front that check on it."""

from __future__ import annotations

import httpx
import trio

from tests.fronts.web.front import Front

LINE = b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\n"


async def is_well(front: Front) -> bool:
    """True if it answers other clients normally."""
    async with httpx.AsyncClient(base_url=front.base, trust_env=False) as other:
        return (await other.get("/healthz")).status_code == 200


async def gets_well(front: Front) -> None:
    """Wait until other clients are answered normally."""
    with trio.fail_after(5):
        while not await is_well(front):  # noqa: ASYNC110 - a server's task
            await trio.sleep(0.01)


async def are_connected(front: Front, count: int) -> None:
    """Wait for this number of connections, including the client's own."""
    with trio.fail_after(5):
        while f"connections {count}\n" not in (await front.client.get("/metrics")).text:  # noqa: ASYNC110 - a server's task
            await trio.sleep(0.01)
