"""The batch service of every import: begin a run, take batches, end the run.

A CSV file on a shell, an upload in a chat and the sync of a CRM are callers of the same units of work. A batch is one
transaction: contacts, records, enrollments with their first due times, counters. Nobody is enrolled twice, and the
result does not depend on how the people were split into batches. What must not live here: the reading of files and
records (`csv_file`, `batches`), and whether a caller may do this (the verbs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from fluentsd.domain.consent import Attestation
from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import next_after_start
from fluentsd.domain.states import CampaignState, EnrollmentState
from fluentsd.domain.time.durations import SECOND, Delay
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.campaigns.rescheduling import bring_forward
from fluentsd.engine.dispatch.facts import reason_to_wait
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.ingest.run import ALONE, SHARED, Malformed, Run, upserts_of
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, contact_upserts, contacts, counters, enrollments
from fluentsd.store import consent as evidence
from fluentsd.store.contact_upserts import Attested, ContactUpsert, UpsertResult
from fluentsd.store.db import Connection, bulk_insert
from fluentsd.store.enrollments import enrolling, manual_changes
from fluentsd.store.enrollments.enrolling import Entered, Entry
from fluentsd.store.erasure import erase as erasure

#: People processed at a time, to limit memory.
SLICE = 2_500


class CampaignStopped(Exception):
    """People cannot be imported into a stopped campaign."""


@dataclass(slots=True)
class Taken:
    """The result of one batch. `back`: enrollments that go on because a fact was missing before; `duplicate_rows`:
    places in the batch; `shared`: points of these people that belong to several, as (kind, id)."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    enrolled: int = 0
    back: int = 0
    duplicate_rows: list[int] = field(default_factory=list)
    shared: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Missing:
    """People of the source who are not in this run. `leaves`: whether the campaign exits people for this; `here`: how
    many of the source are in the campaign, `gone` of them are missing."""

    ref: str
    leaves: bool
    gone: int
    here: int


async def begin(
    conn: Connection, runtime: Runtime, source: str, ref: str | None, attestation: Attestation | None, by: str, at: int
) -> Run:
    """Begin a run. `attestation` is kept as each person's evidence of consent. Raises `NoSuchCampaign` or
    `CampaignStopped`."""
    source_id = await contacts.source_id(conn, "csv", source, at)
    attested, campaign_id, needs_phone = None, None, False
    if attestation is not None:
        id_ = await evidence.attest(conn, source_id, attestation, actor=by, at=at)
        attested = Attested(id_, attestation.text, evidence.scrubbed_at(attestation))
    if ref is not None:
        row = await campaigns.get(conn, ref)
        if row.state == CampaignState.stopped:
            raise CampaignStopped(ref)
        campaign_id, needs_phone = row.id, row.spec.needs_phone
    is_alone = runtime.store.dialect == "sqlite" and not runtime.engine_runs
    if is_alone:  # a SQLite file under its lock, and no engine in this process: nothing else uses the database
        await bulk_insert.prepare(conn)
    return Run(source, source_id, at, ref, campaign_id, needs_phone, ALONE if is_alone else SHARED, attested)


async def take(
    conn: Connection,
    runtime: Runtime,
    run: Run,
    people: Sequence[object],
    *,
    keep_duplicates: bool,
    by: str,
    at: int,
) -> Taken:
    """Store one batch. With `keep_duplicates` the later of two rows about a person counts. Raises `Malformed`."""
    await _check(conn, run)
    taken = Taken()
    for start in range(0, len(people), SLICE):
        upserts = upserts_of(people[start : start + SLICE], start)
        results, several = await contact_upserts.upsert(
            conn, run.source_id, upserts, at=run.at, later_wins=keep_duplicates, attested=run.attestation
        )
        taken.shared.update(several)
        had = await erasure.recall(conn, runtime.erasure_ledger.hashed, [r.contact_id for r in results])
        counts = Counter(map(_name_of, results))
        taken.new += counts["new"]
        taken.updated += counts["updated"]
        taken.duplicates += counts["duplicates"]
        taken.duplicate_rows += [i for i, r in enumerate(results, start) if r.is_duplicate]
        known = [r.contact_id for r in results if not r.is_new]
        if known:
            back = await enrollments.release_held(conn, at, contact_ids=known, most=len(known))
            taken.back += len(back) + await bring_forward.dates_changed(conn, runtime.plans, known, at)
        if run.campaign_id is not None:
            taken.enrolled += await _enroll(runtime, conn, run.campaign_id, results, upserts, had, by, at)
    return taken


async def _check(conn: Connection, run: Run) -> None:
    """Raise `Malformed` for a run that this database never began."""
    campaign_is_known = run.campaign_id is None or await campaigns.exists(conn, run.campaign_id)
    if not campaign_is_known or not await contacts.is_source(conn, run.source_id):
        raise Malformed("the run was not begun in this database")


def _name_of(result: UpsertResult) -> str:
    return "duplicates" if result.is_duplicate else "new" if result.is_new else "updated"


async def _enroll(
    runtime: Runtime,
    conn: Connection,
    campaign_id: int,
    results: Sequence[UpsertResult],
    upserts: Sequence[ContactUpsert],
    had: Mapping[int, Container[str]],
    by: str,
    at: int,
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
    numbered = {i: _entry(plan, before.get(i), at) for i in firsts if plan.ref not in had.get(i, ())}
    fresh = {i: (entry, firsts[i]) for i, entry in numbered.items() if entry}
    ids = await enrolling.enroll(conn, where, _due_times(plan, fresh, at), at)
    if not ids:
        return 0
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, EnrollmentState.queued, len(ids))
    await counters.add(conn, deltas)
    if state == CampaignState.completed:
        await _reopen(conn, campaign_id, by, at)
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


async def _reopen(conn: Connection, campaign_id: int, by: str, at: int) -> None:
    """Reopen and resume a completed campaign, because new people were enrolled."""
    row = await campaigns.by_id(conn, campaign_id)
    row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=at), "resume", at=at)
    await audit.note(conn, at=at, actor=by, verb="reopen", target=row.ref, details={"by": "import"})


async def count_missing(conn: Connection, run: Run, campaign_id: int) -> Missing:
    """Look who of the source's earlier runs is not in this one, which was the whole list."""
    await _check(conn, run)
    row = await campaigns.by_id(conn, campaign_id)
    gone, here = await manual_changes.count_gone(conn, campaign_id, run.source_id, run.at)
    return Missing(row.ref, "left_segment" in row.spec.exit.on, gone, here)


async def remove_some_missing(conn: Connection, run: Run, campaign_id: int, at: int) -> int:
    """Exit some of the people who are missing (left_segment); returns how many, 0 when nobody is left."""
    gone = await manual_changes.some_gone(conn, campaign_id, run.source_id, run.at, SHARED)
    deltas = counters.Deltas()
    await leave(conn, gone, "left_segment", at, deltas)
    await counters.add(conn, deltas)
    return len(gone)
