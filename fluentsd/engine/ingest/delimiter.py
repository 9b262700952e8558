"""Detects the CSV delimiter from a sample of text.

What must not live here: encodings, broken quoting (`lines`), the meaning of cells. The clevercsv library decides if the
first line contains its answer; otherwise the delimiter that gives the most rows of the header's width is used.
"""

from __future__ import annotations

import csv
import io
import re

from fluentsd.domain.contacts.mapping import CsvError

DELIMITERS = (",", ";", "\t", "|")
#: Rows on which each delimiter is tried.
TRIED = 50
#: Excel's first line that names the delimiter.
SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)


def detect_delimiter(text: str) -> str:
    """The delimiter of a sample: the library's answer if the first line contains it, else the one with even rows."""
    present = [d for d in DELIMITERS if d in text]
    if len(present) < 2:
        return present[0] if present else ","
    counted, lines = _counted_delimiter(text), text.splitlines(keepends=True)
    if counted and [d for d in present if d in lines[0]] == [counted]:
        return counted  # the library's answer would have to be in the first line too
    from clevercsv import Detector  # half a second and 12 MB

    found = Detector().detect("".join(lines[:60])[:16_384], delimiters=list(DELIMITERS))
    if found is not None and found.delimiter in DELIMITERS and (found.delimiter in lines[0] or not counted):
        return str(found.delimiter)
    return counted or ","


def _counted_delimiter(text: str) -> str:
    """The delimiter with the most rows of the header's width, then the widest; "" if none occurs."""
    best, best_score = "", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r][:TRIED]
        width = len(rows[0]) if rows else 0
        score = (sum(len(r) == width for r in rows) / len(rows), width) if width > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def parse_delimiter(delimiter: str) -> str:
    """The delimiter given by the user. Raises `CsvError` when it is not one character."""
    named = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(delimiter.lower(), delimiter)
    if len(named) != 1 or named in '"\r\n':
        raise CsvError(f'A delimiter is one character, not "{delimiter}".', "Use , ; | or tab.")
    return named
