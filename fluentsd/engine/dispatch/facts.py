"""Facts: the gate's input for a batch of contacts at one time, read for the claim, the launch check and `why`.

One statement per kind of fact, for any number of contacts. The facts are mutable because a batch counts its own grants
(touches, money, caller IDs) before it asks the gate about the next contact.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fluentsd.domain import pacing
from fluentsd.domain.consent import bases_in
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Person, Point, Reason, Rules, Touch, Verdict, Wait, decide
from fluentsd.domain.pacing import CallerIds
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.store import attempts, contacts, holds, numbers, source_facts, suppression
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import PROMISED, Due
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.segments import TO_LOOK_UP
from fluentsd.store.source_facts import Reading

_NONE: frozenset[str] = frozenset()


class Facts:
    """The gate's input for contacts of one plan, as of `at`."""

    def __init__(
        self, plan: Plan, rules: Rules, at: int, *, skipped: range = range(0), dripped: range = range(0)
    ) -> None:
        self.plan, self.rules, self.at = plan, rules, at
        self.skipped = skipped  #: times of a pause or downtime; steps due then are skipped
        self.dripped = dripped  #: the same, for a lane that catches up at a slower pace
        self.caller_ids: CallerIds | None = None
        self._points: Mapping[int, Sequence[Point]] = {}
        self._stopped: Mapping[str, frozenset[str]] = {}
        self._touches: dict[int, list[Touch]] = {}
        self._at_points: dict[int, list[tuple[int, str, int]]] = {}  #: point → attempts to it: when, how, for whom
        self._exclusive_in: Mapping[int, str] = {}
        self._fields: Mapping[int, dict[str, str]] = {}
        self._lost: Collection[int] = ()
        self._taken_over: Collection[int] = ()
        self._readings: dict[int, list[Reading]] = {}
        self._asks_fresh = False

    async def read(
        self,
        conn: Connection,
        rows: Sequence[Due],
        *,
        lock: bool,
        whole_flow: bool = False,
        fresh: bool = False,
        by_hand: bool = False,
    ) -> None:
        """Read the facts of these rows. `lock`: lock the caller IDs until the transaction ends; `whole_flow`: read also
        the facts that later steps need; `fresh`: records of a CRM that were read too long ago hold a person back;
        `by_hand`: a colleague writes, so that a person who was taken over may be contacted."""
        self._asks_fresh = fresh
        people = [row.contact_id for row in rows]
        self._points = await contacts.points_of(conn, people)
        if self.plan.spec.segment:
            self._lost = await source_facts.lost(conn, self.plan.campaign_id, people)
        if self.plan.fresh_within:
            for reading in await source_facts.of_people(conn, people):
                self._readings.setdefault(reading.contact_id, []).append(reading)
        if not by_hand:
            self._taken_over = await holds.on_contacts(conn, people, self.at)
        values = [p.value for points in self._points.values() for p in points]
        self._stopped = await suppression.stopped(conn, values)
        steps = [
            (row.states, step)
            for row in rows
            for step in (self.plan.flow(row.version_id).steps if whole_flow else (self.step(row),))
        ]
        if (since := self._looks_back(steps)) is not None:
            points = {p.id for points in self._points.values() for p in points}
            for point_id, contact_id, at, channel in await attempts.touches(conn, points, since):
                self._note_touch(point_id, contact_id, (at, channel))
        mine = (self.plan.campaign_id, self.plan.spec.priority)
        self._exclusive_in = await enrollment_queries.in_exclusive_campaigns(conn, *mine, people)
        if self.rules.goal is not None or any(step.reads_fields for _, step in steps):
            self._fields = await contacts.fields_of(conn, people)
        if self.rules.chooses_number and any(step.channel != "email" for _, step in steps):
            spec = self.plan.spec.numbers
            pace, spacing = self.plan.number_pace, self.plan.spacing
            found = await numbers.caller_ids(conn, spec.numbers, spec.tags, pace, self.at, lock=lock, spacing=spacing)
            self.caller_ids = CallerIds(found, local_presence=spec.local_presence)

    def _looks_back(self, steps: Iterable[tuple[str, Step]]) -> int | None:
        """The start of the longest limit that applies to a row; None when no limit applies."""
        spans = {
            limit.rate.per_s
            for states, channel in {(states, step.channel) for states, step in steps}
            for limit in self.rules.limits_for(channel, names_in(states), self.at)
        }
        return self.at - max(spans) * SECOND if spans else None

    def _note_touch(self, point_id: int, contact_id: int, touch: Touch) -> None:
        """An attempt counts for the person and for everybody who shares the point."""
        self._touches.setdefault(contact_id, []).append(touch)
        self._at_points.setdefault(point_id, []).append((*touch, contact_id))

    def step(self, row: Due) -> Step:
        return self.plan.flow(row.version_id).step(row.step)

    def ask(self, row: Due, step: Step) -> tuple[Person, Verdict]:
        """One contact's facts and the gate's verdict. Raises `TemplateProblem` from a condition."""
        person = self.person(row, step)
        return person, decide(step, self.rules, person, self.at, self.caller_ids)

    def grant(self, row: Due, step: Step, go: Go, cost: int) -> None:
        """Count what a `Go` uses up, for the next rows of the batch. `cost`: the expected micros."""
        if go.caller_id is not None and self.caller_ids is not None:
            self.caller_ids.grant(go.caller_id, self.at)
        self._note_touch(go.point.id, row.contact_id, (self.at, step.channel))
        if cost:
            self.rules = replace(self.rules, spent=self.rules.spent + cost)

    def leave_out(self, contact_id: int, claimed_at: int, channel: str) -> None:
        """Forget one attempt, so that it does not count against itself."""
        touches = self._touches.get(contact_id, [])
        if (claimed_at, channel) in touches:
            touches.remove((claimed_at, channel))

    def late_offset(self, row: Due, step: Step, wait: Wait) -> int:
        """Extra delay in microseconds for a late step that waits for the hours, so that late steps do not all go out
        when the hours open."""
        if row.due_at not in self.dripped or self.plan.pace or wait.reason not in (Reason.window, Reason.lawful_hours):
            return 0
        open_hours = self.rules.calendar(step, names_in(row.zones), names_in(row.states))
        open_after = open_hours.closes(wait.until_at) - wait.until_at if open_hours else 0
        return pacing.scatter(row.id, min(pacing.SPREAD, len(self.dripped), open_after))

    def points(self, row: Due) -> Sequence[Point]:
        """The contact's numbers and addresses, with the attempts to them for other people."""
        points = self._points.get(row.contact_id, ())
        if any(point.id in self._at_points for point in points):
            return [self._with_others(point, row.contact_id) for point in points]
        return points

    def _with_others(self, point: Point, contact_id: int) -> Point:
        others = [(at, channel) for at, channel, whose in self._at_points.get(point.id, ()) if whose != contact_id]
        return point._replace(others=others)

    def person(self, row: Due, step: Step) -> Person:
        """The gate's input about one contact for one step."""
        points = self.points(row)
        stopped = self._stopped and frozenset().union(*(self._stopped.get(p.value, _NONE) for p in points))
        return Person(
            zones=names_in(row.zones),
            points=points,
            stopped=stopped or _NONE,
            touches=self._touches.get(row.contact_id, ()),
            values=self.values(row) if step.reads_fields or step.when or self.rules.goal else {},
            sender_id=row.sender_id,
            states=names_in(row.states),
            conflict=row.conflict,
            consent=bases_in(row.consent),
            scrubbed_at=row.scrubbed_at,
            exclusive_in=self._exclusive_in.get(row.contact_id, ""),
            is_late=row.due_at in self.skipped and not is_first(row.outcomes, step),
            is_done=row.outcomes != "{}" and row.try_no == 1 and f'"{step.id}":' in row.outcomes,
            away_until_at=row.away_until_at,
            called_back=row.called_back_at is not None,
            taken_over=row.contact_id in self._taken_over,
            promised=row.rank == PROMISED,
            source_hold=self._source_hold(row.contact_id, step),
        )

    def _source_hold(self, contact_id: int, step: Step) -> Reason | None:
        """What the CRMs say against a contact, beside opt-outs, which are on the suppression list."""
        if contact_id in self._lost:
            return Reason.left_segment
        for reading in self._readings.get(contact_id, ()):
            fresh_within = self.plan.fresh_within.get(reading.source_id)
            unreadable, to_look_up = reading.unreadable, reading.unreadable.startswith(TO_LOOK_UP)
            if self._asks_fresh and fresh_within is not None:
                if to_look_up or reading.seen_at < self.at - fresh_within:
                    return Reason.source_stale
            elif to_look_up:
                continue
            if {"opt_out", f"opt_out_{step.channel}"}.intersection(unreadable.split(",")):
                return Reason.source_unreadable
        return None

    def fields(self, row: Due) -> Mapping[str, str]:
        """The contact's fields from all sources; empty if they were not read."""
        return self._fields.get(row.contact_id, {})

    def values(self, row: Due) -> dict[str, Any]:
        """The variables of templates and conditions: fields, `contact`, `last`, `steps`, `campaign`."""
        fields, done = self._fields.get(row.contact_id, {}), row.outcomes
        steps = {step: {"outcome": outcome} for step, outcome in json.loads(done).items()} if done != "{}" else {}
        progress = {"last": {"outcome": row.last_outcome}, "steps": steps, "campaign": {"name": self.plan.name}}
        return {**fields, "contact": fields, **progress}


def reason_to_wait(wanted_at: int, due_at: int) -> str:
    """The reason of a waiting row: `window` when the hours moved it, "" when it is due at the time the flow wants."""
    return Reason.window.value if due_at > wanted_at else ""


def is_first(outcomes: str, step: Step) -> bool:
    """Whether this is the enrollment's first contact, which is never skipped for being late."""
    return step.index == 0 and outcomes == "{}"


@lru_cache(maxsize=4096)
def names_in(text: str) -> tuple[str, ...]:
    """A contact's candidate zones or states from the store's text; cached, because few distinct texts occur."""
    return tuple(text.split(",")) if text else ()
