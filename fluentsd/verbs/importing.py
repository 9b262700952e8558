"""People arrive: an import's three acts, a batch at a time.

An import reads and normalises its file where the person sits (`engine.imports`) and hands over batches, so the daemon
stays free to send. A run is the moment it began: somebody seen twice in one run is a duplicate; somebody known from
an earlier run is brought up to date; nobody is enrolled twice. What is written does not depend on how the file was cut
into batches.
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
from fluentsd.engine.dispatch.facts import put_off
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, contacts, counters, enrollments
from fluentsd.store import consent as evidence
from fluentsd.store.contacts import Attested, ContactUpsert, UpsertResult
from fluentsd.store.db import Connection, bulk_insert
from fluentsd.store.enrollments import enrolling, manual_changes
from fluentsd.store.enrollments.enrolling import Entered, Entry
from fluentsd.store.erasure import erase as erasure
from fluentsd.verbs.consent import read as read_consent
from fluentsd.verbs.execute import Answer, Call, Refused, change, refusing

#: People to hand over at once: some 11 ms while a daemon sends or others use the database, and many when nobody waits.
SHARED, ALONE = 250, 7_500
#: So many may leave a list at once without anybody being asked.
FEW_GONE = 10
#: And how many of them are in memory as rows at a time.
SLICE = 2_500
_COUNTED = ("new", "updated", "duplicates", "enrolled", "back")


async def begin_import(
    runtime: Runtime, call: Call, source: str, ref: str | None, consent: Mapping[str, Any] | None
) -> Answer:
    """Check the campaign and what is said of the people's consent, and name the run; the answer goes along with every
    batch."""
    said = read_consent(call, dict(consent)) if consent else None

    async def unit(conn: Connection) -> Answer:
        run: Answer = {"source": source, "ref": ref, "at": call.at, "needs_phone": False, "at_once": SHARED}
        run["source_id"] = await contacts.source_id(conn, "csv", source, call.at)
        if said is not None:
            kept = await evidence.attest(conn, run["source_id"], said, actor=call.actor, at=call.at)
            run["attestation"] = {"id": kept, "consent": said.text, "scrubbed_at": evidence.scrubbed_at(said)}
            run["_details"] = {"said": said.text, "by": said.by, "attestation": kept}
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
    """Whether nobody waits for the database while this writes: a file, under its lock, and no dispatcher here."""
    return runtime.store.dialect == "sqlite" and runtime.report is None


async def take(
    runtime: Runtime, call: Call, run: Mapping[str, Any], people: Sequence[Mapping[str, Any]], keep_duplicates: bool
) -> Answer:
    """One batch, whole or not at all: contacts, records, enrollments, first moments, counters."""
    said = run.get("attestation")
    attested = Attested(said["id"], said["consent"], said.get("scrubbed_at")) if said else None

    batch = list(people)

    async def unit(conn: Connection) -> Answer:
        counts: Counter[str] = Counter()
        duplicates: list[int] = []
        for start in range(0, len(batch), SLICE):
            arrivals = [_arrival(person) for person in batch[start : start + SLICE]]
            settled = await contacts.upsert(
                conn, run["source_id"], arrivals, at=run["at"], later_wins=keep_duplicates, attested=attested
            )
            had = await erasure.recall(conn, runtime.erasure_ledger.hashed, [s.contact_id for s in settled])
            counts.update(map(_fate, settled))
            duplicates += [i for i, s in enumerate(settled, start) if s.is_duplicate]
            known = [s.contact_id for s in settled if not s.is_new]
            if known:
                back = await enrollments.release_held(conn, call.at, contact_ids=known, most=len(known))
                counts["back"] += len(back) + await bring_forward.dates_changed(conn, runtime.plans, known, call.at)
            if run.get("campaign_id"):
                counts["enrolled"] += await _enroll(runtime, conn, run["campaign_id"], settled, arrivals, had, call)
        return {name: counts[name] for name in _COUNTED} | {"duplicate_rows": duplicates}

    try:
        answer = await refusing(runtime.store.run(unit))
    finally:
        batch.clear()  # a unit that has flown is remembered until the collector comes by, and people are large
    if answer["enrolled"] or answer["back"]:
        runtime.dispatcher_wakeup.notify()
    return answer


def _fate(settled: UpsertResult) -> str:
    return "duplicates" if settled.is_duplicate else "new" if settled.is_new else "updated"


def _arrival(person: Mapping[str, Any]) -> ContactUpsert:
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
    settled: Sequence[UpsertResult],
    arrivals: Sequence[ContactUpsert],
    had: Mapping[int, Container[str]],
    call: Call,
) -> int:
    """Enroll who is not in the campaign yet, due at the first open moment; returns how many. `had`: by people who were
    erased once, the campaigns that have had them."""
    state, plan = await runtime.plans.current(conn, campaign_id)
    firsts: dict[int, ContactUpsert] = {}
    for person, arrived in zip(settled, arrivals, strict=True):
        firsts.setdefault(person.contact_id, arrived)
    known = {person.contact_id for person in settled if not person.is_new}
    before = await enrolling.entered(conn, campaign_id, list(known)) if known else {}
    first = plan.flow(plan.version_id).steps[0]
    where = enrolling.Entrance(plan.campaign_id, plan.version_id, first.id, plan.lanes[first.channel])
    numbered = {i: _entry(plan, before.get(i), call.at) for i in firsts if plan.ref not in had.get(i, ())}
    fresh = {i: (entry, firsts[i]) for i, entry in numbered.items() if entry}
    ids = await enrolling.enroll(conn, where, _moments(plan, fresh, call.at), call.at)
    if not ids:
        return 0
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, EnrollmentState.queued, len(ids))
    await counters.add(conn, deltas)
    if state == CampaignState.completed:
        await _open_again(conn, campaign_id, call)
    return len(ids)


#: Whoever left so does not come again by being on a list again.
_FOR_GOOD = ("opted_out", "removed", "goal")


def _entry(plan: Plan, before: Entered | None, at: int) -> int:
    """The number of somebody's entry now; 0 when they do not enter. `before` is their latest one."""
    if before is None:
        return 1
    policy = plan.spec.exit.reenter
    if policy == "never" or before.ended_at is None or before.reason in _FOR_GOOD:
        return 0
    wait = Delay.parse(policy.removeprefix("after ")).seconds * SECOND if policy != "always" else 0
    return before.entry + 1 if before.ended_at + wait <= at else 0


def _moments(plan: Plan, people: Mapping[int, tuple[int, ContactUpsert]], at: int) -> list[Entry]:
    """Each contact with the moment the flow wants and the one it gets; people of one place have them in common."""
    known: dict[tuple[object, ...], tuple[int, int, str]] = {}
    moments = []
    for contact_id, (entry, person) in people.items():
        place = (person.zones, person.states)
        if (moment := known.get(place)) is None:
            wanted_at, due_at = _first_moment(plan, person, at)
            moment = known[place] = (wanted_at, due_at, put_off(wanted_at, due_at))
        moments.append(Entry(contact_id, entry, *moment))
    return moments


def _first_moment(plan: Plan, person: ContactUpsert, at: int) -> tuple[int, int]:
    """When the flow wants the first step, and when the hours let it be."""
    first = next_after_start(plan.flow(plan.version_id), at, local_zone(plan.rules, person.zones))
    assert first.step is not None  # noqa: S101 - a flow has at least one step
    return first.due_at, align(plan.rules, first.step, person, first.due_at)


async def _open_again(conn: Connection, campaign_id: int, call: Call) -> None:
    """A campaign that was completed because nobody was left goes on when somebody new comes."""
    row = await campaigns.by_id(conn, campaign_id)
    row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=call.at), "resume", at=call.at)
    await audit.note(conn, at=call.at, actor=call.actor, verb="reopen", target=row.ref, details={"by": "import"})


async def end_import(
    runtime: Runtime, call: Call, run: Mapping[str, Any], counts: Mapping[str, Any], whole: bool, yes: bool
) -> Answer:
    """Close the run with its figures in the audit log. A file that is the `whole` list lets those leave who came by it
    before and are not on it any more; when that is most of them, somebody has to say so (`yes`)."""
    left = await _leave_the_gone(runtime, call, run, yes=yes) if whole else 0

    async def unit(conn: Connection) -> Answer:
        target = str(run.get("ref") or run["source"])
        told = {**counts, "left": left}
        await audit.note(conn, at=call.at, actor=call.actor, verb="imported", target=target, details=told)
        return told

    answer = await runtime.store.run(unit)
    if run.get("campaign_id"):
        runtime.enrollment_ended({run["campaign_id"]})
    return answer


async def _leave_the_gone(runtime: Runtime, call: Call, run: Mapping[str, Any], *, yes: bool) -> int:
    """Who is in the campaign only by this source and was not in this run leaves it (left_segment)."""
    campaign_id = run.get("campaign_id")
    if campaign_id is None:
        raise Refused("--whole says who has left a campaign's list; name the campaign: --campaign REF")

    async def look(conn: Connection) -> Answer:
        row = await campaigns.by_id(conn, campaign_id)
        gone, here = await manual_changes.count_gone(conn, campaign_id, run["source_id"], run["at"])
        return {"leaves": "left_segment" in row.spec.exit.on, "gone": gone, "here": here, "ref": row.ref}

    found = await runtime.store.read(look)
    if not found["leaves"]:
        raise Refused(f"{found['ref']} lets nobody leave for that: its exit.on does not name left_segment")
    if found["gone"] > found["here"] / 2 and found["gone"] > FEW_GONE and not yes:
        raise Refused(
            f"{found['gone']} of {found['here']} people of this list are not in the file any more; that is most of "
            "them, so nobody was let go; if the file is whole, import it again with --yes"
        )
    left = 0
    while part := await runtime.store.run(_let_go, campaign_id, run, call.at):
        left += part
    if left:
        runtime.enrollment_ended({campaign_id})
    return left


async def _let_go(conn: Connection, campaign_id: int, run: Mapping[str, Any], at: int) -> int:
    gone = await manual_changes.some_gone(conn, campaign_id, run["source_id"], run["at"], SHARED)
    deltas = counters.Deltas()
    await leave(conn, gone, "left_segment", at, deltas)
    await counters.add(conn, deltas)
    return len(gone)
