"""Providers delete their data about an erased person: tasks of the outbox, retried until done, for no other target."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import trio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Kind, NeedsHuman, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.events import ForgetTask
from fluentsd.domain.subscriptions import Subscriptions
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox, tables
from fluentsd.store.db.bridge import Store
from fluentsd.unavailable import StoreUnavailable
from tests.databases import open_whole
from tests.engine.outbox.targets import ListTarget
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, FakeChannel, Stage, person, spec

pytestmark = pytest.mark.slow
PHONE = "+12125550001"
MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}


class Forgetful(FakeChannel):
    """A channel whose provider can forget; `trouble` holds the errors it raises first."""

    def __init__(self, kind: Kind, clock: SimClock) -> None:
        super().__init__(kind, clock)
        self.asked: list[tuple[Attempt, int]] = []
        self.trouble: list[Exception | float] = []

    async def forget(self, attempt: Attempt) -> None:
        self.asked.append((attempt, self.clock.now()))
        if self.trouble:
            match self.trouble.pop(0):
                case Exception() as why:
                    raise why
                case seconds:
                    await self.clock.sleep_until(self.clock.now() + round(seconds * 1_000_000))

    def when(self) -> list[int]:
        """Seconds since the first time it was asked."""
        return [(at - self.asked[0][1]) // 1_000_000 for _, at in self.asked]


@asynccontextmanager
async def living(
    store: Store, clock: SimClock, *channels: FakeChannel, targets: list[Any] | None = None
) -> AsyncIterator[Stage]:
    """A runtime with these channels, until the block ends."""
    log = structlog.wrap_logger(structlog.ReturnLogger())
    runtime = Runtime(store, clock, {one.kind: ChannelState(one.kind, one) for one in channels}, log=log)
    async with running(runtime, targets or [], grace=1.0) as inbox:
        yield Stage(runtime, clock, {one.kind: one for one in channels}, inbox)


@asynccontextmanager
async def days(database_url: str) -> AsyncIterator[tuple[Store, SimClock]]:
    """An empty database, and a clock that jumps ahead while all tasks wait."""
    clock = SimClock(MONDAY)
    async with open_whole(database_url, busy=clock.busy) as store, trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        yield store, clock
        nursery.cancel_scope.cancel()


async def waiting(store: Store) -> list[Mapping[str, Any]]:
    """The tasks that are not done."""

    async def unit(conn: AsyncConnection) -> list[Mapping[str, Any]]:
        event, delivery = tables.outbox_event, tables.outbox_delivery
        statement = select(event.c.topic, event.c.payload, delivery.c.problem, delivery.c.target)
        statement = statement.outerjoin(delivery, delivery.c.event_id == event.c.id)
        rows = await conn.execute(statement.where(event.c.topic == ForgetTask.topic))
        return [dict(row) for row in rows.mappings()]

    return await store.read(unit)


async def erased(stage: Stage) -> dict[str, Any]:
    steps = [SMS, MAIL] if "email" in stage.channels else [SMS]
    await stage.launch(spec(*steps), person(1), person(2))
    await stage.until(stage.clock.now() + MINUTE)
    return await stage.do("contacts erase", person=PHONE, because="asked")


async def test_a_provider_forgets_the_erased_persons_attempts_and_no_others(database_url: str) -> None:
    log = ListTarget("log")
    async with days(database_url) as (store, clock):
        store.subscribe(Subscriptions({"log": ["campaign.*"]}))
        sms, email = Forgetful("sms", clock), FakeChannel("email", clock)
        async with living(store, clock, sms, email, targets=[log]) as stage:
            assert (await erased(stage))["at_providers"] == 1  # an e-mail's channel has nothing to forget
            await stage.until(clock.now() + MINUTE)
            (mine,) = [attempt for attempt, *_ in sms.accepted if attempt.to == PHONE]
            ((asked, _),) = sms.asked
            assert (asked.token, asked.provider_ref, asked.claimed_at) == (mine.token, f"ref-{mine.token}", MONDAY)
            assert (asked.to, asked.text) == ("", None)
            assert await waiting(store) == []
            assert [event.topic for event in log.accepted] == ["campaign.started", "campaign.completed"]
            act = (await stage.do("log", most=1))["entries"][0]
            assert act["details"]["at_providers"] == 1


async def test_it_is_asked_again_until_it_has_and_others_do_not_wait(database_url: str) -> None:
    async with days(database_url) as (store, clock):
        sms = Forgetful("sms", clock)
        async with living(store, clock, sms) as stage:
            two = SMS | {"id": "two", "after": "1 minute"}
            await stage.launch(spec(SMS, two), person(1))
            await stage.until(MONDAY + HOUR)
            sms.trouble = [Unavailable("wait", 90.0), NeedsHuman("no"), RuntimeError("boom"), Unavailable("on", 0.5)]
            await stage.do("contacts erase", person=PHONE, because="asked")
            await stage.until(clock.now() + HOUR)
            assert len(sms.accepted) == 2
            assert sms.when() == [0, 0, 5, 15, 35, 90]  # one waits as long as it was asked to, the other goes on
            assert {asked.token for asked, _ in sms.asked} == {attempt.token for attempt, *_ in sms.accepted}
            assert await waiting(store) == []


async def test_a_provider_that_hangs_is_given_up_and_asked_again(database_url: str) -> None:
    async with days(database_url) as (store, clock):
        sms = Forgetful("sms", clock)
        sms.trouble = [1000.0]
        async with living(store, clock, sms) as stage:
            await erased(stage)
            await stage.until(clock.now() + HOUR)
            assert sms.when() == [0, 60]
            assert await waiting(store) == []


async def test_a_task_survives_a_restart(database_url: str) -> None:
    async with days(database_url) as (store, clock):
        sms = Forgetful("sms", clock)
        sms.trouble = [Unavailable("later", 1800.0)]
        async with living(store, clock, sms) as stage:
            await erased(stage)
            await stage.until(clock.now() + MINUTE)
        (task,) = await waiting(store)
        assert set(task["payload"]) == {"channel", "token", "ref", "claimed_at"}
        async with living(store, clock) as stage:  # for a while there is no such channel
            await stage.until(clock.now() + 2 * HOUR)
            (task,) = await waiting(store)
            assert "there is no channel sms now" in task["problem"]
        async with living(store, clock, sms) as stage:
            await stage.until(clock.now() + 2 * HOUR)
        assert len(sms.asked) == 2
        assert await waiting(store) == []


async def test_what_was_never_sent_is_no_task(database_url: str) -> None:
    def refuse(*_: Any) -> Any:
        raise Unavailable("not now", 10 * 24 * 3600.0, only_this=True)

    async with days(database_url) as (store, clock):
        sms = Forgetful("sms", clock)
        sms.always = refuse
        async with living(store, clock, sms) as stage:
            await stage.launch(spec(SMS), person(1))
            await stage.until(MONDAY + MINUTE)
            answer = await stage.do("contacts erase", person=PHONE, because="asked")
            await stage.until(clock.now() + DAY)
            assert (answer["at_providers"], sms.asked) == (0, [])


async def test_a_note_that_cannot_be_written_is_written_later(database_url: str, monkeypatch: Any) -> None:
    really, torn = outbox.note, list[Any]()

    async def lost_once(*args: Any, **options: Any) -> None:
        if not torn:
            torn.append(args)
            raise StoreUnavailable("the disk is full")
        await really(*args, **options)

    monkeypatch.setattr(outbox, "note", lost_once)
    async with days(database_url) as (store, clock):
        sms = Forgetful("sms", clock)
        async with living(store, clock, sms) as stage:
            await erased(stage)
            await stage.until(clock.now() + MINUTE)
        assert (len(torn), len(sms.asked)) == (1, 1)
        assert await waiting(store) == []
