"""An import: from a messy file to batches of people the engine can take, in constant memory.

Blocking generators; they run where the person sits. Batches are plain JSON, because they may travel to a daemon. The
order of knowledge about a person's zone is field, address, number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluentsd.domain.csvmap import Columns, Need, require, suggest, with_asked
from fluentsd.domain.places import zones_of
from fluentsd.domain.points import email_key
from fluentsd.domain.rows import Person, Preview, Reject, preview, read_row
from fluentsd.engine.csvfile import CsvFile

#: People handed over at once: one transaction of the engine, some 25 ms.
BATCH = 500


@dataclass(slots=True)
class Batch:
    """People ready to be taken, and the rows they came from."""

    people: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def mapping_of(file: CsvFile, asked: Mapping[str, str], region: str, need: Need) -> Columns:
    """What each column means; `CsvError` when the file cannot be what is needed."""
    mapping = suggest(file.header or (), file.sample, region)
    if asked:
        mapping = with_asked(mapping, asked)
    require(mapping, need)
    return mapping


def previewed(file: CsvFile, mapping: Columns, region: str, need: Need) -> Preview:
    """The first rows as an import would read them; nothing is imported."""
    read = [read_row(mapping, row, line, region, need) for line, row in file.ahead]
    people = [r for r in read if isinstance(r, Person)]
    return preview(mapping, people, [r for r in read if isinstance(r, Reject)])


def batches(file: CsvFile, mapping: Columns, region: str, need: Need) -> Iterator[Batch | Reject]:
    """The whole file: batches of people, and between them the rows that are nobody."""
    batch = Batch()
    for line, row in file:
        read = read_row(mapping, row, line, region, need)
        if isinstance(read, Reject):
            yield read
        elif read is not None:
            batch.people.append(arrival(read))
            batch.rows.append((line, list(row) if isinstance(row, Sequence) else []))
            if len(batch.people) >= BATCH:
                yield batch
                batch = Batch()
    if batch.people:
        yield batch


def arrival(person: Person) -> dict[str, Any]:
    """One person as `contacts take` wants it: points in order of preference, zones, fields."""
    points = [("phone", f"{p.e164};ext={p.extension}" if p.extension else p.e164) for p in person.phones]
    points += [("email", email_key(address)) for address in person.emails]
    phone = person.phones[0].e164 if person.phones else None
    zones = zones_of(person.timezone, person.state, person.country, phone)
    return {
        "key": person.external_id or ":".join(points[0]),
        "points": points,
        "zones": zones.candidates,
        "zone_basis": zones.basis,
        "language": person.language[:16],
        "fields": person.fields,
    }


def rejects_beside(path: Path) -> Path:
    """Where the rows that were not taken go."""
    return path.with_name(f"{path.stem}.rejects.csv")
