"""What the agent says in a call: whole frames to the socket, how long they take to be heard, and no silence in a wait.

What must not live here: what to say (`conversation`, `phrases`), and what the person says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio

from fluentsd.api import CallSocket, SocketClosed
from fluentsd_channel_phone import frames
from fluentsd_channel_phone.phrases import Phrases
from fluentsd_channel_phone.transcript import Line, Transcript

#: Seconds of silence in a turn after which the person hears again that it takes a moment.
FILLER_AGAIN = 4.0
#: Characters of speech in a second, and the most seconds to let the last words be heard.
SPOKEN_PER_SECOND, LAST_WORDS_WITHIN = 14.0, 20.0


class Speech:
    """The agent's voice over one socket. `line`: what the turn under way has said; `spoken_until`: when all of it will
    have been heard, by `trio.current_time`."""

    def __init__(
        self, socket: CallSocket, transcript: Transcript, log: list[Line | dict[str, Any]], says: Phrases
    ) -> None:
        self._socket, self._transcript, self._log, self._says = socket, transcript, log, says
        self.line: Line | None = None
        self.spoken_until = trio.current_time()
        self._silent = trio.Event()

    def is_heard(self) -> bool:
        """Whether nothing is left to be heard."""
        return trio.current_time() >= self.spoken_until

    def speaking(self, now: bool) -> None:
        """The provider says that the agent is heard, or not any more."""
        if not now:
            self.spoken_until = trio.current_time()
            self._silent.set()

    def interrupted(self, heard: str) -> None:
        """The person spoke meanwhile and heard so much."""
        self.spoken_until = trio.current_time()
        self._transcript.cut(heard)

    async def end_turn(self) -> None:
        """Nothing more comes in this turn."""
        if self.line is not None:
            await self.send(frames.say("", last=True))
        self.line = None

    async def last_words(self, words: str) -> None:
        """Say these, if any, and wait until all is heard."""
        self.line, self._silent = None, trio.Event()
        if words:
            await self.say(words)
            await self.send(frames.say("", last=True))
        with trio.move_on_at(min(self.spoken_until, trio.current_time() + LAST_WORDS_WITHIN)):
            await self._silent.wait()

    async def say(self, text: str) -> None:
        """Say a piece of this turn's text."""
        if self.line is None:
            self.line = self._transcript.add("agent", "")
            self._log.append(self.line)
        self.line.text += text
        now = trio.current_time()
        self.spoken_until = max(self.spoken_until, now) + len(text) / SPOKEN_PER_SECOND
        await self.send(frames.say(text))

    async def send(self, frame: str) -> None:
        """Send one whole frame: half of one would break the socket. When that has ended, the reader notices."""
        with trio.CancelScope(shield=True), suppress(SocketClosed):
            await self._socket.send(frame)

    @asynccontextmanager
    async def filling(self, after: float) -> AsyncIterator[None]:
        """Say that it takes a moment, and again as long as it does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._fill, after)
            yield
            nursery.cancel_scope.cancel()

    async def _fill(self, after: float) -> None:
        """Break a silence: `after` so many seconds if this turn has said nothing, later ones when what was said has
        been heard for some time. Ends when the model begins to speak."""
        before = self._said
        while True:
            due = self.spoken_until + FILLER_AGAIN if before else trio.current_time() + after
            await trio.sleep_until(due)
            if self._said != before:
                return
            if trio.current_time() >= self.spoken_until + FILLER_AGAIN or not before:
                await self.say(f"{self._says.still_waiting if before else self._says.filler} ")
                before = self._said

    @property
    def _said(self) -> str:
        """What this turn has said so far."""
        return self.line.text if self.line is not None else ""
