"""Messages that are kept current: posted once per subject and channel, edited when they would show something else.

What must not live here: what they say (`blocks`), and when (`cards`, `conversations`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import Call, slack_posts
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import typed
from fluentsd.verbs.execute import execute
from fluentsd.verbs.slack_posts import SlackPost

#: Refusals that say that a message is not there any more.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


class Posts:
    """The front's own messages, and its reads as a viewer."""

    def __init__(self, services: Services) -> None:
        self._runtime, self._api = services.runtime, services.api

    async def ask(self, verb: str, arguments: dict[str, Any]) -> Any:
        """The answer of a verb that reads. Raises `Refused`, `StoreUnavailable`."""
        call = Call("fluentsd", self._runtime.clock.now(), role="viewer")
        return typed(ANSWERS, verb, await execute(self._runtime, verb, arguments, call))

    async def put(
        self, kind: str, about: str, channel: str, message: Message, *, remind_at: int | None = None
    ) -> SlackPost:
        """Post a message, or edit the one that is there if it shows something else. `remind_at` counts for a new
        one."""
        now, body = self._runtime.clock.now(), message.body()
        shown = hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
        post = await slack_posts.find(self._runtime, kind, about, channel)
        if post is not None:
            if post.shown == shown:
                return post
            if await self.edit(post, message):
                return await self._save(replace(post, shown=shown, updated_at=now))
        answer = await self._api.call("chat.postMessage", channel=channel, **body)
        return await self._save(SlackPost(kind, about, channel, str(answer["ts"]), shown, now, remind_at))

    async def has(self, kind: str, about: str, channel: str) -> bool:
        """Whether there is such a message."""
        return await slack_posts.find(self._runtime, kind, about, channel) is not None

    async def edit(self, post: SlackPost, message: Message) -> bool:
        """Show something else in a message; False when it is not there any more."""
        try:
            await self._api.call("chat.update", channel=post.channel, ts=post.ts, **message.body())
        except SlackRefused as why:
            if why.error not in _GONE:
                raise
            return False
        return True

    async def below(self, post: SlackPost, message: Message) -> None:
        """Post in the thread of a message."""
        await self._api.call("chat.postMessage", channel=post.channel, thread_ts=post.ts, **message.body())

    async def of_kind(self, kind: str) -> list[SlackPost]:
        """The messages of a kind that are kept current, the longest not updated first."""
        return await slack_posts.of_kind(self._runtime, kind)

    async def forget(self, post: SlackPost) -> None:
        """Keep a message current no more."""
        await slack_posts.forget(self._runtime, post)

    async def settled(self, post: SlackPost) -> None:
        """A message shows what became of its subject."""
        await slack_posts.settled(self._runtime, post.kind, post.about, post.channel)

    async def reminded(self, post: SlackPost) -> None:
        """The reminder of a message is given."""
        await self._save(replace(post, remind_at=None))

    async def _save(self, post: SlackPost) -> SlackPost:
        await slack_posts.save(self._runtime, post)
        return post
