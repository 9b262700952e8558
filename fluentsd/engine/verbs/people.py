"""People: find them, and take them in, a batch at a time.

An import reads and normalises its file where the person sits (`engine.imports`) and hands over batches, so the daemon
stays free to send. A run is the moment it began: somebody seen twice in one run is a duplicate; somebody known from
an earlier run is brought up to date; nobody is enrolled twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import next_after_start
from fluentsd.domain.states import Campaign, Enrollment
from fluentsd.engine.house import House
from fluentsd.engine.plans import Plan
from fluentsd.engine.verbs.acts import Answer, Call, Refused, change, refusing
from fluentsd.engine.why import why as explain
from fluentsd.store import audit, campaigns, contacts, counters, enrollments, reports
from fluentsd.store.contacts import Arrival, Settled


async def find(house: House, call: Call, words: str, most: int) -> Answer:
    """People whose number, address or fields contain the words."""
    if len(words.strip()) < 2:
        raise Refused("give at least two characters to look for")

    async def unit(conn: AsyncConnection) -> Answer:
        found = await contacts.find(conn, words.strip(), max(1, min(most, 500)))
        ids = [person["id"] for person in found]
        points, fields = await contacts.points_of(conn, ids), await contacts.fields_of(conn, ids)
        places = await reports.places(conn, ids)
        return {
            "people": [
                person
                | {
                    "points": [p.value for p in points.get(person["id"], [])],
                    "fields": fields.get(person["id"], {}),
                    "campaigns": places.get(person["id"], []),
                }
                for person in found
            ]
        }

    return await house.store.read(unit)


async def why(house: House, call: Call, person: str, campaign: str | None) -> Answer:
    """Why this person was contacted or not, in each campaign: one sentence, then the evidence."""
    return await _told(house, call, person, campaign, timeline=False)


async def timeline(house: House, call: Call, person: str, campaign: str | None) -> Answer:
    """Everything that was done about a person, oldest first, and what comes next."""
    return await _told(house, call, person, campaign, timeline=True)


async def _told(house: House, call: Call, person: str, ref: str | None, *, timeline: bool) -> Answer:
    async def unit(conn: AsyncConnection) -> Answer:
        contact_id = await _find_one(conn, person)
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        told = await explain(conn, house.plans, contact_id, campaign_id, call.at)
        answer: Answer = {"person": person, "now": call.at, "campaigns": told}
        if not told:
            where = f"in {ref}" if ref else "in any campaign"
            answer["sentence"] = f"the person is known, but was never enrolled {where}"
        if timeline:
            rows = await reports.attempts(
                conn, campaign_id=campaign_id, contact_id=contact_id, outcome=None, since=None, most=1000
            )
            answer["attempts"] = rows[::-1]
        return answer

    return await refusing(house.store.run(unit))  # not `read`: the plan is read as the mark reads it


async def _find_one(conn: AsyncConnection, person: str) -> int:
    """Whom a number, an address or a word means, if it means one person."""
    exact = await contacts.by_point(conn, person.strip())
    if exact is not None:
        return exact
    found = await contacts.find(conn, person.strip(), 3) if len(person.strip()) > 1 else []
    if len(found) == 1:
        return int(found[0]["id"])
    many = "several people are" if found else "nobody is"
    raise Refused(f"{many} known by {person!r}; look for them: fluentsd contacts find {person!r}")


async def begin_import(house: House, call: Call, source: str, ref: str | None) -> Answer:
    """Check the campaign and name the run; the answer goes along with every batch."""

    async def unit(conn: AsyncConnection) -> Answer:
        run: Answer = {"source": source, "ref": ref, "at": call.at, "needs_phone": False}
        run["source_id"] = await contacts.source_id(conn, "csv", source, call.at)
        if ref is not None:
            row = await campaigns.get(conn, ref)
            if row.state == Campaign.stopped:
                raise Refused(f"{ref} is stopped; reopen it first: fluentsd campaign reopen {ref}")
            run |= {"campaign_id": row.id, "needs_phone": row.spec.needs_phone}
        return run

    return await change(house, call, "import", ref or source, unit)


async def take(
    house: House, call: Call, run: Mapping[str, Any], people: Sequence[Mapping[str, Any]], keep_duplicates: bool
) -> Answer:
    """One batch, whole or not at all: contacts, records, enrollments, first moments, counters."""
    arrivals = [_arrival(person) for person in people]

    async def unit(conn: AsyncConnection) -> Answer:
        settled = await contacts.upsert(conn, run["source_id"], arrivals, at=run["at"], later_wins=keep_duplicates)
        counts = Counter(_fate(s) for s in settled)
        known = [s.contact_id for s in settled if not s.is_new]
        back = await enrollments.release_held(conn, call.at, contact_ids=known, most=len(known)) if known else 0
        if run.get("campaign_id"):
            counts["enrolled"] = await _enroll(house, conn, run["campaign_id"], settled, arrivals, call.at)
            if counts["enrolled"]:
                await _open_again(conn, run["campaign_id"], call)
        return {
            "new": counts["new"],
            "updated": counts["updated"],
            "duplicates": counts["duplicates"],
            "enrolled": counts["enrolled"],
            "back": back,
            "duplicate_rows": [i for i, s in enumerate(settled) if s.is_duplicate],
        }

    answer = await refusing(house.store.run(unit))
    if answer["enrolled"] or answer["back"]:
        house.wake.ring()
    return answer


def _fate(settled: Settled) -> str:
    return "duplicates" if settled.is_duplicate else "new" if settled.is_new else "updated"


def _arrival(person: Mapping[str, Any]) -> Arrival:
    return Arrival(
        key=person["key"],
        points=[(kind, value) for kind, value in person["points"]],
        zones=tuple(person.get("zones", ())),
        zone_basis=person.get("zone_basis", "none"),
        states=tuple(person.get("states", ())),
        language=person.get("language", ""),
        fields=person.get("fields", {}),
    )


async def _enroll(
    house: House,
    conn: AsyncConnection,
    campaign_id: int,
    settled: Sequence[Settled],
    arrivals: Sequence[Arrival],
    at: int,
) -> int:
    """Enroll who is not in the campaign yet, due at the first open moment."""
    _, plan = await house.plans.current(conn, campaign_id)
    zones = {s.contact_id: a.zones for s, a in zip(settled, arrivals, strict=True)}
    already = await enrollments.enrolled(conn, campaign_id, list(zones))
    fresh = [contact_id for contact_id in zones if contact_id not in already]
    rows = [_entry(plan, contact_id, zones[contact_id], at) for contact_id in fresh]
    ids = await enrollments.enroll(conn, rows)
    lane_id = plan.lanes[plan.flow(plan.version_id).steps[0].channel]
    await enrollments.wait(
        conn,
        [
            {"lane_id": lane_id, "rank": enrollments.ORDINARY, "due_at": row["due_at"], "enrollment_id": i}
            for i, row in zip(ids, rows, strict=True)
        ],
    )
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, Enrollment.queued, len(ids))
    await counters.add(conn, deltas)
    return len(ids)


async def _open_again(conn: AsyncConnection, campaign_id: int, call: Call) -> None:
    """A campaign that was completed because nobody was left goes on when somebody new comes."""
    row = await campaigns.by_id(conn, campaign_id)
    if row.state == Campaign.completed:
        row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=call.at), "resume", at=call.at)
        await audit.note(conn, at=call.at, actor=call.actor, verb="reopen", target=row.ref, details={"by": "import"})


def _entry(plan: Plan, contact_id: int, zones: tuple[str, ...], at: int) -> dict[str, Any]:
    first = next_after_start(plan.flow(plan.version_id), at, local_zone(plan.rules, zones))
    assert first.step is not None  # noqa: S101 - a flow has at least one step
    return {
        "campaign_id": plan.campaign_id,
        "contact_id": contact_id,
        "entry": 1,
        "version_id": plan.version_id,
        "step": first.step.id,
        "due_at": align(plan.rules, first.step, zones, first.due_at),
        "enrolled_at": at,
    }


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
