"""The forecast verb: its figures add up, and are the same in this process and in a subprocess."""

from __future__ import annotations

import pytest

from fluentsd.engine.explain import forecast
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "sales", "retry": {"no_answer": "2 hours", "limit": 1}}
FILE = spec(
    CALL,
    SMS | {"after": "1 day", "when": "last.outcome != 'answered'"},
    numbers={"tags": ["x"], "pace": "20/hour"},
    limits={"cost": {"phone": 0.1}},
)


async def ready(stage: Stage, people: int) -> None:
    await stage.do("campaign apply", file=FILE)
    for n in range(3):
        await stage.do("numbers add", number=f"+1212555019{n}", tag=["x"])
    await stage.enroll(*(person(n) for n in range(people)))


async def test_everybody_is_accounted_for_and_every_figure_is_told(stage: Stage) -> None:
    await ready(stage, 60)
    found = await stage.do("forecast", ref="test", most=5)
    ends = found["completed"] + sum(found["exited"].values()) + found["waiting"]
    held = sum(h["people"] for h in found["held"]) + sum(found["errored"].values())
    assert ends + held == found["people"] == 60
    assert sum(step["contacts"] for step in found["steps"]) == found["contacts"]
    assert sum(map(sum, found["load"].values())) == found["contacts"]
    assert sum(n["uses"] for n in found["numbers"]) == found["contacts"]
    phone = next(c for c in found["channels"] if c["channel"] == "phone")
    assert phone["money_micros"] == phone["contacts"] * 100_000
    assert phone["minutes"] > 0
    assert [e["to"] for e in found["first"]] == [f"+1212555{n:04d}" for n in range(5)]
    assert all(e["sender"].startswith("+1212555019") for e in found["first"])
    assert found["finish_early_at"] <= found["finish_late_at"] < MONDAY + 10 * DAY
    assert found["samples"]["text"]["text"] == "Hello P0"
    assert {a["channel"] for a in found["assumed"]} == {"phone", "sms", "email"}


async def test_nothing_is_changed_by_looking_ahead(stage: Stage) -> None:
    await ready(stage, 5)
    before = await stage.do("campaign status", ref="test")
    numbers = await stage.do("numbers list")
    first = await stage.do("forecast", ref="test")
    assert await stage.do("forecast", ref="test") == first
    assert await stage.do("campaign status", ref="test") == before
    assert await stage.do("numbers list") == numbers


@pytest.mark.slow
async def test_in_a_process_of_its_own_the_answer_is_the_same(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await ready(stage, 20)
    here = await stage.do("forecast", ref="test", seed=3)
    later = await stage.do("campaign check", ref="test", at=MONDAY + DAY)
    assert later["forecast"]["first_at"] >= MONDAY + DAY
    monkeypatch.setattr(forecast, "IN_PROCESS_AT_MOST", 0)
    assert await stage.do("forecast", ref="test", seed=3) == here
    assert await stage.do("campaign check", ref="test", at=MONDAY + DAY) == later


async def test_an_end_in_the_past_and_a_campaign_with_nobody_are_refused(stage: Stage) -> None:
    await stage.do("campaign apply", file=FILE)
    with pytest.raises(Refused, match="nobody is queued"):
        await stage.do("forecast", ref="test")
    with pytest.raises(Refused, match="is in the past"):
        await stage.do("forecast", ref="test", until=MONDAY - DAY)
    with pytest.raises(Refused, match="no campaign is called"):
        await stage.do("forecast", ref="tset")


async def test_a_short_look_leaves_people_waiting(stage: Stage) -> None:
    await ready(stage, 200)
    found = await stage.do("forecast", ref="test", until=MONDAY + DAY // 24)
    assert found["waiting"] > 0
    assert found["finish_late_at"] is None
    assert found["bottleneck"]["cause"] in {"number_pace", "delay", "window"}


async def test_follow_ups_are_told_beside_the_figures(stage: Stage) -> None:
    details = {"id": "details", "channel": "sms", "text": "x", "after_call": "interested"}
    big = details | {"id": "big", "after_call": "call.fields.budget > 5000"}
    await stage.do("campaign apply", file=spec(CALL, details, big))
    await stage.enroll(*(person(n) for n in range(60)))
    found = await stage.do("forecast", ref="test")
    answered = found["steps"][0]["outcomes"]["answered"]
    expected = [{"step": "details", "channel": "sms", "people": round(answered * 0.15)},
                {"step": "big", "channel": "sms", "people": None}]  # fmt: skip
    assert found["follow_ups"] == expected
    assert [step["step"] for step in found["steps"]] == ["call"]  # they are in no other figure
    assert (await stage.do("campaign check", ref="test"))["forecast"]["follow_ups"] == expected
