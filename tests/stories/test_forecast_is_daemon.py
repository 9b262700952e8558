"""The daemon on a simulated clock makes the contacts that the forecast predicted: person, step, try, instant, number,
end.

Both are given the same people and the same chance. Contacts take as long as the assumptions say, to the microsecond,
so that no two end together; where they end at once nothing is scarce, because then two ends and the next start share
an instant and their order is not defined.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Inbound, Kind, Message, Outcome, Receipt
from fluentsd.clock import SimClock
from fluentsd.domain.forecast import Channel, Lane, Subject, World, forecast
from fluentsd.domain.forecast.assumptions import DEFAULTS, Assumed
from fluentsd.domain.forecast.figures import Forecast
from fluentsd.domain.pacing import CallerIds
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.facts import Facts
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import contacts, enrollments, numbers, tables
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MONDAY, FakeChannel, Stage, person

KINDS: tuple[Kind, ...] = ("phone", "sms", "email")
ZONES = ("America/New_York", "America/Los_Angeles", "Australia/Sydney", "Asia/Kathmandu")
CONDITIONS = ("last.outcome != 'voicemail'", "steps.s0.outcome == 'no_answer'", "contact.first_name contains '1'")
Event = tuple[int, int, str, int, str, int | None, int | None, str]


EVIDENCE = ("US.consent", "US.dnc")


def random_file(chance: random.Random, *, scarce: bool) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for n in range(chance.randint(2, 5)):
        channel = chance.choice(KINDS)
        after = chance.choice(["0", "0", "1 hour", "1 day", "3 days"])
        step: dict[str, Any] = {"id": f"s{n}", "channel": channel, "after": after}
        step |= {"phone": {"agent": "a"}, "sms": {"text": "Hi"}, "email": {"subject": "s", "text": "t"}}[channel]
        if chance.random() < 0.6:
            step["retry"] = {"busy": "20 min", "no_answer": "2 hours", "failed": "1 day", "limit": 2}
        if n and chance.random() < 0.4:
            step["when"] = chance.choice(CONDITIONS)
        if chance.random() < 0.3:
            step["hours"] = "10:00-15:00"
        steps.append(step)
    hours = chance.choice(["09:00-17:00", "08:00-11:00, 20:00-01:00"])
    window = {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "hours": hours}
    window |= {"fallback_timezone": "America/New_York"}
    limits: dict[str, Any] = {"per_contact": "2/day"} if chance.random() < 0.5 else {}
    more: dict[str, Any] = {"limits": limits}
    if scarce:
        limits |= chance.choice([{}, {"pace": "20/hour"}, {"pace": "1/second"}, {"concurrency": 2}])
        limits |= chance.choice([{}, {"budget": "1 USD/day", "cost": {"phone": 0.1, "sms": 0.03, "email": 0}}])
        if chance.random() < 0.6:
            more["numbers"] = {"tags": ["t"], "local_presence": chance.random() < 0.7}
    waived = [{"rule": rule, "because": "consent is not what is compared here", "by": "the test"} for rule in EVIDENCE]
    more["law"] = {"waive": waived if chance.random() < 0.9 else []}
    return {"name": "Random", "ref": "test", "window": window, "step": steps} | more


def random_assumed(chance: random.Random, *, at_once: bool) -> Assumed:
    """Messages take seconds, within the send timeout; calls take minutes."""
    longest = {"phone": 600.0, "sms": 15.0, "email": 15.0}
    shares = {kind: {o: s * chance.random() + 0.01 for o, s in DEFAULTS.shares[kind].items()} for kind in KINDS}
    seconds = {
        kind: {o: 0.0 if at_once and kind != "phone" else chance.uniform(1, longest[kind]) for o in shares[kind]}
        for kind in KINDS
    }
    return Assumed(shares, seconds)


def random_person(chance: random.Random, n: int) -> dict[str, Any]:
    points = [["phone", f"+1{chance.choice(['212', '415', '303'])}555{n:04d}"], ["email", f"p{n}@example.com"]]
    zones = [chance.choice(ZONES)] if chance.random() < 0.9 else []
    states = chance.choice([[], ["US-NY"], ["US-TX"], ["US-FL"], ["US-PA"], ["US-ME"], ["US-CA", "US-LA"], ["US"]])
    return person(n) | {"zones": zones, "points": points if chance.random() < 0.8 else points[:1], "states": states}


class Talking(FakeChannel):
    """Its calls are conversations, which go on when the window closes; a forecast knows nothing of ringing."""

    async def cancel(self, attempt: Attempt) -> bool:
        return False


class Chance:
    """A provider whose people do what the assumptions say."""

    def __init__(self, stage: Stage, nursery: trio.Nursery, assumed: Assumed, seed: int, who: dict[str, int]) -> None:
        self.stage, self.nursery, self.assumed, self.seed, self.who = stage, nursery, assumed, seed, who

    def to(self, channel: FakeChannel) -> None:
        async def answer(message: Message, attempt: Attempt) -> Receipt:
            about = (self.seed, self.who[attempt.to], attempt.step, attempt.try_no, channel.kind)
            outcome, clock = self.assumed.outcome(*about), self.stage.clock
            ends_at = clock.now() + self.assumed.length(*about)
            channel.accept(message, attempt)
            if channel.kind == "phone":
                self.nursery.start_soon(self._end_call, channel, ends_at, Inbound(outcome, token=attempt.token))
                return Receipt(f"ref-{attempt.token}")
            await clock.sleep_until(ends_at)
            return Receipt(f"ref-{attempt.token}", outcome)

        channel.always = answer

    async def _end_call(self, channel: FakeChannel, at: int, inbound: Inbound) -> None:
        await self.stage.clock.sleep_until(at)
        await channel.tell(inbound)


async def _subjects(conn: AsyncConnection, plan: Plan, at: int) -> tuple[list[Subject], CallerIds]:
    """Every queued enrollment, with the facts that the claim would read."""
    found: list[Subject] = []
    for lane_id in plan.lanes.values():
        rows = await enrollments.due(conn, lane_id, at + 400 * DAY, 10_000)
        facts = Facts(plan, plan.rules, at)
        await facts.read(conn, rows, lock=False)
        fields = await contacts.fields_of(conn, [row.contact_id for row in rows])
        for row in rows:
            seen, _ = facts.ask(row, facts.step(row))
            found.append(
                Subject(
                    row.id,
                    row.contact_id,
                    row.version_id,
                    row.step,
                    row.due_at,
                    seen,
                    rank=row.rank,
                    fields=fields.get(row.contact_id, {}),
                )
            )
    spec = plan.spec.numbers
    caller_ids = await numbers.caller_ids(conn, spec.numbers, spec.tags, plan.number_pace, at, lock=False)
    return found, CallerIds(caller_ids, local_presence=spec.local_presence)


async def _told(runtime: Runtime, assumed: Assumed, seed: int, until_at: int) -> tuple[Forecast, list[Event]]:
    """The forecast of the one campaign as the database has it now."""
    now = runtime.clock.now()
    _, plan = await runtime.store.run(runtime.plans.current, 1)
    subjects, caller_ids = await runtime.store.read(_subjects, plan, now)
    events: list[Event] = []
    lanes = [Lane(lane_id, kind, 0, plan.pace, plan.concurrency) for kind, lane_id in plan.lanes.items()]  # type: ignore[arg-type]
    channels = {
        kind: Channel(channel_state.concurrency, channel_state.interval)
        for kind, channel_state in runtime.channels.items()
    }
    world = World(plan.flows, plan.rules, plan.exits, lanes, channels, caller_ids, plan.name)
    span = {"start_at": now, "until_at": until_at}
    found = forecast(subjects, world, assumed, **span, seed=seed, on_event=lambda *event: events.append(event))
    return found, events


async def _made(conn: AsyncConnection) -> list[Event]:
    columns = (
        tables.attempt.c[name]
        for name in ("claimed_at", "enrollment_id", "step", "try_no", "channel", "number_id", "point_id", "outcome")
    )
    return [tuple(row) for row in await conn.execute(select(*columns))]


async def _ends(conn: AsyncConnection) -> Counter[tuple[str, str]]:
    rows = await conn.execute(select(tables.enrollment.c.state, tables.enrollment.c.held, tables.enrollment.c.reason))
    return Counter(
        ("held", row.reason)
        if row.held
        else ("waiting", "")
        if row.state in ("queued", "active")
        else (row.state, row.reason)
        for row in rows
    )


def _order(event: Event) -> tuple[Any, ...]:
    return event[:4]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30 if os.environ.get("FLUENTSD_LONG") else 14))
async def test_the_daemon_does_what_the_forecast_told(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    at_once = seed % 5 == 4
    assumed, clock = random_assumed(chance, at_once=at_once), SimClock(MONDAY + chance.randrange(2) * HOUR)
    file = random_file(chance, scarce=not at_once)
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", busy=clock.busy, synchronous="OFF") as store:
        channels = {kind: Talking(kind, clock) for kind in KINDS}
        interval = 0 if at_once else chance.choice([0, 0, 700_000, 40_000_000])
        most = 50 if at_once else 3
        channel_state = {kind: ChannelState(kind, channel, most, interval) for kind, channel in channels.items()}
        runtime = Runtime(store, clock, channel_state, log=log)
        stage = Stage(runtime, clock, channels, None)  # type: ignore[arg-type]
        people = [random_person(chance, n) for n in range(1, 23)]
        for n in range(3):
            number = f"+1{chance.choice(['212', '415'])}5560{n:03d}"
            await stage.do("numbers add", number=number, tag=["t"], pace=chance.choice(["2/hour", "20/hour", None]))
        await stage.launch(file, *people, checked=False)
        await store.run(_send_away, chance, clock.now())
        until_at = clock.now() + 21 * DAY
        found, events = await _told(runtime, assumed, seed, until_at)
        who = await store.read(_who)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(clock.run)
            providers = Chance(stage, nursery, assumed, seed, who)
            for channel in channels.values():
                providers.to(channel)
            async with running(runtime, grace=1.0):
                await clock.sleep_until(until_at + 1)
                made, ends = await store.read(_made), await store.read(_ends)
            nursery.cancel_scope.cancel()
    predicted = sorted(events, key=_order)
    made.sort(key=_order)
    open_still = {event[:4] for event in made if event[7] is None}
    assert [event if event[:4] not in open_still else (*event[:7], None) for event in predicted] == made
    assert ends["completed", ""] == found.completed
    assert {why: n for (state, why), n in ends.items() if state == "exited"} == found.exited
    assert {why: n for (state, why), n in ends.items() if state == "held"} == found.held
    assert ends["waiting", ""] == found.waiting
    assert len(made) >= 5
    assert Outcome(made[0][7]) in Outcome


async def _send_away(conn: AsyncConnection, chance: random.Random, now: int) -> None:
    """Some are away for some days."""
    ids = (await conn.execute(select(tables.contact.c.id))).scalars()
    back = {contact_id: now + chance.randrange(8 * DAY) for contact_id in ids if chance.random() < 0.2}
    await contacts.are_away(conn, back)


async def _who(conn: AsyncConnection) -> dict[str, int]:
    """The enrollment of an address."""
    owned = tables.point.join(tables.contact_point, tables.contact_point.c.point_id == tables.point.c.id)
    mine = tables.enrollment.c.contact_id == tables.contact_point.c.contact_id
    joined = owned.join(tables.enrollment, mine)
    rows = await conn.execute(select(tables.point.c.value, tables.enrollment.c.id).select_from(joined))
    return {value: int(enrollment_id) for value, enrollment_id in rows}
