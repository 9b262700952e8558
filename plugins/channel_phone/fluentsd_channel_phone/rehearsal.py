"""A conversation with somebody at a keyboard instead of on the phone: the same code, the same skills.

The typist's end stands in for Twilio: what is typed is heard, a line of one key is a key, an empty end hangs up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import trio

from fluentsd.api import AgentSettings, CallSocket, SocketClosed, Typist
from fluentsd_channel_phone.answers import Answer, ToolCall
from fluentsd_channel_phone.completions import TURN, Bounds, Say
from fluentsd_channel_phone.conversation import Conversation

#: Seconds until a line is read: an agent that ends the call does so at once after its last words.
LISTENS_AFTER = 0.05
#: Keys that are typed alone are keys of the phone.
_KEYS = frozenset("0123456789*#")
#: Words at which the scripted model ends the call.
_FAREWELLS = ("bye", "goodbye", "adiós", "adios")


class Keyboard:
    """The other end of a conversation's socket (`fluentsd.api.CallSocket`)."""

    def __init__(self, typist: Typist) -> None:
        self._typist, self._said = typist, ""
        self._put, self._take = trio.open_memory_channel[str](math.inf)
        self._turn_over = trio.Event()

    async def run(self) -> None:
        """Begin, then hand on what is typed whenever the agent has finished."""
        self._frame(type="setup", callSid="")
        while True:
            await self._turn_over.wait()
            self._turn_over = trio.Event()
            await trio.sleep(LISTENS_AFTER)
            line = await self._typist.listen()
            if line is None:
                self._put.close()
                return
            if line.strip() in _KEYS:
                self._frame(type="dtmf", digit=line.strip())
            elif line.strip():
                self._frame(type="prompt", voicePrompt=line.strip(), last=True)
            else:
                self._turn_over.set()

    def _frame(self, **frame: Any) -> None:
        self._put.send_nowait(json.dumps(frame))

    async def receive(self) -> str | bytes:
        """The next frame; raises `SocketClosed` when the typist hung up or the agent ended the call."""
        try:
            return await self._take.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise SocketClosed(1000) from None

    async def send(self, data: str | bytes) -> None:
        """Show what the agent says, turn by turn."""
        frame = json.loads(data)
        if frame["type"] == "end":
            await self.close()
            return
        self._said += frame.get("token", "")
        if frame.get("last"):
            text, self._said = self._said, ""
            await self._typist.say(text)
            self._frame(type="info", name="agentSpeaking", value="off")  # read at once, not spoken for seconds
            self._turn_over.set()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the call."""
        self._put.close()

    def __aiter__(self) -> Any:
        raise NotImplementedError  # a conversation receives frame by frame


async def rehearse(conversation: Conversation, typist: Typist) -> None:
    """Converse until either side ends."""
    keyboard = Keyboard(typist)
    socket: CallSocket = keyboard
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keyboard.run)
        await conversation.serve(socket)
        nursery.cancel_scope.cancel()


def unhurried(agent: AgentSettings) -> AgentSettings:
    """The agent without limits of time: people type slowly."""
    return replace(agent, silence_s=math.inf, length_s=10**6, start_delay_s=0.0)


class ScriptedModel:
    """What speaks where no model is configured: it repeats what it heard, and ends when the person says goodbye."""

    async def answer(
        self,
        agent: AgentSettings,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        say: Say,
        bounds: Bounds = TURN,
    ) -> Answer:
        """See `completions.Model`."""
        heard = str(messages[-1].get("content", ""))
        if any(word in heard.lower() for word in _FAREWELLS):
            return Answer("", (ToolCall("call_0", "end_call", "{}"),))
        text = f"(script) I heard: {heard[:200]}"
        await say(text)
        return Answer(text)
