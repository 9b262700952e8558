"""What happened is written to the person's record in the CRM: once, in order, also when the CRM is away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.api import Activity, Attempt, Disposition, Inbound, NeedsHuman, Outcome, Rejected, Unavailable
from fluentsd.clock import SimClock
from fluentsd.domain.subscriptions import Subscriptions, write_back_subscriptions
from fluentsd.domain.sync_options import SyncOptions
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.sync.write_back import write_backs
from fluentsd.store import activities
from tests.databases import open_whole
from tests.engine.after_calls.stage import AGENT, Analyst
from tests.engine.calls.test_inbound_calls import CALLER, OURS, calls_us
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, staged
from tests.engine.sync.conftest import Followed
from tests.engine.sync.fake_source import FakeCrm

CALL = {"id": "call", "channel": "phone", "agent": "a"}


@pytest.fixture
async def written(database_url: str) -> AsyncIterator[Followed]:
    clock = SimClock(MONDAY)
    crm = FakeCrm(clock)
    topics = Subscriptions(write_back_subscriptions("crm"))
    async with open_whole(database_url, busy=clock.busy, subscriptions=topics) as store:
        options = {"sources": {"crm": crm}, "sync_options": {"crm": SyncOptions(every=15 * MINUTE)}}
        async with staged(store, clock, targets=lambda r: write_backs(r, "crm", crm), **options) as stage:
            yield Followed(stage, crm)


def kinds(followed: Followed) -> list[tuple[str, str, str]]:
    return [(one.kind, one.direction, one.outcome) for one in followed.crm.written.values()]


async def texted(written: Followed) -> Attempt:
    """The text that the one person of the CRM gets."""
    written.crm.put(1)
    await written.start()
    await written.pass_time(5 * MINUTE)
    [attempt] = [attempt for attempt, *_ in written.stage.sms.accepted]
    return attempt


async def is_called(written: Followed, analyst: Analyst | None = None) -> Attempt:
    """The call that the one person of the CRM gets, of an agent whose calls are analysed if there is an analyst."""
    stage = written.stage
    written.crm.put(1)
    if analyst is not None:
        stage.phone.analyse = analyst.analyse  # type: ignore[attr-defined]
        stage.resolve("phone")
        await stage.do("agents apply", file={"agent": [AGENT]})
    await written.start(CALL if analyst is None else CALL | {"agent": "ava"})
    await written.pass_time(5 * MINUTE)
    [attempt] = [attempt for attempt, *_ in stage.phone.accepted]
    return attempt


async def call_comes_in(written: Followed) -> None:
    """The one person of the CRM got a text, and calls a number of ours that an agent answers."""
    stage = written.stage
    stage.phone.analyse = Analyst().analyse  # type: ignore[attr-defined]
    await stage.do("numbers add", number=OURS, tag=["us"])
    await stage.do("agents apply", file={"agent": [AGENT]})
    await stage.do("numbers inbound", number=OURS, agent="ava")
    await texted(written)
    await calls_us(stage)


async def test_a_text_and_the_reply_are_two_activities(written: Followed) -> None:
    attempt = await texted(written)
    await written.stage.sms.tell(Inbound(Outcome.delivered, token=attempt.token))
    await written.stage.sms.tell(Inbound(Outcome.replied, token=attempt.token, text="Call me on Tuesday"))
    await written.pass_time(20 * MINUTE)
    assert kinds(written) == [("sms", "out", "sent"), ("sms", "in", "replied")]
    sent, reply = written.crm.written.values()
    assert (sent.record, sent.text, sent.address) == ("r1", "Hello P1", "+12125550001")
    assert sent.summary == "Text: sent (A test, step text)"
    assert (reply.text, reply.record) == ("Call me on Tuesday", "r1")


async def test_a_merged_person_has_each_activity_once_at_the_winner(written: Followed) -> None:
    written.crm.put(1)
    written.crm.put(2)
    await written.start()
    await written.pass_time(5 * MINUTE)
    [first] = [one for one, *_ in written.stage.sms.accepted if one.to == "+12125550001"]
    written.crm.merge(winner=2, loser=1)
    await written.pass_time(20 * MINUTE)
    await written.stage.sms.tell(Inbound(Outcome.replied, token=first.token, text="Call me on Tuesday"))
    await written.pass_time(20 * MINUTE)
    replies = [one.record for one in written.crm.written.values() if one.direction == "in"]
    assert replies == ["r2"]


async def test_nothing_leads_from_an_erased_person_to_the_winner(written: Followed) -> None:
    store = written.stage.runtime.store
    written.crm.put(1)
    written.crm.put(2)
    await written.start()
    await written.pass_time(5 * MINUTE)
    written.crm.merge(winner=2, loser=1)
    await written.pass_time(20 * MINUTE)
    assert await store.read(activities.records_in, "crm", 1) == ["r2"]
    await written.stage.do("contacts erase", person="#1", because="asked by letter")
    assert await store.read(activities.records_in, "crm", 1) == []
    assert await store.read(activities.records_in, "crm", 2) == ["r2"]


async def test_a_call_has_its_duration_and_transcript(written: Followed) -> None:
    attempt = await is_called(written)
    await written.stage.phone.tell(Inbound(Outcome.answered, token=attempt.token, duration_s=60, transcript="hello",
                                           disposition=Disposition.interested, summary="Wants a quote"))  # fmt: skip
    await written.pass_time(20 * MINUTE)
    [call] = written.crm.written.values()
    assert (call.kind, call.outcome, call.duration_s, call.text) == ("call", "answered", 60, "hello")
    assert call.disposition == "interested"
    assert call.summary == "Call: answered, interested (A test, step call): Wants a quote"


async def test_a_call_from_the_person_is_an_activity_and_its_analysis_a_note(written: Followed) -> None:
    stage = written.stage
    await call_comes_in(written)
    said = Inbound(Outcome.answered, None, "CA1", CALLER, called_us=True, duration_s=60, transcript="person: A roof?")
    await stage.inbox.take(said)
    await stage.inbox.take(said)  # reported twice
    await written.pass_time(20 * MINUTE)
    assert kinds(written) == [("sms", "out", "sent"), ("call", "in", "answered"), ("note", "in", "answered")]
    _, call, note = written.crm.written.values()
    assert (call.summary, call.text) == (
        "Call from the person: answered, interested: Wants a roof.", "person: A roof?"
    )  # fmt: skip
    assert (call.address, call.sender, call.duration_s) == (CALLER, OURS, 60)
    assert note.summary == "Summary of the person's call, interested"
    assert note.text == "Wants a roof.\nbudget: 5000\nsize: large"
    assert note.fields == {"annual_budget": 5000, "roof_size": "large"}


@pytest.mark.parametrize("error", [Rejected("no calls here"), KeyError("id")])
async def test_an_activity_that_is_refused_costs_no_other_one(written: Followed, error: Exception) -> None:
    await call_comes_in(written)
    write = written.crm.write

    async def refuses(activity: Activity, key: str) -> str:
        if activity.kind == "call":
            raise error
        return await write(activity, key)

    written.crm.write = refuses  # type: ignore[method-assign]
    said = Inbound(Outcome.answered, None, "CA1", CALLER, called_us=True, duration_s=60, transcript="person: A roof?")
    await written.stage.inbox.take(said)
    await written.pass_time(20 * MINUTE)
    assert kinds(written) == [("sms", "out", "sent"), ("note", "in", "answered")]
    [waiting] = (await written.stage.do("outbox list"))["deliveries"]
    assert "KeyError" not in waiting["problem"]
    assert any(words in waiting["problem"] for words in ("no calls here", "sync.error in the log"))
    written.crm.write = write  # type: ignore[method-assign]
    await written.pass_time(HOUR)
    assert sorted(kind for kind, direction, _ in kinds(written) if direction == "in") == ["call", "note"]


async def test_what_may_not_be_written_waits_alone(written: Followed) -> None:
    written.crm.put(1)
    written.crm.put(2)
    await written.start()
    write = written.crm.write

    async def refuses(activity: Activity, key: str) -> str:
        if activity.record == "r1":
            raise NeedsHuman("give the key the scope of notes", only_this=True)
        return await write(activity, key)

    written.crm.write = refuses  # type: ignore[method-assign]
    await written.pass_time(6 * HOUR)
    assert [one.record for one in written.crm.written.values()] == ["r2"]
    written.crm.write = write  # type: ignore[method-assign]
    await written.pass_time(2 * HOUR)
    assert [one.record for one in written.crm.written.values()] == ["r2", "r1"]


async def test_a_call_to_us_that_began_with_an_opt_out_is_written_once_and_its_note_follows(written: Followed) -> None:
    stage = written.stage
    await call_comes_in(written)
    said = {"token": None, "ref": "CA1", "address": CALLER, "called_us": True}
    await stage.inbox.take(Inbound(Outcome.opted_out, **said, text="stop"))  # told at once, the call goes on
    await written.pass_time(5 * MINUTE)
    await stage.inbox.take(Inbound(Outcome.opted_out, **said, transcript="person: stop"))
    await written.pass_time(20 * MINUTE)
    found = kinds(written)
    assert sorted(kind for kind, direction, _ in found if direction == "in") == ["call", "note"]
    assert [kind for kind, *_ in found].count("opt_out") == 1


async def test_an_opt_out_sets_the_crms_own_fields(written: Followed) -> None:
    written.crm.put(1)
    await written.start(SMS, SMS | {"id": "two", "after": "1 hour"})
    await written.pass_time(5 * MINUTE)
    [attempt] = [attempt for attempt, *_ in written.stage.sms.accepted]
    await written.stage.sms.tell(Inbound(Outcome.opted_out, token=attempt.token, text="STOP"))
    await written.pass_time(20 * MINUTE)
    assert ("opt_out", "out", "") in kinds(written)


async def test_an_opt_out_waits_neither_behind_notes_nor_for_their_quota(written: Followed) -> None:
    written.crm.put(1)
    attempt = await texted(written)
    write = written.crm.write

    async def over_for_notes(activity: Activity, key: str) -> str:
        if activity.kind != "opt_out":
            raise Unavailable("the day's requests are used", after=10 * 3600)
        return await write(activity, key)

    written.crm.write = over_for_notes  # type: ignore[method-assign]
    await written.stage.sms.tell(Inbound(Outcome.replied, token=attempt.token, text="Call me on Tuesday"))
    await written.pass_time(5 * MINUTE)
    await written.stage.do("suppression add", point="+12125550001", because="asked on the phone")
    await written.pass_time(5 * SECOND)
    assert kinds(written) == [("sms", "out", "sent"), ("opt_out", "out", "")]


async def test_an_opt_out_of_somebody_without_an_enrollment_reaches_the_crm_too(written: Followed) -> None:
    written.crm.put(1)
    await written.apply()
    await written.pass_time(5 * MINUTE)
    await written.stage.do("suppression add", point="+12125550001", because="asked on the phone", channel="sms")
    await written.pass_time(5 * MINUTE)
    [said] = written.crm.written.values()
    assert (said.kind, said.record, said.channels) == ("opt_out", "r1", ("sms",))
    assert said.summary == "Opted out: no texts"
    await written.stage.do("suppression add", point="+12125550001", because="asked on the phone", channel="sms")
    await written.pass_time(5 * MINUTE)
    assert len(written.crm.written) == 1


async def test_what_a_crm_says_is_not_written_back_to_it(written: Followed) -> None:
    written.crm.put(1, do_not_call=True)
    await written.apply()
    await written.pass_time(HOUR)
    assert (await written.stage.do("suppression list"))["entries"]
    assert written.crm.written == {}


@pytest.mark.parametrize("error", [Unavailable("503", after=30), NeedsHuman("no scope"), OSError("reset")])
async def test_a_crm_that_is_away_gets_everything_once_when_it_is_back(written: Followed, error: Exception) -> None:
    for n in range(3):
        written.crm.put(n)
    await written.start()
    written.crm.fails = [error] * 5
    await written.pass_time(6 * HOUR)
    assert sorted(one.record for one in written.crm.written.values()) == ["r0", "r1", "r2"]


async def test_what_the_crm_refuses_is_a_dead_letter(written: Followed) -> None:
    written.crm.put(1)
    await written.start()
    written.crm.fails = []
    original = written.crm.write

    async def refuses(activity: object, key: str) -> str:
        raise Rejected("the record is read-only")

    written.crm.write = refuses  # type: ignore[method-assign]
    await written.pass_time(4 * HOUR)
    found = await written.stage.do("outbox list")
    assert [(one["target"], one["state"]) for one in found["deliveries"]] == [("source:crm", "dead")]
    written.crm.write = original  # type: ignore[method-assign]
    await written.stage.do("outbox retry", target="source:crm")
    await written.pass_time(HOUR)
    assert len(written.crm.written) == 1


async def test_the_analysis_of_a_call_is_a_note_with_the_fields_of_this_crm(written: Followed) -> None:
    answer = {"summary": "Wants a roof.", "disposition": "interested", "fields": {"budget": 5000}}
    attempt = await is_called(written, Analyst(answer))
    for _ in range(2):
        told = Inbound(Outcome.answered, token=attempt.token, transcript="person: A roof, please.")
        await written.stage.phone.tell(told)
    await written.pass_time(20 * MINUTE)
    call, note = written.crm.written.values()
    assert (call.kind, call.text) == ("call", "person: A roof, please.")
    assert (note.kind, note.record, note.disposition) == ("note", "r1", "interested")
    assert note.summary == "Summary of the call, interested (A test, step call)"
    assert note.text == "Wants a roof.\nbudget: 5000"
    assert note.fields == {"annual_budget": 5000}  # the field that the agent's file names, and no other


async def test_a_failed_analysis_writes_nothing(written: Followed) -> None:
    attempt = await is_called(written, Analyst({"summary": ""}))
    await written.stage.phone.tell(Inbound(Outcome.answered, token=attempt.token, transcript="person: Hm."))
    await written.pass_time(20 * MINUTE)
    assert kinds(written) == [("call", "out", "answered")]
