"""Pick-ups: a call was answered, and the provider asks what to do with it.

The provider's call id is bound to the attempt and the gate is asked again (`dispatch.recheck`), in one transaction.
When the answer has changed the call is ended, and the attempt is recorded as a call that was not answered, with the
reason: the phone has rung, so it counts for caps, gaps and tries. A call that a person makes to us asks no gate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fluentsd.api import Call, Outcome, Pickup, PickupVerdict
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recheck import Question, Rechecked, recheck
from fluentsd.engine.runtime import ChannelState, Runtime
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
    """The verdict on one pick-up; `report` records an outcome, `base` is the public address. Raises
    `StoreUnavailable`; then the pick-up is not used up."""
    now, pickup = runtime.clock.now(), replace(pickup, ref=clean(pickup.ref, LINE_AT_MOST))
    has_room = channel_state.abilities.calls is None or runtime.calls.has_room(now)
    if pickup.token is None:
        found = Rechecked(reason="" if has_room else FULL)
    else:
        deadline_at = now + channel_state.call_deadline
        question = Question(channel_state.kind, pickup.token, pickup.ref, deadline_at, pickup.resumes)
        refusal = "" if has_room else FULL
        found = await runtime.store.run(recheck, runtime.plans, question, now, refusal)
    if found.reason:
        log = {"channel": channel_state.kind, "attempt": pickup.token, "reason": found.reason}
        runtime.log.info("pickup.refused", **log)
        if found.ends and pickup.token is not None:
            why = f"ended at pick-up: {found.reason}"
            await report(OutcomeReport(pickup.token, now, Outcome.no_answer, why, ref=pickup.ref, fault="message"))
        return PickupVerdict(go=False, reason=found.reason)
    return PickupVerdict(go=True, relay_url=_relay(runtime, channel_state, pickup, found, base), message=found.message)


def _relay(
    runtime: Runtime, channel_state: ChannelState, pickup: Pickup, found: Rechecked, base: str | None
) -> str | None:
    """The URL of the call's WebSocket; None when the channel serves no calls or nothing can reach us."""
    if channel_state.abilities.calls is None or base is None:
        return None
    address = found.attempt.to if found.attempt is not None else pickup.address
    call = Call(channel_state.kind, pickup.ref, found.attempt, found.message, address, pickup.details)
    return relay_url(base, channel_state.kind, runtime.calls.expect(call, runtime.clock.now()))
