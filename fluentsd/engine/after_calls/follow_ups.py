"""Enrolls the follow-ups of one call: each an enrollment of its own at one step, due like any step.

The gate, the suppression list, caps, claim and outcomes are those of every step. A follow-up is taken once for an
enrollment, however many of its calls ask for it. Nothing follows an opt-out, nor a call to us in which nobody spoke.
What was agreed in a call to us is a promise: such a call holds the person's flow, but not what follows the call itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fluentsd.api import Outcome
from fluentsd.domain.enrollment import Progress, align, local_zone
from fluentsd.domain.flow import Step
from fluentsd.domain.follow_ups import CallResult
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.facts import names_in, reason_to_wait
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.store import after_calls, contacts, counters
from fluentsd.store.after_calls import CallDone, Entry
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import ORDINARY, PROMISED, enrolling
from fluentsd.store.enrollments.enrolling import FollowUp


async def enroll(conn: Connection, plan: Plan, call: CallDone, entry: Entry, result: CallResult, at: int) -> list[str]:
    """Enroll the follow-ups that this result asks for; returns their steps. None in a campaign that has ended
    meanwhile."""
    flow = plan.flow(entry.version_id)
    if not flow.follow_ups or result.outcome == Outcome.opted_out or entry.campaign_state == CampaignState.completed:
        return []
    if call.called_us and result.outcome != Outcome.answered:
        return []
    await contacts.reserve(conn, [call.contact_id])
    had = await after_calls.follow_ups_of(conn, entry.id)
    fields = (await contacts.fields_of(conn, [call.contact_id])).get(call.contact_id, {})
    steps = json.loads(entry.outcomes)
    values = {**fields, "contact": fields, "campaign": {"name": plan.name}, "last": {"outcome": entry.last_outcome},
              "steps": {step: {"outcome": outcome} for step, outcome in steps.items()}}  # fmt: skip
    wanted = [step for step in flow.follow_ups if step.id not in had and _holds(step, result, values)]
    await enrolling.enroll_follow_ups(conn, [_follow_up(plan, call, entry, step, at) for step in wanted], at)
    deltas = counters.Deltas()
    counters.moved(deltas, plan.campaign_id, None, EnrollmentState.queued, len(wanted))
    await counters.add(conn, deltas)
    return [step.id for step in wanted]


def _holds(step: Step, result: CallResult, values: Mapping[str, Any]) -> bool:
    """Whether the step follows this call; a condition that cannot be evaluated (a text compared with a number) does
    not hold."""
    try:
        return step.after_call is not None and step.after_call.holds(result, values)
    except TemplateProblem:
        return False


def _follow_up(plan: Plan, call: CallDone, entry: Entry, step: Step, at: int) -> FollowUp:
    place = Progress(step.id, 1, 0, 0, names_in(entry.zones), names_in(entry.states))
    wanted_at = step.after.after(at, local_zone(plan.rules, place.zones))
    due_at = align(plan.rules, step, place, wanted_at)
    return FollowUp(
        plan.campaign_id, call.contact_id, entry.version_id, step.id, plan.lanes[step.channel], wanted_at, due_at,
        reason_to_wait(wanted_at, due_at), entry.id, entry.sender_id, entry.unreached, entry.outcomes,
        entry.last_outcome, PROMISED if call.called_us else ORDINARY,
    )  # fmt: skip
