"""How far a folder has been read, kept in the plugin's own folder: a restart neither loses mail nor reads all anew.

A UID means something only under its UIDVALIDITY (RFC 3501 §2.3.1.1); when the server changes it, the day of the last
look leads the way. The file is replaced whole; one that cannot be read is as good as none.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

DAY = 86_400_000_000
#: How far back to look when nothing is known.
_UNKNOWN_PAST = DAY


@dataclass(frozen=True, slots=True)
class Watermark:
    """Everything up to `uid` under `validity` has been read; the folder was looked at whole at `looked_at`."""

    of: str
    validity: int
    uid: int
    looked_at: int

    @property
    def since_at(self) -> int:
        """From which day to look when UIDs are of no use: a day of grace for servers in other zones."""
        return max(0, self.looked_at - _UNKNOWN_PAST)

    def read_up_to(self, validity: int, uid: int) -> Watermark:
        """After reading a mail."""
        return replace(self, validity=validity, uid=uid)


class WatermarkFile:
    """The file; its methods block."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / "email-inbox.json"

    def read(self, of: str, now: int) -> Watermark:
        """The mark of one inbox; a fresh one, from a day ago on, if the file speaks of another or of none."""
        try:
            said: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            mark = Watermark(str(said["of"]), int(said["validity"]), int(said["uid"]), int(said["looked_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Watermark(of, 0, 0, now)
        return mark if mark.of == of else Watermark(of, 0, 0, now)

    def write(self, mark: Watermark) -> None:
        """Keep it: whole or not at all, and through a power cut."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(mark), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
