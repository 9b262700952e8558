"""Promised contacts: a call (or message) to one person at a time that they were promised, ahead of the flow's schedule.

The flow goes on from the step that is used, and repeats no later step that was made before. Somebody whose flow has
ended enters again at that step. The gate still decides at the time. What must not live here: the words of a refusal
(`verbs.enrollments`).
"""

from __future__ import annotations

import json

from fluentsd.api import Kind
from fluentsd.domain.flow import Flow, Step
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store import attempts, campaigns, counters, holds
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import EnrollmentRow, enrolling, manual_changes

ENDED = (EnrollmentState.exited, EnrollmentState.completed)
#: A promise lets no person enter again who left for one of these reasons.
FOR_GOOD = ("opted_out", "removed", "erased", "left_segment")


def step_on(flow: Flow, here: str, channel: Kind) -> Step | None:
    """The step of a promised contact: where the person is, else the last one before on this channel, else the next."""
    place = flow.index[here]
    fitting = [step for step in flow.steps if step.channel == channel]
    earlier = [step for step in fitting if step.index <= place]
    return earlier[-1] if earlier else next(iter(fitting), None)


def is_passed_over(flow: Flow, here: str, one: Step, promised: Step) -> bool:
    """Whether a step lies between the person's place and the promised step, so that the flow leaves it out."""
    return flow.index[here] <= one.index < promised.index


async def promise(
    conn: Connection, plan: Plan, state: CampaignState, row: EnrollmentRow, step: Step, promised_at: int, at: int
) -> tuple[CampaignState, EnrollmentRow]:
    """Promise this step to a person who is queued or whose flow has ended; returns the campaign's state and the entry
    that keeps the promise. A completed campaign is active again."""
    if entered := row.state in ENDED:
        state, row = await _enter_again(conn, plan, state, row, step, at)
    if step.id == row.step and not entered:
        try_no = row.try_no
    else:  # a second try is made although the step was made before
        made = step.id in json.loads(row.outcomes)
        try_no = max(await attempts.tries_of(conn, row.id, step.id), int(made)) + 1
    await manual_changes.promise(conn, row, step.id, try_no, plan.lanes[step.channel], promised_at)
    return state, row


async def promise_in_a_call(
    conn: Connection, plans: Plans, campaign_id: int, contact_id: int, promised_at: int, at: int
) -> bool:
    """Keep what was promised in a person's call to us: a call at that time. False where nobody can be called by itself:
    the campaign has ended or has no call, the person is taken over, left for good, is in error or is being contacted
    now; then the hot lead of the call is all there is."""
    state, plan = await plans.current(conn, campaign_id)
    row = await manual_changes.of(conn, campaign_id, contact_id)
    if row is None or promised_at <= at or state in (CampaignState.completed, CampaignState.stopped):
        return False
    if row.state in (EnrollmentState.active, EnrollmentState.errored) or row.reason in FOR_GOOD:
        return False
    step = step_on(plan.flow(row.version_id), row.step, "phone")
    if step is None or contact_id in await holds.on_contacts(conn, [contact_id], at):
        return False
    await promise(conn, plan, state, row, step, promised_at, at)
    return True


async def _enter_again(
    conn: Connection, plan: Plan, state: CampaignState, row: EnrollmentRow, step: Step, at: int
) -> tuple[CampaignState, EnrollmentRow]:
    """A further entry of a person whose flow has ended, at this step and with the outcomes of their steps, so that the
    flow repeats none of them."""
    last = (await enrolling.entered(conn, plan.campaign_id, [row.contact_id]))[row.contact_id]
    where = enrolling.Entrance(plan.campaign_id, row.version_id, step.id, plan.lanes[step.channel])
    await enrolling.enroll(conn, where, [enrolling.Entry(row.contact_id, last.entry + 1, at, at)], at)
    deltas = counters.Deltas()
    counters.moved(deltas, plan.campaign_id, None, EnrollmentState.queued, 1)
    await counters.add(conn, deltas)
    if state == CampaignState.completed:
        again = await campaigns.by_id(conn, plan.campaign_id)
        again = await campaigns.move(conn, await campaigns.move(conn, again, "reopen", at=at), "resume", at=at)
        state = again.state
    entered = await manual_changes.of(conn, plan.campaign_id, row.contact_id)
    assert entered is not None  # noqa: S101 - made above
    return state, await manual_changes.carry_over(conn, row, entered)
