"""Lines and rows: decodes bytes into physical lines and parses lines into rows, in constant memory.

Reading is strict first and recovers where a file is broken. What must not live here: headers, the meaning of cells.
Each invalid byte is noted. Where the quoting of a row is broken, its first line alone is parsed leniently and the next
lines are read again. So one stray quote cannot swallow the rows below it. An invalid row becomes a `Reject` in its
place.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.encoding import AS_CP1252

CHUNK = 1 << 16
#: Most characters in a cell, and in one physical line; a longer cell is never a contact's field.
CELL_LIMIT = 1 << 20
LINE_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class Overlong:
    """A physical line past the limit; its text is dropped."""

    number: int


class Lines:
    """Physical lines with their numbers, decoded while reading; lines can be put back."""

    def __init__(self, file: BinaryIO, encoding: str, notes: list[str]) -> None:
        self._chunks = iter(partial(file.read, CHUNK), b"")
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._notes = notes
        self._ready: deque[tuple[int, str]] = deque()
        self._carry = ""
        self._number = 0
        self._dropping = False
        self._ended = False
        self._zeros = False

    def take(self) -> tuple[int, str] | Overlong | None:
        """The next line with its terminator; None at the end."""
        while not self._ready:
            if self._ended:
                return None
            if (overlong := self._fill()) is not None:
                return overlong
        return self._ready.popleft()

    def put_back(self, lines: Sequence[tuple[int, str]]) -> None:
        self._ready.extendleft(reversed(lines))

    def _fill(self) -> Overlong | None:
        raw = next(self._chunks, b"")
        self._ended = not raw
        text = self._carry + self._decoded(raw)
        lines = list(io.StringIO(text, newline=""))
        # A line is complete when its terminator cannot grow: "\r" at the very end may be half of "\r\n".
        cut = bool(lines) and not self._ended and not lines[-1].endswith("\n")
        self._carry = lines.pop() if cut else ""
        if self._dropping and lines:
            self._dropping = False
            del lines[0]
        for line in lines:
            self._number += 1
            self._ready.append((self._number, line))
        if len(self._carry) > LINE_LIMIT:
            return self._drop()
        return None

    def _drop(self) -> Overlong | None:
        self._carry = ""
        if self._dropping:
            return None
        self._dropping = True
        self._number += 1
        return Overlong(self._number)

    def _decoded(self, raw: bytes) -> str:
        before = self._decoder.getstate()
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            text = self._decoded_leniently(raw, before, error)
        if "\0" in text:
            if not self._zeros:
                self._notes.append("NUL characters were removed")
            self._zeros = True
            text = text.replace("\0", "")
        return text

    def _decoded_leniently(self, raw: bytes, before: tuple[bytes, int], error: UnicodeDecodeError) -> str:
        passed = error.object[: error.start]
        line = self._number + 1 + max(passed.count(b"\n"), passed.count(b"\r"))
        utf8 = self._encoding in ("utf-8", "utf-8-sig")
        how = "were read as Windows-1252" if utf8 else "became \ufffd"
        self._notes.append(f"from about line {line} on, bytes that are not {self._encoding} {how}")
        self._decoder = codecs.getincrementaldecoder(self._encoding)(AS_CP1252 if utf8 else "replace")
        self._decoder.setstate(before)
        return self._decoder.decode(raw, final=not raw)


class _Runaway(Exception):
    """A quoted cell is longer than the limit."""


class Rows:
    """Rows from lines: strict where the quoting is valid, line by line where it is broken."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._taken: list[tuple[int, str]] = []
        self._size = 0
        self._overlong: Overlong | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str] | Reject]]:
        reader = self._reader()
        while True:
            self._taken, self._size = [], 0
            try:
                row = next(reader)
            except StopIteration:
                if self._overlong is None:
                    return
                yield self._too_long()
                reader = self._reader()
            except (csv.Error, _Runaway):
                yield self._first_line_alone()
                reader = self._reader()
            else:
                yield self._taken[0][0], row

    def _reader(self) -> Iterator[list[str]]:
        return iter(csv.reader(self._pull(), delimiter=self._delimiter, strict=True))

    def _pull(self) -> Iterator[str]:
        while (line := self._lines.take()) is not None:
            if isinstance(line, Overlong):
                self._overlong = line
                return
            self._taken.append(line)
            self._size += len(line[1])
            if self._size > CELL_LIMIT and len(self._taken) > 1:
                raise _Runaway
            yield line[1]

    def _too_long(self) -> tuple[int, Reject]:
        number, self._overlong = self._overlong.number if self._overlong else 0, None
        return number, Reject(number, f"a line of more than {LINE_LIMIT >> 20} MB", ())

    def _first_line_alone(self) -> tuple[int, list[str] | Reject]:
        """The broken record's first line, parsed leniently; its other lines are put back."""
        (number, line), *rest = self._taken
        self._lines.put_back(rest)
        try:
            row = next(csv.reader([line.rstrip("\r\n") + "\n"], delimiter=self._delimiter), [])
        except csv.Error:
            return number, Reject(number, f"a cell of more than {CELL_LIMIT >> 20} MB", (line[:200],))
        if rest or (row and row[-1].endswith("\n")):
            return number, Reject(number, "a quote is opened and never closed", (line.rstrip("\r\n"),))
        return number, row
