"""What people read of a fault is in their words."""

from __future__ import annotations

import inspect
import re

import httpx
import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal
from fluentsd_channel_sms.settings import read_settings
from fluentsd_channel_sms.wording import in_words

from fluentsd.api import Attempt, CannotTell
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN

FAULTS = [one for _, one in inspect.getmembers(httpx, inspect.isclass) if issubclass(one, httpx.HTTPError)]
#: A word of a program: a class, "None", a traceback's.
PROGRAM = re.compile(r"[a-z][A-Z]|\bNone\b|Error|Exception|\bNoneType\b")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_no_fault_of_a_connection_is_told_by_its_class(fault):
    why = Exception.__new__(fault)
    assert not PROGRAM.search(in_words(why))
    assert "cannot be read" not in in_words(why)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ReadError(""), "the connection broke"),
        (TypeError("'NoneType' object"), "its answer cannot be read"),
        (Refusal(503, None, "no message from Twilio"), "it answers 503"),
        (Refusal(404, 20404, "+14155550001 was not found"), "it answers 404 (20404)"),
        (NoAnswer("Twilio's answer cannot be read"), "Twilio's answer cannot be read"),
    ],
)
def test_a_fault_in_words(why, words):
    assert in_words(why) == words


def test_a_fault_behind_ours_is_the_one_that_is_told():
    why = NotReached("Twilio cannot be reached: no connection")
    why.__cause__ = httpx.ConnectError("[Errno 111] Connection refused")
    assert in_words(why) == "no connection"


def test_a_refusal_without_a_code_names_none():
    assert str(Refusal(502, None, "no message from Twilio")) == "HTTP 502: no message from Twilio"


@pytest.mark.parametrize("bad", ["unreachable", "login", "nonsense"])
async def test_a_look_up_and_a_check_tell_it_so(given, twilio, bad):
    more = {"unreachable": {"base_url": "http://127.0.0.1:9"}, "login": {"auth_token": "wrong"}}.get(bad, {})
    if bad == "nonsense":
        twilio._route = lambda method, path, given: (200, ["not", "what", "was", "asked"])
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url} | more
    channel = SmsChannel(read_settings(table), given)
    told = await channel.lookup(Attempt("0" * 32, "sms", "+14155550001", given.clock.now()))
    assert isinstance(told, CannotTell)
    findings = await channel.check()
    assert findings
    for text in (told.why, *(f"{one.what} {one.fix}" for one in findings)):
        assert not PROGRAM.search(re.sub("https?://\\S+", "", text)), text
