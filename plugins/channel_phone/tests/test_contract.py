"""The fake Twilio, and what we ask of it, are held to Twilio's own published contract.

`FLUENTSD_SPECS` names the folder with `twilio_api_v2010.json` (github.com/twilio/twilio-oai, MIT).
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from fluentsd_channel_phone.error_codes import ON_THE_WAY, end_of

from fluentsd.api import Attempt, Message
from plugins.channel_phone.tests.stage import an_agent
from plugins.channel_sms.tests.test_contract import ACCOUNTS, answer, contract, mistakes

__all__ = ["contract"]
pytestmark = [pytest.mark.contract, pytest.mark.slow]
CALLS, CALL = f"{ACCOUNTS}/Calls.json", f"{ACCOUNTS}/Calls/{{Sid}}.json"
NUMBERS = {"Timeout", "TimeLimit"}


@pytest.fixture
async def talk(twilio, given, build):
    """Every kind of request the channel makes; the fake's own memory of it."""
    channel = build()
    attempt = Attempt(uuid.uuid4().hex, "phone", "+14155550001", given.clock.now())
    receipt = await channel.send(Message("phone", attempt.to, agent="sales", settings=an_agent()), attempt)
    bound = Attempt("t", "phone", attempt.to, 0, provider_ref=receipt.ref)
    await channel.lookup(attempt)
    await channel.lookup(bound)
    await channel.cancel(bound)
    await channel.forget(bound)
    return twilio


def form(contract: dict[str, Any], path: str) -> dict[str, Any]:
    return contract["paths"][path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]


async def test_what_we_ask_is_in_the_contract(contract, talk):
    for method, path, given in talk.requests:
        if method != "POST":
            continue
        schema = form(contract, CALLS if path.endswith("/Calls.json") else CALL)
        typed = {
            name: values if name == "StatusCallbackEvent" else int(values[0]) if name in NUMBERS else values[0]
            for name, values in given.items()
        }
        assert mistakes(contract, schema, typed) == []
    (listed,) = [given for method, path, given in talk.requests if method == "GET" and path.endswith("/Calls.json")]
    assert set(listed) <= {parameter["name"] for parameter in contract["paths"][CALLS]["get"]["parameters"]}


async def test_what_the_fake_answers_is_in_the_contract(contract, talk):
    known = [
        ("POST", r"/Calls\.json", answer(contract, CALLS, "post", "201")),
        ("GET", r"/Calls\.json", answer(contract, CALLS, "get", "200")),
        ("GET", r"/Calls/CA\w+\.json", answer(contract, CALL, "get", "200")),
        ("POST", r"/Calls/CA\w+\.json", answer(contract, CALL, "post", "200")),
    ]
    for method, pattern, schema in known:
        seen = [said for m, path, _, said in talk.answers if m == method and re.search(pattern + "$", path)]
        assert seen, pattern
        assert [wrong for said in seen for wrong in mistakes(contract, schema, said)] == []
    assert [(status, said) for method, _, status, said in talk.answers if method == "DELETE"] == [(204, None)]


def test_every_status_of_the_contract_is_read(contract):
    statuses = contract["components"]["schemas"]["call_enum_status"]["enum"]
    read = {word for word in statuses if word in ON_THE_WAY or end_of(word) is not None}
    assert set(statuses) - read == {"completed"}  # which says only that somebody or something picked it up
