"""Why was this person contacted, or not: one sentence, then the evidence.

Nothing is decided here. For somebody who waits, the gate is asked the very question the mark will ask, with the same
facts read the same way; for somebody who has left or failed, the row says why. So what is told is what happens.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.gate import WORDS, Go, Hold, Never, Reason, Skip, Verdict, Wait
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.states import Campaign, Enrollment
from fluentsd.domain.windows import zone
from fluentsd.engine.facts import Facts, zones_in
from fluentsd.engine.plans import Plan, Plans, with_spending
from fluentsd.store import holds
from fluentsd.store.enrollments import Due, of_contact

Told = dict[str, Any]

_ENDED = {
    "answered": "a call was answered",
    "opted_out": "the person asked not to be contacted",
    "unreachable": "too many attempts in a row failed",
    "replied": "the person replied",
    "removed": "somebody let the person leave",
}


async def why(conn: AsyncConnection, plans: Plans, contact_id: int, campaign_id: int | None, at: int) -> list[Told]:
    """One entry per campaign the person is or was in, newest first."""
    rows = await of_contact(conn, contact_id)
    held = await holds.open_holds(conn, at)
    return [
        await _one(conn, plans, row, held, at) for row in rows if campaign_id is None or row.campaign_id == campaign_id
    ]


async def _one(conn: AsyncConnection, plans: Plans, row: Any, held: list[dict[str, Any]], at: int) -> Told:
    state, plan = await plans.current(conn, row.campaign_id)
    step = plan.flow(row.version_id).step(row.step)
    told: Told = {
        "campaign": plan.ref,
        "campaign_state": state,
        "state": row.state,
        "step": step.id,
        "channel": step.channel,
        "due_at": row.due_at,
        "zones": list(plan.rules.zones(zones_in(row.zones))),
        "zone_basis": row.zone_basis if not plan.rules.fixed_zone else "campaign",
    }
    told["clock"] = _clocks(told["zones"], at)
    if row.state == Enrollment.queued:
        return told | await _waiting(conn, plan, state, row, held, at)
    return told | _settled(row)


def _settled(row: Any) -> Told:
    match row.state:
        case Enrollment.active:
            return {"reason": "active", "sentence": f"an attempt of {row.step} is being made just now"}
        case Enrollment.completed:
            return {"reason": "completed", "sentence": "the flow was carried out to its end", "at": row.ended_at}
        case Enrollment.exited:
            words = _ENDED.get(row.reason, WORDS.get(row.reason, row.reason))
            return {"reason": row.reason, "sentence": f"left the campaign at {row.step}: {words}", "at": row.ended_at}
    return {"reason": "errored", "sentence": f"in error at {row.step}: {row.reason}"}


async def _waiting(
    conn: AsyncConnection, plan: Plan, state: Campaign, row: Any, held: list[dict[str, Any]], at: int
) -> Told:
    """What stands between somebody in the queue and the next contact."""
    if state != Campaign.active:
        return {"reason": f"campaign_{state}", "sentence": f"nobody is contacted: the campaign is {state}"}
    channel = plan.flow(row.version_id).step(row.step).channel
    for hold in held:
        if (hold["scope"], hold["target"]) in {("campaign", plan.ref), ("channel", channel)}:
            what = f"{hold['scope']} {hold['target']} is held: {hold['reason']}"
            return {"reason": "held", "sentence": what, "until_at": hold["until_at"]}
    due = Due(
        row.id, row.rank, row.due_at or at, row.contact_id, row.version_id, row.step, row.try_no, row.retries,
        row.unreached, row.outcomes, row.last_outcome, row.sender_id, row.zones,
    )  # fmt: skip
    moment = max(at, due.due_at)
    facts = Facts(plan, await with_spending(conn, plan, moment), moment)
    await facts.read(conn, [due], lock=False)
    try:
        _, verdict = facts.ask(due, facts.step(due))
    except TemplateProblem as problem:
        return {"reason": "errored", "sentence": f"{row.step} cannot be carried out: {problem}"}
    return _said(verdict, row, at, moment)


def _said(verdict: Verdict, row: Any, at: int, moment: int) -> Told:
    """The verdict for the moment the person is due, as a sentence."""
    later = f"{row.step} is due at its own moment" if moment > at else f"{row.step} is due"
    match verdict:
        case Go() if moment > at:
            return {"reason": "not_due", "sentence": f"{later}, and may be made then", "next_at": moment}
        case Go():
            return {
                "reason": "in_line",
                "sentence": f"{later} and may be made as soon as its turn comes",
                "next_at": at,
            }
        case Wait(until_at, reason):
            return _because(reason, f"{later}, but {WORDS[reason]}") | {"next_at": until_at}
        case Hold(reason):
            return _because(reason, f"waits until a fact changes: {WORDS[reason]}")
        case Skip(reason):
            return _because(reason, f"{row.step} will be skipped, and the flow goes on: {WORDS[reason]}")
        case Never(reason):
            return _because(reason, f"will leave the campaign: {WORDS[reason]}")


def _because(reason: Reason, sentence: str) -> Told:
    return {"reason": str(reason), "sentence": sentence}


def _clocks(zones: list[str], at: int) -> list[str]:
    """What the person's clock shows now, in each zone that counts."""
    moment = dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC)
    return [f"{moment.astimezone(zone(name)):%a %H:%M} in {name}" for name in zones]
