"""The rejects file: invalid rows of an import, written so that users can correct and import them again.

What must not live here: the reasons for rejecting a row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from fluentsd.csv_output import SafeWriter, open_private
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

    @property
    def place(self) -> str:
        """Where the rejects are, in words for the user."""
        return str(self.path)

    def check(self, read: Path) -> None:
        """Raise `CsvError` if the file cannot be written, or is the file that is read."""
        if self.path.exists() and self.path.samefile(read):
            raise CsvError(
                "The rejects file would overwrite the file that is read.", "Name another file for the rejects."
            )
        place = self.path if self.path.exists() else self.path.absolute().parent
        if self.path.is_dir() or not os.access(place, os.W_OK):
            fix = "Name a file in an existing, writable folder for the rejects."
            raise CsvError(f'The rejects file "{self.path}" cannot be written.', fix)

    def write(self, reject: Reject) -> None:
        """Append one reject. Raises `CsvError` if the file cannot be written."""
        try:
            if self._file is None:
                self._file = self._created()
            SafeWriter(self._file).writerow((reject.line, reject.reason, *reject.raw))
        except OSError as error:
            raise CsvError(
                f'Rejects cannot be written to "{self.path}": {error.strerror}.', "Name another file."
            ) from None
        self.written += 1

    def _created(self) -> TextIO:
        file = open_private(self.path)
        SafeWriter(file).writerow(("line", "reason", *self._header))
        return file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
