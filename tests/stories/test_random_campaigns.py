"""Random campaigns with random faults, pauses, opt-outs, imports: the laws hold at every check, nobody is lost."""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fluentsd.api import Attempt, Inbound, Message, Outcome, Receipt, Rejected, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.campaign import contact_window, read_campaign
from fluentsd.domain.time.windows import calendar
from fluentsd.store import tables
from fluentsd.verbs import Refused
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MONDAY, FakeChannel, Stage, person, staged

ZONES = ("America/New_York", "America/Los_Angeles", "Australia/Sydney", "Asia/Kathmandu")


def random_campaign(chance: random.Random) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for n in range(chance.randint(2, 5)):
        channel = chance.choice(["phone", "sms", "email"])
        step: dict[str, Any] = {
            "id": f"s{n}",
            "channel": channel,
            "after": chance.choice(["0", "1 hour", "1 day", "3 days"]),
        }
        step |= {
            "phone": {"agent": "a"},
            "sms": {"text": "Hi {{ first_name }}"},
            "email": {"subject": "s", "text": "t"},
        }[channel]
        if channel == "phone":
            step["retry"] = {"busy": "20 min", "no_answer": "2 hours", "limit": 2}
        if n and chance.random() < 0.4:
            step["when"] = "last.outcome != 'voicemail'"
        if chance.random() < 0.3:
            step["hours"] = "10:00-15:00"
        steps.append(step)
    window = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat"],
        "hours": chance.choice(["09:00-17:00", "08:00-11:00, 20:00-01:00"]),
    }
    window |= {"fallback_timezone": "America/New_York"}
    more: dict[str, Any] = {"limits": {"per_contact": "3/day"}} if chance.random() < 0.5 else {}
    return {"name": "Random", "ref": "test", "window": window, "step": steps} | more


class Mischief:
    """How a provider behaves: mostly well."""

    def __init__(self, chance: random.Random, channel: FakeChannel, stage: Stage) -> None:
        self.chance, self.channel, self.stage = chance, channel, stage

    async def __call__(self, message: Message, attempt: Attempt) -> Receipt:
        dice = self.chance.random()
        if dice < 0.04:
            raise Unavailable("busy", after=30, only_this=dice < 0.02)
        if dice < 0.07:
            raise Rejected("no", dead=dice < 0.05)
        if dice < 0.10:
            raise ConnectionError("nothing arrived")
        self.channel.accept(message, attempt)
        if dice < 0.15:
            raise ConnectionError("the answer was lost")
        if dice < 0.17:
            await self.stage.clock.sleep_until(self.stage.clock.now() + 10 * DAY)
        return Receipt(f"ref-{attempt.token}", None if self.channel.kind == "phone" else Outcome.sent)


ENDS = (Outcome.answered, Outcome.voicemail, Outcome.no_answer, Outcome.busy, Outcome.failed, Outcome.opted_out)


async def news(stage: Stage, chance: random.Random, reported: set[str]) -> None:
    """Calls end, people reply, and some reports come twice."""
    for channel in stage.channels.values():
        for attempt, *_ in list(channel.accepted):
            if attempt.token in reported and chance.random() > 0.05:
                continue
            reported.add(attempt.token)
            if channel.kind == "phone":
                await channel.tell(Inbound(chance.choice(ENDS), token=attempt.token))
            elif chance.random() < 0.15:
                await channel.tell(
                    Inbound(chance.choice((Outcome.delivered, Outcome.replied, Outcome.bounced)), token=attempt.token)
                )
            elif chance.random() < 0.05:
                until_at = stage.clock.now() + chance.randrange(-DAY, 4 * DAY)
                await channel.tell(Inbound(Outcome.delivered, token=attempt.token, away_until_at=until_at))


async def meddle(stage: Stage, chance: random.Random) -> None:
    """A random act of an operator, perhaps an impossible one."""
    verb, arguments = chance.choice(
        [
            ("campaign pause", {}),
            ("campaign resume", {}),
            ("campaign resume", {}),
            ("campaign resume", {}),
            ("campaign retry", {}),
            ("campaign stop", {}),
            ("campaign reopen", {}),
        ]
    )
    with suppress(Refused):
        await stage.do(verb, ref="test", **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24 if os.environ.get("FLUENTSD_LONG") else 7))
async def test_the_laws_hold_whatever_happens(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    clock = SimClock(MONDAY)
    file = random_campaign(chance)
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", busy=clock.busy, synchronous="OFF") as store:  # noqa: SIM117 - the pair is clearer
        async with staged(store, clock, final=chance.random() < 0.7) as stage:
            for channel in stage.channels.values():
                channel.always = Mischief(chance, channel, stage)
            people = [person(n) | {"zones": [chance.choice(ZONES)]} for n in range(28)]
            await stage.launch(file, *people[:20])
            reported: set[str] = set()
            for round_ in range(400):
                await stage.until(clock.now() + round(chance.uniform(0.2, 6) * HOUR))
                await news(stage, chance, reported)
                if round_ == 5:
                    with suppress(Refused):  # unless it was stopped, which lets nobody in
                        await stage.do("campaign reopen", ref="test")
                    await stage.enroll(*people)
                if chance.random() < 0.15:
                    await meddle(stage, chance)
                found = await stage.overview()  # the counts add up, at every check
                if found["state"] == "completed" and round_ > 5:
                    break
                if found["state"] in ("paused", "stopped") and round_ > 60:
                    await stage.do("campaign reopen" if found["state"] == "stopped" else "campaign resume", ref="test")
            assert found["state"] == "completed", found
            assert found["total"] == 28
            await judge(
                stage,
                file,
                {p["points"][0][1]: p["zones"] for p in people} | {p["points"][1][1]: p["zones"] for p in people},
            )


async def judge(stage: Stage, file: dict[str, Any], zones: dict[str, list[str]]) -> None:
    spec = read_campaign(file)
    accepted = [entry for channel in stage.channels.values() for entry in channel.accepted]
    assert accepted
    assert max(Counter(a.token for a, *_ in accepted).values()) == 1
    for attempt, _, at in accepted:
        assert calendar(contact_window(spec.window), zones[attempt.to]).is_open(at)
    rows = await stage.runtime.store.read(_attempts)
    assert {a.token for a, *_ in accepted} <= {row.id for row in rows}
    tries: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        tries.setdefault((row.enrollment_id, row.step), []).append(row)
    for made in tries.values():
        made.sort(key=lambda row: row.try_no)
        assert [row.try_no for row in made] == list(range(1, len(made) + 1))
        assert all(row.state == "settled" for row in made[:-1])
    assert not [row for row in rows if row.state == "open"]


async def _attempts(conn: Any) -> list[Any]:
    return list((await conn.execute(select(tables.attempt))).all())
