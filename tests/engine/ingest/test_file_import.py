"""The import of a file: the same summary in a thread and in slices, and nobody leaves after half a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import trio

from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest import file_import
from fluentsd.engine.ingest.batches import Batch, Taken, batches, mapping_of
from fluentsd.engine.ingest.csv_file import open_csv_bytes
from fluentsd.engine.ingest.file_import import SLICE_S, FileImport, Options, Summary, read_in_slices, read_in_thread
from fluentsd.engine.ingest.in_daemon import DaemonIngest
from tests.engine.stage import MINUTE, SMS, Stage, spec

HEAD = "First Name,Phone\n"
Items = Iterator[Batch | Reject]


def listed(*numbers: int, bad: int = 0) -> bytes:
    rows = [f"P{n},212555{n:04d}" for n in numbers] + ["Kilo,call me"] * bad
    return (HEAD + "\n".join(rows) + "\n").encode()


@dataclass
class Sink:
    """Rejects kept in memory."""

    place: str = "memory"
    rows: list[Reject] = field(default_factory=list)

    @property
    def written(self) -> int:
        return len(self.rows)

    def write(self, reject: Reject) -> None:
        self.rows.append(reject)


class Scripted:
    """A batch service that counts its calls; `fails` at the batch of that number."""

    def __init__(self, fails: int | None = None) -> None:
        self.calls: list[str] = []
        self.fails = fails

    async def begin(self) -> int:
        self.calls.append("begin")
        return 250

    async def take(self, people: Sequence[object], *, keep_duplicates: bool) -> Taken:
        if self.calls.count("take") == self.fails:
            raise RuntimeError("the database is gone")
        self.calls.append("take")
        return Taken(new=len(people))

    async def end(self, counts: Mapping[str, int], *, whole: bool, confirmed: bool) -> int:
        self.calls.append(f"end whole={whole}")
        return 0


def items_of(content: bytes, now: Callable[[], float] | None = None) -> Items:
    file = open_csv_bytes(content, "people.csv")
    mapping = mapping_of(file, {}, "US", "any")
    return batches(file, mapping, "US", "any", **({"slice_s": SLICE_S, "now": now} if now else {}))


def ticking(step: float = 0.0004) -> Callable[[], float]:
    """A clock on which every look takes a while, as reading a row does."""
    at = [0.0]

    def now() -> float:
        at[0] += step
        return at[0]

    return now


async def imported(stage: Stage, content: bytes, sink: Sink, *, sliced: bool, **options: bool) -> Summary:
    """Import bytes in memory in the daemon's own process."""
    items = items_of(content, ticking()) if sliced else items_of(content)
    read = read_in_slices(items) if sliced else read_in_thread(items)
    ingest = DaemonIngest(stage.runtime, "people.csv", "test", "dana")
    return await FileImport("people.csv", read, ingest, sink, Options(**options)).carry_out()


@pytest.mark.parametrize("sliced", [True, False])
async def test_bytes_in_memory_are_imported_in_the_daemons_own_process(stage: Stage, sliced: bool) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    sink = Sink()
    done = await imported(stage, listed(*range(600), 7, 7, bad=3), sink, sliced=sliced)
    assert done == Summary(
        rows=605, new=600, updated=0, duplicates=2, enrolled=600, rejected=3, left=0,
        rejected_because={"Phone: no number": 3}, rejects_in="memory",
    )  # fmt: skip
    assert sorted((row.line, row.reason) for row in sink.rows) == [
        (602, "the same person as an earlier row"),
        (603, "the same person as an earlier row"),
        *((line, "Phone: no number") for line in (604, 605, 606)),
    ]
    assert (await stage.overview())["queued"] == 600


async def test_other_tasks_run_between_slices_of_at_most_five_milliseconds() -> None:
    """The clock is one that reading moves, so a slice is a number of rows: 0.4 ms each."""
    now, turns = ticking(), [0]
    steps: list[float] = []
    seen: list[int] = []  #: turns of the other task before each slice

    def counted() -> Items:
        began = now()
        for item in items_of(listed(*range(400)), now):
            steps.append(now() - began)
            seen.append(turns[0])
            yield item
            began = now()

    async def other() -> None:
        while True:
            turns[0] += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await FileImport("people.csv", read_in_slices(counted()), Scripted(), Sink(), Options()).carry_out()
        nursery.cancel_scope.cancel()
    assert len(steps) >= 400 * 0.0004 / SLICE_S / 1.2
    assert max(steps) <= SLICE_S + 4 * 0.0004, "the row that ends it, and our own looks at the clock"
    assert all(later > earlier for earlier, later in zip(seen, seen[2:], strict=False)), "in each tick, in any order"


def test_empty_rows_do_not_make_a_slice_longer() -> None:
    content = listed(1) + b"\n" * 1000 + b"P2,2125550002\n"
    sizes = [len(item.people) for item in items_of(content, ticking()) if isinstance(item, Batch)]
    assert sum(sizes) == 2
    assert len(sizes) > 50


def broken(content: bytes) -> Items:
    """A file that cannot be read to its end."""
    yield from items_of(content)
    raise CsvError("The disk is gone.", "Try again.")


async def test_people_of_half_a_file_are_imported_and_nobody_leaves(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"after": "3 weeks"}))
    await imported(stage, listed(*range(4)), Sink(), sliced=True)
    ingest = DaemonIngest(stage.runtime, "people.csv", "test", "dana")
    half = read_in_slices(broken(listed(0, 1, 2, 9)))
    await stage.until(stage.clock.now() + MINUTE)
    with pytest.raises(CsvError, match=r"The disk is gone\. 4 people were imported before that\. Try again\."):
        await FileImport("people.csv", half, ingest, Sink(), Options(whole=True)).carry_out()
    assert (await stage.overview())["queued"] == 5
    await stage.until(stage.clock.now() + MINUTE)
    assert (await imported(stage, listed(0, 1, 2, 9), Sink(), sliced=True, whole=True)).left == 1
    assert (await stage.overview())["queued"] == 4


async def test_a_whole_file_ends_its_run_once_after_the_last_batch() -> None:
    service = Scripted()
    done = await FileImport(
        "p", read_in_thread(items_of(listed(*range(700)))), service, Sink(), Options(whole=True)
    ).carry_out()
    assert (done.rows, done.new) == (700, 700)
    assert service.calls == ["begin", "take", "take", "take", "end whole=True"]


async def test_an_error_of_the_service_is_raised_as_it_is_and_the_run_does_not_end() -> None:
    service = Scripted(fails=1)
    work = FileImport("p", read_in_thread(items_of(listed(*range(700)))), service, Sink(), Options(whole=True))
    with pytest.raises(RuntimeError, match="the database is gone"):
        await work.carry_out()
    assert service.calls == ["begin", "take"]


@pytest.mark.parametrize("kept", [1, 10_000])
async def test_a_file_without_a_valid_row_begins_no_run(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(file_import, "KEPT_AT_MOST", kept)
    service, sink = Scripted(), Sink()
    where = "All of them are in memory" if kept == 1 else "The first is in line 2"
    with pytest.raises(CsvError, match=f"has 3 rows, and none is valid: 3 × Phone: no number. .*{where}"):
        await FileImport("p", read_in_slices(items_of(listed(bad=3))), service, sink, Options()).carry_out()
    assert service.calls == []
    assert sink.written == (3 if kept == 1 else 0)


async def test_progress_is_told_after_each_chunk() -> None:
    told = []
    read = read_in_thread(items_of(listed(*range(700))))
    await FileImport("p", read, Scripted(), Sink(), Options(), lambda: told.append(1)).carry_out()
    assert len(told) >= 4
