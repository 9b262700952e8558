"""Random histories of joins, leaves, edits, merges, outages and restarts: afterwards the campaign equals the list.

Nobody is lost, nobody is enrolled twice, nobody exits although they never left, and nobody is texted twice.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import trio

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.sync_options import SyncOptions
from tests.databases import open_whole
from tests.engine.conftest import TO_LOG
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, staged
from tests.engine.sync.conftest import SEGMENT, Followed
from tests.engine.sync.fake_source import FakeCrm

PEOPLE = 30
#: Nobody is due during the history, so that the list alone decides.
LATE = SMS | {"after": "3 days"}

OFTEN = SyncOptions(every=HOUR, walk_every=2 * HOUR, share=1.0)
SELDOM = SyncOptions(every=3 * HOUR, walk_every=3 * HOUR, share=1.0)  #: when nothing happens any more


class History:
    """What happens in the CRM, and what must come of it."""

    def __init__(self, chance: random.Random, crm: FakeCrm) -> None:
        self.chance, self.crm = chance, crm
        self.merged: set[int] = set()  #: a CRM gives no id twice

    def present(self) -> set[int]:
        return {int(key[1:]) for key in self.crm.members["list:1"]}

    def happen(self) -> None:
        """One event."""
        chance, crm, here = self.chance, self.crm, sorted(self.present())
        match chance.choice(["join", "join", "leave", "silent", "edit", "merge", "outage", "expiry"]):
            case "join":
                crm.put(chance.choice(sorted(set(range(PEOPLE)) - self.merged)))
            case "leave" if here:
                crm.take_out(chance.choice(here))
            case "silent" if here:
                crm.take_out(chance.choice(here), silently=True)
            case "edit" if here:
                crm.put(chance.choice(here), firstname=f"N{chance.randrange(99)}")
            case "merge" if len(here) > 1:
                winner, loser = chance.sample(here, 2)
                crm.merge(winner, loser)
                self.merged.add(loser)
            case "outage":
                error = chance.choice([Unavailable("502", after=20), NeedsHuman("no scope"), RuntimeError("a bug")])
                crm.fails = [error] * chance.randint(1, 4)
            case "expiry":
                crm.walks_gone = {"10", "20"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40 if os.environ.get("FLUENTSD_LONG") else 2))
async def test_after_quiet_the_campaign_equals_the_list(tmp_path: Path, seed: int) -> None:
    chance, clock = random.Random(seed), SimClock(MONDAY)
    crm = FakeCrm(clock)
    history = History(chance, crm)
    for n in range(12):
        crm.put(n)
    url, is_new = f"sqlite+aiosqlite:///{tmp_path}/random.db", True
    for _ in range(4):  # as many lives of the daemon; each ends at any moment, in the middle of a walk too
        async with (
            open_whole(url, busy=clock.busy, subscriptions=TO_LOG) as store,
            staged(store, clock, sources={"crm": crm}, sync_options={"crm": OFTEN}) as stage,
        ):
            followed = Followed(stage, crm)
            if is_new:
                await followed.start(LATE, segment=[SEGMENT | {"reenter": "always"}])
                is_new = False
            for _ in range(chance.randint(2, 8)):
                history.happen()
                await followed.pass_time(chance.randrange(90 * MINUTE))
            for _ in range(chance.randrange(40)):
                await trio.lowlevel.checkpoint()
    async with (
        open_whole(url, busy=clock.busy, subscriptions=TO_LOG) as store,
        staged(store, clock, sources={"crm": crm}, sync_options={"crm": SELDOM}) as stage,
    ):
        crm.fails = []
        followed = Followed(stage, crm)
        await followed.pass_time(6 * HOUR)
        found, segment = await stage.overview(), await followed.segment()
        here = history.present()
        assert (segment["people"], segment["missing"], segment["problem"]) == (len(here), 0, "")
        assert found["queued"] == len(here), (found, here)
        assert set(found["exited_by_reason"]) <= {"left_segment", "merged"}
        await followed.pass_time(6 * DAY)
        assert followed.texted() == sorted(f"+1212555{n:04d}" for n in here)
