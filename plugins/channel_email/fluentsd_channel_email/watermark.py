"""The watermark: how far a folder has been read, stored in the plugin's folder, so a restart loses and repeats no mail.

A UID is valid only under its UIDVALIDITY (RFC 3501 §2.3.1.1); when the server changes it, reading goes on from the day
of the last search. The file is replaced atomically; an unreadable file counts as missing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

DAY = 86_400_000_000
#: How far back to read without a watermark.
_UNKNOWN_PAST = DAY


@dataclass(frozen=True, slots=True)
class Watermark:
    """All mail up to `uid` under `validity` has been read; the last search was at `looked_at`."""

    of: str
    validity: int
    uid: int
    looked_at: int

    @property
    def since_at(self) -> int:
        """The day to read from without valid UIDs: one day earlier, for servers in other zones."""
        return max(0, self.looked_at - _UNKNOWN_PAST)

    def read_up_to(self, validity: int, uid: int) -> Watermark:
        """The watermark after this mail."""
        return replace(self, validity=validity, uid=uid)


class WatermarkFile:
    """The file; its methods block."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / "email-inbox.json"

    def read(self, of: str, now: int) -> Watermark:
        """The watermark of one inbox; a fresh one, from a day ago, without a file for this inbox."""
        try:
            row: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            watermark = Watermark(str(row["of"]), int(row["validity"]), int(row["uid"]), int(row["looked_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Watermark(of, 0, 0, now)
        return watermark if watermark.of == of else Watermark(of, 0, 0, now)

    def write(self, watermark: Watermark) -> None:
        """Store it atomically, safe against a power cut."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(watermark), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
