"""The batch service of every import: begin a run, take batches, end the run.

A CSV file on a shell, an upload in a chat and the sync of a CRM are callers of the same units of work. A batch is one
transaction: contacts, records, enrollments with their first due times, counters. Nobody is enrolled twice, and the
result does not depend on how the people were split into batches. What must not live here: the reading of files and
records (`csv_file`, `batches`), and whether a caller may do this (the verbs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.domain.consent import Attestation
from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.engine.campaigns.rescheduling import bring_forward
from fluentsd.engine.ingest.batches import Taken
from fluentsd.engine.ingest.column_choices import Shape
from fluentsd.engine.ingest.enrolling import enroll
from fluentsd.engine.ingest.import_run import ALONE, SHARED, Malformed, Run
from fluentsd.engine.ingest.leaving import leave_by_list
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, contact_upserts, contacts, counters, enrollments, suppression
from fluentsd.store import consent as evidence
from fluentsd.store.contact_upserts import Attested, UpsertResult
from fluentsd.store.db import Connection, bulk_insert
from fluentsd.store.erasure import erase as erasure

#: People processed at a time, to limit memory.
SLICE = 2_500


class CampaignStopped(Exception):
    """People cannot be imported into a stopped campaign."""


async def begin(
    conn: Connection,
    runtime: Runtime,
    source: str,
    ref: str | None,
    attestation: Attestation | None,
    by: str,
    at: int,
    shape: Shape | None = None,
) -> Run:
    """Begin a run. `attestation` is kept as each person's evidence of consent, `shape` with the source. Raises
    `NoSuchCampaign` or `CampaignStopped`."""
    source_id = await contacts.source_id(conn, "csv", source, at)
    if shape is not None:
        await contacts.keep_shape(conn, source_id, shape.as_json() if shape.choices else None)
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


def audit_details(run: Run, attestation: Attestation | None) -> dict[str, Any] | None:
    """What the audit log keeps of the beginning: the attestation of consent, if any."""
    if attestation is None or run.attestation is None:
        return None
    return {"said": attestation.text, "by": attestation.by, "attestation": run.attestation.id}


async def take(
    conn: Connection,
    runtime: Runtime,
    run: Run,
    people: Sequence[ContactUpsert],
    *,
    keep_duplicates: bool,
    by: str,
    at: int,
) -> Taken:
    """Store one batch. With `keep_duplicates` the later of two rows about a person counts. Raises `Malformed` for a run
    of another database."""
    await check(conn, run)
    taken = Taken()
    for start in range(0, len(people), SLICE):
        upserts = people[start : start + SLICE]
        results, several = await contact_upserts.upsert(
            conn, run.source_id, upserts, at=run.at, later_wins=keep_duplicates, attested=run.attestation
        )
        taken.shared.update(several)
        if any(person.opt_outs for person in upserts):
            taken.opted_out += len(_opted_out(results, upserts))
            taken.ended |= await _opt_outs(conn, run, results, upserts, by=by, at=at)
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
            taken.enrolled += await enroll(conn, runtime.plans, run.campaign_id, results, upserts, had, at=at, actor=by)
    return taken


async def _opt_outs(
    conn: Connection,
    run: Run,
    results: Sequence[UpsertResult],
    upserts: Sequence[ContactUpsert],
    *,
    by: str,
    at: int,
) -> set[int]:
    """Enter what the rows say of opt-outs into the suppression list, with the list's words as evidence, and end the
    enrollments of those who want no contact at all. Returns the campaigns in which that was."""
    by_words: dict[tuple[str, str], list[tuple[str, str]]] = {}
    everybody: set[int] = set()
    for result, person in zip(results, upserts, strict=True):
        for channel, words in person.opt_outs:
            kind = "email" if channel == "email" else "phone"
            serving = [point for point in person.points if channel == "*" or point[0] == kind]
            by_words.setdefault((channel, words), []).extend(serving or person.points)
            if channel == "*":
                everybody.add(result.contact_id)
    for (channel, words), points in by_words.items():
        entry = {"reason": f"{suppression.BY_LIST}{run.source}", "by": by, "at": at, "channel": channel}
        unique = list(dict.fromkeys(points))
        await suppression.add(conn, unique, **entry, evidence={"source": run.source, "said": words})  # type: ignore[arg-type]
    if not everybody:
        return set()
    deltas = counters.Deltas()
    ended = await exit_everywhere(conn, everybody, "opted_out", at, deltas)
    await counters.add(conn, deltas)
    return ended


def _opted_out(results: Sequence[UpsertResult], upserts: Sequence[ContactUpsert]) -> set[int]:
    """The people whose row says that they opted out."""
    return {result.contact_id for result, person in zip(results, upserts, strict=True) if person.opt_outs}


async def check(conn: Connection, run: Run) -> None:
    """Raise `Malformed` for a run that this database never began."""
    campaign_is_known = run.campaign_id is None or await campaigns.exists(conn, run.campaign_id)
    if not campaign_is_known or not await contacts.is_source(conn, run.source_id):
        raise Malformed("the run was not begun in this database")


def _name_of(result: UpsertResult) -> str:
    return "duplicates" if result.is_duplicate else "new" if result.is_new else "updated"


async def end(
    runtime: Runtime, run: Run, counts: Mapping[str, Any], *, whole: bool, confirmed: bool, by: str, at: int
) -> int:
    """End the run; its counts and how many left go into the audit log. With `whole`, the run was the source's whole
    list, and people who were not in it leave the campaign. Returns how many left; raises `Malformed`, `CannotLeave`."""
    await runtime.store.read(check, run)
    left = await leave_by_list(runtime, run, at, confirmed=confirmed) if whole else 0
    about = {"verb": "imported", "target": run.ref or run.source, "details": {**counts, "left": left}}
    await runtime.store.run(audit.note, at=at, actor=by, **about)
    if run.campaign_id is not None:
        runtime.enrollment_ended({run.campaign_id})
    return left
