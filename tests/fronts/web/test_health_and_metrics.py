"""/healthz and /metrics: the information for monitoring, without personal data."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import trio

from fluentsd.api import Outcome, Receipt, Unavailable
from fluentsd.fronts.web import health, metrics
from fluentsd.store import holds
from fluentsd.store.lanes import LaneDue
from fluentsd.verbs import queries
from tests.engine.stage import HOUR, MINUTE, SMS, person, spec
from tests.fronts.web.front import Front


async def test_a_healthy_daemon_says_so_of_each_part(front_on_both: Front) -> None:
    got = await front_on_both.client.get("/healthz")
    assert got.status_code == 200
    parts = got.json()["parts"]
    assert list(parts) == ["store", "dispatcher", "reconciler", "outbox", "installation", "sms", "email"]
    assert {(part["ok"], part["age_s"]) for part in parts.values()} == {(True, 0)}
    assert all(part["last_success"].startswith("2026-03-02T") for part in parts.values())


async def test_a_channel_that_backs_off_or_is_held_is_told_and_is_no_reason_to_start_anew(front: Front) -> None:
    stage = front.stage
    stage.runtime.channels["sms"].backs_off_until = stage.clock.now() + 60_000_000
    held = ("channel", "email")
    await stage.runtime.store.run(
        holds.place, *held, reason="the password is wrong", by="fluentsd", at=stage.clock.now()
    )
    got = await front.client.get("/healthz")
    assert (got.status_code, got.json()["ok"]) == (200, False)
    parts = got.json()["parts"]
    assert parts["sms"]["why"] == "backing off for 60 s"
    assert parts["email"] == {"ok": False, "last_success": None, "age_s": None, "why": "held; see: fluentsd holds"}


async def test_a_disk_that_is_full_is_told_although_it_can_be_read(front: Front) -> None:
    state = front.stage.runtime.store_state
    state.lost("The database cannot write: free space on its disk (disk I/O error). Nothing was written.")
    got = await front.client.get("/healthz")
    assert got.status_code == 503
    assert got.json()["parts"]["store"]["why"] == "The database cannot write: free space on its disk"
    state.found()
    await front.stage.until(front.stage.clock.now() + MINUTE)
    assert (await front.client.get("/healthz")).status_code == 200


async def test_somebody_who_is_due_and_is_not_looked_at_is_told(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = front.stage
    due = LaneDue(1, 1, "sms", next_slot_at=0, due_at=stage.clock.now() - HOUR, priority=50)

    async def agenda(_: object) -> list[LaneDue]:
        return [due]

    monkeypatch.setattr(queries, "lanes", SimpleNamespace(agenda=agenda))  # what a stuck dispatcher would not see
    looking = health.Health(stage.runtime)
    assert (await looking.check())["dispatcher"]["ok"]  # it may only just have become due
    await stage.until(stage.clock.now() + 3 * MINUTE)
    dispatcher = (await looking.check())["dispatcher"]
    assert (dispatcher["ok"], dispatcher["age_s"]) == (False, 180)
    assert dispatcher["why"] == "work has been overdue for 3780 s"
    stage.runtime.wakeups += 1
    await stage.until(stage.clock.now() + MINUTE)
    assert (await looking.check())["dispatcher"]["ok"]


async def test_many_watchmen_are_served_by_one_look(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    check = health.Health._check

    async def counted(self: health.Health, now: int) -> dict[str, health.Part]:
        looks.append(now)
        return await check(self, now)

    monkeypatch.setattr(health.Health, "_check", counted)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(front.client.get, "/healthz")
    assert len(looks) == 1


async def test_every_line_of_the_metrics_is_prometheus_and_counts_what_is(front_on_both: Front) -> None:
    front = front_on_both
    tokens = await front.reach(3)
    await front.hook({"outcome": "delivered"}, token=tokens[0])
    held = {"reason": "texts do not arrive", "by": "fluentsd", "at": front.stage.clock.now()}
    await front.stage.runtime.store.run(holds.place, "number", "+12125550901", **held)
    await front.stage.runtime.store.run(holds.place, "channel", "email", **held | {"by": "somebody"})
    got = await front.client.get("/metrics")
    assert got.headers["content-type"] == metrics.TYPE
    lines = got.text.splitlines()
    for line in lines:
        assert re.fullmatch(r'# (HELP|TYPE) fluentsd_\w+ .+|fluentsd_\w+(\{(\w+="[^"\n]*",?)*\})? [0-9.e+-]+', line), (
            line
        )
    assert 'fluentsd_attempts_last_day{channel="sms",outcome="delivered"} 1' in lines
    assert 'fluentsd_attempts_last_day{channel="sms",outcome="sent"} 2' in lines
    assert 'fluentsd_people{campaign="test",state="completed"} 3' in lines
    assert 'fluentsd_webhooks_total{channel="sms",result="taken"} 1' in lines
    assert 'fluentsd_in_flight{channel="sms"} 0' in lines
    assert [line for line in lines if line.startswith("fluentsd_breakers_tripped")] == [
        'fluentsd_breakers_tripped{scope="number"} 1'
    ]
    assert any(re.fullmatch(r"fluentsd_resident_memory_bytes \d+", line) for line in lines)


async def test_attempts_of_the_last_day_are_found_without_walking_through_all(front: Front) -> None:
    plan = "EXPLAIN QUERY PLAN SELECT channel, outcome, count(*) FROM attempt WHERE id >= '0' GROUP BY channel, outcome"
    assert "SEARCH attempt USING PRIMARY KEY" in (await front.ask(plan))[0][3]
    owner = "EXPLAIN QUERY PLAN SELECT id FROM attempt WHERE id IN (SELECT value FROM json_each('[]'))"
    assert "SEARCH attempt USING PRIMARY KEY" in (await front.ask(owner))[0][3]


async def test_figures_of_what_waits_and_failed(front: Front) -> None:
    answers = [Unavailable("no"), Receipt("r", Outcome.sent)]

    async def send(*_: object) -> Receipt:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    front.stage.sms.always = send  # type: ignore[assignment]
    await front.stage.launch(spec(SMS), person(1), checked=False)
    await front.until("SELECT count(*) FROM attempt WHERE outcome = 'sent'", [(1,)])
    text = (await front.client.get("/metrics")).text
    assert 'fluentsd_attempts_last_day{channel="sms",outcome="not_sent"} 1' in text
