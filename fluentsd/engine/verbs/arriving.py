"""People arrive: an import's three acts, a batch at a time.

An import reads and normalises its file where the person sits (`engine.imports`) and hands over batches, so the daemon
stays free to send. A run is the moment it began: somebody seen twice in one run is a duplicate; somebody known from
an earlier run is brought up to date; nobody is enrolled twice. What is written does not depend on how the file was cut
into batches.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import next_after_start
from fluentsd.domain.states import Campaign, Enrollment
from fluentsd.engine import retiming
from fluentsd.engine.house import House
from fluentsd.engine.plans import Plan
from fluentsd.engine.verbs.acts import Answer, Call, Refused, change, refusing
from fluentsd.store import audit, bulk, campaigns, contacts, counters, enrollments
from fluentsd.store.contacts import Arrival, Attested, Settled

#: People to hand over at once: some 11 ms while a daemon sends or others use the database, and many when nobody waits.
SHARED, ALONE = 250, 7_500
#: And how many of them are in memory as rows at a time.
SLICE = 2_500
_COUNTED = ("new", "updated", "duplicates", "enrolled", "back")


async def begin_import(house: House, call: Call, source: str, ref: str | None) -> Answer:
    """Check the campaign and name the run; the answer goes along with every batch."""

    async def unit(conn: AsyncConnection) -> Answer:
        run: Answer = {"source": source, "ref": ref, "at": call.at, "needs_phone": False, "at_once": SHARED}
        run["source_id"] = await contacts.source_id(conn, "csv", source, call.at)
        if ref is not None:
            row = await campaigns.get(conn, ref)
            if row.state == Campaign.stopped:
                raise Refused(f"{ref} is stopped; reopen it first: fluentsd campaign reopen {ref}")
            run |= {"campaign_id": row.id, "needs_phone": row.spec.needs_phone}
        if _is_alone(house):
            run["at_once"] = ALONE
            await bulk.prepare(conn)
        return run

    return await change(house, call, "import", ref or source, unit)


def _is_alone(house: House) -> bool:
    """Whether nobody waits for the database while this writes: a file, under its lock, and no dispatcher here."""
    return house.store.dialect == "sqlite" and house.report is None


async def take(
    house: House, call: Call, run: Mapping[str, Any], people: Sequence[Mapping[str, Any]], keep_duplicates: bool
) -> Answer:
    """One batch, whole or not at all: contacts, records, enrollments, first moments, counters."""
    said = run.get("attestation")
    attested = Attested(said["id"], said["consent"], said.get("scrubbed_at")) if said else None

    batch = list(people)

    async def unit(conn: AsyncConnection) -> Answer:
        counts: Counter[str] = Counter()
        duplicates: list[int] = []
        for start in range(0, len(batch), SLICE):
            arrivals = [_arrival(person) for person in batch[start : start + SLICE]]
            settled = await contacts.upsert(
                conn, run["source_id"], arrivals, at=run["at"], later_wins=keep_duplicates, attested=attested
            )
            counts.update(map(_fate, settled))
            duplicates += [i for i, s in enumerate(settled, start) if s.is_duplicate]
            known = [s.contact_id for s in settled if not s.is_new]
            if known:
                back = await enrollments.release_held(conn, call.at, contact_ids=known, most=len(known))
                counts["back"] += back + await retiming.dates_changed(conn, house.plans, known, call.at)
            if run.get("campaign_id"):
                counts["enrolled"] += await _enroll(house, conn, run["campaign_id"], settled, arrivals, call)
        return {name: counts[name] for name in _COUNTED} | {"duplicate_rows": duplicates}

    try:
        answer = await refusing(house.store.run(unit))
    finally:
        batch.clear()  # a unit that has flown is remembered until the collector comes by, and people are large
    if answer["enrolled"] or answer["back"]:
        house.wake.ring()
    return answer


def _fate(settled: Settled) -> str:
    return "duplicates" if settled.is_duplicate else "new" if settled.is_new else "updated"


def _arrival(person: Mapping[str, Any]) -> Arrival:
    fields = person.get("fields", "{}")
    if not isinstance(fields, str):
        fields = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    points = person["points"]  # as JSON they are lists
    return Arrival(
        person["key"],
        [(kind, value) for kind, value in points] if points and isinstance(points[0], list) else points,
        tuple(person.get("zones", ())),
        person.get("zone_basis", "none"),
        tuple(person.get("states", ())),
        bool(person.get("conflict", False)),
        person.get("language", ""),
        fields,
    )


async def _enroll(
    house: House,
    conn: AsyncConnection,
    campaign_id: int,
    settled: Sequence[Settled],
    arrivals: Sequence[Arrival],
    call: Call,
) -> int:
    """Enroll who is not in the campaign yet, due at the first open moment; returns how many."""
    state, plan = await house.plans.current(conn, campaign_id)
    firsts: dict[int, Arrival] = {}
    for person, arrived in zip(settled, arrivals, strict=True):
        firsts.setdefault(person.contact_id, arrived)
    known = {person.contact_id for person in settled if not person.is_new}
    already = await enrollments.enrolled(conn, campaign_id, list(known)) if known else set()
    first = plan.flow(plan.version_id).steps[0]
    where = enrollments.Entrance(plan.campaign_id, plan.version_id, first.id, plan.lanes[first.channel])
    fresh = {i: arrived for i, arrived in firsts.items() if i not in already}
    ids = await enrollments.enroll(conn, where, _moments(plan, fresh, call.at), call.at)
    if not ids:
        return 0
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, Enrollment.queued, len(ids))
    await counters.add(conn, deltas)
    if state == Campaign.completed:
        await _open_again(conn, campaign_id, call)
    return len(ids)


def _moments(plan: Plan, people: Mapping[int, Arrival], at: int) -> list[tuple[int, int, int]]:
    """Each contact with the moment the flow wants and the one it gets; people of one place have them in common."""
    known: dict[tuple[object, ...], tuple[int, int]] = {}
    moments = []
    for contact_id, person in people.items():
        place = (person.zones, person.states)
        if (moment := known.get(place)) is None:
            moment = known[place] = _first_moment(plan, person, at)
        moments.append((contact_id, *moment))
    return moments


def _first_moment(plan: Plan, person: Arrival, at: int) -> tuple[int, int]:
    """When the flow wants the first step, and when the hours let it be."""
    first = next_after_start(plan.flow(plan.version_id), at, local_zone(plan.rules, person.zones))
    assert first.step is not None  # noqa: S101 - a flow has at least one step
    return first.due_at, align(plan.rules, first.step, person, first.due_at)


async def _open_again(conn: AsyncConnection, campaign_id: int, call: Call) -> None:
    """A campaign that was completed because nobody was left goes on when somebody new comes."""
    row = await campaigns.by_id(conn, campaign_id)
    row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=call.at), "resume", at=call.at)
    await audit.note(conn, at=call.at, actor=call.actor, verb="reopen", target=row.ref, details={"by": "import"})


async def end_import(house: House, call: Call, run: Mapping[str, Any], counts: Mapping[str, Any]) -> Answer:
    """Close the run with its figures in the audit log."""

    async def unit(conn: AsyncConnection) -> Answer:
        target = str(run.get("ref") or run["source"])
        await audit.note(conn, at=call.at, actor=call.actor, verb="imported", target=target, details=dict(counts))
        return dict(counts)

    answer = await house.store.run(unit)
    if run.get("campaign_id"):
        house.course_ended({run["campaign_id"]})
    return answer
