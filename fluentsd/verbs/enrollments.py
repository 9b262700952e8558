"""Enrollments changed by hand: remove a person, promise a callback, move people to the current flow.

What must not live here: people in error (`people_in_error`), the campaign as a whole (`campaigns`). A person with an
attempt in progress can be removed; the other verbs skip that person and report it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fluentsd.api import Kind
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.domain.time.moments import iso
from fluentsd.engine.campaigns import callbacks
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, holds
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import EnrollmentRow, manual_changes
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, change, facts_changed, refusing
from fluentsd.verbs.moments import past, zone_of_person

#: People moved in one transaction.
BATCH = 1000


async def remove(runtime: Runtime, call: Call, ref: str, person: str, because: str) -> Answer:
    """Remove one person from the campaign: queued, active or errored → exited (removed)."""

    async def unit(conn: Connection) -> Answer:
        row = await _enrollment(conn, ref, person)
        deltas = counters.Deltas()
        await leave(conn, [row], "removed", call.at, deltas)
        await counters.add(conn, deltas)
        result = {"ref": ref, "person": person, "was": row.state, "step": row.step}
        details = {"contact": row.contact_id, "because": because}
        return result | {"campaign_id": row.campaign_id, "_details": details}

    answer = await change(runtime, call, "remove", ref, unit)
    runtime.enrollment_ended({answer["campaign_id"]})
    runtime.dispatcher_wakeup.notify()  # an exclusive campaign has released the person
    return answer


async def callback(runtime: Runtime, call: Call, ref: str, person: str, at: int, channel: Kind) -> Answer:
    """Call (or write to) one person at a promised time, ahead of the flow's schedule; the gate still decides. The flow
    goes on from the step that is used, and repeats no later step that was made before. Somebody whose flow has ended,
    perhaps because the first call was answered, enters again at that step."""

    async def unit(conn: Connection) -> Answer:
        zone = await zone_of_person(conn, ref, person)
        if at <= call.at:
            raise Refused(f"{past(at, zone)}; give a future time")
        row = await _enrollment(conn, ref, person, may_enter=True)
        await _refuse_taken_over(conn, row.contact_id, person, call.at)
        if row.state == EnrollmentState.active:
            raise Refused(f"an attempt to {person} is in progress; try again when it has ended")
        if row.state == EnrollmentState.errored:
            raise Refused(f"{person} is in error: {row.reason}", Suggestion("campaign errors", {"ref": ref}))
        state, plan = await runtime.plans.current(conn, row.campaign_id)
        flow = plan.flow(row.version_id)
        step = callbacks.step_on(flow, row.step, channel)
        if step is None:
            others = list(dict.fromkeys(one.channel for one in flow.steps))
            instead = {"ref": ref, "person": person, "at": iso(at, zone), "channel": others[0]}
            raise Refused(
                f"{ref} has no step by {channel}, so nothing was changed; its steps are by {', '.join(others)}",
                Suggestion("campaign callback", instead),
            )
        if state == CampaignState.stopped and row.state in callbacks.ENDED:
            raise Refused(f"{plan.ref} is stopped; reopen it first", Suggestion("campaign reopen", {"ref": plan.ref}))
        state, row = await callbacks.promise(conn, plan, state, row, step, at, call.at)
        result = {"ref": ref, "person": person, "step": step.id, "channel": step.channel, "next_at": at, "zone": zone}
        result["state"] = state
        result["left_out"] = [one.id for one in flow.steps if callbacks.is_passed_over(flow, row.step, one, step)]
        return result | {"_details": {"contact": row.contact_id, "at": at}}

    answer = await change(runtime, call, "callback", ref, unit)
    runtime.dispatcher_wakeup.notify()
    return answer


async def _refuse_taken_over(conn: Connection, contact_id: int, person: str, at: int) -> None:
    """Refuse a promise that the hold on a person would break."""
    held = (await holds.on_contacts(conn, [contact_id], at)).get(contact_id)
    if held is not None:
        raise Refused(
            f"{person} is taken over by {held.by}, so no campaign contacts them; nothing was changed",
            Suggestion("contacts resume", {"person": person}),
        )


async def _enrollment(conn: Connection, ref: str, person: str, *, may_enter: bool = False) -> EnrollmentRow:
    """A person's open enrollment in a campaign; `Refused` when there is none. `may_enter`: also one that has ended,
    if the person may enter again."""
    campaign = await campaigns.get(conn, ref)
    contact_id = await find_one(conn, person)
    found = await manual_changes.of(conn, campaign.id, contact_id)
    if found is None:
        raise Refused(f"{person} was never in {ref}")
    if found.state in callbacks.ENDED and not (may_enter and found.reason not in callbacks.FOR_GOOD):
        raise Refused(f"{person} has already left {ref} ({found.reason or found.state})")
    return found


async def upgrade(runtime: Runtime, call: Call, ref: str, step: Sequence[str], dry_run: bool) -> Answer:
    """Move people from earlier flow versions to the current one. Each deleted step with people at it needs a new step,
    given as OLD=NEW; nobody is moved until all of them have one."""
    named = _named(step)

    async def look(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id)
        groups = await manual_changes.behind(conn, row.id, plan.version_id)
        return {"ref": row.ref, "state": row.state, "id": row.id, **_planned(plan, groups, named)}

    answer = await refusing(runtime.store.run(look))
    if dry_run or not answer["people"]:
        return answer | {"moved": 0, "dry_run": dry_run}
    if answer["lost"]:
        gone = ", ".join(f"{old} ({people})" for old, people in answer["lost"].items())
        example = [*step, *(f"{old}={answer['steps_now'][0]}" for old in answer["lost"])]
        raise Refused(
            f"deleted steps with people: {gone}; nobody was moved; give each a new step (old=new), for example",
            Suggestion("campaign upgrade", {"ref": ref, "step": example}),
        )
    if answer["state"] == CampaignState.stopped:
        raise Refused(f"{ref} is stopped; reopen it first", Suggestion("campaign reopen", {"ref": ref}))
    return answer | {"moved": await _move_all(runtime, call, answer, named), "dry_run": False}


async def follow_new_flow(runtime: Runtime, call: Call, ref: str) -> None:
    """Before a campaign's start, move its people to the first step of the current flow; nobody has been contacted
    yet."""

    async def look(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id)
        groups = await manual_changes.behind(conn, row.id, plan.version_id) if row.started_at is None else {}
        first = plan.flow(plan.version_id).steps[0].id
        return {"ref": ref, "id": row.id, "named": {step: first for _, step, _ in groups}}

    found = await refusing(runtime.store.run(look))
    if found["named"]:
        await _move_all(runtime, call, found, found["named"])


async def _move_all(runtime: Runtime, call: Call, found: Answer, named: dict[str, str]) -> int:
    """Move everybody on an earlier version, in batches; returns how many were moved."""
    moved = since = 0
    call = replace(call, request_id=None)  # one request, many transactions: none repeats another
    while True:
        part = await change(runtime, call, "upgrade", found["ref"], _upgrading(runtime, found["id"], named, since))
        moved += int(part["moved"])
        since = part["since"]
        if not part["more"]:
            break
    await facts_changed(runtime, call, campaign_id=found["id"])  # the reason of a hold may not be in the new flow
    runtime.dispatcher_wakeup.notify()
    return moved


def _upgrading(runtime: Runtime, campaign_id: int, named: dict[str, str], since: int) -> Any:
    async def unit(conn: Connection) -> Answer:
        _, plan = await runtime.plans.current(conn, campaign_id)
        rows = await manual_changes.some_behind(conn, campaign_id, plan.version_id, since, BATCH)
        places = {row.step: named.get(row.step, row.step) for row in rows}
        lanes = {
            (row.version_id, row.step): plan.lanes[plan.flow(row.version_id).step(row.step).channel] for row in rows
        }
        now = plan.flow(plan.version_id)
        there = {old: (new, plan.lanes[now.step(new).channel]) for old, new in places.items()}
        await manual_changes.upgrade(conn, rows, plan.version_id, lanes, there)
        last = rows[-1].id + 1 if rows else since
        details = {"people": len(rows), "version": plan.version_id, "steps": named}
        return {"moved": len(rows), "since": last, "more": len(rows) == BATCH, "_details": details}

    return unit


def _named(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := next((old + sign + new for old, sign, new in pairs if not (old and sign and new)), None):
        raise Refused(f"{wrong!r} needs an old and a new step, e.g. first-call=second-call")
    return {old.strip(): new.strip() for old, _, new in pairs}


def _planned(plan: Plan, groups: dict[tuple[int, str, str], int], named: dict[str, str]) -> dict[str, Any]:
    """The planned moves, and the deleted steps without a new step. `groups`: (version, step, state) → people."""
    now = plan.flow(plan.version_id)
    unknown = [new for new in named.values() if new not in now.index]
    if unknown:
        raise Refused(f"the flow has no step {unknown[0]!r}; it has: {', '.join(now.index)}")
    moves: dict[str, dict[str, Any]] = {}
    lost: dict[str, int] = {}
    busy = 0
    for (_, step, state), people in sorted(groups.items()):
        if state == EnrollmentState.active:
            busy += people
            continue
        to = named.get(step, step)
        if to not in now.index:
            lost[step] = lost.get(step, 0) + people
            continue
        move = moves.setdefault(step, {"from": step, "to": to, "people": 0})
        move["people"] += people
    waiting = sum(move["people"] for move in moves.values()) + sum(lost.values())
    return {
        "people": waiting, "moves": list(moves.values()), "lost": lost, "busy": busy, "steps_now": list(now.index),
    }  # fmt: skip
