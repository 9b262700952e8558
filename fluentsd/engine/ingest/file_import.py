"""The import of one file of people: reads it, passes batches to the service, keeps the rejects and the counts.

One orchestration for every caller: the shell, which reads on the user's machine and sends verbs, and the daemon, which
calls the service in its own process. The run begins only after the first valid row: a file that is not a list of
people, or in which every row is invalid, changes nothing. People who are missing from a whole list leave only after its
last row was read and stored. What must not live here: terminals, verbs, the store, how a file is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio

from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject
from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.engine.ingest.batches import Batch, Chunk, Taken, next_chunk

#: Invalid rows kept in memory before the first valid one; further ones are passed to the sink at once.
KEPT_AT_MOST = 10_000
#: Reasons of rejected rows in a summary, the most frequent first.
REASONS = 8
#: Seconds for which reading holds up the daemon's other tasks.
SLICE_S = 0.005


class Ingest(Protocol):
    """The batch service for one import, called in this process (`in_daemon`) or through verbs."""

    async def begin(self) -> int:
        """Begin the run; returns the size of a batch."""

    async def take(self, people: Sequence[ContactUpsert], *, keep_duplicates: bool) -> Taken:
        """Store one batch."""

    async def end(self, counts: Mapping[str, int], *, whole: bool, confirmed: bool) -> int:
        """End the run; returns how many people left."""


class Rejects(Protocol):
    """Where invalid and skipped rows go. `written`: how many; `place`: where they are, in words for the user."""

    @property
    def written(self) -> int: ...
    @property
    def place(self) -> str: ...
    def write(self, reject: Reject) -> None:
        """Keep one row. Raises `CsvError` if that is not possible."""


#: Reads the next chunk of at least so many people.
Reading = Callable[[int], Awaitable[Chunk]]


def read_in_thread(work: Iterator[Batch | Reject]) -> Reading:
    """Chunks read in a thread, for a process that has little else to do, or whose rows come from a subprocess."""

    async def read(most: int) -> Chunk:
        return await trio.to_thread.run_sync(next_chunk, work, most)

    return read


def read_in_slices(work: Iterator[Batch | Reject]) -> Reading:
    """Chunks read on Trio's thread; other tasks run after each step of `work` (`batches` with `slice_s`)."""

    async def read(most: int) -> Chunk:
        chunk = Chunk()
        try:
            for item in work:
                chunk.add(item)
                await trio.lowlevel.checkpoint()
                if chunk.is_full(most):
                    return chunk
        except CsvError as why:
            chunk.why = why
        chunk.is_last = True
        return chunk

    return read


@dataclass(frozen=True, slots=True)
class Options:
    """How an import goes. `keep_duplicates`: of several rows about a person the last counts, not the first. `whole`:
    the file is the whole list; `confirmed`: also when most of its people would leave."""

    keep_duplicates: bool = False
    whole: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import came to. `opted_out`: people whose row says so; `shared`: points that belong to several people, by
    kind; `rejected_because`: the most frequent reasons; `rejects_in`: where invalid and skipped rows are, None without
    any."""

    rows: int
    new: int
    updated: int
    duplicates: int
    enrolled: int
    rejected: int
    left: int
    opted_out: int = 0
    shared: Mapping[str, int] = field(default_factory=dict)
    rejected_because: Mapping[str, int] = field(default_factory=dict)
    rejects_in: str | None = None


_COUNTED = ("rows", "new", "updated", "duplicates", "enrolled", "rejected")


def _nothing() -> None:
    pass


class FileImport:
    """One running import: its counts and rejects. `name` is the file's, for messages."""

    def __init__(
        self,
        name: str,
        read: Reading,
        ingest: Ingest,
        rejects: Rejects,
        options: Options,
        progress: Callable[[], None] = _nothing,
    ) -> None:
        self._name, self._read, self._ingest, self._rejects = name, read, ingest, rejects
        self._options, self._progress = options, progress
        self._kept: list[Reject] = []
        self._counts: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._shared: set[tuple[str, int]] = set()

    async def carry_out(self) -> Summary:
        """Import the whole file. Raises `CsvError` when it cannot be read to its end, and says what was imported
        before that; nobody leaves then. Raises what the service raises."""
        try:
            first = await self._first()
            await self._store(await self._ingest.begin(), first)
        except CsvError as why:
            raise self._in_the_middle(why) from None
        counts = {name: self._counts[name] for name in _COUNTED}
        options = self._options
        left = await self._ingest.end(counts, whole=options.whole, confirmed=options.confirmed)
        shared = Counter(kind for kind, _ in self._shared)
        problems = dict(self._problems.most_common(REASONS))
        opted_out = self._counts["opted_out"]
        return Summary(**counts, left=left, opted_out=opted_out, shared=dict(shared), rejected_because=problems,
                       rejects_in=self._rejects.place if self._rejects.written else None)  # fmt: skip

    def so_far(self) -> Mapping[str, int]:
        """The counts of what was stored, for an import that is interrupted."""
        return {name: self._counts[name] for name in _COUNTED}

    async def _first(self) -> Chunk:
        """The first chunk with people; `CsvError` if the file has none."""
        while True:
            chunk = await self._read(1)
            self._progress()
            for reject in chunk.refused:
                self._refuse(reject)
            chunk.refused.clear()
            if chunk.batch.people:
                return chunk
            if chunk.why is not None:
                raise chunk.why
            if chunk.is_last:
                raise self._no_valid_row()

    async def _store(self, at_once: int, first: Chunk) -> None:
        """Store one chunk while the next is read. A reading error is raised after the chunks before it are stored."""
        self._write_kept()
        await self._store_chunk(first)
        send, receive = trio.open_memory_channel[Chunk](0)
        why: Exception | None = first.why
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_ahead, first, at_once, send)
            try:
                async for chunk in receive:
                    await self._store_chunk(chunk)
                    why = chunk.why
            except Exception as error:  # noqa: BLE001 - raised below, out of the nursery's group
                why = error
                nursery.cancel_scope.cancel()
        if why is not None:
            raise why

    async def _read_ahead(self, chunk: Chunk, most: int, send: trio.MemorySendChannel[Chunk]) -> None:
        """Read chunks after this one, until the file ends or a reading error."""
        async with send:
            while not chunk.is_last:
                chunk = await self._read(most)
                await send.send(chunk)

    async def _store_chunk(self, chunk: Chunk) -> None:
        for reject in chunk.refused:
            self._refuse(reject)
        self._write_kept()
        if chunk.batch.people:
            await self._store_batch(chunk.batch)
        self._progress()

    async def _store_batch(self, batch: Batch) -> None:
        keep = self._options.keep_duplicates
        taken = await self._ingest.take(batch.people, keep_duplicates=keep)
        self._counts["rows"] += len(batch.people)
        for name in ("new", "updated", "duplicates", "enrolled", "opted_out"):
            self._counts[name] += getattr(taken, name)
        self._shared.update(taken.shared)
        for row in () if keep else taken.duplicate_rows:
            line, cells = batch.row(row)
            self._rejects.write(Reject(line, "the same person as an earlier row", cells))

    def _refuse(self, reject: Reject) -> None:
        self._kept.append(reject)
        if len(self._kept) > KEPT_AT_MOST:
            self._write_kept()
        self._counts["rejected"] += 1
        self._counts["rows"] += 1
        self._problems[reject.reason] += 1

    def _write_kept(self) -> None:
        for reject in self._kept:
            self._rejects.write(reject)
        self._kept.clear()

    def _in_the_middle(self, why: CsvError) -> CsvError:
        """The error with the number of people imported before it."""
        taken = self._counts["new"] + self._counts["updated"]
        if taken:
            why.args = (str(why).replace("Nothing was imported.", f"{taken} people were imported before that."),)
        return why

    def _no_valid_row(self) -> CsvError:
        """The error of a file without a single valid row."""
        rows, first = self._counts["rows"], self._kept[0].line if self._kept else 0
        reasons = "; ".join(f"{count} × {reason}" for reason, count in self._problems.most_common(3))
        where = f"The first is in line {first}." if first else ""
        if self._rejects.written:  # too many to keep in memory
            self._write_kept()
            where = f"All of them are in {self._rejects.place}."
        return CsvError(
            f'"{self._name}" has {rows} row{"" if rows == 1 else "s"}, and none is valid: {reasons}.',
            f"{where} A preview shows how the columns are read.",
        )
