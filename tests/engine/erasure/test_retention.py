"""Retention: data that is deleted at its age, and data that stays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Inbound, Outcome
from fluentsd.clock import SimClock
from fluentsd.domain.events import CampaignStarted
from fluentsd.domain.retention import Retention
from fluentsd.domain.subscriptions import Subscriptions
from fluentsd.store import outbox, tables
from fluentsd.store.outbox import Postponed
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, TOMORROW, Stage, person, spec, staged

AGES = Retention(bodies="10 days", replies="20 days", details="30 days").ages()
TWO = SMS | {"id": "two", "after": "15 days"}
#: The loop rests an hour between two rounds.
ROUND = HOUR + MINUTE


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SimClock(MONDAY)
    async with open_whole(database_url, busy=clock.busy) as store, staged(store, clock, ages=AGES) as stage:
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
    assert len((await stage.do("history"))["calls"]) == 4


async def test_of_an_old_act_who_and_when_stay(stage: Stage) -> None:
    await stage.launch(spec(TOMORROW), person(1))
    await stage.do("campaign pause", ref="test", because="somebody asked about Ada")
    before = await held(stage)
    await stage.until(MONDAY + 30 * DAY + ROUND)
    after = await held(stage)
    assert (after["acts"], after["details"]) == (before["acts"], 0)
    entries = (await stage.do("log"))["entries"]
    assert {entry["actor"] for entry in entries} >= {"tester"}
    assert not any(entry["details"] for entry in entries)


async def test_delivered_events_go_and_those_that_wait_and_dead_letters_stay(stage: Stage) -> None:
    stage.runtime.store.subscribe(Subscriptions({"log": ["campaign.*"], "webhook": ["campaign.*"]}))

    async def post(conn: AsyncConnection) -> None:
        for ref, at in (("old", MONDAY), ("dead", MONDAY), ("young", MONDAY + 5 * DAY), ("waiting", MONDAY)):
            await outbox.post(conn, CampaignStarted(campaign=ref, by="t"), at=at)
            mine = [one for one in await outbox.due(conn, "log", at, 9) if one.key == ref]
            if ref == "dead":
                dead = Postponed(mine[0].event_id, ref, None, "no", True)
                await outbox.note(conn, "log", [], [dead], at)
            elif ref != "waiting":
                await outbox.note(conn, "log", mine, [], at)
            if ref == "old":
                await outbox.note(conn, "webhook", await outbox.due(conn, "webhook", at, 9), [], at)

    async def left(conn: AsyncConnection) -> tuple[list[str], list[tuple[str, str]]]:
        events = select(tables.outbox_event.c.key).order_by(tables.outbox_event.c.key)
        delivery = tables.outbox_delivery.c
        rows = select(delivery.key, delivery.target).order_by(delivery.key, delivery.target)
        return list((await conn.execute(events)).scalars()), [(key, to) for key, to in await conn.execute(rows)]

    store = stage.runtime.store
    await store.run(post)
    open_ = [("dead", "log"), ("dead", "webhook"), ("waiting", "log"), ("waiting", "webhook")]
    await stage.until(MONDAY + 30 * DAY + 2 * ROUND)
    assert await store.read(left) == (["dead", "waiting", "young"], [*open_, ("young", "log"), ("young", "webhook")])
    await stage.until(MONDAY + 36 * DAY)
    assert await store.read(left) == (["dead", "waiting", "young"], [*open_, ("young", "webhook")])


async def test_more_than_one_batch_goes_in_one_round(stage: Stage) -> None:
    words = [{"contact_id": 1, "kind": "body", "text": "x", "created_at": MONDAY} for _ in range(1_234)]
    await stage.runtime.store.run(lambda conn: conn.execute(tables.content.insert(), words))
    await stage.until(MONDAY + 10 * DAY + ROUND)
    assert "body" not in await held(stage)
