"""Texts that give orders, said on the phone to a model that obeys: no transfer, service or word beyond the lists."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from fluentsd_channel_phone import twiml
from fluentsd_channel_phone.briefing import VALUE_AT_MOST, briefing
from fluentsd_channel_phone.skills import Skills

from fluentsd.api import Outcome, WebhookSkill
from plugins.channel_phone.tests.fake_chat import Use
from plugins.channel_phone.tests.stage import SALES, an_agent

TEXTS = tomllib.loads((Path(__file__).parents[3] / "tests" / "injections.toml").read_text("utf-8"))["texts"]
SLOTS = WebhookSkill(
    "slots", "Free appointments.", "https://crm.example/slots", {"properties": {"day": {"type": "string"}}}
)
NAMES = (
    "transfer",
    "webhook_slots",
    "webhook_admin",
    "lift_opt_out",
    "note_result",
    "end_call",
    "book_callback",
    "send",
)


def test_a_record_is_json_in_a_message_of_its_own():
    import datetime as dt

    for text in TEXTS:
        rules, record = briefing(an_agent(), {"first_name": text, "company": text * 9}, dt.datetime.now(dt.UTC))
        assert (rules["role"], record["role"]) == ("system", "user")
        assert text not in rules["content"]
        values = json.loads(record["content"].partition("\n")[2])
        assert all(len(value) <= VALUE_AT_MOST and "\n" not in value for value in values.values())


async def test_whatever_a_model_asks_for_goes_to_the_listed_targets_alone(stage, autojump_clock):
    agent = an_agent(webhooks=(SLOTS,))
    asked = []

    class Http:
        async def post(self, url, **more):
            asked.append(url)
            raise __import__("httpx").ConnectError("no route")

    skills = Skills(agent, "America/New_York", stage.tools.clock.now, Http, {})
    for text in TEXTS:
        number = (re.findall(r"\+?\d{10,}", text) or [text])[0]
        for name in NAMES:
            for arguments in ({"to": number}, {"to": text}, {"url": text}, {"at": text}, {"disposition": text},
                              {"to": "sales", "number": number}, {"day": "x", "url": text}):  # fmt: skip
                used = await skills.use(name, json.dumps(arguments))
                assert used.transfer_to == "", (name, arguments)
                assert used.callback_at is None
                assert used.disposition is None
        for raw in (text, json.dumps(text), json.dumps([text])):
            assert (await skills.use("transfer", raw)).result.startswith("refused")
    assert asked == []


@pytest.mark.parametrize("text", TEXTS[:4] + TEXTS[20:24])
async def test_a_conversation_with_an_obedient_model_dials_nobody(stage, autojump_clock, text):
    number = (re.findall(r"\+\d{10,}", text) or ["+19005550100"])[0]
    wish = Use((("transfer", {"to": number}), ("webhook_evil", {"url": "https://evil.example"})))
    stage.chat.script = [wish, "I cannot do that."]
    async with stage.talking() as dialled:
        dialled.line.say(text)
        assert await dialled.line.heard(2) == "I cannot do that."
    [report] = stage.reports
    assert (report.outcome, report.disposition) == (Outcome.answered, None)
    ended = stage.post(dialled, "end", CallStatus="in-progress").reply
    assert b"Dial" not in (ended.body if ended is not None else b"")
    results = [one["content"] for one in stage.chat.requests[-1]["messages"] if one["role"] == "tool"]
    assert all(result.startswith("refused") for result in results)
    assert len(results) == 2


def test_no_text_becomes_an_instruction_to_twilio():
    from xml.etree import ElementTree

    for text in TEXTS:
        for document in (
            twiml.say_and_hang_up(text),
            twiml.announce(text, "https://x"),
            twiml.transfer(SALES, "", text),
        ):
            tree = ElementTree.fromstring(document)
            verbs = {element.tag for element in tree.iter()}
            assert verbs <= {"Response", "Say", "Hangup", "Gather", "Dial", "Number"}
            assert [one.text for one in tree.iter("Number")] in ([], [SALES])
