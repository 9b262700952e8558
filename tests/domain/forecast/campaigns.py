"""Small campaigns and people for tests of the forecast."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from fluentsd.api import Kind, Outcome
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.enrollment import Exits
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast import Channel, Lane, Subject, World, forecast
from fluentsd.domain.forecast.assumptions import (
    Assumed,
)
from fluentsd.domain.forecast.figures import Forecast
from fluentsd.domain.gate import Person, Point
from fluentsd.domain.pacing import CallerIds
from fluentsd.engine.dispatch.plans import rules_of
from tests.domain.forecast import oracle

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
CHANNELS: tuple[Kind, ...] = ("phone", "sms", "email")


def instant(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1_000_000)


def subject(body: oracle.Body, file: dict[str, Any]) -> Subject:
    person = Person(
        zones=tuple(body.zones),
        points=tuple(Point(i, kind, value, ",".join(dead)) for i, kind, value, dead in body.points),
        stopped=frozenset(body.stopped),
        touches=[(at, "sms") for at in body.touches],
    )
    progress: dict[str, Any] = {"outcomes": dict(body.outcomes), "last_outcome": body.last, "unreached": body.unreached}
    return Subject(
        body.id, body.id, 1, file["step"][body.step]["id"], body.due_at, person, rank=body.rank, fields=body.fields,
        sender_id=body.sender, **progress,
    )  # fmt: skip


MONDAY_TEN = instant("2026-03-02T15:00")  # in New York
SMS = {"id": "text", "channel": "sms", "text": "Hi"}
CALL = {"id": "call", "channel": "phone", "agent": "a"}
QUIET = Assumed({"phone": {Outcome.no_answer: 1}, "sms": {Outcome.sent: 1}, "email": {Outcome.sent: 1}})


def campaign(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    window = {"hours": "09:00-17:00", "fallback_timezone": "America/New_York"}
    return {"name": "A test", "window": window, "step": list(steps)} | more


def people(count: int, due_at: int = MONDAY_TEN, **said: Any) -> list[Subject]:
    found = []
    for n in range(1, count + 1):
        points = (Point(2 * n, "phone", f"+1212555{n:04d}"), Point(2 * n + 1, "email", f"p{n}@example.com"))
        person = Person(zones=("America/New_York",), points=points)
        found.append(
            Subject(n, n, 1, said.get("step", "text"), due_at, person, **{k: v for k, v in said.items() if k != "step"})
        )
    return found


def simple(
    file: dict[str, Any],
    subjects: list[Subject],
    *,
    lanes: Mapping[str, Mapping[str, Any]] | None = None,
    channels: Mapping[Kind, Channel] | None = None,
    caller_ids: CallerIds | None = None,
    assumed: Assumed = QUIET,
    days: int = 10,
    events: list[Any] | None = None,
    seed: int = 0,
) -> Forecast:
    spec = read_campaign(file)
    given = [Lane(n, kind, **(lanes or {}).get(kind, {})) for n, kind in enumerate(spec.channels, 1)]
    channel_state = channels if channels is not None else {kind: Channel() for kind in CHANNELS}
    exits = Exits(tuple(spec.exit.on), spec.exit.unreachable_after)
    world = World({1: compile_flow(spec.step)}, rules_of(spec), exits, given, channel_state, caller_ids)
    return forecast(
        subjects, world, assumed, seed=seed, start_at=MONDAY_TEN, until_at=MONDAY_TEN + days * DAY,
        on_event=None if events is None else lambda *event: events.append(event),
    )  # fmt: skip
