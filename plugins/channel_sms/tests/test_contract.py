"""The fake Twilio, and what we ask of it, are held to Twilio's own published contract.

`FLUENTSD_SPECS` names the folder with `twilio_api_v2010.json` (github.com/twilio/twilio-oai, MIT).
"""

from __future__ import annotations

import json
import os
import re
import uuid
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.error_codes import ON_THE_WAY, end_of
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Attempt, Message
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SECOND, SERVICE, TOKEN

pytestmark = [pytest.mark.contract, pytest.mark.slow]
NAME = "twilio_api_v2010.json"
ACCOUNTS = "/2010-04-01/Accounts/{AccountSid}"
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list
}  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    folder = os.environ.get("FLUENTSD_SPECS", "")
    if not folder or not (Path(folder) / NAME).exists():
        pytest.skip(f"Twilio's contract is not compared: FLUENTSD_SPECS does not name a folder with {NAME}.")
    return json.loads((Path(folder) / NAME).read_text(encoding="utf-8"))


def mistakes(contract: dict[str, Any], schema: dict[str, Any], value: Any, place: str = "$") -> list[str]:
    """Where a value departs from its schema."""
    if "$ref" in schema:
        target = contract
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return mistakes(contract, target, value, place)
    if value is None:
        return [] if schema.get("nullable", "type" not in schema or "enum" in schema) else [f"{place} is null"]
    expected = TYPES.get(schema.get("type", ""), object)
    if not isinstance(value, expected) or (isinstance(value, bool) and schema.get("type") == "integer"):
        return [f"{place} is {value!r}, not of type {schema['type']}"]
    found = [] if value in schema.get("enum", [value]) else [f"{place} is {value!r}, none of {schema['enum']}"]
    if isinstance(value, str):
        found += _text(schema, value, place)
    if isinstance(value, dict):
        known = schema.get("properties")
        for key, inner in value.items() if known else ():
            wrong = [f"{place}.{key} is not in the contract"]
            found += mistakes(contract, known[key], inner, f"{place}.{key}") if key in known else wrong
        found += [f"{place}.{key} is missing" for key in schema.get("required", []) if key not in value]
    for index, inner in enumerate(value) if isinstance(value, list) else ():
        found += mistakes(contract, schema.get("items", {}), inner, f"{place}[{index}]")
    return found


def _text(schema: dict[str, Any], value: str, place: str) -> list[str]:
    if not re.search(schema.get("pattern", ""), value):
        return [f"{place} is {value!r}, which is not {schema['pattern']}"]
    if schema.get("format") == "date-time-rfc-2822":
        parsedate_to_datetime(value)
    if schema.get("format") == "uri" and " " in value:
        return [f"{place} is {value!r}, no address"]
    return []


def answer(contract: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    return contract["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]


@pytest.fixture
async def talk(twilio, given):
    """A conversation with every kind of request the channel makes; the fake's own memory of it."""
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": twilio.url, "throughput": "1000/second"}
    for more in ({"sender": NUMBER, "risk_check": "disable"}, {"messaging_service": SERVICE}):
        channel = SmsChannel(read_settings(table | more), given)
        attempt = Attempt(uuid.uuid4().hex, "sms", "+14155550001", given.clock.now(), text="Hello")
        until = given.clock.now() + 7200 * SECOND
        receipt = await channel.send(Message("sms", attempt.to, text="Hello", valid_until_at=until), attempt)
        twilio.deliver(receipt.ref)
        await channel.lookup(attempt)
        await channel.lookup(Attempt("t", "sms", attempt.to, 0, provider_ref=receipt.ref))
        await channel.check()
        await channel.forget(Attempt("t", "sms", "", 0, provider_ref=receipt.ref))
    twilio.own("+14155550101")
    twilio.page_most = 1
    await channel.numbers()
    return twilio


async def test_what_we_ask_is_in_the_contract(contract, talk):
    post = contract["paths"][f"{ACCOUNTS}/Messages.json"]["post"]
    form = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    creates = [given for method, path, given in talk.requests if method == "POST"]
    assert len(creates) == 2
    for given in creates:
        typed = {key: int(values[0]) if key == "ValidityPeriod" else values[0] for key, values in given.items()}
        assert mistakes(contract, form, typed) == []
    lists = {
        "Messages.json": f"{ACCOUNTS}/Messages.json",
        "IncomingPhoneNumbers.json": f"{ACCOUNTS}/IncomingPhoneNumbers.json",
    }
    for method, path, given in talk.requests:
        if method == "GET" and (known := lists.get(path.rpartition("/")[2])):
            names = {parameter["name"] for parameter in contract["paths"][known]["get"]["parameters"]}
            assert set(given) <= names


async def test_what_the_fake_answers_is_in_the_contract(contract, talk):
    single, many = f"{ACCOUNTS}/Messages/{{Sid}}.json", f"{ACCOUNTS}/Messages.json"
    known = [
        ("POST", r"/Messages\.json", answer(contract, many, "post", "201")),
        ("GET", r"/Messages\.json", answer(contract, many, "get", "200")),
        ("GET", r"/Messages/SM\w+\.json", answer(contract, single, "get", "200")),
        (
            "GET",
            r"/IncomingPhoneNumbers\.json",
            answer(contract, f"{ACCOUNTS}/IncomingPhoneNumbers.json", "get", "200"),
        ),
        ("GET", r"/Accounts/AC\w+\.json", answer(contract, "/2010-04-01/Accounts/{Sid}.json", "get", "200")),
    ]
    for method, pattern, schema in known:
        seen = [said for m, path, _, said in talk.answers if m == method and re.search(pattern + "$", path)]
        assert seen, pattern
        assert [wrong for said in seen for wrong in mistakes(contract, schema, said)] == []


async def test_what_is_deleted_is_answered_without_words(contract, talk):
    assert list(contract["paths"][f"{ACCOUNTS}/Messages/{{Sid}}.json"]["delete"]["responses"]) == ["204"]
    assert [(status, said) for method, _, status, said in talk.answers if method == "DELETE"] == [(204, None)] * 2


async def test_a_message_has_every_field_of_the_contract(contract, talk):
    talk.write("+14155550001", "Hello")
    resource = talk.messages[0].resource()
    assert set(resource) == set(contract["components"]["schemas"]["api.v2010.account.message"]["properties"])


def test_every_status_of_the_contract_is_read(contract):
    statuses = contract["components"]["schemas"]["message_enum_status"]["enum"]
    assert [word for word in statuses if word not in ON_THE_WAY and end_of(word, None) is None] == []


def test_the_comparison_can_fail(contract):
    schema = contract["components"]["schemas"]["api.v2010.account.message"]
    wrong = {"status": "bogus", "sid": "SM1", "error_code": "30005", "colour": "red"}
    assert len(mistakes(contract, schema, wrong)) == 4
