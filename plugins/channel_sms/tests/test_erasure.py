"""A message is deleted at Twilio: once it is finished, and however often it is asked for."""

from __future__ import annotations

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Attempt, Message, NeedsHuman, Unavailable
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, ORDER, TOKEN, UNFINISHED
from plugins.channel_sms.tests.fake_wire import Raw

PERSON = "+14155550001"


@pytest.fixture
def make(twilio, given):
    def build(**more):
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
        return SmsChannel(read_settings(table | more), given)

    return build


@pytest.fixture
async def sent(make, twilio):
    """A message that has arrived, and the attempt by which it is to be forgotten."""
    receipt = await make().send(Message("sms", PERSON, text="Hello"), Attempt("t", "sms", PERSON, 0))
    twilio.deliver(receipt.ref)
    return Attempt("t", "sms", "", 0, provider_ref=receipt.ref)


async def test_it_is_gone_and_asking_again_is_no_error(make, twilio, sent):
    for _ in range(2):
        await make().forget(sent)
        assert twilio.messages == []
    assert [status for method, _, status, _ in twilio.answers if method == "DELETE"] == [204, 404]


@pytest.mark.parametrize("status", [one for one in ORDER if one in UNFINISHED])
async def test_what_is_not_finished_waits(make, twilio, sent, status):
    twilio.move(sent.provider_ref, status)
    with pytest.raises(Unavailable, match="not finished yet") as refused:
        await make().forget(sent)
    assert (refused.value.after, refused.value.only_this) == (60.0, True)
    assert len(twilio.messages) == 1


async def test_too_many_requests_wait_as_long_as_twilio_says(make, twilio, sent):
    twilio.busy = [17, None]
    for after in (17.0, 5.0):
        with pytest.raises(Unavailable) as refused:
            await make().forget(sent)
        assert refused.value.after == after
    await make().forget(sent)
    assert twilio.messages == []


async def test_a_wrong_login_wants_a_person(make, twilio, sent):
    twilio.logins.clear()
    with pytest.raises(NeedsHuman):
        await make().forget(sent)


async def test_an_answer_that_never_came_is_asked_for_again(make, sent):
    with pytest.raises(Unavailable):
        await make(base_url="http://127.0.0.1:9").forget(sent)


async def test_a_404_of_somebody_else_is_no_proof(make, twilio, sent):
    def somebody(*_):
        raise Raw(404, b"<html>Not found</html>")

    twilio._route = somebody
    with pytest.raises(Unavailable, match="cannot delete the message now"):
        await make().forget(sent)


async def test_without_a_sid_nothing_is_asked(make, twilio):
    await make().forget(Attempt("t", "sms", "", 0))
    assert twilio.requests == []
