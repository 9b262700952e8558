"""A long file read in a process of its own, so that one processor reads and normalises while another writes.

Here live both ends of the pipe between them. What must not live here: how a row is read (`imports` does it in either
process, so the answers are the same), the store. The reader inherits the open file, not its name, and is told what was
found out about it; it answers with frames: a length, then plain values in the interpreter's own format, since both ends
are this program. The pipe holds a few batches, and a full pipe makes the reader wait. A reader that ends before it said
so is an error; one whose importer has gone ends by itself.
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
from pathlib import Path
from typing import Any, BinaryIO

from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.mapping import Column, Columns, CsvError, Need
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.batches import Batch, batches
from fluentsd.engine.ingest.csv_file import CsvFile

#: A file of less is read before a process would be up.
APART_FROM = 4 << 20
#: What the pipe holds, where the system lets us say so.
_AHEAD = 1 << 20
#: Refused rows that go along in one frame.
_REFUSED_AT_ONCE = 500
_LENGTH = struct.Struct("=I")


# ── the importer's side ──────────────────────────────────────────────────────────────────────────────────────────


def batches_apart(file: CsvFile, mapping: Columns, region: str, need: Need) -> Generator[Batch | Reject, None, None]:
    """What `imports.batches` gives, read by another process; by this one where no other can be started.

    Raises CsvError as that does, and when the reader is ended from outside.
    """
    try:
        reader = _started(file)
    except OSError:
        yield from batches(file, mapping, region, need)
        return
    try:
        _tell(reader, file, mapping, region, need)
        yield from _told(reader, file)
    finally:
        reader.kill()  # it keeps nothing; one that has ended does not mind
        with reader:
            pass


def _started(file: CsvFile) -> subprocess.Popen[bytes]:
    # -P: a csv.py in the folder where somebody works is not Python's
    command = [sys.executable, "-P", "-m", "fluentsd.engine.ingest.import_process", str(file.fileno())]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(file.fileno(),),
        pipesize=_AHEAD if sys.platform == "linux" else -1,
    )


def _tell(reader: subprocess.Popen[bytes], file: CsvFile, mapping: Columns, region: str, need: Need) -> None:
    said = {
        "path": str(file.path),
        "header": bool(file.header),
        "encoding": file.encoding,
        "delimiter": file.delimiter,
        "columns": [[c.index, c.name, c.slug, c.target, c.how] for c in mapping.columns],
        "has_header": mapping.has_header,
        "order": {target: list(indexes) for target, indexes in mapping.order.items()},
        "region": region,
        "need": need,
    }
    assert reader.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError), reader.stdin as pipe:  # broken: it has ended, and the other pipe will say so
        pipe.write(json.dumps(said).encode())


def _told(reader: subprocess.Popen[bytes], file: CsvFile) -> Iterator[Batch | Reject]:
    assert reader.stdout is not None  # noqa: S101 - it is a pipe
    for kind, position, *rest in _frames(reader.stdout):
        if kind == "bad":
            raise _error(rest[0])
        if kind == "end":
            file.read_elsewhere(position, rest[0])
            return
        file.read_elsewhere(position)
        refused, people, rows = rest
        yield from (Reject(line, reason, raw) for line, reason, raw in refused)
        if people:
            yield Batch(people, rows)
    raise _ended(reader, file)


def _frames(pipe: Any) -> Iterator[Any]:
    """Whole frames until the pipe ends; half a one at its end is none."""
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
    return CsvError(what, "Was there enough memory? Import the file again: nobody is taken in twice.")


# ── the reader's side ────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Read the file that was inherited as it was told, and write frames to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the importer's, who then ends this
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody listens: nothing to say
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # rows hold no cycles
    said = json.loads(sys.stdin.buffer.read())
    out = sys.stdout.buffer
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as inherited:
            _read(inherited, said, out)
    except CsvError as why:
        _write(out, ("bad", 0, str(why)))
    out.flush()


def _read(inherited: BinaryIO, said: dict[str, Any], out: BinaryIO) -> None:
    inherited.seek(0)
    order = {Target(target): tuple(indexes) for target, indexes in said["order"].items()}
    columns = (Column(i, name, slug, Target(t) if t else None, how) for i, name, slug, t, how in said["columns"])
    mapping = Columns(tuple(columns), said["has_header"], order)
    with CsvFile(Path(said["path"]), inherited, said["header"], said["encoding"], said["delimiter"]) as file:
        for frame in _gathered(batches(file, mapping, said["region"], said["need"])):
            _write(out, ("rows", file.position, *frame))
        _write(out, ("end", file.position, file.notes))


def _gathered(items: Iterable[Batch | Reject]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """Each batch with the rows refused before it was full, in the order in which they came."""
    refused: list[Any] = []
    for item in items:
        if isinstance(item, Reject):
            refused.append((item.line, item.reason, item.raw))
            if len(refused) >= _REFUSED_AT_ONCE:
                yield refused, [], []
                refused = []
        else:
            yield refused, item.people, item.rows
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
