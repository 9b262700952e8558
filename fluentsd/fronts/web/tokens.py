"""Which tokens name an attempt, and of which channel.

A token is the credential of whoever shows it, so nothing is done for one that was not given out. Those that ask at the
same time are answered by one indexed read: while one group is read, the next one gathers, and nobody waits for a timer.
A whole token is looked up as a key, never compared piece by piece here, and 80 of its bits are chance: how long the
look-up takes helps nobody to guess one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.verbs import queries

#: What `store.attempts.new_id` makes; anything else is nobody's token, and no read is spent on it.
SHAPE = re.compile(r"[0-9a-f]{32}")
#: Tokens in one read.
AT_ONCE = 500


class _Question:
    __slots__ = ("answered", "error", "found", "tokens")

    def __init__(self, tokens: frozenset[str]) -> None:
        self.tokens, self.answered = tokens, trio.Event()
        self.found: Mapping[str, str] = {}
        self.error: Exception | None = None


class Tokens:
    """Answers who owns tokens; `run` has to run."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._asked: list[_Question] = []
        self._wake = trio.Event()

    async def channels(self, tokens: Iterable[str]) -> dict[str, str]:
        """The channel of each token that was given out; raises `StoreUnavailable`."""
        shaped = frozenset(token for token in tokens if SHAPE.fullmatch(token))
        if not shaped:
            return {}
        question = _Question(shaped)
        self._asked.append(question)
        self._wake.set()
        await question.answered.wait()
        if question.error is not None:
            raise question.error
        return {token: question.found[token] for token in shaped if token in question.found}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._asked:
                group, self._asked = self._asked[:AT_ONCE], self._asked[AT_ONCE:]
                await self._answer(group)

    async def _answer(self, group: list[_Question]) -> None:
        try:
            asked = sorted(frozenset().union(*(question.tokens for question in group)))
            found = await queries.channels_of(self._runtime, asked)
            for question in group:
                question.found = found
        except Exception as why:  # noqa: BLE001 - whatever it is, it belongs to those who asked
            for question in group:
                question.error = copy.copy(why)
        finally:
            for question in group:
                question.answered.set()
