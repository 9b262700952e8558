"""The CSV-folder source keeps every promise of a source, and the suite notices sources that do not."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Activity, NeedsHuman, Page, Record, Tools
from fluentsd.testing import ConformanceFailure, CsvFolder, exercise_source, tools


class Folder:
    """The files, from their own side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("leads", [{"id": f"r{n}", "name": f"Person {n}"} for n in range(7)])
        self.write("old", [])

    def write(self, segment: str, rows: Sequence[Mapping[str, str]]) -> None:
        segment = segment.removeprefix("file:")
        with (self.folder / f"{segment}.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, ["id", "name"])
            writer.writeheader()
            writer.writerows(rows)

    def rows(self, segment: str) -> list[dict[str, str]]:
        segment = segment.removeprefix("file:")
        with (self.folder / f"{segment}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> None:
        others = [row for row in self.rows(segment) if row["id"] != record]
        self.write(segment, [*others, {"id": record, "name": "", **fields}])

    def remove(self, segment: str, record: str) -> None:
        self.write(segment, [row for row in self.rows(segment) if row["id"] != record])

    def written(self, key: str) -> int:
        lines = (self.folder / "activities.jsonl").read_text().splitlines()
        return sum(json.loads(line)["key"] == key for line in lines)


async def exercise(kind: type[CsvFolder], folder: Path, page: int = 3) -> None:
    def make(given: Tools) -> CsvFolder:
        return kind(folder, given, page=page)

    await exercise_source(make, tools=tools(folder=folder), control=Folder(folder))


@pytest.mark.parametrize("page", [2, 3, 7, 100])
async def test_keeps_every_promise(page: int, tmp_path: Path) -> None:
    await exercise(CsvFolder, tmp_path, page)


class SaysCompleteEarly(CsvFolder):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        return replace(await super().walk(segment, cursor), complete=True)


class NeverComplete(CsvFolder):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        return replace(await super().walk(segment, cursor), complete=False)


class Repeats(CsvFolder):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        page = await super().walk(segment, cursor)
        return replace(page, refs=[*page.refs, *page.refs[:1]], records=None)


class Hides(CsvFolder):
    async def changes(self, segment: str, since: str | None) -> Page:
        return replace(await super().changes(segment, since), gone=())


class WritesTwice(CsvFolder):
    async def write(self, activity: Activity, key: str) -> str:
        with (self.folder / "activities.jsonl").open("a") as out:
            out.write(json.dumps({"key": key}) + "\n")
        return "activity"


class Invents(CsvFolder):
    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        return [Record(ref, {}) for ref in ids]


class Swallows(CsvFolder):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        try:
            return await super().walk(segment, cursor)
        except (LookupError, ValueError):
            return Page([], complete=True, as_of=1)


class Half(CsvFolder):
    refresh: Any = None


@pytest.mark.parametrize(
    ("liar", "check"),
    [
        (SaysCompleteEarly, "a_walk_names_every_record"),
        (NeverComplete, "a_walk_names_every_record"),
        (Repeats, "a_walk_names_every_record"),
        (Hides, "changes_are_told"),
        (WritesTwice, "writing_twice_writes_once"),
        (Invents, "records_can_be_fetched_by_id"),
        (Swallows, "nonsense_is_refused"),
        (Half, r"Source\.refresh is not a method"),
    ],
)
async def test_a_source_that_lies_is_found_out(liar: type[CsvFolder], check: str, tmp_path: Path) -> None:
    with pytest.raises(ConformanceFailure, match=check):
        await exercise(liar, tmp_path)


async def test_a_walk_over_a_file_that_changes_begins_again(tmp_path: Path) -> None:
    files, source = Folder(tmp_path), CsvFolder(tmp_path, tools(folder=tmp_path), page=3)
    page = await source.walk("file:leads", None)
    assert not page.complete
    files.remove("leads", "r6")
    with pytest.raises(ValueError, match="begin again"):
        await source.walk("file:leads", page.next)


async def test_a_file_without_ids_needs_a_human(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("name\nAda\n")
    source = CsvFolder(tmp_path, tools(folder=tmp_path))
    with pytest.raises(NeedsHuman, match=r"odd.csv is not a CSV file with a column id"):
        await source.segments()
