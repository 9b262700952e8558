"""Why was this person contacted, or not: one sentence, then the evidence.

Nothing is decided here. For somebody who waits, the gate is asked the very question the mark will ask, with the same
facts read the same way; for somebody who has left or failed, the row says why. So what is told is what happens. For a
whole campaign the rows are counted by what they say, so the figures come to its Total.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.gate import WORDS, Go, Hold, Never, Reason, Skip, Verdict, Wait, decide
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.states import CampaignState, EnrollmentState
from fluentsd.domain.time.windows import zone
from fluentsd.engine.dispatch.claim import compose
from fluentsd.engine.dispatch.facts import Facts, names_in
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.store import campaigns, holds, reports
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import as_due, of_contact
from fluentsd.store.lanes import lateness

Told = dict[str, Any]

_ENDED = {
    "answered": "a call was answered",
    "opted_out": "the person asked not to be contacted",
    "unreachable": "too many attempts in a row failed",
    "replied": "the person replied",
    "left_segment": "the person is in none of the campaign's lists any more",
    "removed": "somebody let the person leave",
    "erased": "the person was forgotten",
}
#: Reasons of people who wait that are not the gate's.
_WAITING = {
    "active": "an attempt is being made just now",
    "completed": "the flow was carried out to its end",
    "errored": "something has to be put right first",
    "not_due": "their step is due at its own moment",
    "in_line": "due, and waiting for their turn",
    "held": "the campaign or its channel is held",
}


async def why(conn: Connection, plans: Plans, contact_id: int, campaign_id: int | None, at: int) -> list[Told]:
    """One entry per campaign the person is or was in, newest first."""
    rows = await of_contact(conn, contact_id)
    held = await holds.open_holds(conn, at)
    return [
        await _one(conn, plans, row, held, at) for row in rows if campaign_id is None or row.campaign_id == campaign_id
    ]


async def totals(conn: Connection, ref: str, at: int) -> list[Told]:
    """Everybody in a campaign by the reason they are where they are, most people first: reason, sentence, people."""
    row = await campaigns.get(conn, ref)
    held = {(hold["scope"], hold["target"]) for hold in await holds.open_holds(conn, at)}
    counts: Counter[tuple[str, str]] = Counter()
    for state, is_held, reason, is_later, people in await reports.by_reason(conn, row.id, at):
        counts[state, _word(row.state, state, is_held, reason, is_later, held, row.ref)] += people
    return [
        {"state": state, "reason": word, "sentence": _sentence(state, word), "people": people}
        for (state, word), people in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _word(
    campaign: CampaignState,
    state: str,
    is_held: bool,
    reason: str,
    is_later: bool,
    held: set[tuple[str, str]],
    ref: str,
) -> str:
    """The one reason of a row."""
    match state:
        case EnrollmentState.exited:
            return reason
        case EnrollmentState.queued if is_held:
            return reason
        case EnrollmentState.queued if campaign != CampaignState.active:
            return f"campaign_{campaign}"
        case EnrollmentState.queued if ("campaign", ref) in held:
            return "held"
        case EnrollmentState.queued if is_later:
            return reason or "not_due"
        case EnrollmentState.queued:
            return "in_line"
    return state


def _sentence(state: str, word: str) -> str:
    if state == EnrollmentState.exited:
        return _ENDED.get(word) or (WORDS[Reason(word)] if word in WORDS else word)
    if word.startswith("campaign_"):
        return f"nobody is contacted: the campaign is {word.removeprefix('campaign_')}"
    return _WAITING.get(word) or WORDS[Reason(word)]


async def _one(conn: Connection, plans: Plans, row: Any, held: list[dict[str, Any]], at: int) -> Told:
    state, plan = await plans.current(conn, row.campaign_id, lock=False)
    step = plan.flow(row.version_id).step(row.step)
    told: Told = {
        "campaign": plan.ref,
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
    told["clock"] = _clocks(told["zones"], at)
    if row.state == EnrollmentState.queued:
        return told | await _waiting(conn, plan, state, row, held, at)
    return told | _settled(row)


def _settled(row: Any) -> Told:
    match row.state:
        case EnrollmentState.active:
            return {"reason": "active", "sentence": f"an attempt of {row.step} is being made just now"}
        case EnrollmentState.completed:
            return {"reason": "completed", "sentence": "the flow was carried out to its end", "at": row.ended_at}
        case EnrollmentState.exited:
            words = _ENDED.get(row.reason, WORDS.get(row.reason, row.reason))
            return {"reason": row.reason, "sentence": f"left the campaign at {row.step}: {words}", "at": row.ended_at}
    return {"reason": "errored", "sentence": f"in error at {row.step}: {row.reason}"}


async def _waiting(
    conn: Connection, plan: Plan, state: CampaignState, row: Any, held: list[dict[str, Any]], at: int
) -> Told:
    """What stands between somebody in the queue and the next contact."""
    if state != CampaignState.active:
        because = next((f": {h['reason']}" for h in held if (h["scope"], h["target"]) == ("campaign", plan.ref)), "")
        return {"reason": f"campaign_{state}", "sentence": f"nobody is contacted: the campaign is {state}{because}"}
    channel = plan.flow(row.version_id).step(row.step).channel
    for hold in held:
        if (hold["scope"], hold["target"]) in {("campaign", plan.ref), ("channel", channel)}:
            what = f"{hold['scope']} {hold['target']} is held: {hold['reason']}"
            return {"reason": "held", "sentence": what, "until_at": hold["until_at"]}
    due = as_due(row, at)
    moment = max(at, due.due_at)
    skipped = await lateness(conn, plan.lanes[channel])
    sooner = min(moment, max(at, row.wanted_at or 0))
    facts = Facts(plan, await with_spending(conn, plan, moment), sooner, skipped=skipped)
    await facts.read(conn, [due], lock=False)
    facts.at = moment
    try:
        person, verdict = facts.ask(due, facts.step(due))
        if isinstance(verdict, Go):
            compose(facts.step(due), person.values, verdict, verdict.caller_id.e164 if verdict.caller_id else None)
        if isinstance(verdict, Go) and sooner < moment and row.wanted_at not in (None, moment):
            verdict = _put_off(decide(facts.step(due), facts.rules, person, sooner, facts.caller_ids), moment)
    except TemplateProblem as problem:
        return {"reason": "errored", "sentence": f"{row.step} cannot be carried out: {problem}"}
    if row.held and not isinstance(verdict, Hold):
        verdict = Hold(Reason(row.reason))  # nobody is asked about again before a fact changes
    return _said(verdict, row, at, moment)


def _put_off(earlier: Verdict, moment: int) -> Verdict:
    """What keeps somebody from a contact before the moment they wait for, if it is the hours or a limit."""
    if isinstance(earlier, Wait) and not earlier.whole_lane:
        return replace(earlier, until_at=moment)
    return Wait(moment, Reason.window)


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
        case Wait(until_at, reason, _, rule, zone_name):
            told = _because(reason, f"{later}, but {WORDS[reason]}", rule)
            return told | {"next_at": until_at, "rule_zone": zone_name}
        case Hold(reason, rule):
            return _because(reason, f"waits until a fact changes: {WORDS[reason]}", rule)
        case Skip(reason):
            return _because(reason, f"{row.step} will be skipped, and the flow goes on: {WORDS[reason]}")
        case Never(reason):
            return _because(reason, f"will leave the campaign: {WORDS[reason]}")


def _because(reason: Reason, sentence: str, rule: str = "") -> Told:
    told: Told = {"reason": str(reason), "sentence": sentence, "rule": rule}
    if statutes.is_rule(rule):
        law = statutes.rule(rule)
        told["law"] = {"says": law.says, "cite": law.cite, "status": law.status}
    return told


def _clocks(zones: list[str], at: int) -> list[str]:
    """What the person's clock shows now, in each zone that counts."""
    moment = dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC)
    return [f"{moment.astimezone(zone(name)):%a %H:%M} in {name}" for name in zones]
