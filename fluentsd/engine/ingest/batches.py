"""Batches of an import: turns the rows of a file into batches of normalised people, in constant memory.

Blocking generators, run in a thread, in a subprocess (`import_process`), or in slices between which other tasks run.
What must not live here: the reading of cells (`domain.contacts.reader`) and of files (`csv_file`), the store.
"""

from __future__ import annotations

import marshal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from fluentsd.domain.contacts.mapping import (
    Columns,
    CsvError,
    Need,
    require,
    suggest,
    with_asked,
    with_kept,
    with_order,
)
from fluentsd.domain.contacts.reader import ContactReader, Person, Preview, Reject, preview
from fluentsd.domain.contacts.upserts import ContactUpsert, contact_upsert
from fluentsd.domain.time.dates import Order
from fluentsd.engine.ingest.csv_file import CsvFile

#: People in a batch, and bytes of their rows: a batch fits into one request, however wide the table. `import_run` says
#: how many people one transaction takes.
BATCH = 250
TEXT_AT_MOST = 1_000_000
#: Most rows of a preview.
PREVIEW_AT_MOST = 100_000
#: Rejected rows in a chunk.
REFUSED_AT_MOST = 10_000


@dataclass(slots=True)
class Batch:
    """Normalised people, and the rows they came from. Cells are packed with marshal, because few are read again."""

    people: list[ContactUpsert] = field(default_factory=list)
    rows: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, other: Batch) -> None:
        self.people += other.people
        self.rows += other.rows

    def row(self, nth: int) -> tuple[int, tuple[str, ...]]:
        """The line number and the original cells of one person."""
        line, packed = self.rows[nth]
        return line, tuple(marshal.loads(packed))  # noqa: S302 - this program packed it


@dataclass(slots=True)
class Taken:
    """What the service answers to one batch. `back`: enrollments that go on because a fact was missing before;
    `opted_out`: people whose row says so; `duplicate_rows`: places in the batch; `shared`: points of these people that
    belong to several, as (kind, id); `ended`: the campaigns in which enrollments ended, for
    `Runtime.enrollment_ended` after the commit."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    enrolled: int = 0
    back: int = 0
    opted_out: int = 0
    duplicate_rows: list[int] = field(default_factory=list)
    shared: set[tuple[str, int]] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)


def mapping_of(
    file: CsvFile,
    asked: Mapping[str, str],
    region: str,
    need: Need,
    *,
    ignored: Sequence[str] = (),
    only_fields: Sequence[str] = (),
    dates: Order = "",
) -> Columns:
    """The meaning of each column, without the columns that the user set aside. Raises `CsvError` when the file lacks
    what `need` asks for, or for an unknown column."""
    mapping = suggest(file.header or (), file.sample, region)
    if asked:
        mapping = with_asked(mapping, asked)
    if dates:
        mapping = with_order(mapping, dates)
    if ignored or only_fields:
        mapping = with_kept(mapping, ignored, only_fields)
    require(mapping, need)
    return mapping


def previewed(file: CsvFile, mapping: Columns, region: str, need: Need) -> Preview:
    """The rows as the import would read them, with the counts that it would have: all rows of a file, up to
    `PREVIEW_AT_MOST`. Nothing is imported."""
    read = ContactReader(mapping, region, need).read
    people, rejects = list[Person](), list[Reject]()
    for line, row in islice(file, PREVIEW_AT_MOST):
        found = read(row, line)
        if isinstance(found, Reject):
            rejects.append(found)
        elif found is not None:
            people.append(found)
    return preview(mapping, people, rejects)


def batches(
    file: CsvFile,
    mapping: Columns,
    region: str,
    need: Need,
    *,
    slice_s: float | None = None,
    now: Callable[[], float] = time.perf_counter,
) -> Generator[Batch | Reject, None, None]:
    """The whole file as batches of people, and between them the invalid rows. With `slice_s`, what has been read is
    yielded after that many seconds, if only an empty batch: no step takes longer, save for the row it ends with."""
    batch, text, ends_at = Batch(), 0, now() + slice_s if slice_s else None
    read = ContactReader(mapping, region, need).read
    for line, row in file:
        found = read(row, line)
        if isinstance(found, Reject):
            yield found
            ends_at = now() + slice_s if slice_s else None
            continue
        if found is not None and not isinstance(row, Reject):
            batch.people.append(contact_upsert(found))
            packed = marshal.dumps(row)
            batch.rows.append((line, packed))
            text += len(packed)
        if len(batch.people) >= BATCH or text >= TEXT_AT_MOST or (ends_at is not None and now() >= ends_at):
            yield batch
            batch, text, ends_at = Batch(), 0, now() + slice_s if slice_s else None
    if batch.people:
        yield batch


@dataclass(slots=True)
class Chunk:
    """People for one request, the rows rejected among them, and the error that ended the file, if any (`why`)."""

    batch: Batch = field(default_factory=Batch)
    refused: list[Reject] = field(default_factory=list)
    why: CsvError | None = None
    is_last: bool = False

    def add(self, item: Batch | Reject) -> None:
        """Take over what a step of reading gave."""
        if isinstance(item, Reject):
            self.refused.append(item)
        else:
            self.batch.add(item)

    def is_full(self, most: int) -> bool:
        """Whether it has `most` people, or as many rejects as memory should hold."""
        return len(self.batch.people) >= most or len(self.refused) >= REFUSED_AT_MOST


def next_chunk(work: Iterator[Batch | Reject], most: int) -> Chunk:
    """The next chunk of at least `most` people; the last one may have fewer. Blocking."""
    chunk = Chunk()
    try:
        for item in work:
            chunk.add(item)
            if chunk.is_full(most):
                return chunk
    except CsvError as why:
        chunk.why = why
    chunk.is_last = True
    return chunk


def rejects_path(path: Path) -> Path:
    """The file of rejected rows, beside the imported file."""
    return path.with_name(f"{path.stem}.rejects.csv")
