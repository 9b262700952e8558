"""The CSV source keeps every promise of a source, by address and by folder, and the suite notices one that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fluentsd_source_csv.settings import read_settings
from fluentsd_source_csv.source import CsvSource

from fluentsd.api import Activity, Page, Record, Tools
from fluentsd.testing import ConformanceFailure, discover, exercise_source
from plugins.source_csv.tests.fake_web import FakeWeb, as_csv


class Published:
    """The published file, from its own side."""

    def __init__(self, web: FakeWeb, folder: Path) -> None:
        self.web, self.activities = web, folder / "activities.jsonl"

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        one = record.removeprefix("Leads/")
        self.web.rows[one] = {"id": one, **fields}
        return f"Leads/{one}"

    def remove(self, segment: str, record: str) -> None:
        del self.web.rows[record.removeprefix("Leads/")]

    def written(self, key: str) -> int:
        return self.activities.read_text("utf-8").count(f'"{key}"')


class InFolder(Published):
    """A file in a folder, written again after each change."""

    def __init__(self, web: FakeWeb, folder: Path) -> None:
        super().__init__(web, folder)
        self.file = folder / "lists" / "Leads.csv"
        self.save()

    def save(self) -> None:
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(as_csv(list(self.web.rows.values())))

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        ref = super().put(segment, record, fields)
        self.save()
        return ref

    def remove(self, segment: str, record: str) -> None:
        super().remove(segment, record)
        self.save()


async def exercise(kind: type[CsvSource], web: FakeWeb, given: Tools, page: int = 3, **more: Any) -> None:
    def make(tools: Tools) -> CsvSource:
        table = {"files": {"Leads": f"{web.url}/leads.csv"}, "every": 0, "page": page}
        return kind(read_settings(more | ({"page": page} if more else table)), tools)

    folder = Path(given.folder)
    await exercise_source(make, tools=given, control=InFolder(web, folder) if more else Published(web, folder))


@pytest.mark.slow
@pytest.mark.parametrize("page", [2, 3, 7, 100])
async def test_keeps_every_promise_by_address(web, given, page):
    await exercise(CsvSource, web, given, page)


@pytest.mark.slow
async def test_keeps_every_promise_in_a_folder(web, given):
    (Path(given.folder) / "lists").mkdir()
    await exercise(CsvSource, web, given, folder=f"{given.folder}/lists")


class SaysCompleteEarly(CsvSource):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        return replace(await super().walk(segment, cursor), complete=True)


class NeverComplete(CsvSource):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        return replace(await super().walk(segment, cursor), complete=False)


class Repeats(CsvSource):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        page = await super().walk(segment, cursor)
        return replace(page, refs=[*page.refs, *page.refs[:1]], records=None)


class Hides(CsvSource):
    async def changes(self, segment: str, since: str | None) -> Page:
        return replace(await super().changes(segment, since), gone=())


class WritesTwice(CsvSource):
    async def write(self, activity: Activity, key: str) -> str:
        return await super().write(activity, f"{key}-{id(activity)}-{self._tools.clock.now()}-{id(self)}")


class Invents(CsvSource):
    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        return [Record(ref, {}) for ref in ids]


class Swallows(CsvSource):
    async def walk(self, segment: str, cursor: str | None) -> Page:
        try:
            return await super().walk(segment, cursor)
        except (LookupError, ValueError):
            return Page([], complete=True, as_of=1)


class Half(CsvSource):
    refresh: Any = None


@pytest.mark.slow
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
async def test_a_source_that_lies_is_found_out(web, given, liar, check):
    with pytest.raises(ConformanceFailure, match=check):
        await exercise(liar, web, given)


def test_the_name_is_discovered():
    found = discover()
    assert "csv" in found.sources, found.broken
