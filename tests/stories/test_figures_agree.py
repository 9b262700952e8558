"""Launch check, forecast, status, report and `why` give the same totals, on random campaigns of random people.

Nobody answers in these stories, as the launch check assumes. So the steps that it says people reach are the steps for
which the forecast counts first tries, and the attempts that the report shows after the daemon has run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Attempt, Kind, Message, Outcome, Receipt
from fluentsd.clock import SimClock
from fluentsd.domain.forecast.assumptions import NOBODY, Assumed
from fluentsd.engine.explain import forecast_facts
from tests.databases import open_whole
from tests.engine.stage import DAY, MONDAY, Stage, person, spec, staged

PEOPLE = 24
Answer = dict[str, Any]


def random_campaign(chance: random.Random) -> Answer:
    steps: list[Answer] = []
    for n in range(chance.randint(2, 5)):
        channel: Kind = chance.choice(["phone", "sms", "email"])
        step: Answer = {"id": f"s{n}", "channel": channel, "after": chance.choice(["0", "3 hours", "1 day", "3 days"])}
        step |= {"phone": {"agent": "a"}, "sms": {"text": "Hi"}, "email": {"subject": "s", "text": "t"}}[channel]
        if channel == "phone" and chance.random() < 0.5:
            step["retry"] = {"no_answer": "2 hours", "limit": 2}
        if chance.random() < 0.4:
            step["when"] = chance.choice(["status != 'cold'", "status == 'new'", "contact.status contains 'c'"])
        if chance.random() < 0.3:
            step["hours"] = "10:00-15:00"
        if chance.random() < 0.3:
            step |= {"of": "appointment_at", chance.choice(["before", "after"]): "2 hours"}
            if "before" in step:
                step.pop("after")
        steps.append(step)
    days = ["mon", "tue", "wed", "thu", "fri", "sat"]
    window = {"days": days, "hours": chance.choice(["09:00-17:00", "08:00-20:00"])}
    window |= {"unknown_timezone": "hold", "conflicting_timezone": chance.choice(["all", "hold"])}
    numbers = {"tags": ["none"]} if chance.random() < 0.15 else {}
    limits = chance.choice([{}, {}, {"per_contact": "2/day"}, {"gap": "5 hours"}, {"concurrency": 3}])
    return spec(*steps, window=window, limits=limits, numbers=numbers, exit={"goal": "status == 'customer'"})


def random_person(chance: random.Random, n: int) -> Answer:
    status = chance.choice(["new", "new", "cold", "customer", ""])
    moment = chance.choice(["2026-03-20 15:00", "2026-03-31 08:30", "2026-03-01", "some day", ""])
    found = person(n, status=status, appointment_at=moment)
    zones = chance.choice([["America/New_York"], ["America/Los_Angeles", "America/New_York"], ["Europe/Oslo"], []])
    states = chance.choice([[], [], [], ["US-FL"], ["US-ME"], ["US"]])
    if chance.random() < 0.3:
        found["points"] = found["points"][chance.randint(0, 1) :][:1]
    return found | {"zones": zones, "states": states, "conflict": len(zones) > 1}


async def ready(stage: Stage, chance: random.Random) -> None:
    await stage.do("campaign apply", file=random_campaign(chance))
    people = [random_person(chance, n) for n in range(PEOPLE)]
    await stage.enroll(*people)
    for one in chance.sample(people, 3):
        channel = chance.choice(["sms", "phone", "*"])
        await stage.do("suppression add", point=one["points"][0][1], channel=channel, because="asked")


def as_nobody(stage: Stage) -> None:
    """Every provider answers at once that nobody was reached."""

    async def unanswered(message: Message, attempt: Attempt) -> Receipt:
        stage.phone.accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", Outcome.no_answer)

    stage.phone.always = unanswered


def by_reason(rows: list[Answer]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row["reason"]] += row["people"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60 if os.environ.get("FLUENTSD_LONG") else 4))
async def test_the_figures_before_and_after_agree(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(conn: Any) -> tuple[Assumed, dict[str, int]]:
        return NOBODY, {}

    monkeypatch.setattr(forecast_facts, "_assumed", nobody)
    chance, clock = random.Random(seed), SimClock(MONDAY)
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", busy=clock.busy, synchronous="OFF") as store:  # noqa: SIM117 - the pair is clearer
        async with staged(store, clock) as stage:
            as_nobody(stage)
            await ready(stage, chance)
            under_way = (await stage.overview())["queued"]  # those who were suppressed on all channels have left
            check = await stage.do("campaign check", ref="test")
            ahead = await stage.do("forecast", ref="test", until=MONDAY + 80 * DAY, most=10_000)
            runs = not check["errors"]
            if runs:
                await stage.do("campaign start", ref="test", yes=True)
                await stage.until(MONDAY + 80 * DAY)
            status, report = await stage.overview(), await stage.do("campaign report", ref="test")
            why = await stage.do("campaign why", ref="test")
            firsts = Counter(step for _, step in {(e["to"], e["step"]) for e in ahead["first"]})
    reach = {line["step"]: line["people"].get("ready", 0) for line in check["steps"]}
    held = by_reason(check["held"])
    assert check["people"] == ahead["people"] == under_way
    assert sum(out["people"] for out in check["out"]) + check["ready"] == check["people"]
    for line in check["steps"][:1]:
        assert sum(line["people"].values()) == check["people"]
    assert held == by_reason(ahead["held"]), (check, ahead)
    assert {step: count for step, count in reach.items() if count} == firsts
    if not runs:
        return
    assert status["held_people"] == held
    assert Counter({r["reason"]: r["people"] for r in why["reasons"] if r["state"] == "queued"}) == held
    assert sum(r["people"] for r in why["reasons"]) == why["total"] == status["total"] == report["total"]
    tries = {step["step"]: sum(step["outcomes"].values()) for step in report["steps"]}
    assert tries == dict.fromkeys(tries, 0) | {s["step"]: s["contacts"] for s in ahead["steps"]}
    assert status["attempts"] == sum(tries.values()) == ahead["contacts"]
    assert status["completed"] == ahead["completed"]
