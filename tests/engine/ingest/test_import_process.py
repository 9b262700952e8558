"""A subprocess gives the same rows as reading in this process, and its early end is an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest import import_process
from fluentsd.engine.ingest.batches import Batch, batches, mapping_of
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv
from fluentsd.engine.ingest.import_process import batches_from_subprocess

pytestmark = pytest.mark.slow

#: Quotes, a quote never closed, blank lines, people twice, a foreign number, NULs, a byte of another encoding.
MESSY = (
    b"First name,Phone,E-mail,Note\n"
    b'Ana,(212) 555-0123,a@example.com,"two\nlines"\n'
    b"\n"
    b"Bob,call me,b@example.com,\n"
    b"Cy,nothing,,\n"
    b'Dee,+44 20 7946 0001,,"never closed\n'
    b"Eve,212 555 0124 x9,,\x00\n"
    b"Fay,1-212-555-0125,,caf\xe9\n"
    b"Gus,2125550126,,one,two\n"
)


def contents(file: CsvFile, read: object) -> tuple[list[object], list[str]]:
    """All people and all rejected rows in order, however they were batched."""
    items: list[object] = []
    for item in read(file, mapping_of(file, {}, "US", "any"), "US", "any"):  # type: ignore[operator]
        if isinstance(item, Batch):
            items += zip(item.people, item.rows, strict=True)
        else:
            items.append((item, isinstance(item, Reject)))
    return items, file.notes


def messy(folder: Path, rows: int) -> Path:
    path = folder / "people.csv"
    more = b"".join(b"P%d,+1415555%04d,p%d@example.com,x\n" % (n, n % 10_000, n) for n in range(rows))
    path.write_bytes(MESSY + more + b"Last,none,,\n")
    return path


@pytest.mark.parametrize("rows", [0, 1700])
def test_it_reads_what_would_have_been_read_here(tmp_path: Path, rows: int) -> None:
    path = messy(tmp_path, rows)
    with open_csv(path) as here, open_csv(path) as there:
        assert contents(there, batches_from_subprocess) == contents(here, batches)
        assert there.position == here.position == path.stat().st_size


@pytest.mark.parametrize("options", [{"encoding": "cp1252"}, {"delimiter": ","}, {"header": False}])
def test_what_was_said_of_the_file_goes_along(tmp_path: Path, options: dict[str, object]) -> None:
    path = messy(tmp_path, 3)
    with open_csv(path, **options) as here, open_csv(path, **options) as there:  # type: ignore[arg-type]
        assert contents(there, batches_from_subprocess) == contents(here, batches)


def test_the_open_file_is_read_even_if_another_took_its_name(tmp_path: Path) -> None:
    path = messy(tmp_path, 10)
    with open_csv(path) as here, open_csv(path) as there:
        (tmp_path / "other.csv").write_text("Phone\n+12125550199\n")
        (tmp_path / "other.csv").replace(path)
        assert contents(there, batches_from_subprocess) == contents(here, batches)


def test_a_reader_killed_in_the_middle_is_an_error_after_what_it_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = import_process._start
    monkeypatch.setattr(import_process, "_start", lambda file: started.append(start(file)) or started[-1])
    with open_csv(messy(tmp_path, 60_000)) as file:
        work = batches_from_subprocess(file, mapping_of(file, {}, "US", "any"), "US", "any")
        next(work)
        os.kill(started[0].pid, signal.SIGKILL)
        with pytest.raises(CsvError, match=r"was ended by SIGKILL.*Nothing was imported.*nobody is imported twice"):
            list(work)
    assert started[0].returncode == -signal.SIGKILL


def test_who_stops_listening_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = import_process._start
    monkeypatch.setattr(import_process, "_start", lambda file: started.append(start(file)) or started[-1])
    with open_csv(messy(tmp_path, 60_000)) as file:
        work = batches_from_subprocess(file, mapping_of(file, {}, "US", "any"), "US", "any")
        next(work)
        work.close()
    assert started[0].returncode is not None


def test_an_interrupt_of_the_terminal_does_not_reach_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = import_process._start
    monkeypatch.setattr(import_process, "_start", lambda file: started.append(start(file)) or started[-1])
    path = messy(tmp_path, 20_000)
    with open_csv(path) as file:
        work = batches_from_subprocess(file, mapping_of(file, {}, "US", "any"), "US", "any")
        first = next(work)
        os.kill(started[0].pid, signal.SIGINT)
        rest = list(work)
    assert first is not None
    assert sum(len(item.people) for item in rest if isinstance(item, Batch)) > 19_000


def test_a_reader_stopped_and_continued_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write to a full pipe that a signal interrupts has written a part; without Python's buffer the rest was lost."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setattr(import_process, "_PIPE_SIZE", 4096)
    started: list[subprocess.Popen[bytes]] = []
    start = import_process._start
    monkeypatch.setattr(import_process, "_start", lambda file: started.append(start(file)) or started[-1])
    path, items = messy(tmp_path, 12_000), list[object]()
    with open_csv(path) as file:
        for item in batches_from_subprocess(file, mapping_of(file, {}, "US", "any"), "US", "any"):
            items.append(item)
            if started[0].poll() is None:
                time.sleep(0.01)  # the pipe is full
                os.kill(started[0].pid, signal.SIGSTOP)
                os.kill(started[0].pid, signal.SIGCONT)
    assert sum(len(item.people) for item in items if isinstance(item, Batch)) > 11_000


def test_without_another_process_the_file_is_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    path = messy(tmp_path, 10)
    with open_csv(path) as here, open_csv(path) as there:
        assert contents(there, batches_from_subprocess) == contents(here, batches)


def test_an_error_in_the_middle_is_the_same_error(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("Phone\n".encode("utf-16") + "+12125550123\n".encode("utf-16-le") * 9000 + b"\x00\xd8")
    errors = []
    for read in (batches, batches_from_subprocess):
        with open_csv(path) as file:
            try:
                contents(file, read)
                errors.append((None, file.notes))
            except CsvError as why:
                errors.append((str(why), file.notes))
    assert errors[0] == errors[1]
