"""Outbox tasks: messages that the daemon handles itself, by topic; they go to no listener.

A task is retried until it succeeds, like any delivery, and then its row is deleted: it may hold a provider's reference,
which is stored nowhere else after an erasure. The only topic so far: a provider deletes its data about an attempt to an
erased person. Each attempt is a task under its own key, so a task that has to wait delays no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fluentsd.api import Attempt, Kind, Unavailable
from fluentsd.store import outbox
from fluentsd.store.db import Connection
from fluentsd.store.erasure.erase import Elsewhere

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

FORGET = "forget"
#: Seconds until the next try while a task's channel is not configured.
CHANNEL_AGAIN = 3600.0


def channels_without_forget(runtime: Runtime) -> frozenset[Kind]:
    """Channels whose providers keep no data that could be deleted."""
    return frozenset(
        kind for kind, channel_state in runtime.channels.items() if channel_state.abilities.forgets is None
    )


async def post_forget_tasks(conn: Connection, found: Sequence[Elsewhere], at: int) -> None:
    """Post one task for each attempt, in the transaction of the erasure."""
    for one in found:
        await outbox.post(conn, FORGET, f"{FORGET}:{one.token or one.ref}", one._asdict(), at)


async def _forget(runtime: Runtime, message: Mapping[str, Any]) -> None:
    one = Elsewhere(**message["payload"])
    channel_state = runtime.channels.get(one.channel)
    if channel_state is None:
        raise Unavailable(f"there is no channel {one.channel} now", CHANNEL_AGAIN)
    channel = channel_state.abilities.forgets
    if channel is None:
        return
    attempt = Attempt(one.token, one.channel, "", one.claimed_at, provider_ref=one.ref)
    with channel_state.time_limit(runtime.clock.now()) as deadline:
        await channel.forget(attempt)
    if deadline.expired:
        raise Unavailable("the provider did not answer in time")


#: The handler of each topic; an exception means that the task is retried.
HANDLERS: Mapping[str, Callable[[Runtime, Mapping[str, Any]], Awaitable[None]]] = {FORGET: _forget}
