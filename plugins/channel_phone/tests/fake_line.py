"""The other end of a call's WebSocket: Twilio's ConversationRelay as a client, in memory.

It speaks as Twilio does, with fields that nobody asked for and decimals, and keeps what the agent said. Time is the
test's: under `autojump_clock` an hour of silence takes none.
"""

from __future__ import annotations

import json
import math
from typing import Any

import trio

from fluentsd.api import SocketClosed


class Line:
    """One WebSocket; the channel has `receive`, `send` and `close`, the test the rest."""

    def __init__(self, ref: str = "CA" + "1" * 32) -> None:
        self.ref = ref
        self._put, self._take = trio.open_memory_channel[str](math.inf)
        self.frames: list[dict[str, Any]] = []
        self.is_closed, self._code = False, 1006
        self._news, self._gone = trio.Event(), trio.Event()
        self.spoken_at: list[tuple[float, str]] = []  #: when each piece of text came
        self.slow = 0.0  #: seconds that each send takes

    # The channel's side

    async def receive(self) -> str | bytes:
        try:
            return await self._take.receive()
        except trio.EndOfChannel:
            raise SocketClosed(self._code) from None

    async def send(self, data: str | bytes) -> None:
        await trio.sleep(self.slow)
        if self.is_closed:
            raise SocketClosed(self._code)
        frame = json.loads(data)
        assert frame["type"] in ("text", "end", "sendDigits", "play", "language"), frame  # else error 64107
        self.frames.append(frame)
        if frame["type"] == "text" and frame["token"]:
            self.spoken_at.append((trio.current_time(), frame["token"]))
        self._news.set()
        self._news = trio.Event()
        if frame["type"] == "end":
            assert isinstance(frame["handoffData"], str)
            json.loads(frame["handoffData"])
            self.hang_up()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.hang_up(code)

    def __aiter__(self) -> Any:
        raise NotImplementedError

    # The test's side

    def put(self, **frame: Any) -> None:
        if not self.is_closed:
            self._put.send_nowait(json.dumps(frame))

    def raw(self, text: str) -> None:
        self._put.send_nowait(text)

    def setup(self) -> None:
        self.put(type="setup", sessionId="VX1", accountSid="AC1", callSid=self.ref, parentCallSid="", callType="PSTN",
                 direction="outbound", customParameters={}, somethingNew={"a": [1.5]})  # fmt: skip

    def say(self, text: str, *, last: bool = True) -> None:
        self.put(type="prompt", voicePrompt=text, lang="en-US", last=last, agentSpeaking=False)

    def press(self, digit: str) -> None:
        self.put(type="dtmf", digit=digit)

    def interrupt(self, heard: str) -> None:
        self.put(type="interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=1034.5)

    def hang_up(self, code: int = 1000) -> None:
        if not self.is_closed:
            self.is_closed, self._code = True, code
            self._put.close()
            self._gone.set()

    async def gone(self) -> None:
        """Return when the call's socket has been closed."""
        await self._gone.wait()

    async def hears(self, words: str) -> None:
        """Return when the agent has said so, in a turn that need not be whole."""
        while words not in " | ".join(self.turns):
            await self._news.wait()

    @property
    def turns(self) -> list[str]:
        """What the agent said, turn by turn; the last may not be whole."""
        found, text = [], ""
        for frame in self.frames:
            if frame["type"] == "text":
                text += frame["token"]
                if frame["last"]:
                    found.append(text)
                    text = ""
        return [*found, text] if text else found

    async def heard(self, turns: int) -> str:
        """The agent's latest turn, once it has said so many whole ones."""
        while sum(frame["type"] == "text" and frame["last"] for frame in self.frames) < turns:
            if self.is_closed:
                raise AssertionError(f"the call ended; the agent said {self.turns}")
            await self._news.wait()
        return self.turns[turns - 1]
