"""Imports on the daemon's side: begin a run, take batches, end the run.

An import reads and normalises its file on the user's machine (`engine.ingest`) and sends batches, so the daemon stays
free to send. A run is identified by its start time: a person seen twice in one run is a duplicate, a person known from
an earlier run is updated, nobody is enrolled twice. The result does not depend on how the file was split into batches.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import next_after_start
from fluentsd.domain.states import CampaignState, EnrollmentState
from fluentsd.domain.time.durations import SECOND, Delay
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.campaigns.rescheduling import bring_forward
from fluentsd.engine.dispatch.facts import reason_to_wait
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, contact_upserts, contacts, counters, enrollments
from fluentsd.store import consent as evidence
from fluentsd.store.contact_upserts import Attested, ContactUpsert, UpsertResult
from fluentsd.store.db import Connection, bulk_insert
from fluentsd.store.enrollments import enrolling, manual_changes
from fluentsd.store.enrollments.enrolling import Entered, Entry
from fluentsd.store.erasure import erase as erasure
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.consent import read as read_consent
from fluentsd.verbs.execute import Answer, change, refusing

#: Batch sizes in people: about 11 ms while others use the database, and large when nothing else does.
SHARED, ALONE = 250, 7_500
#: This many people may leave a list without a confirmation.
FEW_GONE = 10
#: People processed at a time, to limit memory.
SLICE = 2_500
_COUNTED = ("new", "updated", "duplicates", "enrolled", "back")


async def begin_import(
    runtime: Runtime, call: Call, source: str, ref: str | None, consent: Mapping[str, Any] | None
) -> Answer:
    """Check the campaign and the attestation of consent, and begin the run. The answer is passed to every batch."""
    attestation = read_consent(call, dict(consent)) if consent else None

    async def unit(conn: Connection) -> Answer:
        run: Answer = {"source": source, "ref": ref, "at": call.at, "needs_phone": False, "at_once": SHARED}
        run["source_id"] = await contacts.source_id(conn, "csv", source, call.at)
        if attestation is not None:
            id_ = await evidence.attest(conn, run["source_id"], attestation, actor=call.actor, at=call.at)
            scrubbed_at = evidence.scrubbed_at(attestation)
            run["attestation"] = {"id": id_, "consent": attestation.text, "scrubbed_at": scrubbed_at}
            run["_details"] = {"said": attestation.text, "by": attestation.by, "attestation": id_}
        if ref is not None:
            row = await campaigns.get(conn, ref)
            if row.state == CampaignState.stopped:
                raise Refused(f"{ref} is stopped; reopen it first: fluentsd campaign reopen {ref}")
            run |= {"campaign_id": row.id, "needs_phone": row.spec.needs_phone}
        if _is_alone(runtime):
            run["at_once"] = ALONE
            await bulk_insert.prepare(conn)
        return run

    return await change(runtime, call, "import", ref or source, unit)


def _is_alone(runtime: Runtime) -> bool:
    """Whether nothing else uses the database: a SQLite file under its lock, and no engine in this process."""
    return runtime.store.dialect == "sqlite" and not runtime.engine_runs


async def take(
    runtime: Runtime, call: Call, run: Mapping[str, Any], people: Sequence[Mapping[str, Any]], keep_duplicates: bool
) -> Answer:
    """Store one batch in one transaction: contacts, records, enrollments with their first due times, counters. In the
    answer, `shared` are the points of these people that belong to several: [kind, id]."""
    given = run.get("attestation")
    attested = Attested(given["id"], given["consent"], given.get("scrubbed_at")) if given else None

    batch = list(people)

    async def unit(conn: Connection) -> Answer:
        counts: Counter[str] = Counter()
        duplicates: list[int] = []
        shared: set[tuple[str, int]] = set()
        for start in range(0, len(batch), SLICE):
            upserts = [_upsert(person) for person in batch[start : start + SLICE]]
            results, several = await contact_upserts.upsert(
                conn, run["source_id"], upserts, at=run["at"], later_wins=keep_duplicates, attested=attested
            )
            shared.update(several)
            had = await erasure.recall(conn, runtime.erasure_ledger.hashed, [r.contact_id for r in results])
            counts.update(map(_count_name, results))
            duplicates += [i for i, r in enumerate(results, start) if r.is_duplicate]
            known = [r.contact_id for r in results if not r.is_new]
            if known:
                back = await enrollments.release_held(conn, call.at, contact_ids=known, most=len(known))
                counts["back"] += len(back) + await bring_forward.dates_changed(conn, runtime.plans, known, call.at)
            if run.get("campaign_id"):
                counts["enrolled"] += await _enroll(runtime, conn, run["campaign_id"], results, upserts, had, call)
        return {name: counts[name] for name in _COUNTED} | {"duplicate_rows": duplicates, "shared": sorted(shared)}

    try:
        answer = await refusing(runtime.store.run(unit))
    finally:
        batch.clear()  # the unit of work stays in memory until the garbage collector runs, and people are large
    if answer["enrolled"] or answer["back"]:
        runtime.dispatcher_wakeup.notify()
    return answer


def _count_name(result: UpsertResult) -> str:
    return "duplicates" if result.is_duplicate else "new" if result.is_new else "updated"


def _upsert(person: Mapping[str, Any]) -> ContactUpsert:
    fields = person.get("fields", "{}")
    if not isinstance(fields, str):
        fields = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    points = person["points"]  # as JSON they are lists
    return ContactUpsert(
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
    runtime: Runtime,
    conn: Connection,
    campaign_id: int,
    results: Sequence[UpsertResult],
    upserts: Sequence[ContactUpsert],
    had: Mapping[int, Container[str]],
    call: Call,
) -> int:
    """Enroll contacts who are not in the campaign yet, due at the first allowed time; returns how many. `had`: for
    contacts who were erased before, the campaigns they were in."""
    state, plan = await runtime.plans.current(conn, campaign_id)
    firsts: dict[int, ContactUpsert] = {}
    for result, upsert in zip(results, upserts, strict=True):
        firsts.setdefault(result.contact_id, upsert)
    known = {result.contact_id for result in results if not result.is_new}
    before = await enrolling.entered(conn, campaign_id, list(known)) if known else {}
    first = plan.flow(plan.version_id).steps[0]
    where = enrolling.Entrance(plan.campaign_id, plan.version_id, first.id, plan.lanes[first.channel])
    numbered = {i: _entry(plan, before.get(i), call.at) for i in firsts if plan.ref not in had.get(i, ())}
    fresh = {i: (entry, firsts[i]) for i, entry in numbered.items() if entry}
    ids = await enrolling.enroll(conn, where, _due_times(plan, fresh, call.at), call.at)
    if not ids:
        return 0
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, EnrollmentState.queued, len(ids))
    await counters.add(conn, deltas)
    if state == CampaignState.completed:
        await _reopen(conn, campaign_id, call)
    return len(ids)


#: People who exited for these reasons are not enrolled again by another import.
_FOR_GOOD = ("opted_out", "removed", "goal")


def _entry(plan: Plan, before: Entered | None, at: int) -> int:
    """The number of the contact's new entry; 0 when they do not enter. `before`: their latest entry."""
    if before is None:
        return 1
    policy = plan.spec.exit.reenter
    if policy == "never" or before.ended_at is None or before.reason in _FOR_GOOD:
        return 0
    wait = Delay.parse(policy.removeprefix("after ")).seconds * SECOND if policy != "always" else 0
    return before.entry + 1 if before.ended_at + wait <= at else 0


def _due_times(plan: Plan, people: Mapping[int, tuple[int, ContactUpsert]], at: int) -> list[Entry]:
    """Each contact with the time the flow wants and the time the hours allow; computed once for people of one place."""
    known: dict[tuple[object, ...], tuple[int, int, str]] = {}
    entries = []
    for contact_id, (entry, person) in people.items():
        place = (person.zones, person.states)
        if (times := known.get(place)) is None:
            wanted_at, due_at = _first_times(plan, person, at)
            times = known[place] = (wanted_at, due_at, reason_to_wait(wanted_at, due_at))
        entries.append(Entry(contact_id, entry, *times))
    return entries


def _first_times(plan: Plan, person: ContactUpsert, at: int) -> tuple[int, int]:
    """The time at which the flow wants the first step, and the time at which the hours allow it."""
    first = next_after_start(plan.flow(plan.version_id), at, local_zone(plan.rules, person.zones))
    assert first.step is not None  # noqa: S101 - a flow has at least one step
    return first.due_at, align(plan.rules, first.step, person, first.due_at)


async def _reopen(conn: Connection, campaign_id: int, call: Call) -> None:
    """Reopen and resume a completed campaign, because new people were enrolled."""
    row = await campaigns.by_id(conn, campaign_id)
    row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=call.at), "resume", at=call.at)
    await audit.note(conn, at=call.at, actor=call.actor, verb="reopen", target=row.ref, details={"by": "import"})


async def end_import(
    runtime: Runtime, call: Call, run: Mapping[str, Any], counts: Mapping[str, Any], whole: bool, yes: bool
) -> Answer:
    """End the run, with its counts in the audit log. With `whole`, the file is the whole list: people of its earlier
    imports who are not in it leave the campaign; if that is most of them, `yes` is needed."""
    left = await _remove_missing(runtime, call, run, yes=yes) if whole else 0

    async def unit(conn: Connection) -> Answer:
        target = str(run.get("ref") or run["source"])
        result = {**counts, "left": left}
        await audit.note(conn, at=call.at, actor=call.actor, verb="imported", target=target, details=result)
        return result

    answer = await runtime.store.run(unit)
    if run.get("campaign_id"):
        runtime.enrollment_ended({run["campaign_id"]})
    return answer


async def _remove_missing(runtime: Runtime, call: Call, run: Mapping[str, Any], *, yes: bool) -> int:
    """People who are in the campaign only through this source and were not in this run exit (left_segment)."""
    campaign_id = run.get("campaign_id")
    if campaign_id is None:
        raise Refused("--whole needs a campaign; add --campaign REF")

    async def look(conn: Connection) -> Answer:
        row = await campaigns.by_id(conn, campaign_id)
        gone, here = await manual_changes.count_gone(conn, campaign_id, run["source_id"], run["at"])
        return {"leaves": "left_segment" in row.spec.exit.on, "gone": gone, "here": here, "ref": row.ref}

    found = await runtime.store.read(look)
    if not found["leaves"]:
        raise Refused(f"{found['ref']} does not exit people for this; add left_segment to its exit.on")
    if found["gone"] > found["here"] / 2 and found["gone"] > FEW_GONE and not yes:
        raise Refused(
            f"{found['gone']} of {found['here']} people of this list are missing from the file, more than half; nobody "
            "was removed; if the file is complete, import it again with --yes"
        )
    left = 0
    while part := await runtime.store.run(_remove_some, campaign_id, run, call.at):
        left += part
    if left:
        runtime.enrollment_ended({campaign_id})
    return left


async def _remove_some(conn: Connection, campaign_id: int, run: Mapping[str, Any], at: int) -> int:
    gone = await manual_changes.some_gone(conn, campaign_id, run["source_id"], run["at"], SHARED)
    deltas = counters.Deltas()
    await leave(conn, gone, "left_segment", at, deltas)
    await counters.add(conn, deltas)
    return len(gone)
