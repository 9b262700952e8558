"""Events of attempts, people, campaigns and holds: posted with what happened, to those who subscribe, ids alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Inbound, NeedsHuman, Outcome
from fluentsd.domain.subscriptions import LOG_TOPICS, Subscriptions
from fluentsd.store.tables import outbox_delivery, outbox_event
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

EVERYTHING = Subscriptions({"one": ["attempt.*", "reply.*", "enrollment.*", "hold.*", "campaign.*", "number.*"]})
LATER = SMS | {"id": "later", "after": "2 hours"}
pytestmark = pytest.mark.slow


async def posted(stage: Stage, prefix: str = "") -> list[tuple[str, str, dict[str, Any]]]:
    """Topic, key and payload of the events so far."""

    async def unit(conn: AsyncConnection) -> list[tuple[str, str, dict[str, Any]]]:
        columns = (outbox_event.c.topic, outbox_event.c.key, outbox_event.c.payload)
        statement = select(*columns).where(outbox_event.c.topic.startswith(prefix)).order_by(outbox_event.c.id)
        return [(topic, key, payload) for topic, key, payload in await conn.execute(statement)]

    return await stage.runtime.store.read(unit)


async def test_an_attempt_a_reply_and_an_end_are_posted_with_ids_alone(stage: Stage) -> None:
    stage.runtime.store.subscribe(EVERYTHING)
    await stage.launch(spec(SMS, LATER), person(1), person(2))
    await stage.until(MONDAY + HOUR)
    token = next(attempt.token for attempt, _, _ in stage.sms.accepted if attempt.to.endswith("0001"))
    recorded = [payload for _, _, payload in await posted(stage, "attempt.recorded")]
    assert {payload["outcome"] for payload in recorded} == {"sent"}
    (mine,) = [payload for payload in recorded if payload["attempt"] == token]
    about = {"campaign": "test", "contact": mine["contact"], "enrollment": mine["enrollment"]}
    assert mine == about | {"attempt": token, "channel": "sms", "step": "text", "try_no": 1, "outcome": "sent"}
    await stage.sms.tell(Inbound(token=token, outcome=Outcome.replied, text="call me, Ada", message_ref="m1"))
    await stage.until(MONDAY + HOUR + MINUTE)
    key = f"enrollment:{mine['enrollment']}"
    (again,) = (await posted(stage, "attempt.recorded"))[2:]
    assert again == ("attempt.recorded", key, mine | {"outcome": "replied"})
    assert await posted(stage, "reply.") == [
        ("reply.received", key, about | {"attempt": token, "channel": "sms", "outcome": "replied"})
    ]
    assert await posted(stage, "enrollment.") == [
        ("enrollment.ended", key, about | {"state": "exited", "reason": "replied"})
    ]
    await stage.until_ended()
    ends = [payload["state"] for _, _, payload in await posted(stage, "enrollment.")]
    assert ends == ["exited", "completed"]
    whole = json.dumps(await posted(stage))
    assert not any(text in whole for text in ("+1", "@", "Ada", "P1"))


async def test_a_person_who_is_removed_or_opts_out_ends_with_an_event(stage: Stage) -> None:
    stage.runtime.store.subscribe(EVERYTHING)
    await stage.launch(spec(SMS, LATER), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign remove", ref="test", person="+12125550001")
    await stage.do("suppression add", point="+12125550002", because="asked")
    await stage.until(MONDAY + 2 * MINUTE)
    ends = {payload["reason"] for _, _, payload in await posted(stage, "enrollment.")}
    assert ends == {"removed", "opted_out"}


async def test_the_log_alone_makes_no_event_of_an_attempt(stage: Stage) -> None:
    stage.runtime.store.subscribe(Subscriptions({"log": LOG_TOPICS}))
    await stage.launch(spec(SMS), person(1))
    await stage.until_ended()
    assert [topic for topic, _, _ in await posted(stage)] == ["campaign.started", "campaign.completed"]


async def test_a_hold_is_told_when_it_is_placed_and_lifted(stage: Stage) -> None:
    def refuse(*_: Any) -> Any:
        raise NeedsHuman("the account has no funds")

    stage.runtime.store.subscribe(EVERYTHING)
    stage.sms.behaviours = [refuse]
    await stage.launch(spec(SMS), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.do("release", scope="channel", target="sms")
    (placed, lifted) = await posted(stage, "hold.")
    about = {"scope": "channel", "target": "sms", "reason": "the account has no funds"}
    assert lifted == ("hold.lifted", "hold:channel:sms", about)
    assert placed[:2] == ("hold.placed", "hold:channel:sms")
    assert placed[2] == about | {"by": "fluentsd", "until_at": None, "cases": placed[2]["cases"]}
    assert len(placed[2]["cases"]) == 1


async def test_each_act_on_a_campaign_has_its_topic(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"after": "1 day"}))
    await stage.enroll(person(1))
    at = MONDAY + 3 * HOUR
    await stage.do("campaign schedule", ref="test", at=at, yes=True)
    await stage.do("campaign pause", ref="test")
    await stage.do("campaign start", ref="test", yes=True)
    for verb in ("pause", "resume", "stop", "reopen", "stop", "archive"):
        await stage.do(f"campaign {verb}", ref="test")
    found = await posted(stage)
    assert [topic.removeprefix("campaign.") for topic, _, _ in found] == [
        "scheduled", "unscheduled", "started", "paused", "resumed", "stopped", "reopened", "stopped", "archived",
    ]  # fmt: skip
    assert {(key, payload["campaign"], payload["by"]) for _, key, payload in found} == {("test", "test", "tester")}
    assert found[0][2]["starts_at"] == at


async def test_an_event_is_posted_or_not_with_its_transaction(stage: Stage) -> None:
    async def torn(conn: AsyncConnection) -> None:
        from fluentsd.domain.events import CampaignStarted
        from fluentsd.store import outbox

        await outbox.post(conn, CampaignStarted(campaign="a", by="t"), at=MONDAY)
        raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        await stage.runtime.store.run(torn)
    deliveries = await stage.runtime.store.read(lambda conn: conn.execute(select(outbox_delivery)))
    assert list(deliveries) == []
    assert await posted(stage) == []
