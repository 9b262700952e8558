"""Restarts of the delivery: nothing is lost, nothing changes its id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluentsd.api import Rejected
from fluentsd.engine.outbox.targets import Posted
from tests.engine.outbox.scene import ALL, SECOND, opened, order, started
from tests.engine.outbox.targets import DOWN, ListTarget
from tests.engine.stage import HOUR, MINUTE


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
