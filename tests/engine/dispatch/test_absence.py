"""Absences: an automatic reply defers every step until the person is back, and ends no enrollment."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Inbound, Outcome
from fluentsd.domain.time.absence import AT_MOST
from fluentsd.store import tables
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

ANN, MAIL = "+12125550001", "p1@example.com"
#: Monday a week later, as an automatic reply names it; and nine o'clock of that day in New York, in summer time then.
NEXT_MONDAY = round(dt.datetime(2026, 3, 9, tzinfo=dt.UTC).timestamp() * 1_000_000)
NINE = NEXT_MONDAY + 13 * HOUR
EMAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}
CALL = {"id": "call", "channel": "phone", "agent": "a", "after": "1 day"}


async def away(stage: Stage, until_at: int, at: int) -> None:
    """An automatic reply to the first mail comes just before `at`."""
    await stage.email.tell(Inbound(Outcome.delivered, address=MAIL, away_until_at=until_at))
    await stage.until(at)


async def why(stage: Stage, ref: str = "test") -> tuple[str, int | None]:
    answer = (await stage.do("contacts why", person=ANN, campaign=ref))["campaigns"][0]
    assert answer["sentence"]
    return answer["reason"], answer.get("next_at")


async def test_nothing_is_tried_on_any_channel_of_any_campaign_before_they_are_back(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL), person(1))
    await stage.launch(spec(SMS | {"after": "1 day"}, ref="other"), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + 2 * MINUTE)
    assert await why(stage) == ("away", NINE)
    await stage.until(NEXT_MONDAY)
    assert await why(stage) == ("away", NINE)
    await stage.until(NINE - 1)
    assert (stage.phone.accepted, stage.sms.accepted) == ([], [])
    assert await why(stage) == await why(stage, "other") == ("window", NINE)  # their day has begun
    await stage.until(NINE + MINUTE)
    assert [at for _, _, at in stage.phone.accepted + stage.sms.accepted] == [NINE, NINE]


async def test_a_robots_answer_is_proof_of_arrival_and_no_reply(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL, exit={"on": ["replied", "opted_out"]}), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + HOUR)
    assert [call["outcome"] for call in (await stage.do("history", person=ANN))["calls"]] == ["delivered"]
    assert (await stage.overview())["queued"] == 1


async def test_a_reply_of_their_own_means_that_they_are_back(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL, exit={"on": ["answered", "opted_out"]}), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + DAY + HOUR)
    assert await why(stage) == ("away", NINE)
    await stage.email.tell(Inbound(Outcome.replied, address=MAIL, text="Here I am."))
    await stage.until(MONDAY + DAY + 2 * HOUR)
    assert [at for _, _, at in stage.phone.accepted] == [MONDAY + DAY + HOUR]


async def test_the_latest_word_counts_be_it_sooner_or_later(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + DAY + HOUR)
    await away(stage, NEXT_MONDAY + DAY, MONDAY + DAY + 2 * HOUR)
    assert await why(stage) == ("away", NINE + DAY)
    await away(stage, NEXT_MONDAY - 3 * DAY, MONDAY + DAY + 3 * HOUR)
    assert await why(stage) == ("away", NINE - 3 * DAY + HOUR)  # Friday, before the clocks went forward
    await stage.until(NINE)
    assert [at for _, _, at in stage.phone.accepted] == [NINE - 3 * DAY + HOUR]


async def test_a_day_that_has_passed_changes_nothing_and_no_word_is_believed_for_ever(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, MONDAY - DAY, MONDAY + HOUR)
    assert await why(stage) == ("not_due", MONDAY + DAY)
    await away(stage, NEXT_MONDAY + 365 * DAY, MONDAY + 2 * HOUR)
    reason, next_at = await why(stage)
    assert (reason, next_at is not None and MONDAY + AT_MOST <= next_at < MONDAY + AT_MOST + 4 * DAY) == ("away", True)


async def test_a_callback_for_a_moment_they_chose_is_made_all_the_same(stage: Stage) -> None:
    await stage.launch(spec(EMAIL, CALL, CALL | {"id": "again", "after": "1 hour"}), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign callback", ref="test", person=ANN, at=MONDAY + DAY + 3 * HOUR)
    await away(stage, NEXT_MONDAY, MONDAY + DAY + 2 * HOUR)
    assert await why(stage) == ("not_due", MONDAY + DAY + 3 * HOUR)
    await stage.until(MONDAY + DAY + 4 * HOUR)
    assert [at for _, _, at in stage.phone.accepted] == [MONDAY + DAY + 3 * HOUR]
    await stage.phone.tell(Inbound(Outcome.no_answer, token=stage.phone.accepted[0][0].token))
    await stage.until(MONDAY + DAY + 6 * HOUR)
    assert await why(stage) == ("away", NINE)


async def test_the_launch_check_and_the_forecast_know_of_it(stage: Stage) -> None:
    await stage.launch(spec(EMAIL), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + HOUR)
    await stage.do("campaign apply", file=spec(SMS, ref="next"))
    await stage.enroll(person(1), ref="next")
    assert (await stage.do("campaign check", ref="next"))["ready"] == 1
    answer = await stage.do("forecast", ref="next")
    assert answer["first"][0]["at"] == NINE, answer


async def test_whoever_is_forgotten_takes_the_absence_along(stage: Stage) -> None:
    await stage.launch(spec(EMAIL), person(1))
    await stage.until(MONDAY + MINUTE)
    await away(stage, NEXT_MONDAY, MONDAY + HOUR)
    held = await stage.do("contacts export", person=ANN)
    assert held["contact"]["away_until_at"] == NEXT_MONDAY + 4 * HOUR
    await stage.do("contacts erase", person=ANN, because="asked by letter")
    assert (await stage.runtime.store.read(_absences)) == [None]


async def _absences(conn: AsyncConnection) -> list[int | None]:
    return list((await conn.execute(select(tables.contact.c.away_until_at))).scalars())
