"""Calls are made with everything that law and proof need, and every answer of Twilio is read for what it proves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fluentsd_channel_sms.error_codes import NoAnswer

from fluentsd.api import (
    Absent,
    AgentSettings,
    Attempt,
    Cancelled,
    CannotTell,
    Found,
    Message,
    NeedsHuman,
    Outcome,
    Rejected,
    Unavailable,
)
from plugins.channel_phone.tests.fake_voice import NUMBER, SECOND
from plugins.channel_phone.tests.stage import an_agent

PERSON = "+14155550001"


def message(to: str = PERSON, agent: AgentSettings | None = None, **more) -> Message:
    return Message("phone", to, agent="sales", settings=agent or an_agent(), **more)


async def test_a_call_has_its_webhooks_its_limits_and_detection(build, twilio, tried):
    attempt = tried()
    receipt = await build(ring="30 s").send(message(agent=an_agent(length_s=300)), attempt)
    assert receipt.outcome is None
    kept = twilio.call(receipt.ref)
    url = f"https://outreach.example/hooks/phone/{attempt.token}"
    assert {name: values for name, values in kept.given.items() if name not in ("To", "From")} == {
        "Url": [f"{url}?for=pickup"], "Method": ["POST"], "StatusCallback": [f"{url}?for=status"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"], "StatusCallbackMethod": ["POST"],
        "Timeout": ["30"], "TimeLimit": ["360"], "MachineDetection": ["DetectMessageEnd"], "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [f"{url}?for=machine"], "AsyncAmdStatusCallbackMethod": ["POST"],
    }  # fmt: skip
    assert (kept.to, kept.sender) == (PERSON, NUMBER)


async def test_it_begins_only_when_the_request_leaves(build, twilio, tried):
    began = []
    attempt = tried(begin=lambda: began.append(len(twilio.calls)))
    await build().send(message(), attempt)
    assert began == [0]
    with pytest.raises(NeedsHuman):
        await build().send(Message("phone", PERSON, agent="nobody"), attempt)
    assert began == [0]


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (21211, Rejected, "the number is not valid"),
        (21216, Rejected, "may not call this number"),
        (13227, NeedsHuman, "Geo permissions"),
        (21210, NeedsHuman, "caller ID is not verified"),
        (10004, Unavailable, "as many calls at once"),
        (99999, Rejected, "99999"),
    ],
)
async def test_codes_decide(build, twilio, tried, code, error, words):
    twilio.codes[PERSON] = code
    with pytest.raises(error, match=words) as why:
        await build().send(message(), tried())
    assert twilio.calls == []
    if code == 21211:
        assert why.value.dead
    if code == 21210:
        assert why.value.only_sender


@pytest.mark.parametrize("fault", ["500", "accept_500", "accept_drop", "accept_nonsense"])
async def test_an_answer_that_proves_nothing_leaves_the_attempt_open(build, twilio, tried, fault):
    twilio.bad = fault
    with pytest.raises(NoAnswer):
        await build().send(message(), tried())


async def test_a_window_that_closes_soon_is_not_dialled_into(build, twilio, given, tried):
    closes = given.clock.now() + 20 * SECOND
    with pytest.raises(Unavailable, match="contact window closes") as why:
        await build().send(message(valid_until_at=closes), tried())
    assert why.value.only_this
    assert twilio.calls == []


async def test_what_is_missing_needs_a_person(build, tried):
    with pytest.raises(NeedsHuman, match="there is no agent 'nobody'"):
        await build().send(Message("phone", PERSON, agent="nobody"), tried())
    channel = build()
    channel.settings = replace(channel.settings, sender="")
    with pytest.raises(NeedsHuman, match="no caller ID"):
        await channel.send(message(), tried())


async def test_calls_above_the_accounts_pace_wait_for_their_turn(build, twilio, tried, given):
    channel = build(calls="1/minute")
    await channel.send(message(), tried())
    with pytest.raises(Unavailable, match="has a queue of 60 s"):
        await channel.send(message(), tried())
    assert len(twilio.calls) == 1


# After a lost answer


async def test_a_lost_call_is_found_by_person_caller_id_and_time(build, twilio, given, tried):
    attempt = tried()
    twilio.bad = "accept_500"
    with pytest.raises(NoAnswer):
        await build().send(message(), attempt)
    found = await build().lookup(attempt)
    assert found == Found(found.receipt)
    assert found.receipt.ref == twilio.calls[0].sid
    assert found.receipt.outcome is None
    assert await build().lookup(tried("+14155550002")) == Absent()


async def test_calls_since_an_instant_are_listed_newest_first(build, twilio, tried):
    first, second = tried(), tried("+14155550002")
    await build().send(message(), first)
    await build().send(replace(message(), to="+14155550002"), second)
    found = await build().made_since(first.claimed_at - 2 * SECOND, 50)
    assert [(one.ref, one.to, one.sender) for one in found] == [
        (twilio.calls[1].sid, "+14155550002", None),
        (twilio.calls[0].sid, PERSON, None),
    ]
    assert await build().made_since(first.claimed_at + 60 * SECOND, 50) == []
    assert await build(sender="+14155559999").made_since(0, 50) == []


async def test_two_calls_that_match_prove_nothing(build, twilio, tried):
    attempt = tried()
    first = await build().send(message(), attempt)
    await build().send(message(), tried())
    assert isinstance(await build().lookup(attempt), CannotTell)
    other = Attempt(attempt.token, "phone", PERSON, attempt.claimed_at, other_refs=frozenset((first.ref,)))
    assert (await build().lookup(other)).receipt.ref == twilio.calls[1].sid


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("ringing", None), ("in-progress", None), ("busy", Outcome.busy), ("no-answer", Outcome.no_answer),
     ("failed", Outcome.failed), ("canceled", Outcome.no_answer), ("completed", Outcome.unknown)],
)  # fmt: skip
async def test_the_calls_status_says_how_it_ended(build, twilio, tried, status, outcome):
    receipt = await build().send(message(), tried())
    twilio.call().status = status
    found = await build().lookup(tried(provider_ref=receipt.ref))
    assert found.receipt.outcome == outcome


async def test_when_twilio_cannot_be_asked_nothing_is_proved(build, tried):
    answer = await build(base_url="http://127.0.0.1:9").lookup(tried())
    assert isinstance(answer, CannotTell)
    assert not answer.asked


@pytest.mark.parametrize(
    ("status", "started", "answer"),
    [
        ("queued", None, Cancelled.before_ringing),
        ("ringing", 1, Cancelled.may_have_rung),
        ("in-progress", 1, False),
        ("completed", 1, False),
    ],
)
async def test_a_call_is_cancelled_while_nobody_has_answered(build, twilio, tried, status, started, answer):
    receipt = await build().send(message(), tried())
    twilio.call().status, twilio.call().started_at = status, started
    assert await build().cancel(tried(provider_ref=receipt.ref)) == answer


async def test_a_call_and_its_recordings_are_deleted(build, twilio, tried):
    receipt = await build().send(message(), tried())
    kept = twilio.call()
    kept.recordings = ["RE1", "RE2"]
    with pytest.raises(Unavailable, match="not finished"):
        await build().forget(tried(provider_ref=receipt.ref))
    kept.status, kept.duration, kept.recordings = "completed", 9, ["RE3"]
    await build().forget(tried(provider_ref=receipt.ref))
    assert (twilio.calls, kept.recordings) == ([], [])
    await build().forget(tried(provider_ref=receipt.ref))  # gone already


async def test_a_call_has_a_price_when_a_minute_has_one(build):
    assert build().price(message()) is None
    assert build(minute_price=14_000).price(message()).micros == 28_000


async def test_the_check_asks_twilio_and_the_model(build, twilio):
    found = await build().check()
    assert [one.ok for one in found] == [True, True, False]
    assert "phone: can call from +14155550100" in found[1].what
    assert "the model's service cannot be reached" in found[2].what
    twilio.status = "suspended"
    assert "the account is suspended" in (await build().check())[0].what


async def test_settings_that_cannot_be_kept_are_named(build):
    channel = build(machine_detection=False)
    assert channel.unsupported(an_agent(voicemail="Call back.")) == [
        "voicemail needs machine_detection = true in [channel.phone]"
    ]
    assert channel.unsupported(an_agent()) == []
