"""Edits while hundreds of people are enrolled: nobody is contacted twice for a step, nobody is lost, nobody is
contacted outside the hours in force at that instant, whatever operators do and in whatever order.

The channels keep count, and so does the test: of the hours it has asked for, and of the pauses.
"""

from __future__ import annotations

import os
import random
from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Inbound, Message, Outcome, Receipt, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.campaign import CampaignFile, contact_window, read_campaign, step_window
from fluentsd.domain.time.windows import calendar
from fluentsd.store import tables
from fluentsd.verbs import Refused
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, FakeChannel, Stage, person, spec, staged
from tests.stories.test_law import barred_by

PEOPLE, LATER, EDITS = 180, 20, 36
PLACES: tuple[tuple[list[str], list[str]], ...] = (
    (["America/New_York"], []), (["America/Los_Angeles"], []), (["America/Chicago"], ["US-TX"]),
    (["America/New_York"], ["US-RI"]), (["America/Chicago", "America/New_York"], ["US-FL"]), (["Australia/Sydney"], []),
)  # fmt: skip
WAIVABLE = ("TX.hours", "RI.hours", "FL.hours", "US.hours")
STEPS = ("a", "b", "c", "d", "e", "f")


def random_steps(chance: random.Random) -> list[dict[str, Any]]:
    """Some of the steps that there are, in some order; one of them goes now by mail and now by text."""
    steps = []
    for id in chance.sample(STEPS, chance.randint(2, 5)):
        channel = chance.choice(["sms", "email"]) if id == "c" else {"a": "phone", "b": "email"}.get(id, "sms")
        details = {"phone": {"agent": "a"}, "sms": {"text": "Hi"}, "email": {"subject": "s", "text": "t"}}[channel]
        step = {"id": id, "channel": channel, "after": chance.choice(["0", "7 hours", "1 day", "2 days"])} | details
        steps.append(step | ({"hours": "10:00-15:00"} if chance.random() < 0.2 else {}))
    return steps


def random_window(chance: random.Random) -> dict[str, Any]:
    hours = chance.choice(["09:00-17:00", "07:00-12:00", "08:00-22:00", "20:00-01:00", "00:00-24:00"])
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {"hours": hours, "days": chance.choice([days, days[:5]]), "fallback_timezone": "America/New_York"}


def random_law(chance: random.Random) -> dict[str, Any]:
    waived = chance.sample(WAIVABLE, chance.choice([0, 1, 2]))
    return {"waive": [{"rule": row, "because": "a reason that is long enough", "by": "Ann"} for row in waived]}


class Provider:
    """Mostly accepts; sometimes a message is lost, and the step is tried again."""

    def __init__(self, chance: random.Random, channel: FakeChannel) -> None:
        self.chance, self.channel = chance, channel

    def __call__(self, message: Message, attempt: Attempt) -> Receipt:
        if self.chance.random() < 0.05:
            raise Unavailable("busy", after=60, only_this=True)
        self.channel.accept(message, attempt)
        outcome = Outcome.no_answer if self.channel.kind == "phone" else Outcome.sent
        return Receipt(f"ref-{attempt.token}", outcome)


class Operators:
    """Edits, pauses, resumes, moves, removes and promises; the test records the rules in force at each time."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage, self.chance = stage, chance
        self.file = spec(*random_steps(chance), window=random_window(chance), law=random_law(chance))
        self.people = [self._person(n) for n in range(PEOPLE + LATER)]
        self.in_force: list[tuple[int, CampaignFile]] = []
        self.pauses: list[list[int]] = []
        self.done: Counter[str] = Counter()
        self.promised: Counter[tuple[str, str]] = Counter()  #: callbacks may repeat a step, once each

    def _person(self, n: int) -> dict[str, Any]:
        zones, states = self.chance.choice(PLACES)
        return person(n) | {"zones": zones, "states": states}

    def note(self) -> None:
        """Record that this is in force from now on."""
        self.in_force.append((self.stage.clock.now(), read_campaign(self.file)))

    async def edit(self, **more: Any) -> None:
        await self.stage.do("campaign apply", file=self.file | more)
        self.file |= more
        self.note()

    async def act(self) -> None:
        """One random act; an impossible act is refused and changes nothing."""
        acts = [self.window, self.law, self.steps, self.steps, self.upgrade, self.upgrade, self.pause, self.resume,
                self.resume, self.remove, self.callback, self.opt_out, self.arrive, self.retry]  # fmt: skip
        act = self.chance.choice(acts)
        with suppress(Refused):
            await act()
            self.done[act.__name__] += 1

    async def window(self) -> None:
        await self.edit(window=random_window(self.chance))

    async def law(self) -> None:
        await self.edit(law=random_law(self.chance))

    async def steps(self) -> None:
        await self.edit(step=random_steps(self.chance))

    async def upgrade(self) -> None:
        seen = await self.stage.do("campaign upgrade", ref="test", dry_run=True, step=[])
        now = [step["id"] for step in self.file["step"]]
        named = [f"{old}={self.chance.choice(now)}" for old in seen["lost"]]
        before = await self.stage.runtime.store.read(_attempts)
        planned = await self.stage.do("campaign upgrade", ref="test", dry_run=True, step=named)
        moved = await self.stage.do("campaign upgrade", ref="test", step=named)
        assert planned["people"] == sum(move["people"] for move in planned["moves"])
        if before == await self.stage.runtime.store.read(_attempts):  # else somebody was contacted in between
            assert moved["moved"] == planned["people"]
            self.done["upgrade as planned"] += 1

    async def pause(self) -> None:
        await self.stage.do("campaign pause", ref="test")
        self.pauses.append([self.stage.clock.now()])

    async def resume(self) -> None:
        late = self.chance.choice(["drip", "shift", "skip"])
        seen = await self.stage.do("campaign resume", ref="test", late=late, dry_run=True)
        then = await self.stage.do("campaign resume", ref="test", late=late)
        assert (seen["late"], seen["late_by_channel"]) == (then["late"], then["late_by_channel"])
        self.pauses[-1].append(self.stage.clock.now())

    async def remove(self) -> None:
        await self.stage.do("campaign remove", ref="test", person=self._somebody())

    async def callback(self) -> None:
        at = self.stage.clock.now() + self.chance.randrange(1, 1500) * MINUTE
        found = await self.stage.do("campaign callback", ref="test", person=self._somebody(), at=at, channel="sms")
        self.promised[found["person"], found["step"]] += 1

    async def opt_out(self) -> None:
        await self.stage.sms.tell(Inbound(Outcome.opted_out, address=self._somebody()))

    async def arrive(self) -> None:
        await self.stage.enroll(*self.people[: PEOPLE + LATER])
        await self.agree()

    async def retry(self) -> None:
        await self.stage.do("campaign retry", ref="test")

    async def agree(self) -> None:
        details = {"basis": "written", "given": "2026-01-02", "scope": ["phone,sms"], "by": "Ann"}
        await self.stage.do("contacts attest", campaign="test", **details)

    def _somebody(self) -> str:
        return str(self.chance.choice(self.people)["points"][0][1])

    async def see_it_through(self) -> None:
        """A last window that every step and every law allows, and no more edits: every enrollment ends."""
        await self.edit(window={"hours": "00:00-24:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
                        | {"fallback_timezone": "America/New_York"})  # fmt: skip
        with suppress(Refused):
            await self.stage.do("campaign resume", ref="test")
            self.pauses[-1].append(self.stage.clock.now())
        end = self.stage.clock.now() + 60 * DAY
        while (found := await self.stage.overview())["state"] != "completed":
            await self.stage.until(self.stage.clock.now() + 12 * HOUR)
            assert self.stage.clock.now() < end, found


def lawful(file: CampaignFile, steps: list[Any], one: dict[str, Any], channel: str, at: int) -> bool:
    """Whether this file lets this person be contacted then, under any of these forms of the step."""
    waived = frozenset(waiver.rule for waiver in file.law.waive)
    if not calendar(contact_window(file.window), one["zones"]).is_open(at):
        return False
    own = [step_window(step) for step in steps]
    if not any(hours is None or calendar(hours, one["zones"]).is_open(at) for hours in own):
        return False
    return not barred_by(channel, one["states"], one["zones"], at, waived)


async def judge(stage: Stage, operators: Operators) -> None:
    people = {point[1]: one for one in operators.people for point in one["points"]}
    accepted = [(a, at) for channel in stage.channels.values() for a, _, at in channel.accepted]
    made = Counter((people[a.to]["points"][0][1], a.step) for a, _ in accepted)
    twice = {place: times for place, times in made.items() if times > 1 + operators.promised[place]}
    tries = [(a.to, a.step, a.try_no, at) for a, at in accepted if (people[a.to]["points"][0][1], a.step) in twice]
    assert not twice, tries
    moments = [since for since, _ in operators.in_force]
    forms: dict[str, list[Any]] = {}
    for _, file in operators.in_force:
        for step in file.step:
            forms.setdefault(step.id, []).append(step)
    for attempt, at in accepted:
        claimed_at = attempt.claimed_at
        last = operators.in_force[bisect_right(moments, claimed_at) - 1][1]
        same_instant = [file for since, file in operators.in_force if since == claimed_at]
        before = [file for since, file in operators.in_force if since < claimed_at][-1:] if same_instant else []
        candidates = [last, *same_instant, *before]
        one = people[attempt.to]
        assert any(lawful(file, forms[attempt.step], one, attempt.kind, claimed_at) for file in candidates), (
            attempt,
            at,
        )
        assert not any(paused < claimed_at < (resumed or [1 << 62])[0] for paused, *resumed in operators.pauses), (
            attempt
        )
    await at_rest(stage)


async def at_rest(stage: Stage) -> None:
    """Counters, enrollments and the queue agree: every enrollment has ended."""
    found, rows = await stage.overview(), await stage.runtime.store.read(_states)
    assert {state: found[state] for state in rows} == rows
    assert found["total"] == sum(rows.values())
    assert set(rows) <= {"completed", "exited", "errored"}
    assert await stage.runtime.store.read(_left_over) == (0, 0, 0)


async def _states(conn: AsyncConnection) -> dict[str, int]:
    state = tables.enrollment.c.state
    return {word: int(n) for word, n in await conn.execute(select(state, func.count()).group_by(state))}


async def _attempts(conn: AsyncConnection) -> dict[str, int]:
    state = tables.attempt.c.state
    return {word: int(n) for word, n in await conn.execute(select(state, func.count()).group_by(state))}


async def _left_over(conn: AsyncConnection) -> tuple[int, ...]:
    """Waiting rows, held people, open attempts."""
    counts = (
        select(func.count()).select_from(tables.waiting),
        select(func.count()).select_from(tables.enrollment).where(tables.enrollment.c.held),
        select(func.count()).select_from(tables.attempt).where(tables.attempt.c.state == "open"),
    )
    return tuple([int((await conn.execute(count)).scalar_one()) for count in counts])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 41 if os.environ.get("FLUENTSD_LONG") else 3))
async def test_edits_under_load_double_nothing_and_lose_nobody(database_url: str, seed: int) -> None:
    chance, clock = random.Random(seed), SimClock(MONDAY)
    async with open_whole(database_url, busy=clock.busy, synchronous="OFF") as store, staged(store, clock) as stage:
        for channel in stage.channels.values():
            channel.always = Provider(chance, channel)
        operators = Operators(stage, chance)
        operators.note()
        await stage.do("campaign apply", file=operators.file)
        await stage.enroll(*operators.people[:PEOPLE])
        await operators.agree()
        await stage.do("campaign start", ref="test", yes=True)
        for _ in range(EDITS):
            await operators.act()
            await stage.until(clock.now() + chance.choice([1, 20, 90, 240]) * MINUTE)
        await operators.arrive()
        await operators.see_it_through()
        await judge(stage, operators)
        assert len(operators.done) >= 6, operators.done
        assert operators.done["upgrade as planned"] or not operators.done["upgrade"], operators.done
