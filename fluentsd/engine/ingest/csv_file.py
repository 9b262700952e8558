"""CSV files: opens a file or its bytes, detects its format, and yields its rows.

Plain blocking generators in constant memory; callers run them in a thread. What must not live here: decoding and
parsing (`encoding`, `delimiter`, `lines`), the meaning of columns (`domain.contacts.mapping`), the store, Trio. The
file's name proves nothing: a file that is not a table of text is rejected with one clear message before anything is
imported.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from fluentsd.domain.contacts.mapping import CsvError, has_header, header_at
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.delimiter import SEP_LINE, detect_delimiter, parse_delimiter
from fluentsd.engine.ingest.encoding import SAMPLE, detect_encoding, parse_encoding
from fluentsd.engine.ingest.lines import CELL_LIMIT, Lines, Rows

#: Excel stops at 16,384; a CRM's export of every property is near 1,000.
COLUMN_LIMIT = 2_000
#: Rows read ahead for the header, the mapping and the preview.
AHEAD = 50

_SAVE = "Open it in a spreadsheet and save it as CSV (UTF-8)."
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "a database"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"{\\rtf", "a word processor's document"),
)
_MARKUP = (
    ("<!doctype", "a web page"),
    ("<html", "a web page"),
    ("<?xml", "XML"),
    ("<table", "a web page"),
    ("{", "JSON"),
    ("[{", "JSON"),
    ("begin:vcard", "a vCard"),
)


class CsvFile:
    """An open CSV file. The header and first rows are read at once; iterating yields all rows, once.

    Each item is (physical line where the record starts, cells), with a `Reject` in place of the cells of an invalid
    row. `position` of `size` bytes are read; `notes` lists repairs and guesses and grows while reading.
    """

    def __init__(
        self, path: Path, file: BinaryIO, header: bool | None, encoding: str | None, delimiter: str | None
    ) -> None:
        """Take over an open file at its start, and close it on exit. `encoding` is a codec's name."""
        self.path = path
        self.notes: list[str] = []
        self._file = file
        self._position: int | None = None
        try:
            self._begin(header, encoding, delimiter)
        except UnicodeError as error:
            self._file.close()
            raise CsvError(
                f'"{path.name}" is not {encoding or self.encoding}: {error}.', "Leave the encoding out; it is detected."
            ) from None
        except BaseException:
            self._file.close()
            raise

    def _begin(self, header: bool | None, encoding: str | None, delimiter: str | None) -> None:
        # The limit is the interpreter's, not a reader's; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
        self.size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        samples = self._samples()
        _refuse_other_kinds(self.path, samples[0])
        self.encoding = encoding or self._detected(samples)
        text = _sample_text(self.path, samples[0], self.encoding)
        lines = Lines(self._file, self.encoding, self.notes)
        sep_line = SEP_LINE.match(text)
        if sep_line:
            lines.take()
            text = text[sep_line.end() :]
        if delimiter:
            self.delimiter = parse_delimiter(delimiter)
        else:
            self.delimiter = sep_line[1] if sep_line else detect_delimiter(text)
        self._rows = iter(Rows(lines, self.delimiter))
        self._ahead: deque[tuple[int, list[str] | Reject]] = deque()
        self._look_ahead()
        rows = [row for _, row in self._ahead if isinstance(row, list)]
        if not delimiter and text.startswith('"') and (inner := _wrapped(rows)):
            self.notes.append(f"each row is quoted as a whole; its columns are split at {inner!r}")
            self.delimiter = inner
            self._ahead = deque(_unwrapped(self._ahead, inner))
            self._rows = _unwrapped(self._rows, inner)
        self.header = self._take_header(header)
        self.sample = [row for _, row in self._ahead if isinstance(row, list)]

    @property
    def ahead(self) -> list[tuple[int, list[str] | Reject]]:
        """The first rows with their line numbers, for a preview; iterating still yields them."""
        return list(self._ahead)

    @property
    def position(self) -> int:
        """Bytes read so far, a multiple of the read size."""
        return self._file.tell() if self._position is None else self._position

    def fileno(self) -> int:
        """The descriptor, for a subprocess that reads the file from its start."""
        return self._file.fileno()

    def note_progress(self, position: int, notes: Sequence[str] = ()) -> None:
        """Take over the position and the notes of the subprocess that reads this file."""
        self._position = position
        self.notes += [note for note in notes if note not in self.notes]

    def __iter__(self) -> Iterator[tuple[int, list[str] | Reject]]:
        while self._ahead:
            yield self._ahead.popleft()
        yield from self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def _samples(self) -> list[bytes]:
        samples = [self._file.read(SAMPLE)]
        if self.size > 2 * SAMPLE:
            self._file.seek(self.size // 2)
            samples.append(self._file.read(SAMPLE))
        self._file.seek(0)
        return samples

    def _detected(self, samples: Sequence[bytes]) -> str:
        encoding, guessed = detect_encoding(samples)
        if guessed:
            self.notes.append(f"encoding guessed: {encoding}; if names look wrong, give the encoding")
        return encoding

    def _look_ahead(self) -> None:
        for line, row in self._rows:
            if self._ahead or not _is_blank(row):
                self._ahead.append((line, row))
            if len(self._ahead) > AHEAD:
                break

    def _skip_title(self) -> None:
        """Pass over a report's title above the header."""
        rows = [row if isinstance(row, list) else [] for _, row in self._ahead]
        if place := header_at(rows):
            self.notes.append(f"the header is in line {self._ahead[place][0]}; what is above it is not read")
            for _ in range(place):
                self._ahead.popleft()

    def _take_header(self, header: bool | None) -> tuple[str, ...]:
        if not self._ahead:
            raise CsvError(f'"{self.path.name}" is empty.', "Export the list again.")
        if header is not False:
            self._skip_title()
        first = self._ahead[0][1]
        if isinstance(first, Reject):
            raise CsvError(
                f'"{self.path.name}" cannot be read at line {first.line}: {first.reason}.', "Correct the line."
            )
        if len(first) > COLUMN_LIMIT:
            what = f'"{self.path.name}" has {len(first):,} columns; {COLUMN_LIMIT:,} are allowed.'
            raise CsvError(what, "Export fewer columns, or check that the delimiter is right.")
        named = has_header([r for _, r in self._ahead if isinstance(r, list)]) if header is None else header
        if not named:
            if header is None:
                self.notes.append("there are no headings: the first line is a person, and the columns are column_1, "
                                  "column_2 and so on; a name or another field is only read where it is said which "
                                  "column holds it")  # fmt: skip
            return ()
        self._ahead.popleft()
        if len(self._ahead) < AHEAD and all(_is_blank(row) for _, row in self._ahead):
            raise CsvError(f'"{self.path.name}" has a header and no rows.', "Export the list again.")
        return tuple(cell.strip().strip("\ufeff") for cell in first)


def _wrapped(rows: Sequence[Sequence[str]]) -> str:
    """The delimiter inside the one cell of each row, if all rows are quoted as a whole; else ""."""
    cells = [row[0] for row in rows if any(map(str.strip, row))]
    if len(cells) < 2 or any(len(row) > 1 for row in rows):
        return ""
    for inner in (",", ";", "\t", "|"):
        widths = {len(_inner_row(cell, inner)) for cell in cells}
        if len(widths) == 1 and widths.pop() > 1:
            return inner
    return ""


def _inner_row(cell: str, delimiter: str) -> list[str]:
    """The columns of a row that is one cell; a cell of several lines, or of none, is no row."""
    rows = list(csv.reader(io.StringIO(cell, newline=""), delimiter=delimiter))
    return rows[0] if len(rows) == 1 else [cell]


def _unwrapped(rows: Iterable[tuple[int, list[str] | Reject]], inner: str) -> Iterator[tuple[int, list[str] | Reject]]:
    """Rows that were quoted as a whole, split at the delimiter inside."""
    for line, row in rows:
        cell = row[0] if isinstance(row, list) and len(row) == 1 else None
        yield line, row if cell is None else _inner_row(cell, inner)


def open_csv(
    path: str | os.PathLike[str],
    *,
    header: bool | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> CsvFile:
    """Open a CSV file; options that are not given are detected. Blocking: run it, and its iteration, in a thread.

    Raises `CsvError` when the file is not a readable table of text.
    """
    named = parse_encoding(encoding) if encoding else None
    return CsvFile(Path(path), _opened(Path(path)), header, named, delimiter)


def open_csv_bytes(
    content: bytes,
    name: str,
    *,
    header: bool | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> CsvFile:
    """Open a CSV file that was handed in whole, under its name; otherwise as `open_csv`."""
    named = parse_encoding(encoding) if encoding else None
    return CsvFile(Path(name), io.BytesIO(content), header, named, delimiter)


def _is_blank(row: list[str] | Reject) -> bool:
    return isinstance(row, list) and not any(map(str.strip, row))


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a directory" if path.is_dir() else "not a regular file"
            raise CsvError(f'"{path}" is {what}.', "Name a CSV file.")
        return path.open("rb")
    except FileNotFoundError:
        raise CsvError(f'There is no file "{path}".', "Check the path.") from None
    except PermissionError:
        raise CsvError(f'"{path}" is not readable by this user.', "Change its permissions, or copy it.") from None
    except OSError as error:
        raise CsvError(f'"{path}" cannot be read: {error.strerror}.', "Copy it to a local disk.") from None


def _refuse_other_kinds(path: Path, head: bytes) -> None:
    what = next((what for mark, what in _NOT_TEXT if head.startswith(mark)), None)
    if what:
        raise CsvError(f'"{path.name}" is {what}, not CSV.', _SAVE)


def _sample_text(path: Path, head: bytes, encoding: str) -> str:
    text = head.decode(encoding, "replace").replace("\0", "")
    start = text[:200].lstrip("\ufeff \t\r\n").lower()
    what = next((what for mark, what in _MARKUP if start.startswith(mark)), None)
    if what:
        raise CsvError(f'"{path.name}" is {what}, not CSV.', _SAVE)
    strange = sum(1 for c in text if c < " " and c not in "\t\r\n\f\v")
    if strange > 0.02 * len(text):
        raise CsvError(f'"{path.name}" is not text.', _SAVE)
    whole = text.rfind("\n") if len(head) == SAMPLE else -1
    return text[: whole + 1] or text
