"""The sandbox's phone: signed pick-ups and their responses, an echo, and agents that speak a script."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import trio
from fluentsd_channel_sandbox import PhoneCarrier, ScriptedAgents, read_settings, sign

from fluentsd.api import (
    Attempt,
    ConfigProblem,
    Forged,
    Inbound,
    Message,
    NeedsHuman,
    Outcome,
    Pickup,
    PickupVerdict,
    Request,
)
from fluentsd.testing import exercise_agent_provider, tools

SECRET, URL = "a-secret", "https://calls.example.com/hooks/phone/" + "0" * 32
AGENTS = {"agents": {"sales": {"lines": ["Hello {first_name}.", "Do you have a minute?"]}}}


def phone(folder: Any, **config: Any) -> PhoneCarrier:
    config = {"kind": "phone", "ledger": False, "webhook_secret": SECRET} | config
    given = tools(folder=folder, kind="phone")
    providers = {"scripted": ScriptedAgents(AGENTS, given)}
    return PhoneCarrier(read_settings(config), replace(given, agent_providers=providers))


def post(event: object, url: str = URL, secret: str = SECRET) -> Request:
    body = json.dumps(event).encode()
    return Request("POST", url, {"x-sandbox-signature": sign(secret, url, body)}, body)


def test_a_signed_pick_up_is_read(tmp_path):
    found = phone(tmp_path).webhook(post({"event": "pickup", "ref": "S1", "address": "+12125550001"}))
    assert found.pickup == Pickup("S1", address="+12125550001")
    assert found.inbounds == ()


def test_the_end_of_a_call_is_an_event_with_a_response(tmp_path):
    found = phone(tmp_path).webhook(post({"event": "end", "ref": "S1", "outcome": "answered"}))
    assert found.inbounds == [Inbound(Outcome.answered, ref="S1")]
    assert found.reply is not None
    assert json.loads(found.reply.body) == {"noted": "S1"}


@pytest.mark.parametrize(
    "event", [[], {"event": "pickup"}, {"event": "boo", "ref": "S1"}, {"event": "end", "ref": "S"}]
)
def test_an_authentic_event_that_makes_no_sense_is_a_value_error(event, tmp_path):
    with pytest.raises(ValueError, match=r"\w"):
        phone(tmp_path).webhook(post(event))


def test_what_is_not_signed_for_this_address_is_forged(tmp_path):
    real = post({"event": "pickup", "ref": "S1"})
    for forged in (post({"event": "pickup", "ref": "S1"}, secret="other"), replace(real, url=URL + "1"),
                   replace(real, body=real.body + b" "), replace(real, headers={})):  # fmt: skip
        with pytest.raises(Forged):
            phone(tmp_path).webhook(forged)


def test_without_a_secret_there_are_no_webhooks(tmp_path):
    found = phone(tmp_path, webhook_secret="unused")
    found.settings = read_settings({"kind": "phone", "ledger": False})
    assert found.webhook(post({"event": "pickup", "ref": "S1"})).pickup is None


def test_a_verdict_is_worded(tmp_path):
    channel, pickup = phone(tmp_path), Pickup("S1")
    answers = [
        PickupVerdict(go=False, reason="the window has closed"),
        PickupVerdict(go=True),
        PickupVerdict(go=True, relay_url="wss://calls.example.com/relay/phone/x"),
    ]
    assert [json.loads(channel.answer(pickup, verdict).body)["do"] for verdict in answers] == [
        "hang up",
        "say",
        "connect",
    ]


async def test_an_agent_of_the_provider_speaks_and_the_event_has_the_transcript(tmp_path, autojump_clock):
    channel = phone(tmp_path, agents="scripted", outcomes={"answered": 1.0})
    message = Message("phone", "+12125550001", agent="sales", variables={"first_name": "Ada"})
    came: list[Inbound] = []

    async def deliver(inbound: Inbound) -> None:
        came.append(inbound)
        scope.cancel()

    await channel.send(message, Attempt("0" * 32, "phone", "+12125550001", 1))
    with trio.CancelScope() as scope:
        await channel.listen(deliver)
    assert (came[0].outcome, came[0].transcript) == (Outcome.answered, "Hello Ada.\nDo you have a minute?")


@pytest.mark.parametrize(
    ("agent", "variables", "why"),
    [("support", {"first_name": "Ada"}, "no agent 'support'; known: sales"), ("sales", {}, "needs first_name")],
)
async def test_an_agent_that_cannot_speak_needs_a_human_before_the_call(agent, variables, why, tmp_path):
    channel = phone(tmp_path, agents="scripted")
    message = Message("phone", "+12125550001", agent=agent, variables=variables)
    with pytest.raises(NeedsHuman, match=why):
        await channel.send(message, Attempt("0" * 32, "phone", "+12125550001", 1))
    assert channel.ledger.by_token == {}


def test_a_provider_that_is_not_configured_is_a_mistake_in_the_settings(tmp_path):
    with pytest.raises(ConfigProblem, match=r"there is no \[agents.eleven\]; configured: scripted"):
        phone(tmp_path, agents="eleven")


async def test_the_scripted_provider_keeps_every_promise(tmp_path):
    config = AGENTS | {"webhook_secret": SECRET}
    await exercise_agent_provider(lambda given: ScriptedAgents(config, given), tools=tools(folder=tmp_path))


async def test_the_end_of_a_conversation_arrives_by_webhook(tmp_path):
    provider = ScriptedAgents(AGENTS | {"webhook_secret": SECRET}, tools(folder=tmp_path))
    event = {"token": "0" * 32, "outcome": "answered", "transcript": "Hello."}
    assert provider.webhook(post(event)).inbounds == [Inbound(Outcome.answered, token="0" * 32, transcript="Hello.")]
    with pytest.raises(Forged):
        provider.webhook(post(event, secret="other"))


@pytest.mark.parametrize(
    ("config", "mistake"),
    [
        ({}, "agents: is missing"),
        ({"agents": {"sales": {"line": "x"}}}, "agents: sales should have lines"),
        ({"agents": {"sales": {"lines": ["Hello {"]}}}, "agents: sales: a line has unbalanced braces"),
        ({"agents": {"sales": {"lines": ["Hello {0.x}"]}}}, "'0.x' is not the name of a variable"),
        (AGENTS | {"voice": "x"}, "voice: is not a known key"),
    ],
)
def test_a_script_that_is_none_is_told(config, mistake, tmp_path):
    with pytest.raises(ConfigProblem, match=mistake.replace("{", r"\{").replace("(", r"\(")):
        ScriptedAgents(config, tools(folder=tmp_path))
