"""CSV files with personal data: readable by their owner alone, and harmless in a spreadsheet.

Every file of people that fluentsd writes for a user comes from here. Cells come from outside, so a cell that a
spreadsheet would run as a formula is escaped.
"""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

#: Signs without width, which a spreadsheet or a person does not see in front of a formula's sign.
_INVISIBLE = frozenset(
    "\x00\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3164\ufeff\uffa0"
)
#: The signs that begin a formula, and their wide twins, which some spreadsheets read as them.
_BEGINS_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b")
_BREAKS = frozenset("\t\r\n")


def escape_formula(cell: str) -> str:
    """The cell with an apostrophe in front if a spreadsheet could run it as a formula.

    Source: OWASP, "CSV Injection". Spreadsheets skip blanks and invisible signs in front of the formula's sign.
    """
    for sign in cell:
        if sign in _BEGINS_FORMULA or sign in _BREAKS:
            return "'" + cell
        if not (sign.isspace() or sign in _INVISIBLE):
            break
    return cell


class SafeWriter:
    """Writes rows of CSV whose cells no spreadsheet runs."""

    def __init__(self, out: TextIO) -> None:
        self._rows = csv.writer(out)

    def writerow(self, cells: Iterable[object]) -> None:
        self._rows.writerow([escape_formula(str(cell)) for cell in cells])


def open_private(path: Path, encoding: str = "utf-8-sig") -> TextIO:
    """A new file for text, readable and writable by its owner alone; an older file of that name is replaced, so that
    a process that has that one open reads nothing. A pipe or a device is opened as it is. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with suppress(FileNotFoundError):
        if stat.S_ISREG(path.stat().st_mode):
            path.resolve().unlink()
    handle = os.open(path, flags, 0o600)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
        return os.fdopen(handle, "w", encoding=encoding, newline="")
    except BaseException:
        os.close(handle)
        raise
