"""The forecast: simulates a campaign's current enrollments through the coming weeks with the same gate.

This module reads the facts and formats the result; the simulation is `domain.forecast`. Small campaigns are simulated
in this process, large ones in a subprocess that reads the same database, so that the daemon keeps sending and the
memory is freed. Assumed outcome shares come from the installation's own history where there is one, and are part of the
result.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import trio

from fluentsd.api import Kind, Message, Outcome
from fluentsd.domain import pacing
from fluentsd.domain.flow import Flow
from fluentsd.domain.forecast import Channel, Lane, Subject, World, follow_ups, forecast
from fluentsd.domain.forecast.assumptions import Assumed, from_history
from fluentsd.domain.forecast.figures import Finish, Forecast, finish
from fluentsd.domain.gate import DAY, WORDS, Go, Limit, Reason, Rules
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.time.durations import Rate
from fluentsd.engine.dispatch.claim import compose
from fluentsd.engine.dispatch.facts import Facts
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.engine.explain.launch_check import pages
from fluentsd.store import campaigns
from fluentsd.store.attempts import history
from fluentsd.store.db import Connection
from fluentsd.store.db.bridge import open_store
from fluentsd.store.enrollments.queries import UnderWay
from fluentsd.store.lanes import lanes

#: The default length of a forecast.
AHEAD = 90 * DAY
_CHANNELS: tuple[Kind, ...] = ("phone", "sms", "email")
#: Largest campaign simulated in this process, in people.
IN_PROCESS_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """One forecast: the campaign, its start and end, the number of contacts to list one by one, each channel's
    (concurrency, interval, next_slot_at), and the channels' prices of a message in micros, by step."""

    ref: str
    at: int
    until_at: int | None
    seed: int
    most: int
    channels: Mapping[Kind, tuple[int, int, int]]
    limits: tuple[Limit, ...] = ()
    spacing: int = 0  #: microseconds between two uses of one caller ID, required by providers
    prices: Mapping[str, int] = field(default_factory=dict)


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
    """Read the facts, as of the campaign's scheduled start or the end of its pause. Raises `NoSuchCampaign`."""
    row = await campaigns.get(conn, request.ref)
    request = replace(request, at=max(request.at, row.starts_at or row.resumes_at or 0))
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
    person.late = person.done = False  # the simulation decides these itself, at each step
    return Subject(
        due.id, due.contact_id, due.version_id, due.step, due.due_at, person, due.try_no, due.retries,
        due.unreached, json.loads(due.outcomes) if due.outcomes != "{}" else {}, due.last_outcome, due.rank,
        due.sender_id, facts.fields(due), row.is_active, row.wanted_at,
    )  # fmt: skip


def run_forecast(snapshot: Snapshot) -> dict[str, Any]:
    """Simulate and format the result. Pure computation."""
    request, plan = snapshot.request, snapshot.plan
    first_contacts = _FirstContacts(request.most)
    until_at = request.until_at or request.at + AHEAD
    channels = {kind: Channel(*capacity) for kind, capacity in request.channels.items()}
    world = World(plan.flows, snapshot.rules, plan.exits, snapshot.lanes, channels, snapshot.caller_ids, plan.name)

    def run(assumed: Assumed, seed: int) -> Forecast:
        is_first_run = seed == request.seed and assumed is snapshot.assumed
        note = first_contacts.note if is_first_run else None
        return forecast(
            snapshot.subjects, world, assumed, start_at=request.at, until_at=until_at, seed=seed, on_event=note
        )

    done = finish(run, snapshot.assumed, request.seed)
    caller_ids = snapshot.caller_ids.granted() if snapshot.caller_ids is not None else []
    points = {point.id: point.value for subject in snapshot.subjects for point in subject.person.points}
    return _answer(plan, request, done, first_contacts, caller_ids, points) | {
        "state": snapshot.state,
        "samples": {
            step: {"to": message.to, "subject": message.subject, "text": message.text, "agent": message.agent}
            for step, message in snapshot.samples.items()
        },
        "assumed": _shares(snapshot.assumed, snapshot.counted),
        "follow_ups": _follow_ups(plan, done.likely, snapshot.dispositions),
    }


def _follow_ups(plan: Plan, found: Forecast, counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """The follow-ups that the simulated calls ask for; they are in no other figure."""
    flow = plan.flow(plan.version_id)
    calls = {step.id for step in flow.steps if step.channel == "phone"}
    ended = Counter[Outcome]()
    for (step, outcome), number in found.outcomes.items():
        if step in calls:
            ended[outcome] += number
    shares = follow_ups.shares_of(counted, sum(counted.values()))
    return [asdict(one) for one in follow_ups.expected(flow.follow_ups, ended, found.people, shares)]


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


class _FirstContacts:
    """The first contacts of the simulation, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.events: list[tuple[int, int, str, int, Kind, int | None, int, Outcome]] = []

    def note(self, *event: Any) -> None:
        if len(self.events) < self.most:
            self.events.append(event)


def _answer(
    plan: Plan,
    request: ForecastRequest,
    done: Finish,
    first_contacts: _FirstContacts,
    caller_ids: list[CallerId],
    points: Mapping[int, str],
) -> dict[str, Any]:
    found, by_id = done.likely, {caller_id.id: caller_id.e164 for caller_id in caller_ids}
    peak_at, peak = found.peak
    bottleneck = found.bottleneck
    channels: list[Kind] = [channel for channel in _CHANNELS if found.contacts_by(channel)]
    last = max((hour for channel in channels for hour, count in enumerate(found.load[channel]) if count), default=-1)
    return {
        "ref": plan.ref,
        "name": plan.name,
        "now": request.at,
        "until_at": found.until_at,
        "people": found.people,
        "contacts": found.made,
        "completed": found.completed,
        "exited": dict(found.exited.most_common()),
        "held": _sentences(found.held),
        "errored": dict(found.errored),
        "waiting": found.waiting,
        "last_contact_at": found.last_contact_at,
        "finish_early_at": done.early_at,
        "finish_late_at": done.late_at,
        "steps": [_step(found, step.id) for step in _steps(plan, found)],
        "skips": [
            {"step": step, "reason": reason, "sentence": _sentence(reason), "people": people}
            for (step, reason), people in found.skips.most_common()
        ],
        "channels": [
            {
                "channel": channel,
                "contacts": found.contacts_by(channel),
                "minutes": round(found.minutes(channel), 1),
                "money_micros": found.money[channel],
                "currency": plan.currency,
            }
            for channel in channels
        ],
        "numbers": [
            {"number": by_id.get(number, str(number)), "uses": uses} for number, uses in found.numbers.most_common()
        ],
        "load": {channel: list(found.load[channel][: last + 1]) for channel in channels},
        "load_from": found.hours_from,
        "peak_at": peak_at,
        "peak": peak,
        "bottleneck": {
            "cause": bottleneck.cause,
            "sentence": bottleneck.sentence,
            "share": round(bottleneck.share, 3),
            "hours_each": round(bottleneck.hours, 1),
        },
        "first": [
            {
                "at": at, "to": points.get(point, ""), "step": step, "try": try_no, "channel": channel,
                "sender": by_id.get(number) if number is not None else None,
            }
            for at, _, step, try_no, channel, number, point, _ in first_contacts.events
        ],
    }  # fmt: skip


def _steps(plan: Plan, found: Forecast) -> list[Any]:
    """The steps of every flow version in use, the current version first."""
    flows: list[Flow] = [plan.flow(plan.version_id), *plan.flows.values()]
    return list({step.id: step for flow in flows for step in flow.steps if found.contacts[step.id]}.values())


def _step(found: Forecast, step: str) -> dict[str, Any]:
    outcomes = {str(outcome): people for (of, outcome), people in found.outcomes.items() if of == step}
    return {"step": step, "contacts": found.contacts[step], "outcomes": outcomes}


def _sentences(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"reason": why, "sentence": _sentence(why), "people": people} for why, people in counts.most_common()]


def _sentence(reason: str) -> str:
    return WORDS[Reason(reason)] if reason in WORDS else reason


def _shares(assumed: Assumed, counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """The assumed outcome shares, with the number of counted contacts behind them."""
    return [
        {
            "channel": channel,
            "counted": counted.get(channel, 0),
            "shares": {str(o): round(share / sum(shares.values()), 4) for o, share in shares.items() if share},
        }
        for channel, shares in assumed.shares.items()
    ]


# ── in a subprocess ──────────────────────────────────────────────────────────────────────────────────────────────


def pack(request: ForecastRequest) -> dict[str, Any]:
    """The request as JSON values."""
    limits = [[limit.rate.count, limit.rate.per_s, limit.rule] for limit in request.limits]
    named = {name: getattr(request, name) for name in ("ref", "at", "until_at", "seed", "most", "spacing")}
    named["prices"] = dict(request.prices)
    return named | {"channels": dict(request.channels), "limits": limits}


def unpack(data: Mapping[str, Any]) -> ForecastRequest:
    """The request from its JSON values."""
    limits = tuple(Limit(Rate(count, per_s), rule) for count, per_s, rule in data["limits"])
    channels = {kind: tuple(capacity) for kind, capacity in data["channels"].items()}
    return ForecastRequest(**{**data, "channels": channels, "limits": limits})


async def _main() -> None:
    given = json.loads(sys.stdin.read())
    async with open_store(given["url"]) as store:
        snapshot = await store.read(take_snapshot, unpack(given["request"]))
    json.dump(run_forecast(snapshot), sys.stdout)


if __name__ == "__main__":
    trio.run(_main)
