"""A whole call on loopback: engine, web front, the phone channel on Twilio's SDK, a WebSocket, and a model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import pytest
import trio
from fluentsd_channel_phone.channel import PhoneChannel
from fluentsd_channel_phone.settings import read_settings
from trio_websocket import WebSocketConnection, open_websocket_url

from fluentsd.engine.channel_state import ChannelState
from fluentsd.testing import tools
from plugins.channel_phone.tests.fake_chat import FakeChat, use
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN, FakeVoice, KeptCall
from tests.engine.stage import person, spec
from tests.fronts.web.front import PUBLIC, Front, fronted

CALL = {"id": "call", "channel": "phone", "agent": "sales"}
AGENT = {"name": "sales", "company": "Acme", "prompt": "Sell to {{ first_name }}.", "greeting": "Hi {{ first_name }}."}
OPENING = "Hello, this is an automated assistant calling for Acme. To stop these calls, press 9. Hi P1."
ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}


class World:
    """A running front with the phone channel, and Twilio's side of one call."""

    def __init__(self, front: Front, twilio: FakeVoice, chat: FakeChat) -> None:
        self.front, self.twilio, self.chat = front, twilio, chat

    async def rings(self) -> KeptCall:
        """The call of a campaign with one person, as Twilio keeps it."""
        await self.front.stage.do("agents apply", file={"agent": [AGENT]})
        await self.front.stage.launch(spec(CALL, window=ALWAYS), person(1), checked=False)
        with trio.fail_after(20):
            while not self.twilio.calls:  # noqa: ASYNC110 - it comes in a thread of the fake
                await trio.sleep(0.005)
        return self.twilio.calls[0]

    async def post(self, kept: KeptCall, purpose: str, **fields: str) -> httpx.Response:
        """One signed request of Twilio."""
        url = kept.one("Url").replace("for=pickup", f"for={purpose}")
        made = self.twilio.post(kept, url, **fields)
        parts = urlsplit(url)
        return await self.front.client.post(
            f"{parts.path}?{parts.query}", content=made.body, headers=dict(made.headers)
        )

    @asynccontextmanager
    async def picked_up(self, kept: KeptCall) -> AsyncIterator[WebSocketConnection]:
        """The WebSocket that the TwiML names."""
        kept.status = "in-progress"
        found = await self.post(kept, "pickup")
        assert found.status_code == 200
        relay = ElementTree.fromstring(found.text).find("Connect/ConversationRelay")
        assert relay is not None, found.text
        url = f"ws://127.0.0.1:{self.front.port}{urlsplit(str(relay.get('url'))).path}"
        async with open_websocket_url(url) as ws:
            await ws.send_message(json.dumps({"type": "setup", "callSid": kept.sid}))
            yield ws


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    chat = FakeChat()
    with FakeVoice() as twilio, ExitStack() as stands:
        async with fronted(f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db") as front, trio.open_nursery() as nursery:
            stands.enter_context(front.stage.clock.busy())  # or the simulated clock would run past the call
            twilio.clock = front.stage.clock.now
            client = httpx.AsyncClient(trust_env=False, mounts={"http://model.example": chat.transport()})
            made = tools(front.stage.clock, folder=tmp_path, kind="phone", public_url=PUBLIC)
            table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
            model = {"base_url": "http://model.example/v1", "model": "m"}
            channel = PhoneChannel(read_settings(table | {"model": model}), replace(made, http=lambda: client))
            state = ChannelState("phone", channel)
            front.stage.runtime.channels["phone"] = state
            nursery.start_soon(front.stage.inbox.listen, state)
            yield World(front, twilio, chat)
            nursery.cancel_scope.cancel()
            await client.aclose()


async def turn(ws: WebSocketConnection) -> str:
    """The agent's next whole turn."""
    said = ""
    with trio.fail_after(10):
        while True:
            frame = json.loads(await ws.get_message())
            if frame["type"] == "text":
                said += frame["token"]
                if frame["last"]:
                    return said


async def say(ws: WebSocketConnection, text: str) -> None:
    await ws.send_message(json.dumps({"type": "prompt", "voicePrompt": text, "lang": "en-US", "last": True}))


async def outcome(world: World) -> dict[str, Any]:
    await world.front.until("SELECT count(*) FROM attempt WHERE state = 'settled'", [(1,)])
    found = (await world.front.stage.do("history"))["calls"]
    assert len(found) == 1
    return dict(found[0])


async def test_a_conversation_is_held_and_kept(world: World) -> None:
    world.chat.script = ["It is red.", use("note_result", disposition="interested", summary="Likes red."), "Good."]
    kept = await world.rings()
    async with world.picked_up(kept) as ws:
        assert await turn(ws) == OPENING
        await say(ws, "Which colour?")
        assert await turn(ws) == "It is red."
        await say(ws, "I like it.")
        assert await turn(ws) == "Good."
    assert (await world.post(kept, "machine", AnsweredBy="human")).status_code == 204
    kept.status = "completed"
    await world.post(kept, "status", CallDuration="42")
    call = await outcome(world)
    assert (call["outcome"], call["disposition"], call["summary"]) == ("answered", "interested", "Likes red.")
    assert call["transcript"].splitlines()[1:3] == ["person: Which colour?", "agent: It is red."]
    assert "Sell to «P1»." in world.chat.requests[0]["messages"][0]["content"]
    assert (await world.front.stage.overview())["exited"] == 1


async def test_an_opt_out_in_the_call_puts_the_person_on_the_list_before_it_ends(world: World) -> None:
    kept = await world.rings()
    async with world.picked_up(kept) as ws:
        assert await turn(ws) == OPENING
        await say(ws, "take me off your list")
        assert (await turn(ws)).startswith("Understood.")
        call = await outcome(world)
        assert (call["outcome"], call["reply"]) == ("opted_out", "take me off your list")
        entries = (await world.front.stage.do("suppression list"))["entries"]
        assert {entry["value"] for entry in entries} == {"+12125550001", "p1@example.com"}
    assert world.chat.requests == []


async def test_somebody_who_opted_out_while_it_rang_hears_nothing(world: World) -> None:
    kept = await world.rings()
    await world.front.stage.do("suppression add", point="+12125550001", because="asked by letter")
    kept.status = "in-progress"
    assert (await world.post(kept, "pickup")).text == "<Response><Hangup/></Response>"


async def test_a_forged_pick_up_opens_nothing(world: World) -> None:
    kept = await world.rings()
    world.twilio.token = "another"
    assert (await world.post(kept, "pickup")).status_code == 403
