"""Delivery: order per key and target, targets apart from each other, dead letters, restarts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sa_event
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import LogCapture

from fluentsd.api import Rejected, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.events import AttemptRecorded, CampaignResumed, CampaignStarted, EnrollmentEnded, Event, HoldPlaced
from fluentsd.domain.subscriptions import Subscriptions
from fluentsd.engine.outbox.deliver import BATCH, TRIES, deliver
from fluentsd.engine.outbox.targets import Posted
from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox, tables
from fluentsd.store.db.bridge import Store
from fluentsd.verbs import Call
from fluentsd.verbs.execute import Refused, execute
from tests.databases import open_whole
from tests.engine.outbox.targets import DOWN, ListTarget
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY

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


def statements(store: Store) -> list[str]:
    """All statements of writing units from now on."""
    said = list[str]()

    def hear(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    sa_event.listen(store._writes.engine.sync_engine, "before_cursor_execute", hear)
    return said


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


async def test_a_refused_event_dies_after_its_tries_and_its_key_goes_on(database_url: str) -> None:
    target = ListTarget("one")
    bad = [Rejected("never"), RuntimeError("a bug")]
    target.refuse = lambda event: bad[event.payload["by"] == "2"] if event.payload["by"] in "02" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a", "b", "a", "c"))
        await scene.wait(SECOND)
        assert target.keys() == ["c"]  # other keys do not wait
        behind = {d["state"] for d in (await scene.do("outbox list"))["deliveries"] if d["key"] == "a"}
        assert behind == {"due", "behind"}
        await scene.wait(DAY)
        assert [(event.key, event.payload["by"]) for event in target.accepted] == [("c", "4"), ("a", "1"), ("a", "3")]
        assert Counter(event.payload["by"] for event in target.asked) == {
            "0": TRIES,
            "1": 1,
            "2": TRIES,
            "3": 1,
            "4": 1,
        }
        dead = (await scene.do("outbox list"))["deliveries"]
        assert [(d["state"], d["tries"], d["problem"]) for d in dead] == [
            ("dead", TRIES, "Rejected: never"),
            ("dead", TRIES, "RuntimeError: a bug"),
        ]
        assert scene.logged().count(("outbox.dead", "one")) == 2
        assert (await scene.do("state"))["dead_letters"] == {"one": 2}


async def test_a_person_retries_and_drops_dead_letters(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda _: Rejected("no")
    async with opened(database_url, one=ALL, other=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "b", "c"))
        await scene.wait(DAY)
        first, second, _ = [d["id"] for d in (await scene.do("outbox list", target="one"))["deliveries"]]
        for wrong in ({}, {"id": first, "all": True}, {"target": "one", "all": True}):
            with pytest.raises(Refused, match="say which"):
                await scene.do("outbox retry", **wrong)
        target.refuse = lambda _: None
        assert (await scene.do("outbox retry", id=second)) == {"retried": 1}
        await scene.wait(SECOND)
        assert target.keys() == ["b"]
        assert target.accepted[0].id == second
        assert (await scene.do("outbox drop", id=first)) == {"dropped": 1}
        assert (await scene.do("outbox retry", target="one")) == {"retried": 1}
        await scene.wait(SECOND)
        assert sorted(target.keys()) == ["b", "c"]
        with pytest.raises(Refused, match="name the target whose"):
            await scene.do("outbox drop", all=True, waiting=True)
        assert (await scene.do("outbox drop", target="other", waiting=True)) == {"dropped": 3}
        assert await scene.rows() == (2, 2)  # what was delivered stays until retention
        acts = [entry["verb"] for entry in (await scene.do("log", most=9))["entries"]]
        assert acts == ["outbox drop", "outbox retry", "outbox drop", "outbox retry"]


async def test_dropping_the_head_of_a_key_lets_the_next_go(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: Rejected("no") if event.payload["by"] == "0" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a"))
        await scene.wait(MINUTE)
        assert target.accepted == []
        (head, _) = (await scene.do("outbox list"))["deliveries"]
        await scene.do("outbox drop", id=head["id"], target="one", waiting=True)
        await scene.wait(SECOND)
        assert [event.payload["by"] for event in target.accepted] == ["1"]


async def test_one_event_that_is_never_answered_does_not_stop_the_others(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: DOWN if event.key == "a" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a"), *started(*(f"k{n}" for n in range(250))))
        await scene.wait(MINUTE)
        assert len(target.accepted) == 250
        waiting = {d["state"]: d["tries"] for d in (await scene.do("outbox list"))["deliveries"]}
        assert set(waiting) == {"due", "behind"}


async def test_a_restart_repeats_what_was_not_noted_under_the_same_id_and_loses_nothing(database_url: str) -> None:
    class Dies(ListTarget):
        """Accepts, and the process ends before the daemon hears of it."""

        async def deliver(self, event: Posted) -> None:
            await super().deliver(event)
            await trio.sleep_forever()

    async with opened(database_url, one=ALL) as scene:
        before, after = Dies("one"), ListTarget("one")
        async with scene.serving(before):
            await scene.post(*started("a", "b"))
            await scene.wait(SECOND)
        assert len(before.accepted) == 1  # the first of a run is a probe
        async with scene.serving(after):
            await scene.wait(SECOND)
        assert after.accepted[0] == before.accepted[0]
        assert sorted(after.keys()) == ["a", "b"]


async def test_what_was_accepted_before_an_orderly_stop_is_not_delivered_again(database_url: str) -> None:
    class Stuck(ListTarget):
        async def deliver(self, event: Posted) -> None:
            if event.key == "stuck":
                await trio.sleep_forever()
            await super().deliver(event)

    async with opened(database_url, one=ALL) as scene:
        target, after = Stuck("one"), ListTarget("one")
        async with scene.serving(target):
            await scene.post(*started("first", "a", "stuck", "b"))
            await scene.wait(MINUTE)
        assert sorted(target.keys()) == ["a", "b", "first"]
        async with scene.serving(after):
            await scene.wait(MINUTE)
        assert after.keys() == ["stuck"]


async def test_an_id_is_never_used_again(database_url: str) -> None:
    async with opened(database_url, one=ALL) as scene:
        await scene.post(*started("a", "b"))
        (_, last) = [d["id"] for d in (await scene.do("outbox list"))["deliveries"]]
        await scene.do("outbox drop", target="one", waiting=True)
        await scene.post(*started("c"))
        ((new),) = (await scene.do("outbox list"))["deliveries"]
        assert new["id"] > last


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


async def test_rows_behind_one_refused_event_are_parked_once(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: Rejected("no") if event.payload["by"] == "0" else None
    async with opened(database_url, one=ALL) as scene:
        await scene.post(*started(*["a"] * 500, "b"))
        said = statements(scene.store)
        async with scene.serving(target):
            await scene.wait(SECOND)
            assert target.keys() == ["b"]
            parks = len(said)
            await scene.wait(HOUR)
            assert len(said) - parks < 2 * TRIES  # only the head is looked at again
            await scene.wait(DAY)
        assert len(target.accepted) == 500
        assert [event.payload["by"] for event in target.accepted] == ["500", *(str(n) for n in range(1, 500))]


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


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(
        st.tuples(
            st.lists(st.sampled_from("abc"), max_size=5),  # keys of new events
            st.sets(st.sampled_from(["one", "two"])),  # targets that are down meanwhile
            st.integers(1, 4),  # every n-th event is refused meanwhile
            st.booleans(),  # a restart before it
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_happens_each_target_gets_each_event_in_order(tmp_path_factory: Any, turns: Iterable[Any]) -> None:
    """Random events, failures and restarts: nothing is lost, and the first acceptances of a key are in order."""
    posted = 0

    async def main() -> list[ListTarget]:
        nonlocal posted
        url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('model') / 'x.db'}"
        targets = [ListTarget("one"), ListTarget("two")]
        async with opened(url, one=ALL, two=ALL) as scene:
            running = turns_by_run(turns)
            for run in running:
                async with scene.serving(*targets):
                    for keys, down, nth in run:
                        for target in targets:
                            target.down = DOWN if target.name in down else None
                            target.refuse = lambda event, nth=nth: Rejected("no") if event.id % nth == 1 else None
                        await scene.post(*started(*keys))
                        posted += len(keys)
                        await scene.wait(20 * SECOND)
            for target in targets:
                target.down, target.refuse = None, lambda _: None
            async with scene.serving(*targets):
                await scene.wait(3 * HOUR)
        return targets

    for target in trio.run(main):
        assert len(target.accepted) == posted == len({event.id for event in target.accepted})
        assert all(ids == sorted(ids) for ids in order(target).values())


def turns_by_run(turns: Iterable[Any]) -> list[list[Any]]:
    """The turns of each run of the daemon."""
    runs: list[list[Any]] = [[]]
    for *turn, restarts in turns:
        if restarts:
            runs.append([])
        runs[-1].append(turn)
    return runs
