"""The report: people, each counted once, by what came of the attempts to reach them."""

from __future__ import annotations

from typing import Any

from fluentsd.api import Disposition, Inbound, Outcome
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "sales"}


def named(found: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    return {one["name"]: (one["attempts"], one["contacted"], one["conversations"]) for one in found}


async def test_people_are_counted_once_in_each_row_and_as_a_whole(stage: Stage) -> None:
    await stage.do("numbers add", number="+12125550900")
    file = spec(CALL, SMS | {"after": "1 hour"}, exit={"on": ["opted_out", "replied"]})
    await stage.launch(file | {"numbers": {"numbers": ["+12125550900"]}}, *map(person, range(4)))
    await stage.until(MONDAY + MINUTE)
    tokens = [attempt.token for attempt, *_ in stage.phone.accepted]
    interested = Disposition.interested
    await stage.phone.tell(
        Inbound(Outcome.answered, token=tokens[0], duration_s=60, cost_micros=200_000, disposition=interested)
    )
    await stage.phone.tell(Inbound(Outcome.answered, token=tokens[1], duration_s=9, cost_micros=100_000))
    await stage.phone.tell(Inbound(Outcome.opted_out, token=tokens[2]))
    await stage.phone.tell(Inbound(Outcome.no_answer, token=tokens[3]))
    await stage.until(MONDAY + 2 * HOUR)
    found = await stage.do("campaign report", ref="test")
    whole = found["whole"]
    figures = ("attempts", "contacted", "conversations", "interested", "opted_out")
    assert [whole[name] for name in figures] == [7, 4, 2, 1, 1]
    assert whole["costs"] == [{"currency": "USD", "micros": 300_000, "per_conversation_micros": 150_000}]
    assert named(found["by_step"]) == {"call": (4, 4, 2), "text": (3, 3, 0)}
    assert named(found["by_agent"]) == {"sales": (4, 4, 2)}
    assert named(found["by_number"]) == {"+12125550900": (7, 4, 2)}
    assert named(found["by_source"]) == {"people.csv": (7, 4, 2)}
    assert found["hours"] == [
        {"weekday": 0, "hour": 10, "attempts": 4, "conversations": 2},
        {"weekday": 0, "hour": 11, "attempts": 3, "conversations": 0},
    ]
    assert found["calls"] == {
        "made": 4, "outcomes": {"answered": 2, "no_answer": 1, "opted_out": 1}, "conversations": 2,
        "dispositions": {"": 1, "interested": 1}, "analysed": 0, "failed": 0,
    }  # fmt: skip
    assert found["zone"] == "America/New_York"
    assert [step["step"] for step in found["steps"]] == ["call", "text"]


async def test_a_period_counts_only_what_began_in_it(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "again", "after": "1 day"}), person(1), person(2))
    await stage.until(MONDAY + DAY + HOUR)
    later = await stage.do("campaign report", ref="test", since=MONDAY + HOUR)
    assert (later["whole"]["attempts"], named(later["by_step"])) == (2, {"again": (2, 2, 0)})
    assert (await stage.do("campaign report", ref="test"))["whole"]["attempts"] == 4
    empty = await stage.do("campaign report", ref="test", since=MONDAY + 30 * DAY)
    assert (empty["whole"]["attempts"], empty["hours"], empty["by_step"]) == (0, [], [])
