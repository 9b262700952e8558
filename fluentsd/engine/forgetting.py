"""Forgetting: one person's erasure, what is kept of it beside the database, and erasing again after a restore.

Two files lie beside the database and in none of its copies: the key of the hashes, made when it is first needed, and
a list of the hashes, to which lines are only added. A copy of the database from before an erasure still has the
person; at every start the list says whom to erase again. What the database knows and the list does not (a crash came
between the two) is added to the list at the same moment. Both files hold no word about anybody.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.engine.errands import ask_to_forget, keep_nothing
from fluentsd.engine.recording import leave
from fluentsd.store import audit, contacts, counters, forgetting, standing
from fluentsd.store.courses import Course
from fluentsd.store.forgetting import Gone
from fluentsd.store.upgrade import DatabaseRefused

if TYPE_CHECKING:
    from fluentsd.engine.house import House

KEY_FILE, LIST_FILE = "fluentsd.key", "fluentsd.erased"
KEY_BYTES = 32
#: Of a house that lives in memory: the same hashes in every run.
KEY_IN_MEMORY = b"fluentsd keeps nothing on disk.."
#: Points looked at in one transaction when a copy is searched for people to erase again.
POINTS_AT_ONCE = 5_000


class KeyLost(DatabaseRefused):
    """The key of the hashes is not beside the database, or is damaged: people who were erased would not be known."""


class Traces:
    """What is kept beside the database of people who were erased. Without a folder it is kept in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._lines = folder, list[Gone]()
        self._key = b"" if folder else KEY_IN_MEMORY

    @property
    def key(self) -> bytes:
        """The key, made now if there is none."""
        if not self._key:
            assert self._folder is not None  # noqa: S101 - without one there is a key from the start
            file = self._folder / KEY_FILE
            if not file.exists():
                _make_key(file)
            found = file.read_bytes()
            if len(found) != KEY_BYTES:
                raise KeyLost(f"{file} should hold {KEY_BYTES} bytes and has {len(found)}. {_put_back(file)}")
            self._key = found
        return self._key

    def hashed(self, value: str) -> str:
        """The keyed hash of a number or address."""
        return blake2b(value.encode(), digest_size=20, key=self.key).hexdigest()

    def refuse_without_key(self, hashes: int) -> None:
        """Raises `KeyLost` when there are hashes and no key to them."""
        if hashes and self._folder and not (self._folder / KEY_FILE).exists():
            what = f"the database knows {hashes} hashes of people who were erased, and their key is not there"
            raise KeyLost(f"{self._folder / KEY_FILE}: {what}. {_put_back(self._folder / KEY_FILE)}")

    def note(self, rows: Iterable[Gone]) -> None:
        """Add hashes to the list; on disk when this returns."""
        rows = list(rows)
        if self._folder is None or not rows:
            self._lines += rows
            return
        lines = "".join(json.dumps(row._asdict(), separators=(",", ":")) + "\n" for row in rows)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / LIST_FILE, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            end = os.fstat(handle).st_size
            torn = end and os.pread(handle, 1, end - 1) != b"\n"  # a crash left half a line
            os.write(handle, ("\n" * bool(torn) + lines).encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def noted(self) -> dict[str, Gone]:
        """The list, each hash as it was noted last; half a line, which a crash may leave, is passed over."""
        if self._folder is None:
            return {row.hash: row for row in self._lines}
        found: dict[str, Gone] = {}
        with suppress(FileNotFoundError):
            for line in (self._folder / LIST_FILE).read_text("utf-8").splitlines():
                with suppress(ValueError, TypeError):
                    told = json.loads(line)
                    row = Gone(**told)._replace(stopped=tuple(told["stopped"]), campaigns=tuple(told["campaigns"]))
                    found[row.hash] = row
        return found


def _make_key(file: Path) -> None:
    """Whole or not at all, and never over another's."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_bytes(KEY_BYTES))
        os.fsync(handle)
        with suppress(FileExistsError):
            os.link(partial, file)
    finally:
        os.close(handle)
        partial.unlink()


def _put_back(file: Path) -> str:
    return (
        "Without it the stop list does not know these people when an import brings them back: put the file back from "
        f"where it is kept. If it is lost for good: head -c {KEY_BYTES} /dev/urandom > {file}; chmod 600 {file}; "
        "people erased until then are strangers from there on."
    )


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, and what stays: rows deleted by kind, campaigns by id in which a course ended, the hashes; how many
    attempts providers are asked to forget."""

    went: Mapping[str, int]
    ended_in: frozenset[int]
    hashes: tuple[Gone, ...]
    elsewhere: int


async def forget(
    conn: AsyncConnection, traces: Traces, contact_id: int, at: int, *, since_at: int, but: frozenset[Kind]
) -> Erased:
    """The unit of work: one person is erased, whatever is planned for them. `since_at` is when it was asked for; the
    providers of all channels except `but` are to forget them too."""
    await contacts.reserve(conn, [contact_id])
    points = (await contacts.points_of(conn, [contact_id])).get(contact_id, [])
    values = [point.value for point in points]
    refs = tuple(await forgetting.campaigns_of(conn, contact_id))
    values_and_texts = [word for words in await forgetting.words_of(conn, contact_id) for word in words]
    async with forgetting.overwriting(conn):
        ended_in = await _end_courses(conn, contact_id, at)
        await forgetting.give_up(conn, contact_id, at)
        acts = await forgetting.acts_about(conn, contact_id, values)
        await forgetting.blank_acts(conn, acts, values_and_texts)
        elsewhere = await forgetting.elsewhere(conn, contact_id, but)
        await ask_to_forget(conn, elsewhere, at)
        names = await forgetting.untie(conn, contact_id)
        stopped = await forgetting.hide_stops(conn, traces.hashed, values, names)
        went = await forgetting.delete_person(conn, contact_id, values, at)
    hashes = tuple(
        Gone(traces.hashed(p.value), p.kind, tuple(sorted(stopped.get(p.value, ()))), refs, since_at) for p in points
    )
    await forgetting.remember(conn, hashes, by="fluentsd")
    return Erased(went, ended_in, hashes, len(elsewhere))


async def _end_courses(conn: AsyncConnection, contact_id: int, at: int) -> frozenset[int]:
    """queued, active or errored → exited (erased), in every campaign."""
    rows = await standing.open_of_contact(conn, contact_id)
    deltas = counters.Deltas()
    await leave(conn, [Course(*(row[name] for name in Course._fields)) for row in rows], "erased", at, deltas)
    await counters.add(conn, deltas)
    return frozenset(row["campaign_id"] for row in rows)


async def keep(house: House, hashes: Iterable[Gone]) -> None:
    """After the commit, whoever is cancelled: the hashes onto the list, and the old pages out of SQLite's log."""
    with trio.CancelScope(shield=True), house.clock.busy():
        await trio.to_thread.run_sync(house.traces.note, list(hashes))
        if house.store.dialect == "sqlite":
            await trio.to_thread.run_sync(_empty_log, str(make_url(house.store.url).database))


def _empty_log(path: str) -> None:
    """Old pages lie in the log until it is begun anew; with readers at work this is left for SQLite's own time."""
    with closing(sqlite3.connect(path, timeout=1.0)) as conn, suppress(sqlite3.OperationalError):
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def replay(house: House) -> int:
    """Erase again whoever was erased and is in this database all the same; returns how many people that were.

    At every start, before anybody can be contacted. Raises `KeyLost`.
    """
    traces = house.traces
    known = {row.hash: row for row in await house.store.read(forgetting.everybody)}
    noted = traces.noted()
    traces.refuse_without_key(len(known.keys() | noted.keys()))
    traces.note(row for row in known.values() if row.hash not in noted or noted[row.hash].at < row.at)
    due = {row.hash: row for row in noted.values() if row.hash not in known or known[row.hash].at < row.at}
    if not due:
        return 0
    people = await _people_of(house, due)
    for contact_id, since_at in people.items():
        await house.store.run(_again, traces, contact_id, house.clock.now(), since_at, keep_nothing(house))
    await house.store.run(forgetting.remember, list(due.values()), by="fluentsd")
    await keep(house, [])
    house.log.warning("forgetting.replayed", hashes=len(due), people=len(people))
    return len(people)


async def _again(
    conn: AsyncConnection, traces: Traces, contact_id: int, at: int, since_at: int, but: frozenset[Kind]
) -> None:
    await forget(conn, traces, contact_id, at, since_at=since_at, but=but)
    await audit.note(conn, at=at, actor="fluentsd", verb="erase", details={"contact": contact_id, "replayed": True})


async def _people_of(house: House, due: Mapping[str, Gone]) -> dict[int, int]:
    """Whose points these hashes are, each with the moment of the erasure: a walk over all points."""
    people: dict[int, int] = {}
    since = 0
    while rows := await house.store.read(forgetting.some_points, since, POINTS_AT_ONCE):
        since = rows[-1][0] + 1
        for _, contact_id, value in rows:
            if gone := due.get(house.traces.hashed(value)):
                people[contact_id] = max(people.get(contact_id, 0), gone.at)
    return people
