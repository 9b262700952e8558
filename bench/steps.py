"""fluentsd's due steps per second with a no-op channel, and its idle passes.

One process: the real store (SQLite, WAL, synchronous=FULL), the real dispatcher, the sandbox's `noop` carrier. Each
step is judged by the gate with its facts from the database (points, zones, a suppression list, a cap per contact),
claimed, sent and recorded, and the person's next step is scheduled a local day later. The steps are counted in the
database afterwards; a run that lost or repeated a step fails.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import population
import trio
from figures import syncs, tell
from fluentsd_channel_sandbox import Noop
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.bootstrap import freeze_gc
from fluentsd.clock import SystemClock
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.subscriptions import NOBODY, Subscriptions
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.dispatcher import Dispatcher
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.nursery import send_until_stopped
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, tables
from fluentsd.store.db.bridge import Store, open_store

REF = "bench"
PASSES = 200


def campaign(text: str) -> CampaignFile:
    """Two text messages a day apart, at any hour, because a benchmark may run at night."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return read_campaign(
        {
            "name": "Bench",
            "ref": REF,
            "window": {"days": days, "hours": "00:00-24:00", "fallback_timezone": "America/Chicago"},
            "limits": {"per_contact": "3/day"},
            "step": [
                {"id": "first", "channel": "sms", "text": text},
                {"id": "second", "channel": "sms", "text": text, "after": "1 day"},
            ],
        }
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts in the database."""

    settled: int
    waiting: int
    due: int

    @classmethod
    def of(cls, database: Path, at: int) -> Counts:
        with closing(sqlite3.connect(database)) as conn:
            one = [
                conn.execute("SELECT count(*) FROM attempt WHERE state = 'settled' AND outcome = 'sent'"),
                conn.execute("SELECT count(*) FROM waiting"),
                conn.execute("SELECT count(*) FROM waiting WHERE due_at <= ?", (at,)),
            ]
            return cls(*(int(rows.fetchone()[0]) for rows in one))


async def make(database: Path, text: str) -> None:
    """A new database with one active campaign without people."""
    async with open_store(url(database)) as store:

        async def unit(conn: AsyncConnection) -> None:
            await conn.run_sync(tables.metadata.create_all)
            row = await campaigns.create(conn, campaign(text), owner="bench", at=SystemClock().now())
            await campaigns.move(conn, row, "start", at=SystemClock().now())

        await store.run(unit)


def url(database: Path) -> str:
    return f"sqlite+aiosqlite:///{database}"


def runtime(store: Store, concurrency: int) -> Runtime:
    channel = Noop({"kind": "sms"}, None)  # type: ignore[arg-type]  # it needs no tools
    return Runtime(store, SystemClock(), {"sms": ChannelState("sms", channel, concurrency=concurrency)})


async def carry_out(
    database: Path,
    due: int,
    concurrency: int,
    *,
    subscriptions: Subscriptions = NOBODY,
    beside: Callable[[Runtime, trio.Nursery], Awaitable[None]] | None = None,
) -> tuple[float, float]:
    """Seconds until `due` steps are recorded, and their processor time. `beside` starts what runs meanwhile."""
    async with open_store(url(database), subscriptions=subscriptions) as store:
        freeze_gc()  # as the daemon does once it is ready
        shared = runtime(store, concurrency)
        recorder = Recorder(shared)
        engine = Dispatcher(shared, recorder)
        landed = Landed(engine.runtime, due)
        async with trio.open_nursery() as nursery:
            began, worked = time.perf_counter(), time.process_time()
            await nursery.start(send_until_stopped, engine, recorder)
            if beside is not None:
                await beside(shared, nursery)
            await landed.wait()
            took, worked = time.perf_counter() - began, time.process_time() - worked
            engine.stop()
            nursery.cancel_scope.cancel()
        return took, worked


class Landed:
    """Counts attempts whose outcome is committed."""

    def __init__(self, watched: Runtime, count: int) -> None:
        self._flights, self._left, self._done = watched.in_flight, count, trio.Event()
        self._land = watched.in_flight.remove
        watched.in_flight.remove = self._count  # type: ignore[method-assign]

    def _count(self, attempt_id: str) -> bool:
        flew = self._land(attempt_id)
        self._left -= flew
        if not self._left:
            self._done.set()
        return flew

    async def wait(self) -> None:
        await self._done.wait()


async def idle(database: Path, seconds: float) -> dict[str, float]:
    """The cost of one pass with nothing due, and the number of passes in `seconds`."""
    async with open_store(url(database)) as store:
        shared = runtime(store, 1000)
        recorder = Recorder(shared)
        engine = Dispatcher(shared, recorder)
        took = []
        async with trio.open_nursery() as nursery:
            for _ in range(PASSES):
                began = time.perf_counter()
                await engine._one_pass(nursery)
                took.append((time.perf_counter() - began) * 1e3)
        async with trio.open_nursery() as nursery:
            await nursery.start(send_until_stopped, engine, recorder)
            await trio.sleep(0.5)
            passes, busy = engine.runtime.wakeups, time.process_time()
            await trio.sleep(seconds)
            passes, busy = engine.runtime.wakeups - passes, time.process_time() - busy
            engine.stop()
        return {
            "pass_ms": statistics.median(took),
            "pass_first_ms": took[0],
            "pass_p99_ms": statistics.quantiles(took, n=100)[98],
            "passes": passes,
            "seconds": seconds,
            "busy_ms": busy * 1e3,
        }


def measure(database: Path, args: argparse.Namespace) -> None:
    at = SystemClock().now()
    if args.scattered:
        population.scatter_due(database, args.due, at)
    else:
        population.put(database, REF, due=args.due, at=at)
    before, written = Counts.of(database, at), syncs()
    if before.due != args.due:
        raise SystemExit(f"{before.due} people are due instead of {args.due}")
    took, worked = trio.run(carry_out, database, args.due, args.concurrency)
    waited = None if written is None else (syncs() or 0) - written
    after = Counts.of(database, at)
    done = after.settled - before.settled
    if (done, after.waiting, after.due) != (args.due, before.waiting, 0):
        raise SystemExit(f"not every step was carried out once: before {before}, after {after}")
    tell(rate=args.due / took, cpu_us=worked / args.due * 1e6, count=done, durable_writes=waited)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path, help="a new file, or one that an earlier run has made")
    parser.add_argument("--due", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=0, help="people in a new file whose moment is far off")
    parser.add_argument("--concurrency", type=int, default=1000)
    parser.add_argument("--text", default="We will call you tomorrow.")
    parser.add_argument("--scattered", action="store_true", help="the due are taken from all over those who wait")
    parser.add_argument("--idle", type=float, default=0, help="measure this many seconds of nothing instead")
    args = parser.parse_args()
    if not args.database.exists():
        trio.run(make, args.database, args.text)
        population.put(args.database, REF, waiting=args.waiting, at=SystemClock().now())
    if args.idle:
        tell(**trio.run(idle, args.database, args.idle))
    elif args.due:
        measure(args.database, args)


if __name__ == "__main__":
    main()
