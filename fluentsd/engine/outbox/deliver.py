"""Outbox delivery: one loop per target, so that none waits for another.

A pass reads a batch of due deliveries, sends the keys at once and each key in order, and writes all results in one
transaction. A target that is down gets a probe after a growing pause and nothing else; when it accepts one, batches go
on. An event that the target refuses waits alone, with the later ones of its key, and is a dead letter after `TRIES`.
After a crash what was not written is delivered again with the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import trio

from fluentsd.api import in_words
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.outbox.targets import Posted, Target, asked_pause, meaning_of
from fluentsd.engine.outbox.tasks import Tasks
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.wakeup import Wakeup
from fluentsd.store import outbox
from fluentsd.store.outbox import Postponed, Waiting
from fluentsd.text import LINE_AT_MOST, clean
from fluentsd.unavailable import StoreClosed, StoreUnavailable

#: Deliveries read, and written, in one transaction; keys served at once.
BATCH, AT_ONCE = 200, 20
#: A probe is one of this many due deliveries in turn: the oldest may be one that the target never answers.
PROBES = 5
#: Tries of an event that is refused, over about two and a half hours.
TRIES = 12
#: Between two batches, so that claims and outcomes go first.
REST = SECOND // 100
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 3600 * SECOND
#: Seconds for the results of a batch that a shutdown interrupts.
LAST_WRITE = 1.0


async def deliver(
    runtime: Runtime, targets: Iterable[Target] = (), *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the targets, and the daemon's own tasks, until cancelled."""
    loops = [_Loop(runtime, target) for target in (Tasks(runtime), *targets)]
    async with trio.open_nursery() as nursery:
        for loop in loops:
            runtime.outbox_wakeups[loop.target.name].append(loop.wakeup)
            nursery.start_soon(loop.run)
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            for loop in loops:
                runtime.outbox_wakeups[loop.target.name].remove(loop.wakeup)


@dataclass(slots=True)
class _Batch:
    """The results of one batch. `unanswered`: deliveries whose failure says that the target is down."""

    delivered: list[Waiting] = field(default_factory=list)
    refused: list[tuple[Waiting, Exception]] = field(default_factory=list)
    waiting: list[tuple[Waiting, Exception]] = field(default_factory=list)
    unanswered: list[tuple[Waiting, Exception]] = field(default_factory=list)


class _Loop:
    """The deliveries of one target."""

    def __init__(self, runtime: Runtime, target: Target) -> None:
        self.runtime, self.target, self.wakeup = runtime, target, Wakeup()
        self._failures = 0  #: probes in a row that failed
        self._proved = False  #: whether the target accepted the last thing it was sent

    async def run(self) -> None:
        clock = self.runtime.clock
        while True:
            try:
                until = await self._pass()
            except StoreClosed:
                return
            except StoreUnavailable:
                until = clock.now() + SECOND
            if until is None or until > clock.now():
                await self.wakeup.wait_until(clock, until)
                if gathers := getattr(self.target, "gathers", 0):
                    await clock.sleep_until(clock.now() + gathers)
            else:
                await clock.sleep_until(clock.now() + REST)
            while (probe_at := self.runtime.targets_down.get(self.target.name, 0)) > clock.now():
                await self.wakeup.wait_until(clock, probe_at)  # a new event does not shorten the pause

    async def _pass(self) -> int | None:
        """One batch, or one probe; returns when to look again; a target that is down waits longer."""
        runtime, name = self.runtime, self.target.name
        now = runtime.clock.now()
        most = BATCH if self._proved else PROBES
        found = await runtime.store.read(outbox.due, name, now, most)
        chains, blocked = _chains(found)
        if blocked:
            await runtime.store.run(outbox.park, name, blocked)
        if not self._proved and chains:
            chains = [chains[self._failures % len(chains)][:1]]
        batch = _Batch()
        try:
            await self._send(chains, batch)
            await self._settle(batch)
        except BaseException:  # a shutdown: what was accepted is written, so that it is not delivered again
            with trio.move_on_after(LAST_WRITE, shield=True):
                await self._write(batch.delivered, [])
            raise
        return now if len(found) == most else await runtime.store.read(outbox.next_due, name)

    async def _send(self, chains: Sequence[Sequence[Waiting]], batch: _Batch) -> None:
        left = iter(chains)
        async with trio.open_nursery() as nursery:
            for _ in range(min(AT_ONCE, len(chains))):
                nursery.start_soon(self._send_some, left, batch)

    async def _send_some(self, chains: Iterator[Sequence[Waiting]], batch: _Batch) -> None:
        """The events of one key after another, each key until one fails. Each worker sends one event in any case, so
        that one event without an answer is told from a target that is down."""
        is_first = True
        for chain in chains:
            for one in chain:
                if batch.unanswered and not is_first:
                    return
                is_first = False
                event = Posted(one.event_id, one.topic, one.key, one.payload, one.created_at)
                try:
                    await self.target.deliver(event)
                except Exception as why:  # noqa: BLE001 - the guard at the edge of each delivery: it is retried
                    match meaning_of(why):
                        case "down":
                            batch.unanswered.append((one, why))
                        case "wait":
                            batch.waiting.append((one, why))
                        case "refused":
                            batch.refused.append((one, why))
                    break
                batch.delivered.append(one)

    async def _settle(self, batch: _Batch) -> None:
        """Decide what the failures mean, and write the results. A target that accepts or refuses events is not down:
        an event that it did not answer meanwhile counts as refused, or it would block its key for ever."""
        answered = bool(batch.delivered or batch.refused or batch.waiting)
        refused = batch.refused + (batch.unanswered if answered else [])
        postponed = [self._postponed(one, why, refused=False) for one, why in batch.waiting]
        postponed += [self._postponed(one, why, refused=True) for one, why in refused]
        if batch.delivered or postponed:
            await self._write(batch.delivered, postponed)
        if answered:
            self._is_up()
        elif batch.unanswered:
            self._is_down([why for _, why in batch.unanswered])

    def _postponed(self, one: Waiting, why: Exception, *, refused: bool) -> Postponed:
        log, problem = self.runtime.log, clean(in_words(why), LINE_AT_MOST)
        about = {"target": self.target.name, "topic": one.topic, "id": one.event_id, "error": type(why).__name__}
        if refused and one.refusals + 1 >= TRIES:
            log.error("outbox.dead", **about, fix="outbox retry")
            return Postponed(one.event_id, one.key, None, problem, refused)
        pause = _pause(one.tries, asked_pause(why))
        log.warning("outbox.retry", **about, seconds=pause // SECOND)
        return Postponed(one.event_id, one.key, self.runtime.clock.now() + pause, problem, refused)

    def _is_up(self) -> None:
        self.runtime.targets_down.pop(self.target.name, None)
        if self._failures:
            self.runtime.log.info("outbox.target_up", target=self.target.name)
        self._failures, self._proved = 0, True

    def _is_down(self, reasons: Sequence[Exception]) -> None:
        name, down = self.target.name, self.runtime.targets_down
        if not self._failures:
            self.runtime.log.warning("outbox.target_down", target=name, error=type(reasons[0]).__name__)
        pause = _pause(self._failures, max(map(asked_pause, reasons)))
        down[name] = self.runtime.clock.now() + pause
        self._failures, self._proved = self._failures + 1, False

    async def _write(self, delivered: Sequence[Waiting], postponed: Sequence[Postponed]) -> None:
        """Write results; retried while the database is unavailable, to avoid a second delivery."""
        runtime, target = self.runtime, self.target
        while delivered or postponed:
            try:
                now = runtime.clock.now()
                return await runtime.store.run(
                    outbox.note, target.name, delivered, postponed, now, keep=target.keeps_delivered
                )
            except StoreClosed:
                return  # the daemon is stopping; the events are delivered again after the next start
            except StoreUnavailable:
                await runtime.clock.sleep_until(runtime.clock.now() + SECOND)


def _chains(found: Sequence[Waiting]) -> tuple[list[list[Waiting]], list[Waiting]]:
    """The deliveries by key, each key in order, and those that an earlier one outside the batch keeps waiting."""
    chains: dict[str, list[Waiting]] = {}
    blocked = []
    for one in sorted(found):
        chain = chains.get(one.key)
        if one.before is None or (chain and chain[-1].event_id == one.before):
            chains.setdefault(one.key, []).append(one)
        else:
            blocked.append(one)
    return list(chains.values()), blocked


def _pause(failures: int, asked: int) -> int:
    """Microseconds until the next try: doubled each time up to an hour, and at least what the target asked for."""
    return max(min(FIRST_PAUSE << min(failures, 20), LONGEST_PAUSE), asked)
