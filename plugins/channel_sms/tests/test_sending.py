"""The request of a send to Twilio, and its result for every answer."""

from __future__ import annotations

import logging
import uuid

import pytest
import trio
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.error_codes import CODES, Act, NoAnswer
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Attempt, Message, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SECOND, SERVICE, TOKEN

PERSON = "+14155550001"
CAMPAIGN_NUMBER = "+14155550101"


@pytest.fixture
def build(twilio, given):
    def make(**config):
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
        table |= {"throughput": "1000/second"} | config
        return SmsChannel(read_settings({k: v for k, v in table.items() if v is not None}), given)

    return make


def attempt(to=PERSON, token=None, **more):
    return Attempt(token or uuid.uuid4().hex, "sms", to, 0, step="text", **more)


def message(text="Hello there", to=PERSON, **more):
    return Message("sms", to, text=text, **more)


async def ended(channel, words=None, tried=None):
    words = words or message()
    try:
        return await channel.send(words, tried or attempt(words.to))
    except Exception as why:  # noqa: BLE001 - what it raises is what is being tested
        return why


def asked(twilio):
    """The last create, as Twilio read it."""
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return {k: v[-1] for k, v in next(g for m, p, g in reversed(twilio.requests) if (m, p) == ("POST", path)).items()}


async def test_a_message_is_asked_for_with_everything_twilio_needs(build, twilio, given):
    tried = attempt()
    until = given.clock.now() + 3600 * SECOND
    receipt = await ended(build(segment_price=8300), message(valid_until_at=until), tried)
    assert receipt == Receipt(twilio.messages[0].sid, Outcome.sent, 8300, "USD")
    request = asked(twilio)
    assert 3597 <= int(request.pop("ValidityPeriod")) <= 3600
    callback = f"https://outreach.example/hooks/sms/{tried.token}"
    assert request == {"To": PERSON, "From": NUMBER, "Body": "Hello there", "StatusCallback": callback}


async def test_a_service_chooses_the_sender_and_segments_are_counted_here(build, twilio):
    receipt = await ended(build(sender=None, messaging_service=SERVICE, segment_price=10), message("€" * 81))
    assert receipt.cost_micros == 20
    assert asked(twilio)["MessagingServiceSid"] == SERVICE
    assert "From" not in asked(twilio)


@pytest.mark.parametrize("config", [{}, {"sender": None}, {"sender": None, "messaging_service": SERVICE}])
async def test_the_chosen_caller_id_wins(build, twilio, config):
    twilio.own(CAMPAIGN_NUMBER)
    assert isinstance(await ended(build(**config), message(sender=CAMPAIGN_NUMBER)), Receipt)
    assert asked(twilio)["From"] == CAMPAIGN_NUMBER
    assert "MessagingServiceSid" not in asked(twilio)


async def test_without_any_sender_a_person_must_act(build, twilio):
    assert isinstance(await ended(build(sender=None)), NeedsHuman)
    assert twilio.requests == []


@pytest.mark.parametrize(
    ("left", "config", "validity"),
    [
        (None, {}, 14_400),
        (36_000, {}, 14_400),
        (36_000, {"validity": "10 hours"}, 36_000),
        (90_000, {"validity": "1 min"}, 60),
    ],
)
async def test_validity_ends_with_the_window_and_is_capped(build, twilio, given, left, config, validity):
    until = None if left is None else given.clock.now() + left * SECOND + SECOND
    await ended(build(**config), message(valid_until_at=until))
    assert int(asked(twilio)["ValidityPeriod"]) == validity


async def test_nothing_is_sent_when_the_window_is_about_to_close(build, twilio, given):
    said = await ended(build(), message(valid_until_at=given.clock.now() + 4 * SECOND))
    assert isinstance(said, Unavailable)
    assert said.only_this
    assert twilio.requests == []


@pytest.mark.parametrize("text", ["", "  \n", "x" * 1601])
async def test_a_text_twilio_cannot_take_is_never_offered(build, twilio, text):
    assert isinstance(await ended(build(), message(text)), Rejected)
    assert twilio.requests == []


@pytest.mark.parametrize("code", sorted(CODES))
async def test_every_code_means_one_thing(build, twilio, code):
    twilio.codes[PERSON] = code
    said, act = await ended(build()), CODES[code].act
    expected = {Act.human: NeedsHuman, Act.sender: NeedsHuman, Act.later: Unavailable, Act.this_later: Unavailable}
    assert type(said) is expected.get(act, Rejected)
    assert str(code) in str(said)
    if isinstance(said, Rejected):
        assert said.dead == (act == Act.dead)
        assert said.fault == ("message" if act == Act.blocked else "person")
        assert said.outcome == (Outcome.opted_out if act == Act.opt_out else Outcome.failed)
    if isinstance(said, Unavailable):
        assert said.only_this == (act == Act.this_later)
    if isinstance(said, NeedsHuman):
        assert CODES[code].fix in str(said)
        assert said.only_sender == (act == Act.sender)
    assert twilio.messages == []


async def test_the_codes_that_the_engine_relies_on():
    acts = {code: verdict.act for code, verdict in CODES.items()}
    assert acts[21610] == Act.opt_out
    assert {code for code, act in acts.items() if act == Act.dead} == {21211, 21614, 21635, 30005, 30006}
    assert all(acts[code] == Act.human for code in (21408, 20003, 63038))
    assert {code for code, act in acts.items() if act == Act.blocked} == {30004, 30007}
    assert {code for code, act in acts.items() if act == Act.sender} == {
        21212, 21601, 21606, 21659, 21660, 21661, 30032, 30033, 30034, 30035,
    }  # fmt: skip
    assert all(acts[code] == Act.later for code in (20429, 30001))


async def test_an_unknown_code_is_a_refusal_of_this_message(build, twilio):
    twilio.codes[PERSON] = 21999
    said = await ended(build())
    assert isinstance(said, Rejected)
    assert not said.dead


async def test_an_opted_out_person_is_told_apart(build, twilio):
    twilio.write(PERSON, "STOP")
    said = await ended(build())
    assert isinstance(said, Rejected)
    assert said.outcome == Outcome.opted_out


async def test_wrong_credentials_stop_the_channel(build, twilio):
    twilio.logins.clear()
    assert isinstance(await ended(build()), NeedsHuman)


async def test_back_off_grows_and_a_success_ends_it(build, twilio, given):
    twilio.misbehave("429", times=3)
    channel, waits = build(), []
    for _ in range(3):
        said = await ended(channel)
        assert isinstance(said, Unavailable)
        assert not said.only_this
        waits.append(said.after)
        channel._slow_until = 0  # as if that time had passed
    assert waits[0] == pytest.approx(0.5, rel=0.11)
    assert waits[1] == pytest.approx(1.0, rel=0.11)
    assert waits[2] == pytest.approx(2.0, rel=0.11)
    assert isinstance(await ended(channel), Receipt)
    twilio.misbehave("429", times=1)
    channel._slow_until = 0
    assert (await ended(channel)).after == pytest.approx(0.5, rel=0.11)


async def test_those_refused_together_count_once(build, twilio):
    twilio.misbehave("429")
    channel, waits = build(), []

    async def one(number):
        waits.append((await ended(channel, message(to=f"+1415555{number:04d}"))).after)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(one, number)
    assert max(waits) == pytest.approx(0.5, rel=0.11)


async def test_a_wait_of_no_time_is_none(build, twilio):
    twilio.misbehave("429", retry_after=0)
    channel = build()
    waits = [(await ended(channel)).after for _ in range(2)]
    assert all(wait > 0.4 for wait in waits)


async def test_retry_after_is_honoured(build, twilio):
    twilio.misbehave("429", retry_after=17)
    assert (await ended(build())).after == 17.0


@pytest.mark.parametrize(
    "fault", ["500", "503", "html", "redirect", "accept_500", "accept_drop", "accept_nonsense", "accept_empty"]
)
async def test_what_proves_nothing_is_left_open(build, twilio, fault):
    twilio.misbehave(fault)
    assert isinstance(await ended(build()), NoAnswer)


async def test_a_refused_connection_is_tried_later(build, twilio):
    said = await ended(build(base_url="http://127.0.0.1:9"))
    assert isinstance(said, Unavailable)
    assert not said.only_this


async def test_the_same_text_to_the_same_person_waits_for_the_first(build, twilio):
    twilio.misbehave("accept_500", times=1)
    channel, first = build(), attempt()
    assert isinstance(await ended(channel, tried=first), NoAnswer)
    said = await ended(channel)
    assert isinstance(said, Unavailable)
    assert said.only_this
    assert isinstance(await ended(channel, message("Another text")), Receipt)
    await channel.lookup(attempt(token=first.token, text="Hello there"))
    assert isinstance(await ended(channel), Receipt)


async def test_each_sender_has_its_own_throughput(build, twilio):
    twilio.own(CAMPAIGN_NUMBER)
    channel = build(throughput="1/hour")
    assert isinstance(await ended(channel), Receipt)
    assert isinstance(await ended(channel, message(sender=CAMPAIGN_NUMBER, to="+14155550002")), Receipt)
    said = await ended(channel, message(to="+14155550003"))
    assert isinstance(said, Unavailable)
    assert said.only_this
    assert said.after == pytest.approx(3600, abs=30)
    assert len(twilio.messages) == 2


async def test_nothing_is_logged_by_the_sdk(build, twilio, caplog):
    caplog.set_level(logging.DEBUG, logger="twilio")
    caplog.set_level(logging.DEBUG, logger="fluentsd_channel_sms")
    await ended(build())
    assert caplog.records == []


async def test_before_anything_is_sent_the_channel_says_what_a_text_takes(build):
    channel = build(segment_price=8300)
    [said] = channel.findings(message("It\u2019s us"))
    assert (said.ok, said.what) == (True, "1 segment of UCS-2, 0.0083 USD")
    assert "'\u2019' to \"'\"" in said.fix
    [long] = channel.findings(message("x" * 1601))
    assert (long.ok, long.what, long.fix) == (False, "the text has 1601 characters; Twilio takes 1600", "shorten it")
    assert channel.findings(message())[0].fix == ""
