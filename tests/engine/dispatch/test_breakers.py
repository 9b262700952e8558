"""Breakers: bad outcomes pause campaigns, cool numbers down or hold them, and the cases are shown."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Inbound, Message, NeedsHuman, Outcome, Receipt, Rejected
from fluentsd.engine.dispatch.breakers import KEPT
from fluentsd.store import numbers
from fluentsd.store.attempts import outcome_stats
from fluentsd.store.tables import attempt, audit, enrollment, outbox_event
from fluentsd.verbs import Refused, Suggestion
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

MAIL = {"id": "mail", "channel": "email", "subject": "Hello", "text": "Hello"}
LATER = {**SMS, "id": "later", "after": "3 hours"}
ONE, TWO = "+12125550901", "+12125550902"
FILTERED = {"fault": "message", "reason": "Twilio 30007: the carrier filters the message as spam"}
BARRED = {"fault": "sender", "reason": "Twilio 30034: the number is not registered"}


async def tell(stage: Stage, tokens: Sequence[str], outcome: Outcome, **more: Any) -> None:
    for token in tokens:
        await stage.inbox.take(Inbound(outcome, token=token, **more), token_is_ours=True)


def sent(stage: Stage, step: str = "text", sender: str | None = None) -> list[str]:
    """The tokens of what was sent, oldest first."""
    return [a.token for a, m, _ in stage.sms.accepted if a.step == step and sender in (None, m.sender)]


async def tallied(stage: Stage, scope: str = "campaign", target: int = 1, channel: str = "sms") -> dict[str, int]:
    found = await stage.runtime.store.read(outcome_stats.sums, (scope, target, channel), 0, 0)
    return {figure: count for figure, count in found.items() if count}


async def why(stage: Stage, n: int) -> dict[str, Any]:
    found: dict[str, Any] = (await stage.do("contacts why", person=f"+1212555{n:04d}"))["campaigns"][0]
    return found


async def rows(stage: Stage, statement: Any) -> list[Any]:
    async def unit(conn: AsyncConnection) -> list[Any]:
        return list((await conn.execute(statement)).all())

    return await stage.runtime.store.read(unit)


async def test_filtered_texts_pause_the_campaign_at_the_third(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), *(person(n) for n in range(20)))
    await stage.until(MONDAY + HOUR)
    tokens = sent(stage)
    assert len(tokens) == 20
    await tell(stage, tokens[:2], Outcome.failed, **FILTERED)
    await tell(stage, tokens[:2], Outcome.failed, **FILTERED)  # reported again: no change
    assert (await stage.overview())["state"] == "active"
    await tell(stage, tokens[2:3], Outcome.failed, **FILTERED)
    found = await stage.overview()
    assert (found["state"], found["exited"]) == ("paused", 0)
    (held,) = found["holds"]
    assert held["reason"] == "carriers filter the texts: 3 of 20 in the last 24 hours (bar 2 %)"
    assert {case["id"] for case in held["cases"]} == set(tokens[:3])
    assert {case["step"] for case in held["cases"]} == {"text"}
    assert all(case["reason"] == FILTERED["reason"] and case["to"].startswith("+1212555") for case in held["cases"])
    assert (await stage.do("holds"))["holds"] == [held]
    await stage.until(MONDAY + 8 * HOUR)
    assert sent(stage, "later") == []
    assert (await why(stage, 3))["sentence"].startswith(
        "no contacts: the campaign is paused: carriers filter the texts"
    )


async def test_the_pause_is_audited_told_and_ended_by_a_person(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), *(person(n) for n in range(20)))
    await stage.until(MONDAY + HOUR)
    await tell(stage, sent(stage)[:3], Outcome.failed, **FILTERED)
    (entry,) = await rows(stage, select(audit).where(audit.c.actor == "fluentsd", audit.c.verb == "pause"))
    assert (entry.target, entry.details["breaker"], entry.details["to"]) == ("test", "sms_filtered", "paused")
    (found,) = await rows(stage, select(outbox_event.c.payload).where(outbox_event.c.topic == "campaign.paused"))
    assert found.payload["cases"] == entry.details["cases"] == sorted(sent(stage)[:3], reverse=True)
    assert "+1" not in str(found.payload)
    with pytest.raises(Refused, match="test is paused") as caught:
        await stage.do("release", scope="campaign", target="test")
    assert caught.value.suggestion == Suggestion("campaign resume", {"ref": "test"})
    await stage.do("campaign resume", ref="test", late=None, dry_run=False)
    assert (await stage.do("holds"))["holds"] == []
    await stage.until(MONDAY + 8 * HOUR)
    assert len(sent(stage, "later")) == 20


async def test_after_a_resumption_only_what_happened_since_counts(stage: Stage) -> None:
    """Within one hour: attempts from before the pause do not count again, however late their reports come."""
    again = {**SMS, "id": "again", "after": "10 min"}
    await stage.launch(spec(SMS, again, LATER), *(person(n) for n in range(20)))
    await stage.until(MONDAY + MINUTE)
    first = sent(stage)
    await tell(stage, first[:3], Outcome.failed, **FILTERED)
    await stage.until(MONDAY + 2 * MINUTE)
    await stage.do("campaign resume", ref="test", late=None, dry_run=False)
    await tell(stage, first[3:13], Outcome.failed, **FILTERED)
    await stage.until(MONDAY + 20 * MINUTE)
    second = sent(stage, "again")
    assert len(second) == 20
    await tell(stage, second[:2], Outcome.failed, **FILTERED)
    assert (await stage.overview())["state"] == "active"
    assert await tallied(stage) == {"made": 25, "filtered": 15}


async def test_it_trips_again_on_what_happens_since(stage: Stage) -> None:
    again = {**SMS, "id": "again", "after": "10 min"}
    await stage.launch(spec(SMS, again, LATER), *(person(n) for n in range(20)))
    await stage.until(MONDAY + MINUTE)
    await tell(stage, sent(stage)[:3], Outcome.failed, **FILTERED)
    await stage.until(MONDAY + 2 * MINUTE)
    await stage.do("campaign resume", ref="test", late=None, dry_run=False)
    await stage.until(MONDAY + 20 * MINUTE)
    second = sent(stage, "again")
    await tell(stage, second[:3], Outcome.failed, **FILTERED)
    (held,) = (await stage.overview())["holds"]
    assert held["reason"].startswith("carriers filter the texts: 3 of 20 ")
    assert {case["step"] for case in held["cases"]} == {"again"}


async def test_what_is_not_the_persons_fault_is_not_counted_against_them(stage: Stage) -> None:
    def filtered(message: Message, attempt: Attempt) -> Receipt:
        raise Rejected("the carrier filters it", fault="message")

    stage.sms.behaviours = [filtered]
    exits = {"on": ["opted_out", "unreachable"], "unreachable_after": 1}
    await stage.launch(spec(SMS, LATER, exit=exits), person(1), person(2), person(3))
    await stage.until(MONDAY + HOUR)
    tokens = sent(stage)
    await tell(stage, tokens[:1], Outcome.failed, **FILTERED)
    assert (await stage.overview())["exited"] == 0
    await tell(stage, tokens[1:2], Outcome.failed, reason="the phone is off")
    assert (await stage.overview())["exited_by_reason"] == {"unreachable": 1}
    assert Counter(r.unreached for r in await rows(stage, select(enrollment.c.unreached))) == {0: 2, 1: 1}
    assert await tallied(stage) == {"filtered": 2, "failed": 1}


async def test_bounces_and_complaints_pause_a_campaign(stage: Stage) -> None:
    await stage.launch(spec(MAIL, {**LATER}), *(person(n) for n in range(100)))
    await stage.until(MONDAY + HOUR)
    tokens = [a.token for a, _, _ in stage.email.accepted]
    await tell(stage, tokens[:5], Outcome.bounced, dead=True)
    await tell(stage, tokens[5:6], Outcome.opted_out, reason="wrote so")
    await tell(stage, tokens[5:6], Outcome.opted_out, reason="complaint: called it spam")
    assert (await stage.overview())["state"] == "active"
    assert (await tallied(stage, channel="email")) == {"made": 94, "bounced": 5, "complained": 1}
    await tell(stage, tokens[6:7], Outcome.bounced)
    (held,) = (await stage.overview())["holds"]
    assert held["reason"] == "e-mails bounce: 6 of 100 in the last 24 hours (bar 5 %)"
    assert len(held["cases"]) == 5
    await stage.do("campaign resume", ref="test", late=None, dry_run=False)
    await tell(stage, tokens[7:8], Outcome.opted_out, reason="complaint: called it spam")
    assert (await stage.overview())["state"] == "active"  # sent before the resumption


async def with_numbers(
    stage: Stage, *steps: dict[str, Any], people: int, caller_ids: Sequence[str] = (ONE, TWO)
) -> None:
    for e164 in caller_ids:
        await stage.do("numbers add", number=e164, tag=["sales"], label=None, pace=None)
    picks = {"tags": ["sales"], "local_presence": False}
    await stage.launch(spec(*steps, numbers=picks), *(person(n) for n in range(people)))


async def test_a_number_that_may_not_send_is_held_and_the_others_go_on(stage: Stage) -> None:
    await with_numbers(stage, SMS, LATER, people=10)
    await stage.until(MONDAY + HOUR)
    await tell(stage, sent(stage, sender=ONE)[:1], Outcome.failed, **BARRED)
    await tell(stage, sent(stage, sender=ONE)[1:2], Outcome.failed, **BARRED)
    found = await stage.overview()
    assert found["state"] == "active"
    (held,) = found["holds"]
    assert (held["scope"], held["target"], held["until_at"]) == ("number", ONE, None)
    listed = {n["e164"]: n for n in (await stage.do("numbers list"))["numbers"]}
    assert listed[ONE]["held"] == "the number is not allowed to send this: 1 of 5 in the last 24 hours"
    assert listed[TWO]["held"] == ""
    await stage.until(MONDAY + 5 * HOUR)
    assert len(sent(stage, "later", TWO)) == 10
    (found,) = await rows(stage, select(outbox_event.c.payload).where(outbox_event.c.topic == "number.held"))
    assert "+1" not in str(found.payload)


async def test_people_wait_for_a_number_that_is_held_and_come_back_with_it(stage: Stage) -> None:
    await with_numbers(stage, SMS, LATER, people=3, caller_ids=(ONE,))
    await stage.until(MONDAY + HOUR)
    await tell(stage, sent(stage)[:1], Outcome.failed, **BARRED)
    await stage.until(MONDAY + 4 * HOUR)
    found = await stage.overview()
    assert (found["held_people"], sent(stage, "later")) == ({"no_number": 3}, [])
    await stage.do("release", scope="number", target=ONE)
    await stage.until(MONDAY + 5 * HOUR)
    assert len(sent(stage, "later")) == 3


async def test_without_a_number_of_ours_the_campaign_is_paused(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    await stage.until(MONDAY + HOUR)
    await tell(stage, sent(stage), Outcome.failed, **BARRED)
    found = await stage.overview()
    assert (found["state"], found["holds"][0]["cases"][0]["reason"]) == ("paused", BARRED["reason"])


async def test_a_number_that_reaches_few_cools_down_and_comes_back(stage: Stage) -> None:
    later = {**SMS, "id": "later", "after": "1 day"}
    await with_numbers(stage, SMS, later, people=60)
    await stage.until(MONDAY + HOUR)
    mine = sent(stage, sender=ONE)
    assert len(mine) == 30
    await tell(stage, mine[:20], Outcome.delivered)
    await tell(stage, mine[20:29], Outcome.failed, reason="the carrier gave no reason")
    assert (await stage.do("holds"))["holds"] == []
    await tell(stage, mine[29:], Outcome.failed)
    (held,) = (await stage.do("holds"))["holds"]
    cooled_at = MONDAY + HOUR
    assert held["reason"] == "texts from this number do not arrive: 10 of 30 in the last 24 hours (bar 30 %)"
    assert (held["target"], held["until_at"]) == (ONE, cooled_at + DAY)
    assert (await stage.overview())["state"] == "active"
    await stage.until(MONDAY + DAY + HOUR - MINUTE)
    assert (len(sent(stage, "later", ONE)), len(sent(stage, "later", TWO))) == (0, 60)
    assert (await stage.do("holds"))["holds"] == [held]
    (caller_id,) = await stage.runtime.store.read(lambda conn: numbers.caller_ids(conn, [ONE], [], None, 0, lock=False))
    assert caller_id.next_slot_at == held["until_at"]
    await stage.until(MONDAY + DAY + HOUR + MINUTE)
    assert (await stage.do("holds"))["holds"] == []


async def test_a_lane_waits_for_its_only_number_to_cool_down(stage: Stage) -> None:
    """No enrollment is held, no timer is needed, and a user may end it early."""
    await with_numbers(stage, SMS, LATER, people=30, caller_ids=(ONE,))
    await stage.until(MONDAY + HOUR)
    await tell(stage, sent(stage), Outcome.failed)
    await stage.until(MONDAY + 4 * HOUR)
    found = await stage.overview()
    assert (found["held_people"], sent(stage, "later"), found["queued"]) == ({}, [], 30)
    found = await why(stage, 20)
    assert (found["reason"], found["next_at"]) == ("number_pace", MONDAY + HOUR + DAY)
    assert "cooling down" in found["sentence"]
    foreseen = await stage.do("forecast", ref="test")
    assert foreseen["first"][0]["at"] == MONDAY + HOUR + DAY
    passes = stage.runtime.wakeups
    await stage.until(MONDAY + DAY)
    assert stage.runtime.wakeups <= passes + 2
    await stage.until(MONDAY + DAY + HOUR + MINUTE)
    assert len(sent(stage, "later")) == 30


async def test_a_rest_is_not_written_to_the_number_itself(stage: Stage) -> None:
    """Otherwise a released number would keep cooling down."""
    await with_numbers(stage, SMS, {**SMS, "id": "later", "after": "2 hours"}, people=60)
    await stage.until(MONDAY + HOUR)
    mine = sent(stage, sender=ONE)
    await tell(stage, mine[:20], Outcome.delivered)
    await tell(stage, mine[20:], Outcome.failed)
    await stage.until(MONDAY + 3 * HOUR + MINUTE)
    assert Counter(m.sender for a, m, _ in stage.sms.accepted if a.step == "later") == {TWO: 60}
    await stage.do("release", scope="number", target=ONE)
    (caller_id,) = await stage.runtime.store.read(lambda conn: numbers.caller_ids(conn, [ONE], [], None, 0, lock=False))
    assert caller_id.next_slot_at <= stage.clock.now()


async def test_a_released_number_is_used_at_once_and_judged_anew(stage: Stage) -> None:
    await with_numbers(stage, SMS, LATER, people=30, caller_ids=(ONE,))
    await stage.until(MONDAY + HOUR)
    first = sent(stage)
    await tell(stage, first[:29], Outcome.delivered)
    await tell(stage, first[:28], Outcome.failed)
    assert (await stage.do("holds"))["holds"] == []
    await tell(stage, first[28:], Outcome.failed)
    assert len((await stage.do("holds"))["holds"]) == 1
    await stage.do("release", scope="number", target=ONE)
    await stage.until(MONDAY + 4 * HOUR)
    later = sent(stage, "later")
    assert len(later) == 30
    await tell(stage, later[:29], Outcome.failed)
    assert (await stage.do("holds"))["holds"] == []  # the first texts do not count again
    await tell(stage, later[29:], Outcome.failed)
    assert len((await stage.do("holds"))["holds"]) == 1


async def test_a_number_nobody_answers_cools_down_beside_the_others(stage: Stage) -> None:
    call = {"id": "call", "channel": "phone", "agent": "caller"}
    stage.runtime.channels["phone"].concurrency = 500
    await with_numbers(stage, call, people=150, caller_ids=(ONE, TWO, "+12125550903"))
    await stage.until(MONDAY + HOUR)
    by_line: dict[str | None, list[str]] = {}
    for call_made, message, _ in stage.phone.accepted:
        by_line.setdefault(message.sender, []).append(call_made.token)
    assert {len(calls) for calls in by_line.values()} == {50}
    for calls in (by_line[TWO], by_line["+12125550903"]):
        await tell(stage, calls[:21], Outcome.answered)
        await tell(stage, calls[21:], Outcome.no_answer)
    await tell(stage, by_line[ONE][:10], Outcome.answered)
    await tell(stage, by_line[ONE][10:49], Outcome.no_answer)
    assert (await stage.do("holds"))["holds"] == []
    await tell(stage, by_line[ONE][49:50], Outcome.no_answer)
    (held,) = (await stage.do("holds"))["holds"]
    assert (held["target"], held["until_at"]) == (ONE, stage.clock.now() + DAY)
    assert held["reason"].startswith("calls from this number are answered less often: 10 of 50")


async def test_a_sender_that_is_refused_at_the_door_is_held_alone(stage: Stage) -> None:
    def refuse(message: Message, attempt: Attempt) -> Receipt:
        if message.sender == ONE:
            raise NeedsHuman("the sender is not the account's", only_sender=True)
        stage.sms.accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    stage.sms.always = refuse
    await with_numbers(stage, SMS, people=6)
    found = await stage.until_ended()
    assert found["completed"] == 6
    assert len(sent(stage, sender=TWO)) == 6
    (held,) = (await stage.do("holds"))["holds"]
    assert (held["scope"], held["target"], held["cases"][0]["outcome"]) == ("number", ONE, "not_sent")
    assert await tallied(stage) == {"made": 6}


async def test_old_hours_are_forgotten(stage: Stage) -> None:
    later = {**SMS, "id": "later", "after": "35 days"}
    await stage.launch(spec(SMS, later), person(1))
    await stage.until(MONDAY + HOUR)
    assert await tallied(stage) == {"made": 1}
    await stage.until(MONDAY + KEPT + 8 * DAY)
    assert len(sent(stage, "later")) == 1
    assert await tallied(stage) == {"made": 1}


OUTCOMES = [Outcome.sent, Outcome.delivered, Outcome.failed, Outcome.bounced, Outcome.replied, Outcome.unknown]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_the_tally_is_what_a_recount_finds(stage: Stage, seed: int) -> None:
    """Reports in any order and any number: each attempt with a known outcome counts once."""
    chance = random.Random(seed)
    stage.runtime.plans.breakers = ()
    await with_numbers(stage, SMS, LATER, people=15)
    for _ in range(12):
        await stage.until(stage.clock.now() + chance.randrange(40) * MINUTE)
        for token in chance.choices([a.token for a, _, _ in stage.sms.accepted], k=15):
            fault = chance.choice(["person", "message", "sender"])
            reason = chance.choice(["", "complaint: spam"])
            outcome = chance.choice([*OUTCOMES, *([Outcome.opted_out] if chance.random() < 0.1 else [])])
            await tell(stage, [token], outcome, fault=fault, reason=reason, dead=chance.random() < 0.1)
        if chance.random() < 0.3 and (await stage.overview())["state"] == "active":
            await stage.do("campaign pause", ref="test", because="")
            await stage.do("campaign resume", ref="test", late=None, dry_run=False)
    counted = attempt.c.counted
    whole = select(counted, func.count().label("attempts")).where(counted.is_not(None)).group_by(counted)
    found = {row.counted: row.attempts for row in await rows(stage, whole)}
    assert found == await tallied(stage)
    ended = select(func.count()).where(attempt.c.outcome.not_in(["not_sent", "unknown"]))
    assert sum(found.values()) == (await rows(stage, ended))[0][0] > 15
    for number_id in (1, 2):
        mine = whole.where(attempt.c.number_id == number_id)
        assert {row.counted: row.attempts for row in await rows(stage, mine)} == await tallied(
            stage, "number", number_id
        )
