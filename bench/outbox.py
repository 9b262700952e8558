"""The outbox: what a subscriber costs a step, what a dead target costs another, and how long a flush takes.

Every run is a process of its own with a new file (SQLite, WAL, synchronous=FULL). Targets accept at once, in memory, so
the figures are those of the database and of the delivery loops. Each run counts what its target received; a run in
which an event is missing, or comes twice, fails.

`python bench/outbox.py FILE RUN` runs one of `steps none`, `steps posted`, `steps delivered`, `served N` and `flush N`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import population
import steps
import trio
from figures import tell
from rows import BenchFailed, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Unavailable
from fluentsd.bootstrap import freeze_gc
from fluentsd.clock import SystemClock
from fluentsd.domain.events import AttemptRecorded, CampaignStarted, Event
from fluentsd.domain.subscriptions import NOBODY, Subscriptions
from fluentsd.engine.outbox.deliver import deliver
from fluentsd.engine.outbox.targets import Posted
from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox, tables
from fluentsd.store.db.bridge import Store, open_store

STEPS, SERVED, BEHIND = 20_000, 20_000, 100_000
PAIRS = 3
#: Least rate of steps with one subscriber; least rate of a target beside a dead one; most time of twice the flush.
SUBSCRIBED, BESIDE, TWICE = 0.8, 0.95, 2.3
POSTED_AT_ONCE = 500


class Accepts:
    """A target that accepts at once; `done` is set when it has `count` events."""

    keeps_delivered = True

    def __init__(self, name: str, count: int) -> None:
        self.name, self._count, self._ids, self.done = name, count, set[int](), trio.Event()

    async def deliver(self, event: Posted) -> None:
        if event.id in self._ids:
            raise SystemExit(f"event {event.id} came twice")
        self._ids.add(event.id)
        if len(self._ids) == self._count:
            self.done.set()


class Dead:
    """A target that is down."""

    name, keeps_delivered = "dead", True

    async def deliver(self, event: Posted) -> None:
        raise Unavailable("it does not answer")


def outbox_rows(folder: Path) -> list[Row]:
    """Three rows, of runs in turn."""
    subscribed = [
        (_run(folder / f"one-{n}.db", "steps", "delivered"), _run(folder / f"none-{n}.db", "steps", "none"))
        for n in range(PAIRS)
    ]
    posted = [_run(folder / f"posted-{n}.db", "steps", "posted")["rate"] for n in range(PAIRS)]
    beside = [
        (_run(folder / f"beside-{n}.db", "served", str(BEHIND)), _run(folder / f"alone-{n}.db", "served", "0"))
        for n in range(PAIRS)
    ]
    flushes = [
        (_run(folder / f"all-{n}.db", "flush", str(BEHIND)), _run(folder / f"half-{n}.db", "flush", str(BEHIND // 2)))
        for n in range(PAIRS)
    ]
    whole, half = (round(statistics.median(pair[place]["seconds"] for pair in flushes), 2) for place in (0, 1))
    factor = round(statistics.median(a["seconds"] / b["seconds"] for a, b in flushes), 2)
    flushed = f"{BEHIND:,} events after an outage, beside {BEHIND // 2:,}; keys: one per person"
    return [
        _paired("outbox subscriber", subscribed, "steps/s", SUBSCRIBED,
                "one target of attempt.recorded that receives every event meanwhile, beside none",
                {"posted_only": round(statistics.median(posted))}),
        _paired("outbox beside a dead target", beside, "events/s", BESIDE,
                f"a target that is served while {BEHIND:,} deliveries wait for a dead one, beside no dead one", {}),
        Row("outbox flush", whole, half, "s", factor, TWICE, "at most", flushed,
            {"events_per_s": round(BEHIND / whole)}),
    ]  # fmt: skip


def _paired(
    name: str, pairs: list[tuple[dict[str, float], dict[str, float]]], unit: str, bar: float, note: str, extra: Any
) -> Row:
    ours, peer = (round(statistics.median(pair[place]["rate"] for pair in pairs)) for place in (0, 1))
    ratio = round(statistics.median(a["rate"] / b["rate"] for a, b in pairs), 2)
    return Row(name, ours, peer, unit, ratio, bar, note=note, extra=extra)


def _run(database: Path, *what: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, str(database), *what], capture_output=True, text=True)
    if done.returncode:
        raise BenchFailed(f"outbox {' '.join(what)}: {done.stderr.strip()[-500:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


async def _steps(database: Path, way: str) -> float:
    """Steps per second; with `delivered` every event has reached its target when the last step is recorded, or soon."""
    subscriptions = NOBODY if way == "none" else Subscriptions({"one": ["attempt.recorded"]})
    target = Accepts("one", STEPS)

    async def serve(runtime: Runtime, nursery: trio.Nursery) -> None:
        if way == "delivered":
            await nursery.start(deliver, runtime, [target])

    took, _ = await steps.carry_out(database, STEPS, 1000, subscriptions=subscriptions, beside=serve)
    async with open_store(steps.url(database), subscriptions=subscriptions) as store:
        if way == "delivered":
            async with trio.open_nursery() as nursery:
                await nursery.start(deliver, Runtime(store, SystemClock(), {}), [target])
                await target.done.wait()
                nursery.cancel_scope.cancel()
        counts = await store.read(outbox.counts)
    if counts != ({("one", "waiting"): STEPS} if way == "posted" else {}):
        raise SystemExit(f"{way}: {counts} deliveries wait")
    return STEPS / took


async def _served(database: Path, behind: int) -> float:
    """Events per second of a target, with deliveries that wait for a dead one."""
    topics = {"dead": ["attempt.recorded"], "live": ["campaign.*"]}
    async with open_store(steps.url(database), subscriptions=Subscriptions(topics)) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        await _post(store, _attempts(behind))
        await _post(store, [CampaignStarted(campaign=f"c{n % 1000}", by="bench") for n in range(SERVED)])
        live = Accepts("live", SERVED)
        return SERVED / await _serve(store, [Dead(), live] if behind else [live], live)


async def _flush(database: Path, count: int) -> float:
    """Seconds until a target has received what waited for it."""
    async with open_store(steps.url(database), subscriptions=Subscriptions({"one": ["attempt.recorded"]})) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        await _post(store, _attempts(count))
        target = Accepts("one", count)
        return await _serve(store, [target], target)


async def _serve(store: Store, targets: list[Any], last: Accepts) -> float:
    freeze_gc()
    async with trio.open_nursery() as nursery:
        began = time.perf_counter()
        await nursery.start(deliver, Runtime(store, SystemClock(), {}), targets)
        await last.done.wait()
        took = time.perf_counter() - began
        nursery.cancel_scope.cancel()
    return took


def _attempts(count: int) -> list[Event]:
    about: dict[str, Any] = {"campaign": "bench", "channel": "sms", "step": "first", "try_no": 1, "outcome": "sent"}
    return [AttemptRecorded(enrollment=n, contact=n, attempt=f"{n:024x}", **about) for n in range(count)]


async def _post(store: Store, events: list[Any]) -> None:
    async def unit(conn: AsyncConnection, some: list[Any]) -> None:
        await outbox.post(conn, *some, at=SystemClock().now())

    for first in range(0, len(events), POSTED_AT_ONCE):
        await store.run(unit, events[first : first + POSTED_AT_ONCE])


def main() -> None:
    database, run, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if run == "steps":
        trio.run(steps.make, database, "We will call you tomorrow.")
        population.put(database, steps.REF, due=STEPS, at=SystemClock().now())
        tell(rate=trio.run(_steps, database, what))
    elif run == "served":
        tell(rate=trio.run(_served, database, int(what)))
    else:
        tell(seconds=trio.run(_flush, database, int(what)))


if __name__ == "__main__":
    main()
