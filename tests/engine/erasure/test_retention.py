"""Retention: data that is deleted at its age, and data that stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Inbound, Outcome
from fluentsd.clock import SimClock
from fluentsd.domain.retention import Retention
from fluentsd.store import outbox, tables
from fluentsd.store.db.bridge import open_store
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec, staged

AGES = Retention(bodies="10 days", replies="20 days", details="30 days").ages()
TWO = SMS | {"id": "two", "after": "15 days"}
#: The loop rests an hour between two rounds.
ROUND = HOUR + MINUTE


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SimClock(MONDAY)
    async with open_store(database_url, busy=clock.busy) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        async with staged(store, clock, ages=AGES) as stage:
            yield stage


async def held(stage: Stage) -> dict[str, int]:
    async def look(conn: AsyncConnection) -> dict[str, int]:
        kinds = select(tables.content.c.kind, func.count()).group_by(tables.content.c.kind)
        found: dict[str, int] = {row[0]: row[1] for row in await conn.execute(kinds)}
        detailed = tables.audit.c.details.is_not(None) | tables.audit.c.answer.is_not(None)
        found["details"] = (await conn.execute(select(func.count()).where(detailed))).scalar_one()
        found["acts"] = (await conn.execute(select(func.count()).select_from(tables.audit))).scalar_one()
        return found

    return await stage.runtime.store.read(look)


async def test_words_go_at_their_age_and_that_they_were_sent_stays(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO, exit={"on": ["opted_out"]}), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await stage.sms.tell(Inbound(Outcome.replied, address="+12125550001", text="When?"))
    await stage.until(MONDAY + 10 * DAY)
    assert (await held(stage))["body"] == 2
    await stage.until(MONDAY + 10 * DAY + ROUND)
    assert "body" not in await held(stage)
    assert (await stage.do("campaign replies"))["replies"][0]["text"] == "When?"
    await stage.until(MONDAY + 21 * DAY)
    found = await held(stage)
    assert (found.get("reply"), found["body"]) == (None, 2)  # those of the second step
    assert len((await stage.do("calls"))["calls"]) == 4


async def test_of_an_old_act_who_and_when_stay(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1))
    await stage.do("campaign pause", ref="test", because="somebody asked about Ada")
    before = await held(stage)
    await stage.until(MONDAY + 30 * DAY + ROUND)
    after = await held(stage)
    assert (after["acts"], after["details"]) == (before["acts"], 0)
    entries = (await stage.do("log"))["entries"]
    assert {entry["actor"] for entry in entries} >= {"tester"}
    assert not any(entry["details"] for entry in entries)


async def test_delivered_messages_of_the_outbox_go_and_others_stay(stage: Stage) -> None:
    async def post(conn: AsyncConnection) -> None:
        for at, delivered in ((MONDAY, True), (MONDAY, False), (MONDAY + 5 * DAY, True)):
            row: dict[str, Any] = {
                "topic": "t",
                "key": str(at),
                "payload": {},
                "created_at": at,
                "due_at": at + 900 * DAY,
            }
            delivered_at = at if delivered else None
            await conn.execute(tables.outbox.insert().values(**row, delivered_at=delivered_at))

    await stage.runtime.store.run(post)
    rows = select(func.count()).select_from(tables.outbox)
    await stage.until(MONDAY + 30 * DAY + 2 * ROUND)
    assert await stage.runtime.store.read(lambda conn: conn.scalar(rows)) == 2
    await stage.until(MONDAY + 36 * DAY)
    assert await stage.runtime.store.read(lambda conn: conn.scalar(rows)) == 1
    assert await stage.runtime.store.read(outbox.next_due) is not None


async def test_more_than_one_batch_goes_in_one_round(stage: Stage) -> None:
    words = [{"contact_id": 1, "kind": "body", "text": "x", "created_at": MONDAY} for _ in range(1_234)]
    await stage.runtime.store.run(lambda conn: conn.execute(tables.content.insert(), words))
    await stage.until(MONDAY + 10 * DAY + ROUND)
    assert "body" not in await held(stage)
