"""Errands: messages of the outbox that the house carries out itself, by topic; no listener is told of them.

An errand is repeated until it succeeds, like any delivery, and then its row goes: it may hold a provider's reference,
which nothing else here keeps. So far there is one kind: a provider forgets what it has of an attempt to somebody who
was erased. Each attempt is an errand under its own key, so that one that has to wait holds up no other.
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
#: Seconds until it is looked again whether a channel that is not configured has come back.
CHANNEL_AGAIN = 3600.0


def keep_nothing(runtime: Runtime) -> frozenset[Kind]:
    """Channels of this house whose providers have nothing to forget."""
    return frozenset(
        kind for kind, channel_state in runtime.channels.items() if not hasattr(channel_state.channel, "forget")
    )


async def ask_to_forget(conn: Connection, found: Sequence[Elsewhere], at: int) -> None:
    """In the erasure's own transaction: one errand for each attempt."""
    for one in found:
        await outbox.post(conn, FORGET, f"{FORGET}:{one.token or one.ref}", one._asdict(), at)


async def _forget(runtime: Runtime, message: Mapping[str, Any]) -> None:
    one = Elsewhere(**message["payload"])
    channel_state = runtime.channels.get(one.channel)
    if channel_state is None:
        raise Unavailable(f"there is no channel {one.channel} now", CHANNEL_AGAIN)
    method = getattr(channel_state.channel, "forget", None)
    if method is None:
        return
    about = Attempt(one.token, one.channel, "", one.claimed_at, provider_ref=one.ref)
    with channel_state.patience(runtime.clock.now()) as deadline:
        await method(about)
    if deadline.expired:
        raise Unavailable("the provider did not answer in time")


#: What is done with a message of each topic; it raises what keeps it from being done.
ERRANDS: Mapping[str, Callable[[Runtime, Mapping[str, Any]], Awaitable[None]]] = {FORGET: _forget}
