"""The rejects file: invalid rows of an import, written so that users can correct and import them again.

What must not live here: the reasons for rejecting a row. Cells come from outside, so cells that a spreadsheet would run
as formulas are escaped.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject


class RejectFile:
    """Writes rejects as CSV that opens in a spreadsheet and can be corrected and imported again.

    Columns: line, reason, then the original columns. The file is created with the first reject, readable by its owner
    only; an older file of that name is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], header: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.written = 0
        self._header = tuple(header)
        self._file: TextIO | None = None

    def write(self, reject: Reject) -> None:
        """Append one reject. Raises `CsvError` if the file cannot be written."""
        try:
            if self._file is None:
                self._file = self._created()
            csv.writer(self._file).writerow(map(escape_formula, (str(reject.line), reject.reason, *reject.raw)))
        except OSError as error:
            raise CsvError(
                f'Rejects cannot be written to "{self.path}": {error.strerror}.', "Name another file."
            ) from None
        self.written += 1

    def _created(self) -> TextIO:
        file = open(self.path, "w", encoding="utf-8-sig", newline="", opener=partial(os.open, mode=0o600))  # noqa: SIM115
        csv.writer(file).writerow(map(escape_formula, ("line", "reason", *self._header)))
        return file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def escape_formula(cell: str) -> str:
    """The cell with an apostrophe in front if a spreadsheet could run it as a formula.

    Source: OWASP, "CSV Injection". Full-width signs count too: some spreadsheets read them as their ASCII twins.
    """
    return "'" + cell if cell[:1] in _STARTS_FORMULA and cell else cell


_STARTS_FORMULA = "=+-@\t\r\n＝＋－＠"
