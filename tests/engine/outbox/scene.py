"""A delivery with recording targets on a simulated clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio
from sqlalchemy import event as sa_event
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import LogCapture

from fluentsd.clock import SimClock
from fluentsd.domain.events import AttemptRecorded, CampaignStarted, Event
from fluentsd.domain.subscriptions import Subscriptions
from fluentsd.engine.outbox.deliver import deliver
from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox, tables
from fluentsd.store.db.bridge import Store
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.databases import open_whole
from tests.engine.outbox.targets import ListTarget
from tests.engine.stage import MONDAY

SECOND = 1_000_000
ALL = ["campaign.*", "attempt.recorded"]


class Scene:
    """An empty database, a clock that jumps ahead while all tasks wait, and no engine but delivery."""

    def __init__(self, store: Store, clock: SimClock) -> None:
        self.store, self.clock, self.log = store, clock, LogCapture()
        self.runtime = Runtime(store, clock, {})

    @asynccontextmanager
    async def serving(self, *targets: ListTarget) -> AsyncIterator[None]:
        """A daemon with these targets; leaving the block is what a crash is for them."""
        log = structlog.wrap_logger(structlog.PrintLogger(), processors=[self.log])
        self.runtime = Runtime(self.store, self.clock, {}, log=log)
        async with trio.open_nursery() as nursery:
            await nursery.start(deliver, self.runtime, targets)
            yield
            nursery.cancel_scope.cancel()

    async def post(self, *events: Event) -> None:
        await self.store.run(outbox.post, *events, at=self.clock.now())

    async def wait(self, micros: int) -> None:
        await self.clock.sleep_until(self.clock.now() + micros)

    async def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return await execute(self.runtime, verb, arguments, Call("tester", self.clock.now(), role="admin"))

    async def rows(self) -> tuple[int, int]:
        """The number of events and of deliveries."""

        async def unit(conn: AsyncConnection) -> tuple[int, int]:
            tables_ = (tables.outbox_event, tables.outbox_delivery)
            events, deliveries = [
                int((await conn.execute(select(func.count()).select_from(table))).scalar_one()) for table in tables_
            ]
            return events, deliveries

        return await self.store.read(unit)

    def logged(self) -> list[tuple[str, Any]]:
        return [(entry["event"], entry.get("target")) for entry in self.log.entries]


@asynccontextmanager
async def opened(url: str, **topics: list[str]) -> AsyncIterator[Scene]:
    clock = SimClock(MONDAY)
    async with (
        open_whole(url, busy=clock.busy, subscriptions=Subscriptions(topics)) as store,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(clock.run)
        yield Scene(store, clock)
        nursery.cancel_scope.cancel()


def started(*refs: str) -> list[CampaignStarted]:
    return [CampaignStarted(campaign=ref, by=str(number)) for number, ref in enumerate(refs)]


def attempts(count: int) -> list[AttemptRecorded]:
    about: dict[str, Any] = {"contact": 1, "campaign": "c", "channel": "sms", "step": "s", "try_no": 1}
    return [AttemptRecorded(enrollment=n, attempt=f"{n:x}", outcome="sent", **about) for n in range(count)]


def order(target: ListTarget) -> dict[str, list[int]]:
    """The ids that a target accepted, by key."""
    found = defaultdict(list)
    for event in target.accepted:
        found[event.key].append(event.id)
    return found


def statements(store: Store) -> list[str]:
    """All statements of writing units from now on."""
    said = list[str]()

    def hear(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    sa_event.listen(store._writes.engine.sync_engine, "before_cursor_execute", hear)
    return said
