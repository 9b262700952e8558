"""What the Slack front remembers of its messages. No verbs: nobody asks for them, and nothing here is an act of a
person. Raises `StoreUnavailable`."""

from __future__ import annotations

from dataclasses import replace

from fluentsd.engine.runtime import Runtime
from fluentsd.store import slack_posts
from fluentsd.store.slack_posts import SlackPost

__all__ = ["SETTLED", "SlackPost", "find", "forget", "of_kind", "save", "settled"]

#: What a message shows when its subject is dealt with, in place of the hash of its words.
SETTLED = "settled"


async def find(runtime: Runtime, kind: str, about: str, channel: str) -> SlackPost | None:
    """The message about something in a channel."""
    return await runtime.store.read(slack_posts.find, kind, about, channel)


async def of_kind(runtime: Runtime, kind: str) -> list[SlackPost]:
    """Every message of a kind, the longest not updated first."""
    return await runtime.store.read(slack_posts.of_kind, kind)


async def save(runtime: Runtime, post: SlackPost) -> None:
    """Remember a message."""
    await runtime.store.run(slack_posts.save, post)


async def settled(runtime: Runtime, kind: str, about: str, channel: str) -> SlackPost | None:
    """Remember that a message shows what became of its subject. Returns what was known of it before, None if it is none
    of the front's own."""
    post = await find(runtime, kind, about, channel)
    if post is not None:
        await save(runtime, replace(post, shown=SETTLED, updated_at=runtime.clock.now(), remind_at=None))
    return post


async def forget(runtime: Runtime, post: SlackPost) -> None:
    """Forget a message."""
    await runtime.store.run(slack_posts.forget, post)
