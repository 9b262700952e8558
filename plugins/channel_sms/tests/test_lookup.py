"""A lost answer is looked for by person, sender, words and time; what cannot be told apart is not guessed."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.error_codes import NoAnswer
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Absent, Attempt, CannotTell, Found, Message, Outcome
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SECOND, SERVICE, TOKEN

PERSON, OTHER, TEXT = "+14155550001", "+14155550002", "Hello there"


@pytest.fixture
def build(twilio, given):
    def make(**config):
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
        return SmsChannel(read_settings({k: v for k, v in (table | config).items() if v is not None}), given)

    return make


@pytest.fixture
def tried(given):
    """An attempt as the reconciler shows it."""

    def make(to=PERSON, text=TEXT, ago=0, **more):
        return Attempt(uuid.uuid4().hex, "sms", to, given.clock.now() - ago * SECOND, text=text, **more)

    return make


async def lose(channel, twilio, attempt, text=TEXT, sender=None):
    """Send, and lose the answer."""
    twilio.misbehave("accept_500", times=1)
    with pytest.raises(NoAnswer):
        await channel.send(Message("sms", attempt.to, sender, text=text), attempt)


async def test_a_message_whose_answer_was_lost_is_found(build, twilio, tried):
    attempt = tried()
    await lose(build(), twilio, attempt)
    answer = await build(segment_price=5).lookup(attempt)  # after a restart
    assert isinstance(answer, Found)
    assert (answer.receipt.ref, answer.receipt.outcome) == (twilio.messages[0].sid, Outcome.sent)
    assert answer.receipt.cost_micros == 5


async def test_its_end_is_found_too(build, twilio, tried):
    attempt = tried()
    await lose(build(), twilio, attempt)
    for status, code, outcome in [
        ("queued", None, Outcome.sent),
        ("delivered", None, Outcome.delivered),
        ("undelivered", 30005, Outcome.failed),
        ("failed", 21610, Outcome.opted_out),
    ]:
        twilio.move(twilio.messages[0].sid, status, code)
        assert (await build().lookup(attempt)).receipt.outcome == outcome


async def test_the_sid_is_asked_for_where_it_is_known(build, twilio, tried):
    attempt = tried()
    await lose(build(), twilio, attempt)
    known = tried(provider_ref=twilio.messages[0].sid, text=None)
    assert isinstance(await build().lookup(known), Found)
    assert isinstance(await build().lookup(tried(provider_ref="SM" + "9" * 32)), CannotTell)


async def test_the_list_is_not_narrowed_by_date_sent(build, twilio, tried):
    await build().lookup(tried())
    method, _, given = twilio.requests[-1]
    assert method == "GET"
    assert set(given) == {"To", "PageSize"}


@pytest.mark.parametrize(
    "changes", [{"to": OTHER}, {"text": "Something else"}, {"sender": "+14155550999"}, {"ago": -200}], ids=str
)
async def test_another_message_is_not_taken_for_it(build, twilio, tried, changes):
    await lose(build(), twilio, tried())
    assert isinstance(await build().lookup(tried(**changes)), Absent)


async def test_what_the_person_wrote_is_not_taken_for_it(build, twilio, tried):
    twilio.write(PERSON, TEXT)
    twilio.messages[-1].to, twilio.messages[-1].sender = PERSON, NUMBER
    assert isinstance(await build().lookup(tried()), Absent)


async def test_a_clock_that_is_a_second_off_does_not_hide_it(build, twilio, tried):
    await lose(build(), twilio, tried())
    assert isinstance(await build().lookup(tried(ago=-1)), Found)


async def test_a_message_older_than_the_claim_is_another_attempts(build, twilio, tried):
    await lose(build(), twilio, tried())
    assert isinstance(await build().lookup(tried(ago=-60)), Absent)


async def test_a_message_whose_reference_another_attempt_owns_is_left_out(build, twilio, tried):
    attempt = tried()
    await lose(build(), twilio, attempt)
    assert isinstance(await build().lookup(attempt), Found)
    owned = replace(attempt, token="0" * 32, other_refs=frozenset({twilio.messages[0].sid}))
    assert isinstance(await build().lookup(owned), Absent)


async def test_a_service_is_a_sender_before_it_has_chosen_one(build, twilio, tried):
    attempt = tried()
    by_service = {"sender": None, "messaging_service": SERVICE}
    await lose(build(**by_service), twilio, attempt)
    assert twilio.messages[0].sender is None
    assert isinstance(await build(**by_service).lookup(attempt), Found)
    assert isinstance(await build().lookup(attempt), Absent)


async def test_without_its_words_it_is_known_by_the_hour(build, twilio, tried):
    await lose(build(), twilio, tried())
    assert isinstance(await build().lookup(tried(text=None)), Found)
    assert isinstance(await build().lookup(tried(text=None, ago=700)), Absent)


async def test_a_trial_accounts_line_does_not_hide_it(build, twilio, tried):
    attempt = tried()
    await lose(build(), twilio, attempt)
    twilio.messages[0].body = f"Sent from your Twilio trial account - {TEXT}"
    assert isinstance(await build().lookup(attempt), Found)


async def test_two_that_fit_are_not_guessed(build, twilio, tried):
    first, second = tried(), tried()
    await lose(build(), twilio, first)
    await lose(build(), twilio, second)
    answer = await build().lookup(second)
    assert isinstance(answer, CannotTell)
    assert "2 messages" in answer.why


async def test_a_message_with_an_owner_is_no_other_attempts(build, twilio, tried):
    channel, first, second = build(), tried(), tried()
    await channel.send(Message("sms", PERSON, text=TEXT), first)
    assert isinstance(await channel.lookup(second), Absent)
    assert isinstance(await channel.lookup(first), Found)


async def test_a_list_that_lags_proves_nothing_and_shows_it_later(build, twilio, tried, given):
    twilio.lag = 50 * SECOND
    attempt = tried()
    await lose(build(), twilio, attempt)
    assert isinstance(await build().lookup(attempt), Absent)
    twilio.clock = lambda: given.clock.now() + 60 * SECOND
    assert isinstance(await build().lookup(attempt), Found)
    assert SmsChannel.lookup_is_final is False


@pytest.mark.parametrize("fault", ["login", "gone"])
async def test_when_twilio_cannot_be_asked_nothing_is_concluded(build, twilio, tried, fault):
    twilio.logins.clear()
    channel = build() if fault == "login" else build(base_url="http://127.0.0.1:9")
    assert isinstance(await channel.lookup(tried()), CannotTell)


async def test_an_opt_in_is_dated_by_twilio(build, twilio, given):
    twilio.numbers[NUMBER]["sms_url"] = None
    twilio.write(PERSON, "START")
    sid, at = twilio.messages[-1].sid, twilio.messages[-1].created_at
    assert await build().said_at(sid) == at // SECOND * SECOND
    with pytest.raises(Exception, match="20404"):
        await build().said_at("SM" + "0" * 32)


async def test_what_was_sent_since_an_instant_is_listed_newest_first(build, twilio, tried):
    channel = build()
    first, second = tried(), tried(to=OTHER)
    await channel.send(Message("sms", PERSON, None, text=TEXT), first)
    await channel.send(Message("sms", OTHER, None, text=TEXT), second)
    twilio.write(PERSON, "Who is this?")
    sids = [one.sid for one in reversed(twilio.messages) if one.status != "received"]
    found = await channel.made_since(first.claimed_at - 2 * SECOND, 50)
    assert [(one.ref, one.to, one.sender) for one in found] == [(sids[0], OTHER, None), (sids[1], PERSON, None)]
    assert await channel.made_since(second.claimed_at + 60 * SECOND, 50) == []
    (every,) = {one.sender for one in await build(sender=None).made_since(0, 50)}
    assert every == NUMBER  # with caller IDs of campaigns, whose it is is for fluentsd to tell
    assert await build(sender="+14155559999").made_since(0, 50) == []
