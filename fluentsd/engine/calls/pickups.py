"""Pick-ups: a call was answered, and the provider asks what to do with it.

The provider's call id is bound to the attempt and the gate is asked again (`dispatch.recheck`), in one transaction.
When the answer has changed the call is ended, and the attempt is recorded as a call that was not answered, with the
reason. The phone has rung, so it counts for caps, gaps and tries. A call that a person makes to us asks no gate
(`inbound_calls`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fluentsd.api import Call, Outcome, Pickup, PickupVerdict
from fluentsd.engine.calls.inbound_calls import answer
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.inbound import point_of
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recheck import Question, recheck
from fluentsd.engine.runtime import Runtime
from fluentsd.text import LINE_AT_MOST, clean
from fluentsd.urls import relay_url

FULL = "as many calls as this installation serves at once are in progress"


async def decide(
    runtime: Runtime,
    report: Callable[[OutcomeReport], Awaitable[None]],
    channel_state: ChannelState,
    pickup: Pickup,
    base: str | None,
) -> PickupVerdict:
    """The verdict on one pick-up; `report` records an outcome, `base` is the public address. Raises `StoreUnavailable`;
    then the pick-up is not used up."""
    now, pickup = runtime.clock.now(), replace(pickup, ref=clean(pickup.ref, LINE_AT_MOST))
    has_room = channel_state.abilities.calls is None or runtime.calls.has_room(now)
    if pickup.token is None:
        return await _inbound(runtime, channel_state, pickup, base, has_room=has_room)
    deadline_at = now + channel_state.call_deadline
    question = Question(channel_state.kind, pickup.token, pickup.ref, deadline_at, pickup.resumes)
    found = await runtime.store.run(recheck, runtime.plans, question, now, "" if has_room else FULL)
    if found.reason:
        log = {"channel": channel_state.kind, "attempt": pickup.token, "reason": found.reason}
        runtime.log.info("pickup.refused", **log)
        if found.ends:
            why = f"ended at pick-up: {found.reason}"
            await report(OutcomeReport(pickup.token, now, Outcome.no_answer, why, ref=pickup.ref, fault="message"))
        return PickupVerdict(go=False, reason=found.reason)
    address = found.attempt.to if found.attempt is not None else pickup.address
    call = Call(channel_state.kind, pickup.ref, found.attempt, found.message, address, pickup.details)
    return PickupVerdict(go=True, relay_url=_relay(runtime, channel_state, call, base), message=found.message)


async def _inbound(
    runtime: Runtime, channel_state: ChannelState, pickup: Pickup, base: str | None, *, has_room: bool
) -> PickupVerdict:
    """The verdict on a call that a person makes to us. Without room it is forwarded or hears an announcement, where the
    channel has that; a channel without agents of ours serves the call's socket itself."""
    serves_alone = channel_state.abilities.agents is None
    if not has_room and serves_alone:
        return PickupVerdict(go=False, reason=FULL)
    can_talk = has_room and base is not None and channel_state.abilities.calls is not None
    address = point_of(pickup.address or "")
    verdict = await answer(runtime, channel_state, pickup, address, can_talk)
    if verdict.message is None and not (can_talk and serves_alone):
        return verdict
    call = Call(channel_state.kind, pickup.ref, None, verdict.message, pickup.address, pickup.details)
    return replace(verdict, relay_url=_relay(runtime, channel_state, call, base))


def _relay(runtime: Runtime, channel_state: ChannelState, call: Call, base: str | None) -> str | None:
    """The URL of the call's WebSocket; None when the channel serves no calls or nothing can reach us."""
    if channel_state.abilities.calls is None or base is None:
        return None
    return relay_url(base, channel_state.kind, runtime.calls.expect(call, runtime.clock.now()))
