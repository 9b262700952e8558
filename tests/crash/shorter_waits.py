"""Shorter waits of a daemon that tests kill; nothing else differs from production, and no answer changes.

A lost answer is looked up after `grace` instead of a minute (there is no setting for it, because a real provider's list
needs that minute), the reconciler repeats a look-up after the same time, and an unavailable provider is tried again
after `BACK_OFF` at most.
"""

from __future__ import annotations

from typing import Any

from fluentsd.api import Unavailable
from fluentsd.engine.dispatch import reconciler
from fluentsd.engine.runtime import Runtime

#: Seconds until an unavailable provider is tried again.
BACK_OFF = 0.1


def shorten(runtime: Runtime, grace: int, call_deadline: int | None = None) -> None:
    """Shorten the waits of every channel. `grace` and `call_deadline` (until a call without an outcome is looked up):
    microseconds."""
    reconciler.ASK_AGAIN = grace
    for state in runtime.channels.values():
        if state.kind != "email":  # a mail cannot be looked up
            state.channel.lookup_after = grace
        if call_deadline is not None:
            state.call_deadline = call_deadline
        _shorten_back_off(state.channel)


def _shorten_back_off(channel: Any) -> None:
    original = channel.send

    async def rigged(message: Any, attempt: Any) -> Any:
        try:
            return await original(message, attempt)
        except Unavailable as why:
            why.after = min(why.after, BACK_OFF)
            raise

    channel.send = rigged
