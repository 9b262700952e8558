"""Forgetting: one person's erasure, and erasing again after a restore.

A copy of the database from before an erasure still has the person; at every start the list beside the database
(`traces`) says whom to erase again. What the database knows and the list does not (a crash came between the two) is
added to the list at the same moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from fluentsd.api import Kind
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.engine.outbox.tasks import ask_to_forget, keep_nothing
from fluentsd.store import audit, contacts, counters
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.erasure import erase as erasure
from fluentsd.store.erasure.erase import Gone

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: Points looked at in one transaction when a copy is searched for people to erase again.
POINTS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, and what stays: rows deleted by kind, campaigns by id in which a course ended, the hashes; how many
    attempts providers are asked to forget."""

    went: Mapping[str, int]
    ended_campaigns: frozenset[int]
    hashes: tuple[Gone, ...]
    elsewhere: int


async def forget(
    conn: Connection,
    erasure_ledger: ErasureLedger,
    contact_id: int,
    at: int,
    *,
    since_at: int,
    but: frozenset[Kind],
) -> Erased:
    """The unit of work: one person is erased, whatever is planned for them. `since_at` is when it was asked for; the
    providers of all channels except `but` are to forget them too."""
    await contacts.reserve(conn, [contact_id])
    points = (await contacts.points_of(conn, [contact_id])).get(contact_id, [])
    values = [point.value for point in points]
    refs = tuple(await erasure.campaigns_of(conn, contact_id))
    values_and_texts = [word for words in await erasure.words_of(conn, contact_id) for word in words]
    async with erasure.overwriting(conn):
        ended_campaigns = await _end_courses(conn, contact_id, at)
        await erasure.give_up(conn, contact_id, at)
        acts = await erasure.acts_about(conn, contact_id, values)
        await erasure.blank_acts(conn, acts, values_and_texts)
        elsewhere = await erasure.elsewhere(conn, contact_id, but)
        await ask_to_forget(conn, elsewhere, at)
        names = await erasure.untie(conn, contact_id)
        stopped = await erasure.hide_stops(conn, erasure_ledger.hashed, values, names)
        went = await erasure.delete_person(conn, contact_id, values, at)
    hashes = tuple(
        Gone(erasure_ledger.hashed(p.value), p.kind, tuple(sorted(stopped.get(p.value, ()))), refs, since_at)
        for p in points
    )
    await erasure.remember(conn, hashes, by="fluentsd")
    return Erased(went, ended_campaigns, hashes, len(elsewhere))


async def _end_courses(conn: Connection, contact_id: int, at: int) -> frozenset[int]:
    """queued, active or errored → exited (erased), in every campaign."""
    rows = await enrollment_queries.open_of_contact(conn, contact_id)
    deltas = counters.Deltas()
    await leave(conn, rows, "erased", at, deltas)
    await counters.add(conn, deltas)
    return frozenset(row.campaign_id for row in rows)


async def keep(runtime: Runtime, hashes: Iterable[Gone]) -> None:
    """After the commit, whoever is cancelled: the hashes onto the list, and the old pages out of SQLite's log."""
    with trio.CancelScope(shield=True), runtime.clock.busy():
        await trio.to_thread.run_sync(runtime.erasure_ledger.note, list(hashes))
        if runtime.store.dialect == "sqlite":
            await trio.to_thread.run_sync(_empty_log, runtime.store.file)


def _empty_log(path: str) -> None:
    """Old pages lie in the log until it is begun anew; with readers at work this is left for SQLite's own time."""
    with closing(sqlite3.connect(path, timeout=1.0)) as conn, suppress(sqlite3.OperationalError):
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def replay(runtime: Runtime) -> int:
    """Erase again whoever was erased and is in this database all the same; returns how many people that were.

    At every start, before anybody can be contacted. Raises `KeyLost`.
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
            _again, erasure_ledger, contact_id, runtime.clock.now(), since_at, keep_nothing(runtime)
        )
    await runtime.store.run(erasure.remember, list(due.values()), by="fluentsd")
    await keep(runtime, [])
    runtime.log.warning("forgetting.replayed", hashes=len(due), people=len(people))
    return len(people)


async def _again(
    conn: Connection, erasure_ledger: ErasureLedger, contact_id: int, at: int, since_at: int, but: frozenset[Kind]
) -> None:
    await forget(conn, erasure_ledger, contact_id, at, since_at=since_at, but=but)
    await audit.note(conn, at=at, actor="fluentsd", verb="erase", details={"contact": contact_id, "replayed": True})


async def _people_of(runtime: Runtime, due: Mapping[str, Gone]) -> dict[int, int]:
    """Whose points these hashes are, each with the moment of the erasure: a walk over all points."""
    people: dict[int, int] = {}
    since = 0
    while rows := await runtime.store.read(erasure.some_points, since, POINTS_AT_ONCE):
        since = rows[-1][0] + 1
        for _, contact_id, value in rows:
            if gone := due.get(runtime.erasure_ledger.hashed(value)):
                people[contact_id] = max(people.get(contact_id, 0), gone.at)
    return people
