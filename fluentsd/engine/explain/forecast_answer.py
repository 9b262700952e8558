"""The answer of a forecast: the figures of the simulation, the assumed shares and the first contacts, as JSON values.

What must not live here: the facts (`forecast_facts`), and the run of the simulation (`forecast`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from fluentsd.api import Kind, Outcome
from fluentsd.domain.flow import Flow
from fluentsd.domain.forecast import follow_ups
from fluentsd.domain.forecast.assumptions import Assumed
from fluentsd.domain.forecast.figures import Finish, Forecast
from fluentsd.domain.gate import WORDS, Reason
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.explain.forecast_facts import Snapshot

_CHANNELS: tuple[Kind, ...] = ("phone", "sms", "email")


class FirstContact(NamedTuple):
    """One contact of the simulation. `number`: the id of its caller ID; `point`: the id of the number or address."""

    at: int
    enrollment: int
    step: str
    try_no: int
    channel: Kind
    number: int | None
    point: int
    outcome: Outcome


def as_answer(snapshot: Snapshot, done: Finish, first_contacts: Sequence[FirstContact]) -> dict[str, Any]:
    """The likely run in figures; with the run's earliest and latest end, and its first contacts one by one."""
    plan, found = snapshot.plan, done.likely
    caller_ids = snapshot.caller_ids.granted() if snapshot.caller_ids is not None else []
    by_id = {caller_id.id: caller_id.e164 for caller_id in caller_ids}
    return {
        "ref": plan.ref,
        "name": plan.name,
        "now": snapshot.request.at,
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
        "numbers": [
            {"number": by_id.get(number, str(number)), "uses": uses} for number, uses in found.numbers.most_common()
        ],
        **_load(found, plan.currency),
        "first": _first(first_contacts, snapshot, by_id),
        "state": snapshot.state,
        "samples": {
            step: {"to": message.to, "subject": message.subject, "text": message.text, "agent": message.agent}
            for step, message in snapshot.samples.items()
        },
        "assumed": _shares(snapshot.assumed, snapshot.counted),
        "follow_ups": _follow_ups(plan, found, snapshot.dispositions),
    }


def _load(found: Forecast, currency: str) -> dict[str, Any]:
    """The contacts of each channel and hour, the hour with the most, and what holds people up."""
    channels: list[Kind] = [channel for channel in _CHANNELS if found.contacts_by(channel)]
    last = max((hour for channel in channels for hour, count in enumerate(found.load[channel]) if count), default=-1)
    peak_at, peak = found.peak
    bottleneck = found.bottleneck
    return {
        "channels": [
            {
                "channel": channel,
                "contacts": found.contacts_by(channel),
                "minutes": round(found.minutes(channel), 1),
                "money_micros": found.money[channel],
                "currency": currency,
            }
            for channel in channels
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
    }


def _first(contacts: Sequence[FirstContact], snapshot: Snapshot, by_id: Mapping[int, str]) -> list[dict[str, Any]]:
    points = {point.id: point.value for subject in snapshot.subjects for point in subject.person.points}
    return [
        {
            "at": one.at, "to": points.get(one.point, ""), "step": one.step, "try": one.try_no, "channel": one.channel,
            "sender": by_id.get(one.number) if one.number is not None else None,
        }
        for one in contacts
    ]  # fmt: skip


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
