"""Unknown attempts: attempts whose result could not be proved. A user can retry or dismiss each.

Nothing happens automatically: an unknown attempt counts as made. A retry may contact the person twice, so it is a
user's decision, possible only until the next step has begun.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.enrollment import Progress, Queue, align
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.claim import requeued
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, enrollments
from fluentsd.store.attempts import unknown
from fluentsd.store.attempts.listing import newest_attempts
from fluentsd.store.attempts.unknown import Unproved
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Requeue
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, change, refusing


async def listing(runtime: Runtime, call: Call, ref: str | None, most: int) -> Answer:
    """Unknown attempts without a decision, newest first."""

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        return {"calls": await newest_attempts(conn, campaign_id=campaign_id, undecided=True, most=max(1, most))}

    return await refusing(runtime.store.read(unit))


async def retry(runtime: Runtime, call: Call, ref: str, person: str | None, attempt: str | None) -> Answer:
    """Repeat the step, due at once; the gate still decides. People whose next step has begun, or who have left, are
    skipped and listed."""

    async def unit(conn: Connection) -> Answer:
        row, rows = await _select(conn, ref, person, attempt)
        if row.state == CampaignState.stopped:
            raise Refused(f"{ref} is stopped; reopen it first", Suggestion("campaign reopen", {"ref": ref}))
        _, plan = await runtime.plans.current(conn, row.id)
        too_late = {one.id: why for one in rows if (why := _too_late(one, plan))}
        retried = [one for one in rows if one.id not in too_late]
        await _queue_again(conn, plan, retried, call.at)
        await unknown.decided(conn, [one.id for one in retried], call.at)
        if retried and row.state == CampaignState.completed:
            reopened = await campaigns.move(conn, row, "reopen", at=call.at)
            row = await campaigns.move(conn, reopened, "resume", at=call.at)
        left = [{"attempt": one.id, "person": one.to, "step": one.step, "why": too_late[one.id]}
                for one in rows if one.id in too_late]  # fmt: skip
        return {"ref": ref, "people": len(retried), "left_alone": left, "state": row.state,
                "_details": {"attempts": [one.id for one in retried]}}  # fmt: skip

    answer = await change(runtime, call, "unknown retry", ref, unit)
    runtime.dispatcher_wakeup.notify()
    return answer


async def dismiss(runtime: Runtime, call: Call, ref: str, person: str | None, attempt: str | None) -> Answer:
    """Keep the attempts as made and hide them."""

    async def unit(conn: Connection) -> Answer:
        row, rows = await _select(conn, ref, person, attempt)
        await unknown.decided(conn, [one.id for one in rows], call.at)
        return {"ref": ref, "people": len(rows), "state": row.state, "_details": {"attempts": [o.id for o in rows]}}

    return await change(runtime, call, "unknown dismiss", ref, unit)


async def _select(
    conn: Connection, ref: str, person: str | None, attempt: str | None
) -> tuple[CampaignRow, list[Unproved]]:
    row = await campaigns.get(conn, ref)
    contact_id = await find_one(conn, person) if person else None
    rows = await unknown.of_campaign(conn, row.id, contact_id=contact_id, attempt_id=attempt)
    if not rows:
        of = f" for {person}" if person else f" with the id {attempt}" if attempt else ""
        raise Refused(f"{ref} has no unknown attempt{of}; see the list", Suggestion("unknown list", {"ref": ref}))
    return row, rows


def _too_late(one: Unproved, plan: Plan) -> str:
    """The reason why the step cannot be repeated; "" when it can."""
    if one.to is None:
        return "the number or address is gone"
    if one.state == EnrollmentState.exited:
        return f"has left the campaign ({one.reason})"
    flow = plan.flow(one.version_id)
    if one.step not in flow.index:
        return "the step is no longer in their flow"
    following = flow.following(flow.step(one.step))
    if one.state == EnrollmentState.completed:
        return "" if following is None else "the flow has moved on"
    if one.state == EnrollmentState.queued and following is not None and (one.at_step, one.at_try) == (following.id, 1):
        return ""
    return f"the next step, {one.at_step}, has begun"


async def _queue_again(conn: Connection, plan: Plan, rows: Sequence[Unproved], at: int) -> None:
    deltas = counters.Deltas()
    for one in rows:
        if one.state != EnrollmentState.queued:
            counters.moved(deltas, plan.campaign_id, EnrollmentState(one.state), EnrollmentState.queued)
    await enrollments.retry_unknown(conn, [_again(one, plan, at) for one in rows])
    await counters.add(conn, deltas)


def _again(one: Unproved, plan: Plan, at: int) -> Requeue:
    step = plan.flow(one.version_id).step(one.step)
    progress = Progress(one.step, one.tries, 0, one.unreached, names_in(one.zones), names_in(one.states))
    move = Queue(step, at, align(plan.rules, step, progress, at), one.tries + 1, 0, one.unreached)
    return requeued(one.enrollment_id, plan, move, one.outcomes, one.last_outcome)
