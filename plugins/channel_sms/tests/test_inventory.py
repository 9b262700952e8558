"""The account's numbers: all of them over however many pages, with what they carry, or an error."""

from __future__ import annotations

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.inventory import SERVICES_AT_MOST
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import NeedsHuman, Owned, Unavailable
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SERVICE, TOKEN

BOTH = frozenset({"sms", "phone"})


@pytest.fixture
def channel(twilio, given):
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
    return SmsChannel(read_settings(table), given)


def able(**abilities: bool) -> dict[str, dict[str, bool]]:
    return {"capabilities": {"voice": False, "sms": False, "mms": False, "fax": False} | abilities}


async def test_a_number_says_what_it_carries_and_where_it_belongs(channel, twilio):
    twilio.own("+14155550101", **able(voice=True), friendly_name="Desk", services=())
    twilio.own("+14155550102", **able(fax=True), services=())
    twilio.services["MG2"] = twilio.services[SERVICE] | {"sid": "MG2", "friendly_name": None}
    twilio.numbers[NUMBER]["friendly_name"] = None
    sids = [number["sid"] for number in twilio.numbers.values()]
    assert await channel.numbers() == [
        Owned(NUMBER, "", BOTH, sids[0], ("service:Outreach", "service:MG2")),
        Owned("+14155550101", "Desk", frozenset({"phone"}), sids[1]),
        Owned("+14155550102", "+14155550102", frozenset(), sids[2]),
    ]


async def test_every_page_is_read(channel, twilio):
    twilio.page_most = 2
    wanted = {NUMBER} | {twilio.own(f"+1415555{n:04d}")["phone_number"] for n in range(200, 204)}
    found = await channel.numbers()
    assert {one.e164 for one in found} == wanted
    assert {one.tags for one in found} == {("service:Outreach",)}
    lists = [path for _, path, _ in twilio.requests if "PhoneNumbers" in path]
    assert len(lists) == 6  # three pages of the account's numbers, three of the service's pool


@pytest.mark.parametrize("at", range(3))
async def test_a_page_that_fails_fails_the_list(channel, twilio, at):
    twilio.page_most = 1
    for n in range(2):
        twilio.own(f"+1415555{n:04d}")
    answer, before = twilio._route, []

    def route(method, path, given):
        before.append(path)
        if len(before) > at:
            twilio.busy.append(7)
        return answer(method, path, given)

    twilio._route = route
    with pytest.raises(Unavailable, match="too many requests at once; try again later") as refused:
        await channel.numbers()
    assert refused.value.after == 7
    assert len(before) == at + 1


async def test_a_wrong_login_wants_a_person(channel, twilio):
    twilio.logins.clear()
    with pytest.raises(NeedsHuman, match="refuses the login"):
        await channel.numbers()


async def test_no_twilio_is_unavailable(twilio, given):
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": "http://127.0.0.1:9"}
    with pytest.raises(Unavailable, match="cannot be reached"):
        await SmsChannel(read_settings(table), given).numbers()


async def test_a_key_that_does_not_reach_services_still_reaches_numbers(channel, twilio):
    twilio.restricted = True
    assert [(one.e164, one.tags) for one in await channel.numbers()] == [(NUMBER, ())]


async def test_of_many_services_none_is_told(channel, twilio):
    for n in range(SERVICES_AT_MOST):
        twilio.services[f"MG{n}"] = twilio.services[SERVICE] | {"sid": f"MG{n}"}
    assert [one.tags for one in await channel.numbers()] == [()]
    assert not any(path.endswith("/PhoneNumbers") for _, path, _ in twilio.requests)
