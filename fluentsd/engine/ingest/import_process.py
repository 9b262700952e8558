"""The import subprocess: reads and normalises a long file on a second CPU core while the importer writes.

This module holds both ends of the pipe. What must not live here: the reading of rows (`batches` does it in either
process, so results are the same), the store. The subprocess inherits the open file, not its name, and gets the detected
format on standard input. It answers with frames: a length, then values packed with marshal, since both ends are this
program. The pipe holds a few batches; a full pipe makes the subprocess wait. A subprocess that ends without its `end`
frame is an error; one whose importer has died ends by itself.
"""

from __future__ import annotations

import gc
import json
import marshal
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.mapping import Column, Columns, CsvError, Need
from fluentsd.domain.contacts.opt_out_columns import OptOut
from fluentsd.domain.contacts.reader import Reject
from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.engine.ingest.batches import Batch, batches
from fluentsd.engine.ingest.csv_file import CsvFile

#: Size in bytes from which a subprocess is worth its start.
SUBPROCESS_FROM = 4 << 20
#: Size of the pipe in bytes, where the system allows it to be set.
_PIPE_SIZE = 1 << 20
#: Rejected rows in one frame.
_REFUSED_AT_ONCE = 500
_LENGTH = struct.Struct("=I")
#: The values of a person, in the order of its constructor.
_VALUES = attrgetter(*(one.name for one in fields(ContactUpsert)))


# ── the importer's side ──────────────────────────────────────────────────────────────────────────────────────────


def batches_from_subprocess(
    file: CsvFile, mapping: Columns, region: str, need: Need
) -> Generator[Batch | Reject, None, None]:
    """The same items as `batches.batches`, read by a subprocess; read in this process if none can be started.

    Raises `CsvError` like `batches`, and when the subprocess is killed.
    """
    try:
        reader = _start(file)
    except OSError:
        yield from batches(file, mapping, region, need)
        return
    try:
        _send_format(reader, file, mapping, region, need)
        yield from _receive(reader, file)
    finally:
        reader.kill()  # it stores nothing, and killing an ended process does nothing
        with reader:
            pass


def _start(file: CsvFile) -> subprocess.Popen[bytes]:
    # -P: do not import a csv.py from the user's working folder
    command = [sys.executable, "-P", "-m", "fluentsd.engine.ingest.import_process", str(file.fileno())]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(file.fileno(),),
        pipesize=_PIPE_SIZE if sys.platform == "linux" else -1,
    )


def _send_format(reader: subprocess.Popen[bytes], file: CsvFile, mapping: Columns, region: str, need: Need) -> None:
    details = {
        "path": str(file.path),
        "header": bool(file.header),
        "encoding": file.encoding,
        "delimiter": file.delimiter,
        "columns": [_column_json(c) for c in mapping.columns],
        "has_header": mapping.has_header,
        "order": {target: list(indexes) for target, indexes in mapping.order.items()},
        "region": region,
        "need": need,
    }
    assert reader.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError), reader.stdin as pipe:  # broken: the subprocess has ended, and `_receive` reports it
        pipe.write(json.dumps(details).encode())


def _column_json(column: Column) -> list[Any]:
    says = column.opt_out
    opt_out = [says.channels, says.sense] if says else None
    return [column.index, column.name, column.slug, column.target, column.how, opt_out]


def _receive(reader: subprocess.Popen[bytes], file: CsvFile) -> Iterator[Batch | Reject]:
    assert reader.stdout is not None  # noqa: S101 - it is a pipe
    for kind, position, *rest in _frames(reader.stdout):
        if kind == "bad":
            raise _error(rest[0])
        if kind == "end":
            file.note_progress(position, rest[0])
            return
        file.note_progress(position)
        refused, people, rows = rest
        yield from (Reject(line, reason, raw) for line, reason, raw in refused)
        if people:
            yield Batch([ContactUpsert(*values) for values in people], rows)
    raise _ended(reader, file)


def _frames(pipe: Any) -> Iterator[Any]:
    """Complete frames until the pipe ends; an incomplete last frame is dropped."""
    while len(head := pipe.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        body = pipe.read(length)
        if len(body) < length:
            return
        yield marshal.loads(body)  # noqa: S302 - our own child wrote it


def _error(message: str) -> CsvError:
    error = CsvError("", "")
    error.args = (message,)
    return error


def _ended(reader: subprocess.Popen[bytes], file: CsvFile) -> CsvError:
    status = reader.wait()
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    what = f'The process that reads "{file.path.name}" was ended {how} after {file.position:,} of {file.size:,} bytes.'
    return CsvError(what, "Check the free memory, then import the file again: nobody is imported twice.")


# ── the subprocess's side ────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Read the inherited file in the given format, and write frames to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the importer handles Ctrl-C and then kills this process
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end when the importer has died
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # rows have no reference cycles
    details = json.loads(sys.stdin.buffer.read())
    # not sys.stdout.buffer: with PYTHONUNBUFFERED it writes a part only when the process is stopped and continued
    with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
        try:
            with os.fdopen(int(sys.argv[1]), "rb") as inherited:
                _read(inherited, details, out)
        except CsvError as why:
            _write(out, ("bad", 0, str(why)))


def _read(inherited: BinaryIO, details: dict[str, Any], out: BinaryIO) -> None:
    inherited.seek(0)
    order = {Target(target): tuple(indexes) for target, indexes in details["order"].items()}
    columns = (
        Column(i, name, slug, Target(t) if t else None, how, OptOut(tuple(says[0]), says[1]) if says else None)
        for i, name, slug, t, how, says in details["columns"]
    )
    mapping = Columns(tuple(columns), details["has_header"], order)
    path, header, delimiter = Path(details["path"]), details["header"], details["delimiter"]
    with CsvFile(path, inherited, header, details["encoding"], delimiter) as file:
        for frame in _frames_of(batches(file, mapping, details["region"], details["need"])):
            _write(out, ("rows", file.position, *frame))
        _write(out, ("end", file.position, file.notes))


def _frames_of(items: Iterable[Batch | Reject]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """Each batch with the rows rejected before it, in file order."""
    refused: list[Any] = []
    for item in items:
        if isinstance(item, Reject):
            refused.append((item.line, item.reason, item.raw))
            if len(refused) >= _REFUSED_AT_ONCE:
                yield refused, [], []
                refused = []
        else:
            yield refused, list(map(_VALUES, item.people)), item.rows
            refused = []
    if refused:
        yield refused, [], []


def _write(out: BinaryIO, frame: tuple[Any, ...]) -> None:
    body = marshal.dumps(frame)
    out.write(_LENGTH.pack(len(body)))
    out.write(body)
    out.flush()


if __name__ == "__main__":
    main()
