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


async def test_an_opt_out_counts_at_the_step_where_it_was_said(stage: Stage) -> None:
    await stage.launch(spec(CALL, SMS | {"after": "1 hour"}), *map(person, range(3)))
    await stage.until(MONDAY + MINUTE)
    for attempt, *_ in stage.phone.accepted:
        await stage.phone.tell(Inbound(Outcome.no_answer, token=attempt.token))
    await stage.until(MONDAY + 2 * HOUR)
    [first, second, _] = [attempt for attempt, *_ in stage.sms.accepted]
    await stage.sms.tell(Inbound(Outcome.opted_out, token=first.token, text="STOP"))
    await stage.sms.tell(Inbound(Outcome.opted_out, address=second.to, text="STOP"))
    await stage.until(MONDAY + 3 * HOUR)
    found = await stage.do("campaign report", ref="test")
    assert found["whole"]["opted_out"] == 2
    for by in ("by_step", "by_channel"):
        assert sorted(one["opted_out"] for one in found[by]) == [0, 2], by
    assert [one["opted_out"] for one in found["by_source"]] == [2]


async def test_a_conversation_is_the_same_thing_in_every_part_of_the_report(stage: Stage) -> None:
    """Also that of a call which ended in an opt-out, of which was noted what it came to."""
    await stage.launch(spec(CALL, SMS | {"after": "1 hour"}), *map(person, range(3)))
    await stage.until(MONDAY + MINUTE)
    tokens = [attempt.token for attempt, *_ in stage.phone.accepted]
    await stage.phone.tell(Inbound(Outcome.answered, token=tokens[0]))
    await stage.phone.tell(Inbound(Outcome.opted_out, token=tokens[1], disposition=Disposition.not_interested))
    await stage.phone.tell(Inbound(Outcome.no_answer, token=tokens[2]))
    await stage.until(MONDAY + 2 * HOUR)
    sms = {attempt.to: attempt.token for attempt, *_ in stage.sms.accepted}
    await stage.sms.tell(Inbound(Outcome.replied, token=list(sms.values())[-1], text="Yes"))
    await stage.until(MONDAY + 3 * HOUR)
    found = await stage.do("campaign report", ref="test")
    by_channel = {one["name"]: one["conversations"] for one in found["by_channel"]}
    assert (found["whole"]["conversations"], by_channel) == (3, {"phone": 2, "sms": 1})
    assert found["calls"]["conversations"] == by_channel["phone"]
    assert sum(one["conversations"] for one in found["hours"]) == 3


async def test_a_period_counts_only_what_began_in_it(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "again", "after": "1 day"}), person(1), person(2))
    await stage.until(MONDAY + DAY + HOUR)
    later = await stage.do("campaign report", ref="test", since=MONDAY + HOUR)
    assert (later["whole"]["attempts"], named(later["by_step"])) == (2, {"again": (2, 2, 0)})
    assert (await stage.do("campaign report", ref="test"))["whole"]["attempts"] == 4
    empty = await stage.do("campaign report", ref="test", since=MONDAY + 30 * DAY)
    assert (empty["whole"]["attempts"], empty["hours"], empty["by_step"]) == (0, [], [])
