"""Remembers what a source has written to its CRM, so that an activity is written once although it is delivered twice.

A key is noted before the request leaves and its id after the answer. Between the two a crash or a lost answer leaves a
doubt; the plugin then looks for the activity in the CRM before it writes again. A small SQLite file in the plugin's
folder; all access goes through `Tools.run_sync`.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fluentsd.api.channel import Tools
from fluentsd.api.errors import InDoubt, NeedsHuman, Rejected, Unavailable

if TYPE_CHECKING:
    import sqlite3

_TABLE = "CREATE TABLE IF NOT EXISTS written (key TEXT PRIMARY KEY, ref TEXT) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a write beside its note. `name` says it to people and stays the same over tries; `write` may be
    repeated, because the same values are set again. `pieces`: what is tried one by one when the whole is refused."""

    name: str
    write: Callable[[], Awaitable[object]]
    pieces: Sequence[Part] = ()


class WriteLedger:
    """The activities that one source has written, by key; the file is opened at the first use."""

    def __init__(self, tools: Tools, name: str = "written.sqlite3") -> None:
        self._path, self._run_sync = Path(tools.folder) / name, tools.run_sync
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    async def once(self, key: str, write: Callable[[bool], Awaitable[str]]) -> str:
        """The id of the activity `key`, written by `write(in_doubt)` unless it is there already.

        `in_doubt` is True when an earlier try began and its end is not known. `Unavailable`, `Rejected` and
        `NeedsHuman` from `write` assert that nothing was written; after `InDoubt`, any other error or a crash the next
        try is in doubt.
        """
        ref, in_doubt = await self._run_sync(self._begin, key)
        if ref:
            return str(ref)
        try:
            ref = await write(in_doubt)
        except InDoubt:
            raise
        except (Unavailable, Rejected, NeedsHuman):
            if not in_doubt:
                await self._run_sync(self._take_back, key)
            raise
        await self._run_sync(self._end, key, ref)
        return str(ref)

    async def all_parts(
        self,
        key: str,
        parts: Callable[[], Awaitable[Sequence[Part]]],
        note: Callable[[bool], Awaitable[str]],
    ) -> str:
        """Write each part of the activity `key`, then its note (`note(in_doubt)` returns its id), each of them once.

        A part that is refused stops no other one; `Rejected` names it after all the rest is written, so that the next
        try is about that part alone. `parts` is asked each time. When all is refused, the note's refusal is raised.
        """
        refused: list[str] = []
        if await self._run_sync(self._is_done, f"{key}|all"):
            return str(await self.once(key, note))
        try:
            asked = await parts()
        except (Rejected, NeedsHuman) as why:
            asked, refused = (), [str(why)]
        for part in asked:
            refused += await self._part(key, part)
        ref = await self.once(key, note)
        if refused:
            raise Rejected(f"the note is written, but not all else: {'; '.join(refused)}")
        await self._run_sync(self._note_done, f"{key}|all", bool(asked))
        return ref

    async def _part(self, key: str, part: Part) -> list[str]:
        """Write a part unless it is there; returns what was refused of it."""
        mine = f"{key}|{part.name}"
        for one in part.pieces:
            if await self._run_sync(self._is_done, f"{key}|{one.name}"):
                break  # the whole was refused in an earlier try
        else:
            try:
                await self.once(mine, lambda _: _done(part))
            except (Rejected, NeedsHuman) as why:
                if not part.pieces or isinstance(why, NeedsHuman) or isinstance(why.__cause__, LookupError):
                    return [f"{part.name}: {why}"]
            else:
                return []
        return [each for one in part.pieces for each in await self._part(key, one)]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            import sqlite3  # only here: a channel plugin has no ledger

            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_TABLE)
        return self._connection

    def _begin(self, key: str) -> tuple[str | None, bool]:
        with self._lock:
            row = self._open().execute("SELECT ref FROM written WHERE key = ?", (key,)).fetchone()
            if row is None:
                self._open().execute("INSERT INTO written VALUES (?, NULL)", (key,))
            return (row[0], row[0] is None) if row else (None, False)

    def _is_done(self, key: str) -> bool:
        with self._lock:
            row = self._open().execute("SELECT ref FROM written WHERE key = ?", (key,)).fetchone()
            return row is not None and row[0] is not None

    def _note_done(self, key: str, had_parts: bool) -> None:
        if had_parts:  # a note alone is its own mark
            with self._lock:
                self._open().execute("INSERT OR REPLACE INTO written VALUES (?, 'done')", (key,))

    def _take_back(self, key: str) -> None:
        with self._lock:
            self._open().execute("DELETE FROM written WHERE key = ? AND ref IS NULL", (key,))

    def _end(self, key: str, ref: str) -> None:
        with self._lock:
            self._open().execute("UPDATE written SET ref = ? WHERE key = ?", (ref, key))


async def _done(part: Part) -> str:
    await part.write()
    return "done"
