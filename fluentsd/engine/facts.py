"""The facts about some people at one moment, and the gate's answer for each: asked by the mark, and by `why`.

One statement per kind of fact, for any number of people. The facts are mutable for one reason: a batch counts what it
has already granted (touches, money, lines) before it asks about the next person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.durations import SECOND
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Person, Point, Rules, Verdict, decide
from fluentsd.domain.pacing import Lines
from fluentsd.engine.plans import Plan
from fluentsd.store import attempts, contacts, numbers, stoplist
from fluentsd.store.enrollments import Due

_NONE: frozenset[str] = frozenset()


class Facts:
    """What the gate may ask about the people of one plan, as of `at`."""

    def __init__(self, plan: Plan, rules: Rules, at: int) -> None:
        self.plan, self.rules, self.at = plan, rules, at
        self.lines: Lines | None = None
        self._points: Mapping[int, Sequence[Point]] = {}
        self._stopped: Mapping[str, frozenset[str]] = {}
        self._touches: dict[int, list[int]] = {}
        self._fields: Mapping[int, dict[str, str]] = {}

    async def read(self, conn: AsyncConnection, rows: Sequence[Due], *, lock: bool) -> None:
        """Read them; `lock` keeps others from the lines until the transaction ends."""
        people = [row.contact_id for row in rows]
        self._points = await contacts.points_of(conn, people)
        values = [p.value for points in self._points.values() for p in points]
        self._stopped = await stoplist.stopped(conn, values)
        cap = self.rules.per_contact
        if cap is not None:
            self._touches = await attempts.touches(conn, people, self.at - cap.per_s * SECOND)
        steps = [self.step(row) for row in rows]
        if any(step.reads_fields for step in steps):
            self._fields = await contacts.fields_of(conn, people)
        if self.rules.chooses_number and any(step.channel != "email" for step in steps):
            spec = self.plan.spec.numbers
            found = await numbers.lines(conn, spec.numbers, spec.tags, self.plan.number_pace, lock=lock)
            self.lines = Lines(found, local_presence=spec.local_presence)

    def step(self, row: Due) -> Step:
        return self.plan.flow(row.version_id).step(row.step)

    def ask(self, row: Due, step: Step) -> tuple[Person, Verdict]:
        """The gate's answer about one person, and the facts it was given; `TemplateProblem` from a condition."""
        person = self._person(row, step)
        return person, decide(step, self.rules, person, self.at, self.lines)

    def grant(self, row: Due, step: Step, go: Go) -> int:
        """Count what a `Go` uses up, for those who are asked about after; returns the expected cost in micros."""
        if go.line is not None and self.lines is not None:
            self.lines.grant(go.line, self.at)
        if self.rules.per_contact is not None:
            self._touches.setdefault(row.contact_id, []).append(self.at)
        expected = self.rules.cost.get(step.channel, 0)
        if expected:
            self.rules = replace(self.rules, spent=self.rules.spent + expected)
        return expected

    def _person(self, row: Due, step: Step) -> Person:
        points = self._points.get(row.contact_id, ())
        stopped = self._stopped and frozenset().union(*(self._stopped.get(p.value, _NONE) for p in points))
        return Person(
            zones=zones_in(row.zones),
            points=points,
            stopped=stopped or _NONE,
            touches=self._touches.get(row.contact_id, ()),
            values=self._values(row) if step.reads_fields or step.when else {},
            sender_id=row.sender_id,
        )

    def _values(self, row: Due) -> dict[str, Any]:
        """What templates and conditions see of a person: fields, `contact`, `last`, `steps`, `campaign`."""
        fields, done = self._fields.get(row.contact_id, {}), row.outcomes
        steps = {step: {"outcome": outcome} for step, outcome in json.loads(done).items()} if done != "{}" else {}
        house = {"last": {"outcome": row.last_outcome}, "steps": steps, "campaign": {"name": self.plan.name}}
        return {**fields, "contact": fields, **house}


@lru_cache(maxsize=4096)
def zones_in(text: str) -> tuple[str, ...]:
    """A contact's candidate zones as the store keeps them: the same few texts, millions of times."""
    return tuple(text.split(",")) if text else ()
