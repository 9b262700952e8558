"""An import: from a messy file to batches of people the engine can take, in constant memory.

Blocking generators; they run where the person sits, in this process or in one of their own (`apart`). Batches are plain
values, because they travel: to a daemon as JSON, out of the reading process in the interpreter's own format.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluentsd.domain.contacts.mapping import Columns, CsvError, Need, require, suggest, with_asked
from fluentsd.domain.contacts.points import email_key
from fluentsd.domain.contacts.reader import Person, Preview, Reject, RowReader, preview
from fluentsd.domain.places.whereabouts import place_of
from fluentsd.engine.ingest.csv_file import CsvFile

#: People in a batch, and characters of what is said of them: however wide a table, a batch fits into one request.
BATCH = 250
TEXT_AT_MOST = 1_000_000
#: Refused rows in a pile.
REFUSED_AT_MOST = 10_000

_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Batch:
    """People ready to be taken, and the rows they came from; cells are packed, because few are looked at again."""

    people: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, other: Batch) -> None:
        self.people += other.people
        self.rows += other.rows

    def row(self, nth: int) -> tuple[int, tuple[str, ...]]:
        """The line and the cells of one of them as they stood."""
        line, packed = self.rows[nth]
        return line, tuple(marshal.loads(packed))  # noqa: S302 - this program packed it


def mapping_of(file: CsvFile, asked: Mapping[str, str], region: str, need: Need) -> Columns:
    """What each column means; `CsvError` when the file cannot be what is needed."""
    mapping = suggest(file.header or (), file.sample, region)
    if asked:
        mapping = with_asked(mapping, asked)
    require(mapping, need)
    return mapping


def previewed(file: CsvFile, mapping: Columns, region: str, need: Need) -> Preview:
    """The first rows as an import would read them; nothing is imported."""
    reader = RowReader(mapping, region, need)
    read = [reader.read(row, line) for line, row in file.ahead]
    people = [r for r in read if isinstance(r, Person)]
    return preview(mapping, people, [r for r in read if isinstance(r, Reject)])


def batches(file: CsvFile, mapping: Columns, region: str, need: Need) -> Generator[Batch | Reject, None, None]:
    """The whole file: batches of people, and between them the rows that are nobody."""
    batch, text = Batch(), 0
    read = RowReader(mapping, region, need).read
    for line, row in file:
        found = read(row, line)
        if isinstance(found, Reject):
            yield found
        elif found is not None and not isinstance(row, Reject):
            person = arrival(found)
            batch.people.append(person)
            batch.rows.append((line, marshal.dumps(row)))
            text += len(person["fields"])
            if len(batch.people) >= BATCH or text >= TEXT_AT_MOST:
                yield batch
                batch, text = Batch(), 0
    if batch.people:
        yield batch


def arrival(person: Person) -> dict[str, Any]:
    """One person as `contacts take` wants it: points in order of preference, place, and the fields as JSON text."""
    points = [("phone", f"{p.e164};ext={p.extension}" if p.extension else p.e164) for p in person.phones]
    points += [("email", email_key(address)) for address in person.emails]
    numbers = [p.e164 for p in person.phones]
    place = place_of(person.timezone, person.state, person.country, person.postal_code, numbers)
    return {
        "key": person.external_id or ":".join(points[0]),
        "points": points,
        "zones": place.zones,
        "zone_basis": place.basis,
        "states": place.states,
        "conflict": place.conflict,
        "language": person.language[:16],
        "fields": _text_of(person.fields),
    }


@dataclass(slots=True)
class Pile:
    """People to hand over at once, the rows refused among them, and why nothing follows, if that is so."""

    batch: Batch = field(default_factory=Batch)
    refused: list[Reject] = field(default_factory=list)
    why: CsvError | None = None


def next_pile(work: Iterator[Batch | Reject], most: int) -> tuple[Pile, bool]:
    """Batches until there are at least `most` people in it, and whether it is the last. Blocking."""
    pile = Pile()
    try:
        for item in work:
            if isinstance(item, Reject):
                pile.refused.append(item)
            else:
                pile.batch.add(item)
            if len(pile.batch.people) >= most or len(pile.refused) >= REFUSED_AT_MOST:
                return pile, False
    except CsvError as why:
        pile.why = why
    return pile, True


def rejects_beside(path: Path) -> Path:
    """Where the rows that were not taken go."""
    return path.with_name(f"{path.stem}.rejects.csv")
