"""Campaigns complete when nobody is left, and nobody who enters in that moment is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

from fluentsd.clock import SimClock
from fluentsd.engine.campaigns.schedule import complete_if_done
from fluentsd.engine.ingest import enrolling as entering
from fluentsd.store import campaigns
from fluentsd.store.db import Connection
from tests.databases import open_whole
from tests.engine.stage import MONDAY, SMS, Stage, person, spec, staged


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """As in the daemon: one unit waits for its turn while another runs."""
    clock = SimClock(MONDAY)
    async with open_whole(database_url, as_in_daemon=True, busy=clock.busy) as store, staged(store, clock) as stage:
        yield stage


async def test_who_enters_while_a_campaign_is_found_complete_is_contacted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.launch(spec(SMS | {"after": "1 hour"}), person(1))
    id_ = (await stage.until_ended())["id"]
    store, enroll, begun, asked = stage.runtime.store, entering.enrolling.enroll, threading.Event(), threading.Event()

    async def active_without_anybody(conn: Connection) -> None:
        row = await campaigns.move(conn, await campaigns.by_id(conn, id_), "reopen", at=MONDAY)
        await campaigns.move(conn, row, "resume", at=MONDAY)

    async def slowly(*given: Any) -> list[int]:
        begun.set()
        await asyncio.to_thread(asked.wait)
        await asyncio.sleep(0.1)  # the campaign is looked at meanwhile
        return await enroll(*given)

    async def look(conn: Connection) -> str | None:
        return await complete_if_done(conn, id_, MONDAY)

    monkeypatch.setattr(entering.enrolling, "enroll", slowly)
    await store.run(active_without_anybody)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.enroll, person(2))
        await trio.to_thread.run_sync(begun.wait)
        asked.set()
        assert await store.run(look) is None
    assert (await stage.overview())["queued"] == 1
    await stage.until_ended()
    assert len(stage.sms.accepted) == 2
