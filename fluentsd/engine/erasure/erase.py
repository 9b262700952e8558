"""Erasure: erases one person, and erases people again after a database was restored from a backup.

A backup from before an erasure still contains the person; at every start the erasure ledger (`ledger`) tells which
people to erase again. Hashes that are in the database but not in the ledger (after a crash between the two) are added
to the ledger at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from fluentsd.api import Kind
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.engine.outbox.tasks import channels_without_forget, post_forget_tasks
from fluentsd.engine.recordings.erasing import sweep
from fluentsd.store import audit, contacts, counters
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.erasure import acts as acts_of
from fluentsd.store.erasure import erase as erasure
from fluentsd.store.erasure import remarks
from fluentsd.store.erasure.erase import Gone
from fluentsd.unavailable import StoreUnavailable

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: People read in one transaction while a restored database is searched for erased ones.
PEOPLE_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of one erasure: deleted rows by kind, ids of campaigns in which an enrollment ended, the hashes that
    stay, and the number of attempts that providers are asked to delete."""

    deleted: Mapping[str, int]
    ended_campaigns: frozenset[int]
    hashes: tuple[Gone, ...]
    at_providers: int


async def erase_contact(
    conn: Connection,
    erasure_ledger: ErasureLedger,
    contact_id: int,
    at: int,
    *,
    since_at: int,
    but: frozenset[Kind],
) -> Erased:
    """The unit of work: erase one person and end their enrollments. `since_at`: the time of the request. Providers of
    all channels except `but` are asked to delete their data too."""
    await contacts.reserve(conn, [contact_id])
    points, shared = await erasure.points_and_shared(conn, contact_id)
    values = [point.value for point in points]
    own = [value for value in values if value not in shared]
    called = (await contacts.names_of(conn, [contact_id])).get(contact_id, set())
    refs = tuple(await erasure.campaigns_of(conn, contact_id))
    values_and_texts = [text for texts in await erasure.words_of(conn, contact_id) for text in texts]
    async with erasure.overwriting(conn):
        ended_campaigns = await _end_enrollments(conn, contact_id, at)
        await erasure.give_up(conn, contact_id, at)
        acts = await acts_of.acts_about(conn, contact_id, own)
        await acts_of.blank_acts(conn, acts, values_and_texts)
        at_providers = await erasure.at_providers(conn, contact_id, but)
        await post_forget_tasks(conn, at_providers, at)
        names = await erasure.rename_attempts(conn, contact_id)
        stopped = await erasure.hide_stops(conn, erasure_ledger.hashed, own, names)
        await erasure.blank_shared_stops(conn, shared, names, values_and_texts)
        person = await remarks.personal(conn, contact_id, values, values_and_texts)
        await remarks.leave_out(conn, contact_id, person, shared)
        deleted = await erasure.delete_person(conn, contact_id, values, shared, at)
    hashes = tuple(
        Gone(erasure_ledger.hashed(text), p.kind, tuple(sorted(stopped.get(p.value, ()))), refs, since_at)
        for text, p in erasure.kept_as(points, shared, called)
    )
    await erasure.remember(conn, hashes, by="fluentsd")
    return Erased(deleted, ended_campaigns, hashes, len(at_providers))


async def _end_enrollments(conn: Connection, contact_id: int, at: int) -> frozenset[int]:
    """queued, active or errored → exited (erased), in every campaign."""
    rows = await enrollment_queries.open_of(conn, [contact_id])
    deltas = counters.Deltas()
    await leave(conn, rows, "erased", at, deltas)
    await counters.add(conn, deltas)
    return frozenset(row.campaign_id for row in rows)


async def note_in_ledger(runtime: Runtime, hashes: Iterable[Gone]) -> None:
    """After the commit: add the hashes to the ledger, and remove old pages from SQLite's log. Shielded from
    cancellation."""
    with trio.CancelScope(shield=True):
        await sweep(runtime)
    with trio.CancelScope(shield=True), runtime.clock.busy():
        await trio.to_thread.run_sync(runtime.erasure_ledger.note, list(hashes))
    with trio.CancelScope(shield=True), suppress(StoreUnavailable):  # left to SQLite's own checkpoints
        await runtime.store.truncate_log()


async def replay(runtime: Runtime) -> int:
    """Erase again all people of the ledger who are in this database; returns how many.

    Runs at every start, before any contact. Raises `KeyLost`.
    """
    erasure_ledger = runtime.erasure_ledger
    known = {row.hash: row for row in await runtime.store.read(erasure.everybody)}
    noted = erasure_ledger.noted()
    erasure_ledger.refuse_without_key(len(known.keys() | noted.keys()))
    erasure_ledger.note(row for row in known.values() if row.hash not in noted or noted[row.hash].at < row.at)
    due = {row.hash: row for row in noted.values() if row.hash not in known or known[row.hash].at < row.at}
    if not due:
        return 0
    people = await _people_of(runtime, due)
    for contact_id, since_at in people.items():
        await runtime.store.run(
            _erase_again,
            erasure_ledger,
            contact_id,
            runtime.clock.now(),
            since_at,
            channels_without_forget(runtime),
        )
    await runtime.store.run(erasure.remember, list(due.values()), by="fluentsd")
    await note_in_ledger(runtime, [])
    runtime.log.warning("forgetting.replayed", hashes=len(due), people=len(people))
    return len(people)


async def _erase_again(
    conn: Connection, erasure_ledger: ErasureLedger, contact_id: int, at: int, since_at: int, but: frozenset[Kind]
) -> None:
    await erase_contact(conn, erasure_ledger, contact_id, at, since_at=since_at, but=but)
    await audit.note(conn, at=at, actor="fluentsd", verb="erase", details={"contact": contact_id, "replayed": True})


async def _people_of(runtime: Runtime, due: Mapping[str, Gone]) -> dict[int, int]:
    """The contacts who have these hashes, with the time of the erasure. Reads all points and names."""
    people: dict[int, int] = {}
    since: int | None = 0
    while since is not None:
        known, since = await runtime.store.read(
            erasure.some_people, runtime.erasure_ledger.hashed, since, PEOPLE_AT_ONCE
        )
        for hashed in known.keys() & due.keys():
            for contact_id, _ in known[hashed]:
                people[contact_id] = max(people.get(contact_id, 0), due[hashed].at)
    return people
