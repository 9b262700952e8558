"""The facts from which a forecast starts: people, lanes, caller IDs, terms, and outcome shares of the past.

Assumed outcome shares come from the installation's own history where there is one. What must not live here: the
simulation (`domain.forecast`) and the figures that are shown of it (`forecast_answer`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluentsd.api import Kind, Message, Outcome
from fluentsd.domain import pacing
from fluentsd.domain.forecast import Lane, Subject
from fluentsd.domain.forecast.assumptions import Assumed, from_history
from fluentsd.domain.gate import Go, Limit, Rules
from fluentsd.domain.pacing import CallerIds
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.dispatch.claim import compose
from fluentsd.engine.dispatch.facts import Facts
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.engine.explain.launch_check import pages
from fluentsd.store import campaigns
from fluentsd.store.attempts import history
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import UnderWay
from fluentsd.store.lanes import lanes


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """One forecast: the campaign, its start and end, the number of contacts to list one by one, each channel's
    (concurrency, interval, next_slot_at), and the channels' prices of a message in micros, by step. `starts_at` counts
    in place of the campaign's scheduled start."""

    ref: str
    at: int
    until_at: int | None
    seed: int
    most: int
    channels: Mapping[Kind, tuple[int, int, int]]
    limits: tuple[Limit, ...] = ()
    spacing: int = 0  #: microseconds between two uses of one caller ID, required by providers
    prices: Mapping[str, int] = field(default_factory=dict)
    starts_at: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts from which the simulation starts."""

    request: ForecastRequest
    plan: Plan
    state: str
    rules: Rules
    subjects: list[Subject]
    lanes: list[Lane]
    caller_ids: CallerIds | None
    samples: dict[str, Message]
    assumed: Assumed
    counted: Mapping[str, int]
    dispositions: Mapping[str, int]  #: of answered calls, counted; empty if nothing follows calls


async def example_messages(conn: Connection, plan: Plan, at: int) -> dict[str, Message]:
    """One rendered message for each step that can be rendered for one of the first people."""
    samples = dict[str, Message]()
    async for rows, facts in pages(conn, plan, at):
        for one in rows:
            if len(samples) < len(plan.spec.step):
                _sample(samples, plan, facts.points(one.due), facts.values(one.due))
        break
    return samples


async def take_snapshot(conn: Connection, request: ForecastRequest) -> Snapshot:
    """Read the facts, as of the campaign's start or the end of its pause. Raises `NoSuchCampaign`."""
    row = await campaigns.get(conn, request.ref)
    request = replace(request, at=max(request.at, request.starts_at or row.starts_at or row.resumes_at or 0))
    _, plan = await Plans(request.limits, spacing=request.spacing).current(conn, row.id, lock=False)
    rules = replace(await with_spending(conn, plan, request.at), prices=request.prices)
    subjects, samples = list[Subject](), dict[str, Message]()
    caller_ids: CallerIds | None = None
    async for rows, facts in pages(conn, plan, request.at):
        caller_ids = facts.caller_ids
        for one in rows:
            subjects.append(_subject(one, facts))
            if len(samples) < len(plan.spec.step):
                _sample(samples, plan, facts.points(one.due), facts.values(one.due))
    assumed, counted = await _assumed(conn)
    counts = await history.dispositions(conn) if plan.flow(plan.version_id).follow_ups else {}
    found = (rules, subjects, await _lanes(conn, plan, request.at), caller_ids, samples, assumed, counted, counts)
    return Snapshot(request, plan, row.state, *found)


def _subject(row: UnderWay, facts: Facts) -> Subject:
    due = row.due
    person = facts.person(due, facts.step(due))
    person.is_late = person.is_done = False  # the simulation decides these itself, at each step
    return Subject(
        due.id, due.contact_id, due.version_id, due.step, due.due_at, person, due.try_no, due.retries,
        due.unreached, json.loads(due.outcomes) if due.outcomes != "{}" else {}, due.last_outcome, due.rank,
        due.sender_id, facts.fields(due), row.is_active, row.wanted_at,
    )  # fmt: skip


async def _lanes(conn: Connection, plan: Plan, at: int) -> list[Lane]:
    found = []
    for lane in await lanes(conn, plan.campaign_id):
        late = (lane.late_since_at, lane.late_before_at, lane.late_interval)
        slot_at = pacing.credible(lane.next_slot_at, max(plan.pace, lane.late_interval or 0), at)
        found.append(Lane(lane.id, lane.channel, slot_at, plan.pace, plan.concurrency, 0, *late))
    return found


async def _assumed(conn: Connection) -> tuple[Assumed, dict[str, int]]:
    """The shares of outcomes from this installation's history, mixed with the defaults; and the number of attempts per
    channel behind them."""
    counts: dict[Kind, dict[Outcome, int]] = {}
    seconds: dict[Kind, dict[Outcome, float]] = {}
    for channel, outcome, people, mean in await history.outcomes(conn):
        counts.setdefault(channel, {})[Outcome(outcome)] = people
        if mean is not None:
            seconds.setdefault(channel, {})[Outcome(outcome)] = float(mean)
    return from_history(counts, seconds), {kind: sum(found.values()) for kind, found in counts.items()}


def _sample(samples: dict[str, Message], plan: Plan, points: Any, values: Mapping[str, Any]) -> None:
    """One rendered message for each step, for the first person for whom it can be rendered."""
    for step in plan.flow(plan.version_id).steps:
        kind = "email" if step.channel == "email" else "phone"
        point = next((p for p in points if p.kind == kind), None)
        if step.id in samples or point is None:
            continue
        try:
            message = compose(step, values, Go(point, None, 0), None)
        except TemplateProblem:
            continue
        samples[step.id] = message
