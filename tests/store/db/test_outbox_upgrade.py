"""Databases with undelivered events upgrade: what is not delivered goes on, tasks stay tasks, ids stay unique."""

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


BEFORE_0016 = [
    """INSERT INTO outbox_event (id, topic, key, payload, created_at) VALUES
    (1, 'task.after_call', 'call:a1', '{"attempt": "a1"}', 10),
    (2, 'task.received_call', 'call:c1', '{"call": "c1", "is_told": true}', 20)""",
    """INSERT INTO outbox_delivery (event_id, target, key, state, due_at) VALUES
    (1, 'after_calls', 'call:a1', 'due', 10), (2, 'after_calls', 'call:c1', 'due', 20)""",
    """INSERT INTO inbound_call (id, channel, contact_id, agent, answered_by, outcome, began_at, ended_at) VALUES
    ('c1', 'phone', 7, 'kim', 'agent', 'answered', 15, 20)""",
]


async def test_work_after_calls_goes_on_as_one_kind(empty_database_url: str) -> None:
    async with open_store(empty_database_url) as store:
        await store.run(lambda conn: conn.run_sync(migrate.migrate, "0015"))
        for statement in BEFORE_0016:
            await store.run(lambda conn, statement=statement: conn.execute(text(statement)))
        await store.run(lambda conn: conn.run_sync(migrate.migrate))
        due = await store.read(outbox.due, "after_calls", 99, 9)
        assert [(one.topic, one.payload) for one in due] == [
            ("task.after_call", {"call": "a1", "is_told": False}),
            ("task.after_call", {"call": "c1", "is_told": True}),
        ]
        rows = await store.read(lambda conn: conn.execute(text("SELECT attempt_id, contact_id, state FROM after_call")))
        assert rows.all() == [("c1", 7, "pending")]
