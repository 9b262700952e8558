"""A database with the outbox of schema 6 upgrades: what is not delivered goes on, tasks stay tasks, ids stay unique."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import CampaignStarted
from fluentsd.domain.subscriptions import Subscriptions
from fluentsd.store import outbox
from fluentsd.store.db import migrate
from fluentsd.store.db.bridge import Store, open_store

pytestmark = pytest.mark.slow
OLD = """INSERT INTO outbox (id, topic, key, payload, created_at, due_at, tries, problem, delivered_at) VALUES
    (1, 'campaign.active', 'a', '{"campaign": "a", "by": "kim"}', 10, 10, 0, '', 11),
    (2, 'campaign.paused', 'a', '{"campaign": "a", "by": "kim"}', 20, 900, 40, 'NotTaken: 503', NULL),
    (3, 'forget', 'forget:t1', '{"channel": "sms", "token": "t1", "ref": "r1", "claimed_at": 5}', 30, 40, 1, 'x', NULL),
    (4, 'campaign.stopped', 'a', '{"campaign": "a", "by": "kim"}', 40, 40, 0, '', NULL),
    (9, 'campaign.active', 'b', '{"campaign": "b", "by": "kim"}', 50, 50, 0, '', 51)"""


@pytest.fixture
async def old(empty_database_url: str) -> AsyncIterator[Store]:
    async with open_store(empty_database_url, subscriptions=Subscriptions({"webhook": ["campaign.*"]})) as store:
        await store.run(lambda conn: conn.run_sync(migrate.migrate, "0006"))
        await store.run(lambda conn: conn.execute(text(OLD)))
        yield store


async def test_undelivered_messages_become_deliveries_and_tasks(old: Store) -> None:
    await old.run(lambda conn: conn.run_sync(migrate.migrate))

    async def due(conn: AsyncConnection, target: str) -> list[Any]:
        return [
            (one.event_id, one.topic, one.key, one.payload, one.tries) for one in await outbox.due(conn, target, 99, 9)
        ]

    by_kim = {"campaign": "a", "by": "kim"}
    assert await old.read(due, "webhook") == [
        (2, "campaign.paused", "a", by_kim, 0),
        (4, "campaign.stopped", "a", by_kim, 0),
    ]
    task = {"channel": "sms", "token": "t1", "ref": "r1", "claimed_at": 5}
    assert await old.read(due, "tasks") == [(3, "task.forget", "forget:t1", task, 0)]
    assert await old.read(due, "log") == []


async def test_the_id_of_a_message_that_was_delivered_before_is_not_used_again(old: Store) -> None:
    await old.run(lambda conn: conn.run_sync(migrate.migrate))
    await old.run(outbox.post, CampaignStarted(campaign="c", by="kim"), at=60)
    last = (await old.read(outbox.due, "webhook", 99, 9))[-1]
    assert (last.event_id, last.key) == (10, "c")
