"""Delivery: order per key and target, targets apart from each other, dead letters, restarts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Unavailable
from fluentsd.domain.events import CampaignResumed, EnrollmentEnded, HoldPlaced
from fluentsd.engine.outbox.deliver import BATCH
from fluentsd.store import outbox
from fluentsd.verbs.execute import Refused
from tests.engine.outbox.scene import ALL, SECOND, attempts, opened, order, started, statements
from tests.engine.outbox.targets import DOWN, ListTarget
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY


async def test_every_target_gets_its_topics_in_the_order_of_each_key(database_url: str) -> None:
    one, two = ListTarget("one"), ListTarget("two")
    async with opened(database_url, one=["campaign.*"], two=["campaign.resumed", "attempt.recorded"]) as scene:
        async with scene.serving(one, two):
            for number in range(3):
                await scene.post(*started("a", "b"), CampaignResumed(campaign="a", by=str(number)), *attempts(1))
            await scene.wait(MINUTE)
        assert Counter(event.topic for event in one.accepted) == {"campaign.started": 6, "campaign.resumed": 3}
        assert Counter(event.topic for event in two.accepted) == {"campaign.resumed": 3, "attempt.recorded": 3}
        for target in (one, two):
            assert all(ids == sorted(ids) for ids in order(target).values())
        shared = {event.id for event in one.accepted} & {event.id for event in two.accepted}
        assert len(shared) == 3  # an event has one id, for every target


async def test_an_event_without_a_target_leaves_no_row_and_runs_no_statement(database_url: str) -> None:
    class Untouchable(EnrollmentEnded):
        def payload(self) -> dict[str, Any]:
            raise AssertionError("an event that nobody wants is not put together")

    async with opened(database_url, one=["campaign.*"]) as scene:
        said = statements(scene.store)
        event = Untouchable(enrollment=1, contact=1, campaign="c", state="exited", reason="removed")
        assert await scene.store.run(outbox.post, event, at=MONDAY) == 0
        assert said == []
        hold = HoldPlaced(scope="channel", target="sms", reason="r", by="fluentsd")
        assert await scene.store.run(outbox.post, hold, *started("a"), at=MONDAY) == 1
        assert await scene.rows() == (1, 1)


async def test_a_target_that_is_down_delays_no_other_and_is_probed_with_one_event(database_url: str) -> None:
    down, up = ListTarget("down"), ListTarget("up")
    down.down = DOWN
    async with opened(database_url, down=ALL, up=ALL) as scene, scene.serving(down, up):
        await scene.post(*attempts(300))
        await scene.wait(30 * SECOND)
        assert len(up.accepted) == 300
        assert len(down.asked) == 3  # at 0, 5 and 15 s
        await scene.wait(DAY)
        pauses = len(down.asked)
        assert 30 < pauses < 40  # doubled up to an hour
        await scene.post(*started("late"))
        await scene.wait(SECOND)
        assert up.keys()[-1] == "late"
        assert len(down.asked) == pauses  # a new event does not shorten the pause
        assert [d["tries"] for d in (await scene.do("outbox list", target="down"))["deliveries"]] == [0] * 50
        state = next(t for t in (await scene.do("outbox list"))["targets"] if t["target"] == "down")
        assert state["waiting"] == 301
        assert state["down_until"] > scene.clock.now()
        down.down = None
        await scene.wait(HOUR)
        assert len(down.accepted) == 301
        said = [entry for entry in scene.logged() if entry[1] == "down"]
        assert said == [("outbox.target_down", "down"), ("outbox.target_up", "down")]


async def test_a_down_target_is_left_alone_as_long_as_it_asks_for(database_url: str) -> None:
    target = ListTarget("one")
    target.down = Unavailable("come back tomorrow", 24 * 3600.0)
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a"))
        await scene.wait(23 * HOUR)
        assert len(target.asked) == 1
        target.down = None
        await scene.do("outbox list")
        with pytest.raises(Refused, match="no such delivery"):
            await scene.do("outbox retry", target="one")
        await scene.wait(2 * HOUR)
        assert target.keys() == ["a"]


@pytest.mark.parametrize("error", [ConnectionError("gone"), trio.TooSlowError(), TimeoutError()])
async def test_connection_errors_and_timeouts_do_not_use_up_the_tries_of_an_event(
    database_url: str, error: Exception
) -> None:
    target = ListTarget("one")
    target.down = error
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a"))
        await scene.wait(3 * DAY)
        (row,) = (await scene.do("outbox list"))["deliveries"]
        assert (row["state"], row["tries"]) == ("due", 0)
        assert len(target.asked) > 70


async def test_one_event_that_is_never_answered_does_not_stop_the_others(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: DOWN if event.key == "a" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a"), *started(*(f"k{n}" for n in range(250))))
        await scene.wait(MINUTE)
        assert len(target.accepted) == 250
        waiting = {d["state"]: d["tries"] for d in (await scene.do("outbox list"))["deliveries"]}
        assert set(waiting) == {"due", "behind"}


@pytest.mark.parametrize("keys", [1, 7, 2000])
async def test_a_flush_takes_one_write_per_batch_however_the_keys_lie(database_url: str, keys: int) -> None:
    async with opened(database_url, one=ALL) as scene:
        for start in range(0, 2000, 500):
            await scene.post(*started(*(f"k{n % keys}" for n in range(start, start + 500))))
        target, said = ListTarget("one"), statements(scene.store)
        async with scene.serving(target):
            await scene.wait(MINUTE)
        assert len(target.accepted) == 2000
        assert all(ids == sorted(ids) for ids in order(target).values())
        writes = [line for line in said if line.startswith("UPDATE")]
        assert len(writes) <= 2000 / BATCH + 2


async def test_a_pass_reads_through_the_indexes(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", one=ALL) as scene:

        async def plan(conn: AsyncConnection) -> str:
            statement = outbox._DUE.compile(dialect=conn.dialect)
            rows = await conn.execute(text(f"EXPLAIN QUERY PLAN {statement}".replace("?", ":x")), {"x": 1})
            return " | ".join(row.detail for row in rows)

        found = await scene.store.read(plan)
        assert "SCAN" not in found
        assert "TEMP B-TREE" not in found
        assert "ix_outbox_delivery_due (target=? AND due_at<?)" in found
        assert "ix_outbox_delivery_open (target=? AND key=? AND event_id<?)" in found
