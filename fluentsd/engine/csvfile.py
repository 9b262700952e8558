"""A real file of rows: its encoding, its dialect, its rows one after another, and the file of what was refused.

All of the import's file access is here, as plain blocking generators in constant memory; callers run them in a thread.
What must not live here: what a column means (`domain/csvmap`), the store, Trio. A file is never believed to be clean:
text is decoded strictly and each byte that does not fit is read as Windows-1252 and noted; a record is parsed strictly
and, where its quoting is broken, its first line alone is taken leniently and the lines after it are read again, so that
one lone quote cannot swallow the people below it. What cannot be read as a row comes out as a `Reject` in its place.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from fluentsd.domain.csvmap import CsvError, Reject, has_header

CHUNK = 1 << 16
#: Two samples of this many bytes decide the encoding, the first decides the dialect.
SAMPLE = 1 << 16
#: Characters in a cell, and in the lines of one record; a cell beyond it is never a person's datum.
CELL_LIMIT = 1 << 20
LINE_LIMIT = 4 << 20
#: Excel stops at 16,384; a CRM's export of every property is near 1,000.
COLUMN_LIMIT = 2_000
#: Rows read ahead for the header, the mapping and the preview.
AHEAD = 50
DELIMITERS = (",", ";", "\t", "|")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
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
#: What else a Western reader's file may be in; beyond these a guess is worse than the question.
_LEGACY = ("cp1252", "cp1250", "cp1251", "mac_roman", "shift_jis", "gb18030", "cp949", "big5")


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """A codec's way out: each byte that does not fit is what it is in Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("fluentsd.cp1252", _as_cp1252)


# ---- encoding


def detect_encoding(samples: Sequence[bytes]) -> tuple[str, bool]:
    """The encoding of samples of one file, the first from its start, and whether that is a guess."""
    head = samples[0]
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, False
    if wide := _utf16_by_zeros(head):
        return wide, False
    sound = [_is_utf8(sample) for sample in samples]
    if all(sound) or _partly_utf8(samples, sound):
        return "utf-8", False
    return _legacy(b"".join(samples)), True


def _utf16_by_zeros(head: bytes) -> str | None:
    """Text mostly of Latin letters has a zero in every other byte."""
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.6 * pairs and head[::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if pairs and head[::2].count(0) > 0.6 * pairs and head[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return None


def _is_utf8(sample: bytes) -> bool:
    """Valid but for a letter cut at either end of the sample."""
    cut = next((i for i in range(min(3, len(sample))) if sample[i] & 0xC0 != 0x80), 0)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample[cut:])
    except UnicodeDecodeError:
        return False
    return True


def _partly_utf8(samples: Sequence[bytes], sound: Sequence[bool]) -> bool:
    """A file put together from two; other encodings hold few valid UTF-8 letters, and those by accident."""
    if any(good and not sample.isascii() for sample, good in zip(samples, sound, strict=True)):
        return True
    together = b"".join(samples)
    text = together.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    letters = sum(1 for c in text if ord(c) > 127) - bad
    return letters > bad or len(_UTF8_WESTERN.findall(together)) > 0.2 * bad


#: é, ü, ñ, ’ and their like in UTF-8; in any other encoding a rare accident.
_UTF8_WESTERN = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x80-\xbf]")


def _legacy(sample: bytes) -> str:
    """Windows-1252 unless the library makes a better case for another; short Western samples suit many tables."""
    from charset_normalizer import from_bytes  # 17 ms and 4 MB that a clean file never needs

    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[: SAMPLE // 2]
    matches = from_bytes(telling, cp_isolation=list(_LEGACY))
    best = matches.best()
    western = max((m.coherence for m in matches if "cp1252" in m.could_be_from_charset), default=0.0)
    if best is None or best.coherence < 0.1 or best.coherence <= western or best.encoding == "mac_roman":
        return "mac_roman" if _odd(telling, "cp1252") > 2 * _odd(telling, "mac_roman") else "cp1252"
    return best.encoding


#: In a word's middle or end, a capital, a symbol or an opening quote instead of a small letter: "JosŽ", "MŸller".
_ODD = re.compile(r"(?<=[a-z])[^\x00-\x7f\u2019\u201d\u2013\u2014\u2026\xa0\xae\xb0\u2122]")


def _odd(sample: bytes, encoding: str) -> int:
    """How many letters of Windows and old Mac files stand where nobody would write them."""
    return sum(1 for c in _ODD.findall(sample.decode(encoding, "replace")) if not c.islower())


# ---- dialect


def detect_delimiter(text: str) -> str:
    """The delimiter of a sample: the library's answer if the first line agrees, else the one that cuts rows alike."""
    present = [d for d in DELIMITERS if d in text]
    if len(present) < 2:
        return present[0] if present else ","
    counted = _counted_delimiter(text)
    from clevercsv import Detector  # 115 ms and 12 MB: only imports need it

    lines = text.splitlines(keepends=True)
    found = Detector().detect("".join(lines[:60])[:16_384], delimiters=list(DELIMITERS))
    if found is not None and found.delimiter in DELIMITERS and (found.delimiter in lines[0] or not counted):
        return str(found.delimiter)
    return counted or ","


def _counted_delimiter(text: str) -> str:
    """The delimiter with the most rows of the header's width, then the widest; "" if none occurs."""
    best, best_score = "", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r][:AHEAD]
        width = len(rows[0]) if rows else 0
        score = (sum(len(r) == width for r in rows) / len(rows), width) if width > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


# ---- lines and records


@dataclass(frozen=True, slots=True)
class _Overlong:
    """A physical line that never seemed to end; its text is dropped as it passes."""

    number: int


class _Lines:
    """Physical lines with their numbers, decoded as they come; lines can be put back."""

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

    def take(self) -> tuple[int, str] | _Overlong | None:
        """The next line with its terminator; None at the end."""
        while not self._ready:
            if self._ended:
                return None
            if (overlong := self._fill()) is not None:
                return overlong
        return self._ready.popleft()

    def put_back(self, lines: Sequence[tuple[int, str]]) -> None:
        self._ready.extendleft(reversed(lines))

    def _fill(self) -> _Overlong | None:
        raw = next(self._chunks, b"")
        self._ended = not raw
        text = self._carry + self._decoded(raw)
        lines = list(io.StringIO(text, newline=""))
        # A line is whole when its terminator cannot grow: "\r" at the very end may be half of "\r\n".
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

    def _drop(self) -> _Overlong | None:
        self._carry = ""
        if self._dropping:
            return None
        self._dropping = True
        self._number += 1
        return _Overlong(self._number)

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
        self._decoder = codecs.getincrementaldecoder(self._encoding)("fluentsd.cp1252" if utf8 else "replace")
        self._decoder.setstate(before)
        return self._decoder.decode(raw, final=not raw)


class _Runaway(Exception):
    """A quoted cell runs on past the limit."""


class _Records:
    """Rows out of lines: strict where the quoting is sound, line by line where it is not."""

    def __init__(self, lines: _Lines, delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._taken: list[tuple[int, str]] = []
        self._size = 0
        self._overlong: _Overlong | None = None

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
            if isinstance(line, _Overlong):
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
        """The broken record's first line, read leniently; the rest of its lines go back to be read as rows."""
        (number, line), *rest = self._taken
        self._lines.put_back(rest)
        try:
            row = next(csv.reader([line.rstrip("\r\n") + "\n"], delimiter=self._delimiter), [])
        except csv.Error:
            return number, Reject(number, f"a cell of more than {CELL_LIMIT >> 20} MB", (line[:200],))
        if rest or (row and row[-1].endswith("\n")):
            return number, Reject(number, "a quote is opened and never closed", (line.rstrip("\r\n"),))
        return number, row


# ---- the file


class CsvFile:
    """An open file of rows: its header and first rows at once, all rows once, by iterating.

    Iterating gives (physical line where the record starts, cells), or a `Reject` in place of the cells where the text
    is no row. `position` of `size` bytes are read; `notes` says what was repaired or guessed and grows on the way.
    """

    def __init__(self, path: Path, header: bool | None, encoding: str | None, delimiter: str | None) -> None:
        self.path = path
        self.notes: list[str] = []
        self._file = _opened(path)
        try:
            self._begin(header, encoding, delimiter)
        except UnicodeError as error:
            self._file.close()
            raise CsvError(
                f'"{path.name}" is not {encoding or self.encoding}: {error}.', "Leave --encoding out."
            ) from None
        except BaseException:
            self._file.close()
            raise

    def _begin(self, header: bool | None, encoding: str | None, delimiter: str | None) -> None:
        # The limit is the interpreter's, not a reader's; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
        self.size = os.fstat(self._file.fileno()).st_size
        samples = self._samples()
        _refuse_other_kinds(self.path, samples[0])
        self.encoding = _known(encoding) if encoding else self._detected(samples)
        text = _sample_text(self.path, samples[0], self.encoding)
        lines = _Lines(self._file, self.encoding, self.notes)
        said = _SEP_LINE.match(text)
        if said:
            lines.take()
            text = text[said.end() :]
        self.delimiter = _single(delimiter) if delimiter else said[1] if said else detect_delimiter(text)
        self._rows = iter(_Records(lines, self.delimiter))
        self._ahead: deque[tuple[int, list[str] | Reject]] = deque()
        self._look_ahead()
        self.header = self._take_header(header)
        self.sample = [row for _, row in self._ahead if isinstance(row, list)]

    @property
    def ahead(self) -> list[tuple[int, list[str] | Reject]]:
        """The first rows with their lines, for a preview; iterating still gives them."""
        return list(self._ahead)

    @property
    def position(self) -> int:
        """Bytes read so far, in steps of a chunk."""
        return self._file.tell()

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
            self.notes.append(f"read as {encoding}, which is a guess; if names look wrong, name the encoding")
        return encoding

    def _look_ahead(self) -> None:
        for line, row in self._rows:
            if self._ahead or not _is_blank(row):
                self._ahead.append((line, row))
            if len(self._ahead) > AHEAD:
                break

    def _take_header(self, header: bool | None) -> tuple[str, ...]:
        if not self._ahead:
            raise CsvError(f'"{self.path.name}" is empty.', "Export the list again.")
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
            return ()
        self._ahead.popleft()
        if len(self._ahead) < AHEAD and all(_is_blank(row) for _, row in self._ahead):
            raise CsvError(f'"{self.path.name}" has a header and nobody below it.', "Export the list again.")
        return tuple(cell.strip().strip("\ufeff") for cell in first)


def open_csv(
    path: str | os.PathLike[str],
    *,
    header: bool | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> CsvFile:
    """Open a file of rows; whatever is not said is detected. Blocking: run it, and its iteration, in a thread.

    Raises CsvError for what is no readable table of text.
    """
    return CsvFile(Path(path), header, encoding, delimiter)


def _is_blank(row: list[str] | Reject) -> bool:
    return isinstance(row, list) and not any(map(str.strip, row))


_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a directory" if path.is_dir() else "not a regular file"
            raise CsvError(f'"{path}" is {what}.', "Name a CSV file.")
        return path.open("rb")
    except FileNotFoundError:
        raise CsvError(f'There is no file "{path}".', "Check the path.") from None
    except PermissionError:
        raise CsvError(f'"{path}" may not be read by this user.', "Change its permissions or its place.") from None
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


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)
    except LookupError:
        raise CsvError(f'There is no encoding "{encoding}".', "Use utf-8, utf-16, cp1252 or leave it out.") from None
    return "utf-8-sig" if name == "utf-8" else name


def _single(delimiter: str) -> str:
    named = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(delimiter.lower(), delimiter)
    if len(named) != 1 or named in '"\r\n':
        raise CsvError(f'A delimiter is one character, not "{delimiter}".', "Use , ; | or tab.")
    return named


# ---- what was refused


class RejectFile:
    """Writes rejects as CSV that opens in a spreadsheet and can be corrected and imported again.

    Columns: line, reason, then the original ones. The file comes into being with the first reject, readable by its
    owner only; an older one of that name is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], header: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.written = 0
        self._header = tuple(header)
        self._file: TextIO | None = None

    def write(self, reject: Reject) -> None:
        """Append one reject. Raises CsvError if the file cannot be written."""
        try:
            if self._file is None:
                self._file = self._created()
            csv.writer(self._file).writerow(map(inert, (str(reject.line), reject.reason, *reject.raw)))
        except OSError as error:
            raise CsvError(
                f'Rejects cannot be written to "{self.path}": {error.strerror}.', "Name another file."
            ) from None
        self.written += 1

    def _created(self) -> TextIO:
        file = open(self.path, "w", encoding="utf-8-sig", newline="", opener=partial(os.open, mode=0o600))  # noqa: SIM115
        csv.writer(file).writerow(map(inert, ("line", "reason", *self._header)))
        return file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def inert(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula: an apostrophe goes before what could start one.

    Source: OWASP, "CSV Injection". Full-width signs count too: some spreadsheets read them as their ASCII twins.
    """
    return "'" + cell if cell[:1] in _STARTS_FORMULA and cell else cell


_STARTS_FORMULA = "=+-@\t\r\n＝＋－＠"
