"""Looks up the channel of an attempt's token.

A token is a credential, so a request with an unknown one changes nothing. Concurrent requests share one indexed read:
while one group is read the next one collects, without a timer. A token is looked up as a whole key, never compared byte
by byte, and has 80 random bits. So the time of a look-up does not help to guess one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.verbs import queries

#: The form of the ids that `store.attempts.new_id` makes; any other text is unknown without a read.
SHAPE = re.compile(r"[0-9a-f]{32}")
#: Look-ups in one read.
AT_ONCE = 500


class _LookUp:
    __slots__ = ("answered", "error", "found", "tokens")

    def __init__(self, tokens: frozenset[str]) -> None:
        self.tokens, self.answered = tokens, trio.Event()
        self.found: Mapping[str, str] = {}
        self.error: Exception | None = None


class Tokens:
    """Finds the channels of tokens; `run` must be running."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: list[_LookUp] = []
        self._wake = trio.Event()

    async def channels(self, tokens: Iterable[str]) -> dict[str, str]:
        """The channel of each known token; raises `StoreUnavailable`."""
        shaped = frozenset(token for token in tokens if SHAPE.fullmatch(token))
        if not shaped:
            return {}
        look_up = _LookUp(shaped)
        self._waiting.append(look_up)
        self._wake.set()
        await look_up.answered.wait()
        if look_up.error is not None:
            raise look_up.error
        return {token: look_up.found[token] for token in shaped if token in look_up.found}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve look-ups until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._waiting:
                group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._answer(group)

    async def _answer(self, group: list[_LookUp]) -> None:
        try:
            tokens = sorted(frozenset().union(*(look_up.tokens for look_up in group)))
            found = await queries.channels_of(self._runtime, tokens)
            for look_up in group:
                look_up.found = found
        except Exception as why:  # noqa: BLE001 - any error is raised in the tasks that wait for this read
            for look_up in group:
                look_up.error = copy.copy(why)
        finally:
            for look_up in group:
                look_up.answered.set()
