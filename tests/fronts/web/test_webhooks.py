"""Webhooks: an authentic request is committed before the response; any other changes nothing."""

from __future__ import annotations

import httpx

from fluentsd.api import Inbound, Outcome, Receipt
from fluentsd.store import suppression
from tests.engine.stage import SMS, person, spec
from tests.fronts.web.front import EMAIL, PUBLIC, Front


async def test_a_report_about_an_attempt_is_committed_before_it_is_answered(front_on_both: Front) -> None:
    [token] = await front_on_both.reach()
    assert await front_on_both.hook({"outcome": "delivered"}, token=token) == 204
    assert await front_on_both.ask("SELECT state, outcome FROM attempt") == [("settled", "delivered")]


async def test_the_channel_sees_the_address_that_the_provider_knows(front: Front) -> None:
    headers = httpx.Headers([("X-Twice", "1"), ("x-TWICE", "2")])
    await front.client.post("/hooks/sms/a%2Fb?x=%C3%A4&y", headers=headers)
    assert front.stage.sms.seen is None  # type: ignore[attr-defined]  # a slash in a token leads nowhere
    await front.client.post("/hooks/sms/a%20b?x=%C3%A4&y", headers=headers, content=b"\xff")
    seen = front.stage.sms.seen  # type: ignore[attr-defined]
    assert (seen.method, seen.url, seen.body) == ("POST", f"{PUBLIC}/hooks/sms/a%20b?x=%C3%A4&y", b"\xff")
    assert seen.headers["x-twice"] == "1, 2"


async def test_strangers_get_nothing_and_leave_no_trace_but_a_count(front: Front) -> None:
    [token] = await front.reach()
    before = await front.ask("SELECT state, outcome, settled_at FROM attempt")
    message = {"outcome": "opted_out"}
    assert await front.hook(message, token=token, signature="0" * 64) == 403
    assert await front.hook(message, token=token, signature="0" * 64) == 403
    assert await front.hook(message, token="f" * 32) == 404
    assert await front.hook(message, token="f" * 31 + "'") == 404
    assert await front.hook(message, token=token, kind="email") == 404
    assert await front.hook(message, token=token, kind="pigeon") == 404
    assert await front.ask("SELECT state, outcome, settled_at FROM attempt") == before
    assert await front.ask("SELECT count(*) FROM suppression") == [(0,)]
    assert len(front.logged("web.forged")) == 1
    metrics = (await front.client.get("/metrics")).text
    assert 'fluentsd_webhooks_total{channel="sms",result="forged"} 2' in metrics
    assert 'fluentsd_webhooks_total{channel="sms",result="unknown"} 2' in metrics
    assert 'fluentsd_webhooks_total{channel="email",result="unknown"} 1' in metrics
    assert 'fluentsd_webhooks_total{channel="none",result="unknown"} 1' in metrics


async def test_what_makes_no_sense_is_told_so(front: Front) -> None:
    for body in (b"\xff\xfe\xc3", b"{", b'{"a": 1}', b'[{"outcome": "eaten"}]'):
        assert await front.hook(body=body) == 400
    assert not front.logged("web.fault")


async def test_a_report_never_makes_an_outcome_vaguer_in_any_order(front: Front) -> None:
    [token] = await front.reach()
    for outcome in ("delivered", "sent", "bounced", "delivered", "sent"):
        assert await front.hook({"outcome": outcome, "reason": "x"}, token=token) == 204
    assert await front.ask("SELECT outcome FROM attempt") == [("bounced",)]


async def test_a_token_that_the_channel_names_itself_goes_before_the_paths_and_must_be_its_own(front: Front) -> None:
    one, other = await front.reach(2)
    assert await front.hook({"outcome": "delivered", "token": other}, token=one) == 204
    assert await front.hook({"outcome": "bounced", "token": "e" * 32}) == 204
    found = dict(await front.ask("SELECT id, outcome FROM attempt"))
    assert found == {one: "sent", other: "delivered"}


async def test_a_channel_has_no_say_in_another_channels_attempts(front: Front) -> None:
    [mail] = await front.reach(1, EMAIL)
    assert await front.hook({"outcome": "bounced", "token": mail}) == 204
    assert await front.ask("SELECT outcome FROM attempt") == [("sent",)]
    assert await front.hook({"outcome": "bounced", "token": mail}, kind="email") == 204
    assert await front.ask("SELECT outcome FROM attempt") == [("bounced",)]


async def test_reason_and_a_dead_number_come_through(front: Front) -> None:
    async def pending(*_: object) -> Receipt:
        return Receipt("SM1")

    front.stage.sms.always = pending  # type: ignore[assignment]
    await front.stage.do("campaign apply", file=spec(SMS))
    await front.stage.enroll(person(1))
    await front.stage.do("campaign start", ref="test", yes=True)
    await front.until("SELECT count(*) FROM attempt WHERE accepted_at IS NOT NULL", [(1,)])
    message = {"outcome": "failed", "ref": "SM1", "reason": "30005: unknown destination", "dead": True}
    assert await front.hook(message) == 204
    assert await front.ask("SELECT outcome, reason FROM attempt") == [("failed", "30005: unknown destination")]
    assert await front.ask("SELECT dead_on FROM point WHERE kind = 'phone'") == [("sms",)]


async def test_the_same_reply_is_kept_once_however_often_it_comes(front: Front) -> None:
    await front.reach()
    message = {"outcome": "replied", "address": "+12125550001", "text": "Who is this?"}
    for _ in range(3):
        assert await front.hook(message) == 204
    assert await front.ask("SELECT text FROM content WHERE kind = 'reply'") == [("Who is this?",)]
    assert 'result="repeated"} 2' in (await front.client.get("/metrics")).text


# ── STOP and START ───────────────────────────────────────────────────────────────────────────────────────────────

NUMBER = "+19175550199"
STOP = {"outcome": "opted_out", "address": NUMBER, "text": "STOP"}


def start(nth: int) -> dict[str, object]:
    return {"outcome": "replied", "address": NUMBER, "text": f"START{nth}", "resubscribed": True}


async def test_a_start_lifts_the_numbers_own_stop_and_says_so(front_on_both: Front) -> None:
    front = front_on_both
    assert await front.hook(STOP) == 204
    assert await front.ask("SELECT value, lifted_at FROM suppression") == [(NUMBER, None)]
    assert await front.hook(start(1)) == 204
    [(at, by, because)] = await front.ask("SELECT lifted_at, lifted_by, lifted_because FROM suppression")
    assert (at is not None, by, because.startswith("wrote so; request ")) == (True, "contact", True)


async def test_a_replayed_start_never_undoes_a_later_stop(front_on_both: Front) -> None:
    front = front_on_both
    await front.hook(start(1))  # heard with nothing to lift
    await front.hook(STOP)
    assert await front.hook(start(1)) == 204
    assert await front.ask("SELECT count(*) FROM suppression WHERE lifted_at IS NULL") == [(1,)]
    await front.hook(start(2))
    assert await front.ask("SELECT count(*) FROM suppression WHERE lifted_at IS NULL") == [(0,)]
    await front.hook(STOP)
    await front.hook(start(2))
    await front.hook(start(1))
    assert await front.ask("SELECT count(*) FROM suppression WHERE lifted_at IS NULL") == [(1,)]


async def test_a_replayed_start_undoes_nothing_after_a_restart_either(front_on_both: Front) -> None:
    front = front_on_both
    inbox = front.stage.inbox

    async def open_stops() -> int:
        return int((await front.ask("SELECT count(*) FROM suppression WHERE lifted_at IS NULL"))[0][0])

    stop, again = (
        Inbound(Outcome.opted_out, address=NUMBER),
        Inbound(Outcome.replied, address=NUMBER, resubscribed=True),
    )
    await inbox.take(again, proof="a")  # nothing to lift, and heard all the same
    await inbox.take(stop)
    await inbox.take(again, proof="a")
    assert await open_stops() == 1
    await inbox.take(again, proof="b")
    assert await open_stops() == 0
    await inbox.take(stop)
    await inbox.take(again, proof="b")
    assert await open_stops() == 1
    await inbox.take(again)  # by a listener, which hears each word once
    assert await open_stops() == 0


async def test_a_second_stop_that_reads_like_the_first_is_obeyed_and_a_third_adds_nothing(front: Front) -> None:
    await front.hook(STOP)
    await front.hook(start(1))
    for _ in range(3):
        assert await front.hook(STOP) == 204
    assert await front.ask("SELECT count(*) FROM suppression WHERE lifted_at IS NULL") == [(1,)]
    assert await front.ask("SELECT count(*) FROM suppression") == [(2,)]


async def test_a_start_lifts_nothing_that_others_asked_for_and_no_other_numbers(front: Front) -> None:
    run = front.stage.runtime.store.run
    await run(suppression.add, [("phone", NUMBER)], reason="on the national list", by="dana", at=1)
    await run(suppression.add, [("phone", "+19175550100")], reason="opted_out", by="contact", at=1)
    await front.hook(STOP)
    await front.hook(start(1))
    left = await front.ask("SELECT value, by FROM suppression WHERE lifted_at IS NULL ORDER BY value DESC")
    assert left == [(NUMBER, "dana"), ("+19175550100", "contact")]


async def test_a_stop_from_somebody_in_a_campaign_ends_their_course(front_on_both: Front) -> None:
    await front_on_both.reach(2)
    assert await front_on_both.hook({"outcome": "opted_out", "address": "+12125550001"}) == 204
    assert await front_on_both.ask("SELECT kind, value FROM suppression ORDER BY kind") == [
        ("email", "p1@example.com"),
        ("phone", "+12125550001"),
    ]
    outcomes = [outcome for (outcome,) in await front_on_both.ask("SELECT outcome FROM attempt")]
    assert sorted(outcomes) == [Outcome.opted_out, Outcome.sent]
