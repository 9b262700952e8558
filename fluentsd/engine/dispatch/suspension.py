"""Suspends a channel whose provider gives no readable answers, and resumes it when the provider answers again.

The suspension is a hold on the channel, so that everybody sees it and its reason. It ends by itself: the channel's own
`check`, which sends nothing, is called every few seconds, so that no person's attempt serves as a probe. If the check
is well and the next message fails all the same, the pause until the next one grows. A person may lift the hold before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import holds
from fluentsd.unavailable import StoreUnavailable

#: Seconds between two probes: the first, doubled up to the last.
FIRST_PROBE, LAST_PROBE = 2, 15
#: Seconds for one probe.
PROBE_PATIENCE = 10.0
#: The beginning of the hold's reason.
WHY = "the provider gives no readable answers"


async def lift_old(runtime: Runtime) -> None:
    """At start: lift the suspensions of an earlier run. Each channel is tried again, and suspended again if need be."""
    for kind in runtime.channels:
        await _lift(runtime, str(kind))


async def _lift(runtime: Runtime, kind: str) -> int:
    return await runtime.store.run(holds.lift, "channel", kind, runtime.clock.now(), reason=WHY)


async def _is_held(runtime: Runtime, kind: str) -> bool:
    return await runtime.store.read(holds.is_held, "channel", kind, runtime.clock.now(), reason=WHY)


async def suspend(runtime: Runtime, channel_state: ChannelState, why: str) -> None:
    """Hold the channel, probe it until it answers, and lift the hold."""
    kind = str(channel_state.kind)
    rest = channel_state.unclear.rest
    how = "it is checked every few seconds"
    if rest:
        how = f"its check is well, so one message is tried in {rest // SECOND} s"
    reason = f"{WHY} ({why[:200]}); {how}, and sending goes on by itself"
    runtime.log.error("channel.suspended", channel=kind, reason=reason)
    about: dict[str, Any] = {"reason": reason, "by": "fluentsd", "at": runtime.clock.now()}
    await _patiently(runtime, lambda: runtime.store.run(holds.place, "channel", kind, **about))
    pause, rests_until = FIRST_PROBE, runtime.clock.now() + rest
    while True:
        await runtime.clock.sleep_until(runtime.clock.now() + pause * SECOND)
        pause = min(pause * 2, LAST_PROBE)
        if not await _patiently(runtime, lambda: _is_held(runtime, kind)):
            break
        if runtime.clock.now() >= rests_until and await _answers(channel_state):
            break
    await _patiently(runtime, lambda: _lift(runtime, kind))
    channel_state.unclear.resume()
    runtime.log.info("channel.resumed", channel=kind)
    runtime.look_again()


async def _answers(channel_state: ChannelState) -> bool:
    """Whether the provider answers a check that sends nothing."""
    try:
        with trio.fail_after(PROBE_PATIENCE):
            findings = await channel_state.channel.check()
    except Exception:  # noqa: BLE001 - the guard at the edge of each call to a plugin
        return False
    return any(finding.ok for finding in findings)


async def _patiently(runtime: Runtime, work: Callable[[], Awaitable[Any]]) -> Any:
    while True:
        try:
            return await work()
        except StoreUnavailable:
            await runtime.clock.sleep_until(runtime.clock.now() + SECOND)
