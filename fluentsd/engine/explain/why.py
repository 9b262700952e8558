"""Why a person was contacted or not: one sentence, then the evidence.

Nothing is decided here. For a queued person, the gate is asked exactly as the claim will ask it, with the same facts;
for a person who has left or is in error, the row has the reason. So the explanation is what will happen. For a campaign
the rows are counted by reason, and the counts add up to its total.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.gate import WORDS, Go, Hold, Never, Point, Reason, Skip, Verdict, Wait, decide
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.domain.time.windows import zone
from fluentsd.engine.dispatch.claim import compose
from fluentsd.engine.dispatch.facts import Facts, names_in
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.store import campaigns, holds
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import counts
from fluentsd.store.enrollments.queries import as_due, of_contact
from fluentsd.store.lanes import lateness
from fluentsd.store.nodes import EVERYTHING, INSTALLATION

Explanation = dict[str, Any]

_ENDED = {
    "answered": "a call was answered",
    "opted_out": "the person asked not to be contacted",
    "unreachable": "too many attempts in a row failed",
    "replied": "the person replied",
    "left_segment": "the person is no longer in any of the campaign's lists",
    "removed": "a user removed the person",
    "erased": "the person was erased",
}
#: Reasons that do not come from the gate.
_WAITING = {
    "active": "an attempt is in progress",
    "completed": "the flow has ended",
    "errored": "an error has to be fixed first",
    "not_due": "the step is not due yet",
    "in_line": "due, waiting for a free slot",
    "held": "the campaign, its channel or everything is held",
}


async def why(conn: Connection, plans: Plans, contact_id: int, campaign_id: int | None, at: int) -> list[Explanation]:
    """One entry per campaign the person is or was in, newest first."""
    rows = await of_contact(conn, contact_id)
    held = await holds.open_holds(conn, at)
    return [
        await _one(conn, plans, row, held, at) for row in rows if campaign_id is None or row.campaign_id == campaign_id
    ]


async def totals(conn: Connection, ref: str, at: int) -> list[Explanation]:
    """People of a campaign counted by state and reason, most frequent first: reason, sentence, people."""
    row = await campaigns.get(conn, ref)
    stopped = await is_held(conn, ref, at)
    found: Counter[tuple[str, str]] = Counter()
    for state, held, reason, is_later, people in await counts.by_reason(conn, row.id, at):
        found[state, reason_of(row.state, state, reason, held=held, is_later=is_later, stopped=stopped)] += people
    return [
        {"state": state, "reason": reason, "sentence": sentence_of(state, reason), "people": people}
        for (state, reason), people in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


async def is_held(conn: Connection, ref: str, at: int) -> bool:
    """Whether the campaign or the whole installation is held at this instant."""
    held = {(hold["scope"], hold["target"]) for hold in await holds.open_holds(conn, at)}
    return bool(held & {("campaign", ref), (INSTALLATION, EVERYTHING)})


def reason_of(campaign: CampaignState, state: str, reason: str, *, held: bool, is_later: bool, stopped: bool) -> str:
    """The one reason of an enrollment. `held`: it is out of the queue until a fact changes; `is_later`: it is not due
    yet; `stopped`: the campaign or the installation is held."""
    match state:
        case EnrollmentState.exited:
            return reason
        case EnrollmentState.queued if held:
            return reason
        case EnrollmentState.queued if campaign != CampaignState.active:
            return f"campaign_{campaign}"
        case EnrollmentState.queued if stopped:
            return "held"
        case EnrollmentState.queued if is_later:
            return reason or "not_due"
        case EnrollmentState.queued:
            return "in_line"
    return state


def sentence_of(state: str, reason: str) -> str:
    """A reason of `reason_of` in words."""
    if state == EnrollmentState.exited:
        return _ENDED.get(reason) or (WORDS[Reason(reason)] if reason in WORDS else reason)
    if reason.startswith("campaign_"):
        return f"no contacts: the campaign is {reason.removeprefix('campaign_')}"
    return _WAITING.get(reason) or WORDS[Reason(reason)]


async def _one(conn: Connection, plans: Plans, row: Any, held: list[dict[str, Any]], at: int) -> Explanation:
    state, plan = await plans.current(conn, row.campaign_id, lock=False)
    step = plan.flow(row.version_id).step(row.step)
    entry: Explanation = {
        "campaign": plan.ref,
        "name": plan.name,
        "campaign_state": state,
        "state": row.state,
        "entry": row.entry,
        "step": step.id,
        "channel": step.channel,
        "due_at": row.due_at,
        "wanted_at": row.wanted_at,
        "zones": list(plan.rules.zones(names_in(row.zones))),
        "zone_basis": row.zone_basis if not plan.rules.fixed_zone else "campaign",
        "zone_is_fallback": not row.zones and not plan.rules.fixed_zone,
        "states": list(names_in(row.states)),
        "conflict": bool(row.conflict),
        "consent": row.consent,
    }
    entry["clock"] = _clocks(entry["zones"], at)
    if row.state == EnrollmentState.queued:
        return entry | await _queued(conn, plan, state, row, held, at)
    return entry | _not_queued(row)


def _not_queued(row: Any) -> Explanation:
    match row.state:
        case EnrollmentState.active:
            return {"reason": "active", "sentence": f"an attempt of {row.step} is in progress"}
        case EnrollmentState.completed:
            return {"reason": "completed", "sentence": "the flow has ended", "at": row.ended_at}
        case EnrollmentState.exited:
            why = _ENDED.get(row.reason, WORDS.get(row.reason, row.reason))
            return {"reason": row.reason, "sentence": f"left the campaign at {row.step}: {why}", "at": row.ended_at}
    return {"reason": "errored", "sentence": f"in error at {row.step}: {row.reason}"}


async def _queued(
    conn: Connection, plan: Plan, state: CampaignState, row: Any, held: list[dict[str, Any]], at: int
) -> Explanation:
    """The obstacle between a queued person and the next contact."""
    if state != CampaignState.active:
        because = next((f": {h['reason']}" for h in held if (h["scope"], h["target"]) == ("campaign", plan.ref)), "")
        return {"reason": f"campaign_{state}", "sentence": f"no contacts: the campaign is {state}{because}"}
    channel = plan.flow(row.version_id).step(row.step).channel
    mine = {(INSTALLATION, EVERYTHING), ("campaign", plan.ref), ("channel", channel)}
    for hold in held:
        if (hold["scope"], hold["target"]) in mine:
            sentence = f"{hold['scope']} {hold['target']} is held: {hold['reason']}"
            until = {} if hold["until_at"] is None else {"until_at": hold["until_at"]}
            return {"reason": "held", "sentence": sentence, **until}
    due = as_due(row, at)
    due_at = max(at, due.due_at)
    skipped = await lateness(conn, plan.lanes[channel])
    wanted_at = min(due_at, max(at, row.wanted_at or 0))  # the gate may have deferred the step to `due_at`
    facts = Facts(plan, await with_spending(conn, plan, due_at), wanted_at, skipped=skipped)
    await facts.read(conn, [due], lock=False)
    facts.at = due_at
    try:
        person, verdict = facts.ask(due, facts.step(due))
        if isinstance(verdict, Go):
            compose(facts.step(due), person.values, verdict, verdict.caller_id.e164 if verdict.caller_id else None)
        if isinstance(verdict, Go) and wanted_at < due_at and row.wanted_at not in (None, due_at):
            verdict = _deferral(decide(facts.step(due), facts.rules, person, wanted_at, facts.caller_ids), due_at)
    except TemplateProblem as problem:
        return {"reason": "errored", "sentence": f"{row.step} cannot be made: {problem}"}
    if row.held and not isinstance(verdict, Hold):
        verdict = Hold(Reason(row.reason))  # the gate does not decide again before a fact changes
    entry = _explain(verdict, row, at, due_at)
    if isinstance(verdict, Hold) and verdict.reason == Reason.taken_over:
        theirs = (holds.CONTACT, holds.person(row.contact_id))
        taken = [hold for hold in held if (hold["scope"], hold["target"]) == theirs][-1:]
        entry["sentence"] += "".join(f" ({_who_and_why(hold)})" for hold in taken)
    return entry


def _who_and_why(hold: Mapping[str, Any]) -> str:
    """The colleague who has taken a person over, with the reason where one was given."""
    reason = "" if hold["reason"] == holds.TAKEN_OVER else f": {hold['reason']}"
    return f"{hold['by']}{reason}"


def _deferral(earlier: Verdict, due_at: int) -> Verdict:
    """The reason for waiting until `due_at`: a limit, or the hours."""
    if isinstance(earlier, Wait) and not earlier.whole_lane:
        return replace(earlier, until_at=due_at)
    return Wait(due_at, Reason.window)


def _explain(verdict: Verdict, row: Any, at: int, due_at: int) -> Explanation:
    """The verdict for the time the step is due, as a sentence."""
    is_due = f"{row.step} is due later" if due_at > at else f"{row.step} is due"
    match verdict:
        case Go() if due_at > at:
            return {"reason": "not_due", "sentence": f"{is_due} and allowed then", "next_at": due_at}
        case Go():
            return {"reason": "in_line", "sentence": f"{is_due} and waits for a free slot", "next_at": at}
        case Wait(until_at, reason, _, rule, zone_name, point):
            obstacle = _shared(point, row, due_at) if point is not None else WORDS[reason]
            entry = _with_law(reason, f"{is_due}, but {obstacle}", rule)
            return entry | {"next_at": until_at, "rule_zone": zone_name}
        case Hold(reason, rule):
            return _with_law(reason, f"waits until a fact changes: {WORDS[reason]}", rule)
        case Skip(reason):
            return _with_law(reason, f"{row.step} will be skipped, and the flow goes on: {WORDS[reason]}")
        case Never(reason):
            return _with_law(reason, f"will leave the campaign: {WORDS[reason]}")


def _shared(point: Point, row: Any, due_at: int) -> str:
    """The sentence about a point that was contacted for another person."""
    kind = "mailbox" if point.kind == "email" else "phone"
    latest_at = max((at for at, _ in point.others if at <= due_at), default=point.others[-1][0])
    moment = dt.datetime.fromtimestamp(latest_at / 1_000_000, dt.UTC)
    name = next(iter(names_in(row.zones)), "UTC")
    when = f"{moment.astimezone(zone(name)):%a %d %b %H:%M} in {name}"
    return f"their {kind} {point.value} was contacted for another person at {when}, and the limits count that"


def _with_law(reason: Reason, sentence: str, rule: str = "") -> Explanation:
    entry: Explanation = {"reason": str(reason), "sentence": sentence, "rule": rule}
    if statutes.is_rule(rule):
        law = statutes.rule(rule)
        entry["law"] = {"says": law.says, "cite": law.cite, "status": law.status}
    return entry


def _clocks(zones: list[str], at: int) -> list[str]:
    """The contact's local time now, in each zone that counts."""
    moment = dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC)
    return [f"{moment.astimezone(zone(name)):%a %H:%M} in {name}" for name in zones]
