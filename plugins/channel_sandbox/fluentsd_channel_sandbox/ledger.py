"""The ledger of a carrier: its requests, in a file that survives a killed daemon.

One JSON object per line, appended with a single `write` at acceptance and before any answer, so it survives SIGKILL of
this process (not a power cut, which is out of scope). Three kinds of line: a request (accepted or refused),
`{"cancelled": token, "at": …}`, and `{"told_until": at}`, the instant until which all events have been delivered. A
torn last line is a request without an answer.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fluentsd.api import Attempt, Kind, Message

_encode = json.JSONEncoder(separators=(",", ":")).encode


class LedgerProblem(Exception):
    """A ledger cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `at` and `valid_until_at` are epoch microseconds, `words` a hash of the text."""

    token: str
    kind: Kind
    to: str
    sender: str | None
    at: int
    step: str
    try_no: int
    words: str
    valid_until_at: int | None
    accepted: bool
    why: str = ""  #: why it was refused

    @property
    def outside_window(self) -> bool:
        """Accepted after the end of the person's contact window."""
        return self.accepted and self.valid_until_at is not None and self.at > self.valid_until_at

    def line(self) -> bytes:
        """The entry as a line of the ledger."""
        row = {
            "token": self.token,
            "kind": self.kind,
            "to": self.to,
            "sender": self.sender,
            "at": self.at,
            "step": self.step,
            "try": self.try_no,
            "words": self.words,
            "valid_until": self.valid_until_at,
            "accepted": self.accepted,
        }
        if self.why:
            row["why"] = self.why
        return _encode(row).encode() + b"\n"


def entry_of(message: Message, attempt: Attempt, at: int, why: str = "") -> Entry:
    """The entry for one request; accepted if `why` is empty."""
    words = blake2b(f"{message.subject}\x00{message.text}\x00{message.html}".encode(), digest_size=8).hexdigest()
    return Entry(
        attempt.token, attempt.kind, message.to, message.sender, at, attempt.step, attempt.try_no, words,
        message.valid_until_at, not why, why,
    )  # fmt: skip


@dataclass(slots=True)
class Reading:
    """The content of a ledger: every request in order, cancellations, and deliveries.

    `delivered` holds (number of earlier requests, instant): all their events until that instant have been delivered.
    """

    entries: list[Entry] = field(default_factory=list)
    cancelled: dict[str, int] = field(default_factory=dict)
    delivered: list[tuple[int, int]] = field(default_factory=list)

    def delivered_until(self) -> list[int]:
        """For each request, the instant until which its events were delivered; 0 for never."""
        until, latest, delivered = [0] * len(self.entries), 0, list(self.delivered)
        for number in range(len(self.entries) - 1, -1, -1):
            while delivered and delivered[-1][0] > number:
                latest = max(latest, delivered.pop()[1])
            until[number] = latest
        return until

    @property
    def accepted(self) -> list[Entry]:
        """The accepted requests, which reach a person."""
        return [entry for entry in self.entries if entry.accepted]

    @property
    def refused(self) -> list[Entry]:
        """The refused requests."""
        return [entry for entry in self.entries if not entry.accepted]

    def per_token(self) -> Counter[str]:
        """How often each attempt token was accepted; above 1 a person was contacted twice."""
        return Counter(entry.token for entry in self.entries if entry.accepted)

    def per_try(self) -> Counter[tuple[str, str, int]]:
        """How often each (to, step, try number) was accepted."""
        return Counter((entry.to, entry.step, entry.try_no) for entry in self.entries if entry.accepted)

    @property
    def duplicates(self) -> int:
        """Acceptances beyond the first of each token."""
        return sum(count - 1 for count in self.per_token().values())


def read_ledger(path: str | Path) -> Reading:
    """Read a ledger; a missing file is an empty one, a torn line is skipped; raises `LedgerProblem`."""
    reading = Reading()
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except FileNotFoundError:
        return reading
    except OSError as why:
        raise LedgerProblem(f"The ledger {path} cannot be read: {why.strerror}. Name another file.") from why
    for number, line in enumerate(lines, 1):
        if line.endswith(b"}"):  # other lines were torn by a kill or a full disk before the answer
            _take(reading, line, f"{path}, line {number}")
    return reading


def _take(reading: Reading, line: bytes, where: str) -> None:
    try:
        row = json.loads(line)
        if "told_until" in row:
            reading.delivered.append((len(reading.entries), row["told_until"]))
        elif "cancelled" in row:
            reading.cancelled[row["cancelled"]] = row["at"]
        else:
            reading.entries.append(_entry(row))
    except (ValueError, KeyError, TypeError) as why:
        raise LedgerProblem(
            f"{where} is not a line of a sandbox ledger ({why!r}). Move the file away; the carrier starts a new one."
        ) from why


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        row["token"], row["kind"], row["to"], row["sender"], row["at"], row["step"], row["try"],
        row["words"], row["valid_until"], row["accepted"], row.get("why", ""),
    )  # fmt: skip


class Ledger:
    """The ledger a carrier writes; `path` None keeps it in memory only.

    Holds every accepted attempt by token, and how often each try was refused. An existing file is read first.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.by_token: dict[str, Entry] = {}
        self.again: Counter[str] = Counter()  #: acceptances of a token beyond its first
        self.refusals: Counter[tuple[str, str, int]] = Counter()
        self.cancelled: dict[str, int] = {}
        self.from_before: dict[str, int] = {}  #: an earlier process's tokens: delivered until when
        self._fd: int | None = None
        if path is not None:
            self._remember(read_ledger(path))

    def _remember(self, reading: Reading) -> None:
        self.cancelled = reading.cancelled
        for entry, delivered_until_at in zip(reading.entries, reading.delivered_until(), strict=True):
            self._count(entry)
            if entry.accepted:
                self.from_before.setdefault(entry.token, delivered_until_at)

    def _count(self, entry: Entry) -> None:
        if not entry.accepted:
            self.refusals[(entry.to, entry.step, entry.try_no)] += 1
        elif entry.token in self.by_token:
            self.again[entry.token] += 1
        else:
            self.by_token[entry.token] = entry

    def write(self, entry: Entry) -> None:
        """Store one request; on return it survives this process. Raises `OSError` when it cannot be written."""
        if self.path is not None:
            self._append(entry.line())
        self._count(entry)

    def cancel(self, token: str, at: int) -> None:
        """Store that a call was cancelled."""
        if self.path is not None:
            self._append(_encode({"cancelled": token, "at": at}).encode() + b"\n")
        self.cancelled[token] = at

    def delivered(self, until_at: int) -> None:
        """Store that all events until this instant have been delivered."""
        if self.path is not None:
            self._append(_encode({"told_until": until_at}).encode() + b"\n")

    def accepted(self, token: str) -> int:
        """How often this token was accepted."""
        return (1 + self.again[token]) if token in self.by_token else 0

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _append(self, line: bytes) -> None:
        if self._fd is None:
            self._fd = self._open()
        if os.write(self._fd, line) != len(line):
            self.close()  # opening it again ends the torn line
            raise OSError(f"only part of a line was written to the ledger {self.path}; check for a full disk")

    def _open(self) -> int:
        assert self.path is not None  # noqa: S101 - only a ledger with a file appends
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            os.write(fd, b"\n")
        return fd
