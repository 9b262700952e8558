"""Sends messages with Slack's own charts and tables, or with their plain form where the workspace refuses them.

Slack introduces such blocks workspace by workspace, and refuses a whole message for one that it does not know. The
acknowledgement of a command cannot carry them, because nobody hears of its refusal. What must not live here: blocks
(`blocks`), and calls (`web_api`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.web_api import SlackRefused

#: What Slack says of blocks that it does not take.
_OF_BLOCKS = ("invalid_blocks", "invalid_arguments", "invalid_attachments", "unsupported_block")
#: Seconds until native blocks are tried again.
AGAIN = 3600.0


class Natives:
    """Whether the workspace takes native blocks: yes, until it has refused some within the last hour."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._plain_until = 0.0

    def are_taken(self) -> bool:
        """Whether native blocks should be sent."""
        return trio.current_time() >= self._plain_until

    async def send(
        self, plain: Mapping[str, Any], native: Mapping[str, Any] | None, send: Callable[[Any], Awaitable[object]]
    ) -> None:
        """Send one of two bodies: the native one, or the plain one if there is no native one or it is refused."""
        if native is not None and self.are_taken():
            try:
                await send(native)
                return
            except SlackRefused as why:
                if not why.error.startswith(_OF_BLOCKS):
                    raise
                self._plain_until = trio.current_time() + AGAIN
                self._log.info("slack.native_blocks_refused", method=why.method, error=why.error)
        await send(plain)

    async def say(self, answer: Message, send: Callable[[Any], Awaitable[object]]) -> None:
        """Send a message by `send`, which gets its body."""
        await self.send(answer.body(), answer.native_body() if answer.native else None, send)
