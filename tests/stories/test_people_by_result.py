"""The people of a live card, by result, are those of the report, whatever happens to them.

`Stage.overview` compares the two; here is what random campaigns without dispositions, erasures and further entries do
not show it.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Disposition, Inbound, Outcome
from fluentsd.clock import SimClock
from fluentsd.store import people_by_result
from fluentsd.store.db import Connection
from fluentsd.verbs import Refused
from tests.databases import open_whole
from tests.engine.stage import HOUR, MONDAY, SMS, Stage, person, spec, staged
from tests.stories.test_random_campaigns import Mischief

CALL = {"id": "call", "channel": "phone", "agent": "a", "retry": {"busy": "20 min", "no_answer": "2 hours", "limit": 2}}
THANKS = {"id": "thanks", "channel": "sms", "text": "Thank you", "after_call": ["interested", "callback"]}
LATER = SMS | {"after": "1 day", "when": "last.outcome != 'replied'"}
EMAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t", "after": "2 hours"}
#: The order in which a call's outcome may get clearer.
CLEARER = (Outcome.no_answer, Outcome.busy, Outcome.voicemail, Outcome.answered, Outcome.answered, Outcome.opted_out)
PEOPLE = 30


def campaign(chance: random.Random) -> dict[str, Any]:
    exits = chance.choice([["opted_out"], ["opted_out", "answered", "replied"], ["opted_out", "unreachable"]])
    steps = [CALL, LATER, EMAIL, THANKS] if chance.random() < 0.6 else [SMS, CALL | {"after": "1 hour"}, THANKS]
    return spec(*steps, exit={"on": exits})


async def news(stage: Stage, chance: random.Random) -> None:
    """Outcomes, clearer ones later, and what conversations came to, which may change."""
    for channel in stage.channels.values():
        for attempt, *_ in list(channel.accepted):
            if chance.random() < 0.6:
                continue
            outcome = chance.choice(CLEARER if channel.kind == "phone" else (Outcome.delivered, Outcome.replied))
            came_to = chance.choice([None, None, *Disposition]) if channel.kind == "phone" else None
            if channel.kind == "sms" and chance.random() < 0.1:
                await channel.tell(Inbound(Outcome.opted_out, address=attempt.to, text="STOP"))
            else:
                await channel.tell(Inbound(outcome, token=attempt.token, disposition=came_to))


async def meddle(stage: Stage, chance: random.Random) -> None:
    """An act of an operator, perhaps an impossible one; half of them about a person."""
    who = f"+1212555{chance.randrange(PEOPLE):04d}"
    acts: list[tuple[str, dict[str, Any]]] = [
        ("campaign pause", {"ref": "test"}), ("campaign resume", {"ref": "test"}), ("campaign retry", {"ref": "test"}),
        ("campaign stop", {"ref": "test"}), ("campaign reopen", {"ref": "test"}), ("campaign resume", {"ref": "test"}),
        ("unknown retry", {"ref": "test"}), ("contacts erase", {"person": who, "because": "asked"}),
        ("suppression add", {"point": who, "channel": "*", "because": "asked"}),
        ("campaign callback", {"ref": "test", "person": who, "at": stage.clock.now() + HOUR}),
        ("contacts take-over", {"person": who}), ("contacts resume", {"person": who}),
    ]  # fmt: skip
    verb, arguments = chance.choice(acts)
    with suppress(Refused):
        await stage.do(verb, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40 if os.environ.get("FLUENTSD_LONG") else 5))
async def test_random_histories_give_the_figures_of_the_report(tmp_path: Path, seed: int) -> None:
    chance, clock = random.Random(seed), SimClock(MONDAY)
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", busy=clock.busy, synchronous="OFF") as store:  # noqa: SIM117 - the pair is clearer
        async with staged(store, clock) as stage:
            for channel in stage.channels.values():
                channel.always = Mischief(chance, channel, stage)
            await stage.launch(campaign(chance), *map(person, range(PEOPLE)))
            for _ in range(24):
                await stage.until(clock.now() + round(chance.uniform(0.2, 9) * HOUR))
                await news(stage, chance)
                if chance.random() < 0.5:
                    await meddle(stage, chance)
                found = (await stage.overview())["people"]  # compares them with the report
            assert found["contacted"] > PEOPLE / 2
            assert found["conversations"]
            assert found["came_to"]
            assert found["opted_out"]


async def _plans(conn: Connection) -> list[str]:
    """How SQLite carries out the reads of a card, one line for each table."""
    found = []
    for question in people_by_result.QUESTIONS:
        written = question.params(campaign=1).compile(conn.sync_engine, compile_kwargs={"literal_binds": True})
        rows = await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")
        found += [row[3] for row in rows if row[3].startswith(("SCAN ", "SEARCH "))]
    return found


async def test_a_card_never_reads_all_attempts_of_a_campaign(tmp_path: Path) -> None:
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        plans = await store.read(_plans)
    assert [one for one in plans if one.startswith("SCAN ")] == ["SCAN anon_1"]  # of those who opted out
    read = [one for one in plans if "SEARCH attempt " in one]
    assert len(read) == 4
    assert {"ix_attempt_talked" in one or "PRIMARY KEY" in one for one in read} == {True}
