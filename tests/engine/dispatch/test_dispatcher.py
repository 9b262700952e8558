"""The dispatcher: passes, lanes, paces, budgets, caller IDs and a pause under load."""

from __future__ import annotations

from fluentsd.api import Attempt, Message, Outcome, Receipt
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec


async def test_a_cap_per_person_counts_all_campaigns(stage: Stage) -> None:
    limits = {"limits": {"per_contact": "1/day"}}
    await stage.launch(spec(SMS, **limits), person(1))
    await stage.launch(spec(SMS, ref="other", **limits), person(1))
    await stage.until_ended()
    await stage.until_ended("other")
    first, second = (at for *_, at in stage.sms.accepted)
    assert second - first == DAY


async def test_a_pace_spreads_starts_evenly_and_leaves_the_others_untouched(stage: Stage) -> None:
    await stage.launch(spec(SMS, limits={"pace": "6/hour"}), *(person(n) for n in range(5)))
    await stage.until_ended()
    assert [at - MONDAY for *_, at in stage.sms.accepted] == [n * 10 * MINUTE for n in range(5)]


async def test_caller_ids_prefer_the_area_code_and_keep_their_pace(stage: Stage) -> None:
    for number in ("+14155550199", "+12125550199"):
        await stage.do("numbers add", number=number, tag=["us"])
    await stage.launch(spec(SMS, numbers={"tags": ["us"], "pace": "2/hour"}), *(person(n) for n in range(3)))
    await stage.until_ended()
    used = sorted(((at - MONDAY) // MINUTE, a.sender) for a, _, at in stage.sms.accepted)
    assert used == [(0, "+12125550199"), (0, "+14155550199"), (30, "+12125550199")]


async def test_a_budget_ends_the_day(stage: Stage) -> None:
    await stage.launch(spec(SMS, limits={"budget": "1 USD/day", "cost": {"sms": 0.5}}), *(person(n) for n in range(3)))
    await stage.until(MONDAY + 5 * HOUR)
    assert len(stage.sms.accepted) == 2
    await stage.until_ended()
    assert len(stage.sms.accepted) == 3


async def test_nothing_due_means_no_passes(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "14 days"}), person(1))
    await stage.until(MONDAY + HOUR)
    before = stage.runtime.wakeups
    await stage.until(MONDAY + 13 * DAY)
    assert stage.runtime.wakeups == before


def slow_down(stage: Stage) -> None:
    """Every message takes the provider a second."""

    async def slowly(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        await stage.clock.sleep_until(stage.clock.now() + 1_000_000)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    stage.sms.always = slowly


async def test_a_pause_under_load_lets_nothing_more_begin(stage: Stage) -> None:
    slow_down(stage)
    stage.runtime.channels["sms"].concurrency = 10
    await stage.launch(spec(SMS), *(person(n) for n in range(100)))
    await stage.until(MONDAY + 3_500_000)
    await stage.do("campaign pause", ref="test")
    begun = len(stage.sms.accepted)
    assert 0 < begun < 100
    await stage.until(MONDAY + HOUR)
    assert len(stage.sms.accepted) == begun
    found = await stage.overview()
    assert (found["active"], found["queued"] + found["completed"]) == (0, 100)
    await stage.do("campaign resume", ref="test")
    await stage.until_ended()
    assert max(stage.sms.tokens().values()) == 1
    assert len({a.to for a, *_ in stage.sms.accepted}) == len(stage.sms.accepted) == 100


async def test_lanes_take_turns(stage: Stage) -> None:
    slow_down(stage)
    stage.runtime.channels["sms"].concurrency = 4
    for ref in ("one", "two"):
        await stage.do("campaign apply", file=spec(SMS, ref=ref))
    await stage.enroll(*(person(n) for n in range(40)), ref="one")
    await stage.enroll(*(person(n) for n in range(40, 60)), ref="two")
    for ref in ("one", "two"):
        await stage.do("campaign start", ref=ref)
    await stage.until(MONDAY + HOUR)
    assert len(stage.sms.accepted) == 60
    early = [int(a.to[-4:]) for a, *_ in stage.sms.accepted[:40]]
    assert len([n for n in early if n >= 40]) >= 8  # the later campaign does not wait for the larger one
