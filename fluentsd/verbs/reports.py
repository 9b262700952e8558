"""The report of a campaign: its funnel and what came of it, by step, agent, number, source and hour.

What must not live here: counting (`store.campaign_report`, `store.enrollments.counts`), and figures about the future
(`forecasts`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args
from zoneinfo import ZoneInfo

from fluentsd.domain.agents import unpinned
from fluentsd.domain.campaign import Step
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaign_report, campaigns, counters
from fluentsd.store.attempts import step_counts
from fluentsd.store.campaign_report import By, Results
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import counts
from fluentsd.verbs.call import Call
from fluentsd.verbs.campaigns import facts_of, made
from fluentsd.verbs.execute import Answer, refusing


async def report(runtime: Runtime, call: Call, ref: str, since: int | None) -> Answer:
    """The funnel in the order of the flow, and the results of attempts made since an instant."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        by_step = await step_counts.funnel(conn, row.id)
        waiting = await counts.at_steps(conn, row.id)
        order = [step.id for step in row.spec.step]
        steps = [*order, *sorted((set(by_step) | set(waiting)) - set(order))]
        return facts_of(row) | {
            **(await counters.overview(conn, row.id)),
            "steps": [
                {
                    "step": s,
                    "waiting": waiting.get(s, 0),
                    "attempts": made(by_step.get(s, {})),
                    "outcomes": by_step.get(s, {}),
                }
                for s in steps
            ],
            "exited_by_reason": await counts.exited(conn, row.id),
            **(await _results(conn, row, steps, since)),
        }

    return await refusing(runtime.store.read(unit))


async def _results(conn: Connection, row: CampaignRow, steps: Sequence[str], since: int | None) -> Answer:
    numbers, sources = await campaign_report.names(conn)
    found = {by: await campaign_report.results(conn, row.id, by, since) for by in get_args(By)}
    agents = _agents(await campaigns.versions_of(conn, row.id))
    whole = next(iter(found[""].values()), Results())
    in_order = {step: n for n, step in enumerate(steps)}
    return {
        "since_at": since,
        "zone": row.spec.zone,
        "whole": _answer("", whole),
        "by_channel": _rows((channel, one) for (channel,), one in found["channel"].items()),
        "by_step": [
            _answer(step, one) for (step,), one in sorted(found["step"].items(), key=lambda it: in_order[it[0][0]])
        ],
        "by_agent": _rows((agents.get(key, ""), one) for key, one in found["version"].items()),
        "by_number": _rows((numbers.get(id_, ""), one) for (id_,), one in found["number"].items()),
        "by_source": _rows((sources.get(id_, ""), one) for (id_,), one in found["source"].items()),
        "calls": asdict(await campaign_report.calls(conn, row.id, since)),
        "hours": _hours(await campaign_report.by_hour(conn, row.id, since), row.spec.zone),
    }


def _agents(versions: Mapping[int, Sequence[Step]]) -> dict[tuple[str, int], str]:
    """The agent of each (step, flow version)."""
    return {(step.id, id_): unpinned(step.agent)[0] for id_, steps in versions.items() for step in steps if step.agent}


def _rows(found: Iterable[tuple[str, Results]]) -> list[Answer]:
    """Rows with a name, the most contacted first. Rows of one name are added: a person whom one agent called in two
    steps counts in both."""
    added: dict[str, Results] = {}
    for name, one in found:
        if name:
            added[name] = _sum(added[name], one) if name in added else one
    return [_answer(name, one) for name, one in sorted(added.items(), key=lambda it: (-it[1].contacted, it[0]))]


def _sum(one: Results, other: Results) -> Results:
    counted = {name: getattr(one, name) + getattr(other, name) for name in asdict(one) if name != "costs"}
    return Results(**counted, costs=dict(Counter(one.costs) + Counter(other.costs)))


def _answer(name: str, one: Results) -> Answer:
    costs = [{"currency": currency, "micros": micros,
              "per_conversation_micros": round(micros / one.conversations) if one.conversations else None}
             for currency, micros in sorted(one.costs.items())]  # fmt: skip
    return {"name": name, **asdict(one), "costs": costs}


def _hours(found: Iterable[tuple[int, int, int]], zone: str) -> list[dict[str, Any]]:
    """Attempts and conversations by weekday and hour of the zone."""
    here, cells = ZoneInfo(zone), dict[tuple[int, int], list[int]]()
    for at, attempts, talked in found:
        moment = dt.datetime.fromtimestamp(at, here)
        cell = cells.setdefault((moment.weekday(), moment.hour), [0, 0])
        cell[0] += attempts
        cell[1] += talked
    return [
        {"weekday": weekday, "hour": hour, "attempts": attempts, "conversations": talked}
        for (weekday, hour), (attempts, talked) in sorted(cells.items())
    ]
