"""Circuit breakers: counts outcomes and trips breakers in the same transaction.

Every later claim sees the result: a campaign paused as by `campaign pause`, or a number that cools down or is held.
What must not live here: the rules (`domain.breakers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.domain.breakers import CASES, COOLS_AFTER, DAY, HOUR, Breaker, bucket
from fluentsd.domain.events import CampaignPaused, NumberCooling, NumberHeld
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store import audit, campaigns, holds, numbers, outbox
from fluentsd.store.attempts import AttemptRow, outcome_stats
from fluentsd.store.attempts.outcome_stats import Key
from fluentsd.store.db import Connection

#: Hourly outcome counts are kept this long.
KEPT = 30 * DAY


@dataclass(frozen=True, slots=True)
class Tripped:
    """A breaker that tripped: the campaign or number it stopped (exactly one of the two ids is set), and the reason."""

    breaker: str
    reason: str
    cases: list[str]
    campaign_id: int | None = None
    campaign: str = ""
    number_id: int | None = None


def count(
    deltas: outcome_stats.Deltas, row: AttemptRow, resumed_at: int, before: str | None, after: str | None
) -> None:
    """Move one attempt from its earlier class to a new one; None: not counted."""
    if before == after:
        return
    hour = bucket(row.claimed_at, resumed_at)
    outcome_stats.move(deltas, ("campaign", row.campaign_id, row.channel), hour, before, after)
    if row.number_id is not None:
        outcome_stats.move(deltas, ("number", row.number_id, row.channel), bucket(row.claimed_at, 0), before, after)


async def evaluate(
    conn: Connection, plans: Plans, deltas: outcome_stats.Deltas, known: Mapping[int, Plan], at: int
) -> list[Tripped]:
    """Write the counts, then check the breakers of every count that rose. `known`: the plans of their campaigns."""
    await outcome_stats.add(conn, deltas)
    if plans.pruned_on != at // DAY:
        plans.pruned_on = at // DAY
        await outcome_stats.prune(conn, at - KEPT)
    rose: dict[Key, set[str]] = {}
    for (scope, target, channel, _, figure), by in deltas.items():
        if by > 0:
            rose.setdefault((scope, target, channel), set()).add(figure)
    tripped = []
    for key, figures in sorted(rose.items()):
        watching = [breaker for breaker in plans.breakers if _watches(breaker, key, figures)]
        found = await _trip_first(conn, watching, key, known, at) if watching else None
        tripped += [found] if found else []
    return tripped


def _watches(breaker: Breaker, key: Key, rose: set[str]) -> bool:
    scope, _, channel = key
    return breaker.scope == scope and channel in breaker.channels and not breaker.bad.isdisjoint(rose)


async def _trip_first(
    conn: Connection, watching: list[Breaker], key: Key, known: Mapping[int, Plan], at: int
) -> Tripped | None:
    """Trip the first breaker whose limit is passed; None if there is none, or its target is stopped already."""
    scope, target, _ = key
    caller_id: Any = None
    if scope == "campaign":
        since = known[target].resumed_at
    else:
        caller_id = await numbers.by_id(conn, target)
        if await holds.is_held(conn, "number", caller_id.e164, at):
            return None
        held_at = await holds.last_since(conn, "number", caller_id.e164)
        since = 0 if held_at is None else bucket(held_at, 0) + HOUR
    for breaker in watching:
        mine = await outcome_stats.sums(conn, key, at - breaker.span, since)
        others = await outcome_stats.others(conn, key, at - breaker.span) if breaker.beside else None
        if breaker.trips(mine, others):
            cases = await outcome_stats.cases(conn, key, breaker.bad, max(at - breaker.span, since), CASES)
            reason = breaker.tell(mine, others)
            if caller_id is not None:
                return await _hold_number(conn, breaker, caller_id, reason, cases, at)
            return await _pause(conn, breaker, target, reason, cases, at)
    return None


async def _pause(
    conn: Connection, breaker: Breaker, campaign_id: int, reason: str, cases: list[str], at: int
) -> Tripped | None:
    """active → paused, with a hold that has the reason; `campaign resume` lifts it."""
    row = await campaigns.by_id(conn, campaign_id)
    if row.state != CampaignState.active:
        return None
    row = await campaigns.move(conn, row, "pause", at=at)
    await holds.place(conn, "campaign", row.ref, reason=reason, by="fluentsd", at=at, cases=cases)
    details = {"because": reason, "breaker": breaker.name, "cases": cases}
    moved = {"from": CampaignState.active, "to": row.state}
    await audit.note(conn, at=at, actor="fluentsd", verb="pause", target=row.ref, details=moved | details)
    paused = CampaignPaused(campaign=row.ref, by="fluentsd", because=reason, breaker=breaker.name, cases=cases)
    await outbox.post(conn, paused, at=at)
    return Tripped(breaker.name, reason, cases, campaign_id=campaign_id, campaign=row.ref)


async def _hold_number(
    conn: Connection, breaker: Breaker, caller_id: Any, reason: str, cases: list[str], at: int
) -> Tripped:
    until_at = at + COOLS_AFTER if breaker.follows == "cool" else None
    await holds.place(
        conn, "number", caller_id.e164, reason=reason, by="fluentsd", at=at, until_at=until_at, cases=cases
    )
    details: dict[str, Any] = {"because": reason, "breaker": breaker.name, "cases": cases, "until_at": until_at}
    await audit.note(conn, at=at, actor="fluentsd", verb="hold", target=f"number:{caller_id.e164}", details=details)
    kind = NumberHeld if until_at is None else NumberCooling
    await outbox.post(conn, kind(number_id=caller_id.id, label=caller_id.label, **details), at=at)
    return Tripped(breaker.name, reason, cases, number_id=caller_id.id)
