"""Every mistake in the SMS channel's table is found at once, each with its fix."""

from __future__ import annotations

import pytest
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import ConfigProblem
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SERVICE, TOKEN

KEY = "SK" + "0123456789abcdef" * 2
GOOD = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"account_sid": None}, "account_sid: is missing"),
        ({"account_sid": "AC123"}, "account_sid: is not an account SID"),
        ({"account_sid": 5}, "account_sid: should be text in quotes"),
        ({"auth_token": None}, "auth_token: is missing; write it, or an api_key"),
        ({"auth_token": 5}, "auth_token: should be text in quotes"),
        ({"auth_token": []}, "auth_token: should be text in quotes"),
        ({"auth_token": ["new", 1]}, "auth_token: should be text in quotes"),
        ({"auth_token": " pasted "}, "auth_token: should be text without spaces"),
        ({"api_key": KEY}, "api_key and api_secret: one is missing"),
        ({"api_key": ACCOUNT, "api_secret": "s"}, "api_key: is not an API key's SID"),
        ({"sender": "0415 555"}, "sender: '0415 555' is not a sender"),
        ({"messaging_service": SERVICE}, "sender and messaging_service: write one of them"),
        ({"sender": None, "messaging_service": "MG1"}, "messaging_service: is not a messaging service's SID"),
        ({"throughput": "fast"}, "throughput: 'fast' is not a rate"),
        ({"throughput": "0/second"}, "throughput: '0/second' is not a rate"),
        ({"validity": "11 hours"}, "validity: '11 hours' should be a span of at most \"10 hours\""),
        ({"validity": 3600}, "validity: 3600 should be a span"),
        ({"segment_price": 0.0083}, "segment_price: 0.0083 should be a whole number of millionths"),
        ({"currency": "dollars"}, "currency: 'dollars' is not a currency"),
        ({"risk_check": True}, 'risk_check: True should be "enable" or "disable"'),
        ({"base_url": "api.twilio.com"}, "base_url: 'api.twilio.com' is not an origin"),
        ({"mesaging_service": SERVICE}, "did you mean 'messaging_service'?"),
        ({"kind": "email"}, "this plugin sends SMS"),
    ],
)
def test_a_mistake_is_named(change, words):
    config = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(ConfigProblem) as why:
        read_settings(config)
    assert words in str(why.value)


def test_all_mistakes_come_at_once_and_no_secret_is_told():
    with pytest.raises(ConfigProblem) as why:
        read_settings({"account_sid": "sesame1", "auth_token": ["sesame2 "], "throughput": 1, "x": 1})
    assert len(why.value.mistakes) == 4
    assert "sesame" not in str(why.value)


def test_secrets_are_not_shown():
    settings = read_settings(GOOD | {"api_key": KEY, "api_secret": "sesame", "webhook_secret": "sesame"})
    assert "sesame" not in repr(settings)
    assert TOKEN not in repr(settings)


def test_the_login_is_the_api_key_where_there_is_one():
    assert read_settings(GOOD).login == (ACCOUNT, TOKEN)
    assert read_settings(GOOD | {"api_key": KEY, "api_secret": "s"}).login == (KEY, "s")


@pytest.mark.parametrize("given", [["new", "old"], "new,old"])
def test_two_tokens_hold_while_one_is_replaced(given):
    settings = read_settings(GOOD | {"auth_token": given})
    assert settings.secrets == ("new", "old")
    assert settings.login == (ACCOUNT, "new")


@pytest.mark.parametrize(
    ("text", "micros"),
    [("1/second", 1_000_000), ("30 / second", 33_333), ("90/minute", 666_666), ("2/hour", 1_800_000_000)],
)
def test_throughput_is_read_as_an_interval(text, micros):
    assert read_settings(GOOD | {"throughput": text}).interval == micros


@pytest.mark.parametrize("sender", ["+14155550100", "12345", "ACME Homes"])
def test_a_sender_is_a_number_a_short_code_or_a_name(sender):
    assert read_settings(GOOD | {"sender": sender}).sender == sender
