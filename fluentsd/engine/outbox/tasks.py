"""The target of the daemon's own tasks: events that it handles itself, with retries like any delivery.

A provider deletes its data about an attempt to an erased person; a recording is fetched. A task that is done leaves no
row: it may hold a provider's reference, which is stored nowhere else after an erasure. Each attempt is a task under its
own key, so a task that has to wait delays no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluentsd.api import Attempt, Kind, NeedsHuman, Unavailable, in_words
from fluentsd.domain.events import ForgetTask, RecordingTask
from fluentsd.domain.subscriptions import TASKS
from fluentsd.engine.outbox.targets import Posted
from fluentsd.engine.recordings.fetching import fetch
from fluentsd.store import outbox
from fluentsd.store.db import Connection
from fluentsd.store.erasure.erase import ProviderCopy

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: Seconds until the next try while a task's channel is not configured.
CHANNEL_AGAIN = 3600.0


def channels_without_forget(runtime: Runtime) -> frozenset[Kind]:
    """Channels whose providers keep no data that could be deleted."""
    return frozenset(
        kind for kind, channel_state in runtime.channels.items() if channel_state.abilities.forgets is None
    )


async def post_forget_tasks(conn: Connection, found: Sequence[ProviderCopy], at: int) -> None:
    """Post one task for each attempt, in the transaction of the erasure."""
    await outbox.post(conn, *(ForgetTask(**one._asdict()) for one in found), at=at)


class Tasks:
    """Handles the tasks. A provider that is unavailable, or waits for a person, delays its own tasks alone."""

    name, keeps_delivered = TASKS, False

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def deliver(self, event: Posted) -> None:
        try:
            if event.topic == RecordingTask.topic:
                await fetch(self._runtime, event.payload["attempt"])
            else:
                await self._forget(ProviderCopy(**event.payload))
        except Unavailable as why:
            raise Unavailable(str(why), why.after, only_this=True) from why
        except (NeedsHuman, OSError) as why:
            raise Unavailable(in_words(why), 0.0, only_this=True) from why

    async def _forget(self, one: ProviderCopy) -> None:
        runtime = self._runtime
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
