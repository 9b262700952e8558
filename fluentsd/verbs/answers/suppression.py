"""Answers about the suppression list. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry with its evidence; a lifted one stays on record. `channel`: "*" for all."""

    id: int = 0
    value: str = ""
    kind: str = ""
    channel: str = ""
    reason: str = ""
    evidence: Mapping[str, Any] | None = None
    by: str = ""
    at: int | None = None
    lifted_at: int | None = None
    lifted_by: str | None = None
    lifted_because: str | None = None
    said_at: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """`suppression list`: entries in force."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """`suppression why`: every entry of one number or address, and what that comes to."""

    point: str = ""
    sentence: str = ""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """`suppression add`: the campaigns in which enrollments ended."""

    point: str = ""
    channel: str = ""
    campaigns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lifted:
    """`suppression remove`: how many entries were lifted."""

    point: str = ""
    lifted: int = 0


@dataclass(frozen=True, slots=True)
class Undone:
    """`suppression undo`: entries that were taken back; `still`: channels for which other entries hold ("*" for all),
    `sentence`: what that comes to; `notes`: what is not put back by it."""

    point: str = ""
    lifted: int = 0
    still: tuple[str, ...] = ()
    sentence: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A text of an import that is no number and no address."""

    text: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """`suppression take` and the whole import: entries that are new, that were there, and texts that cannot be read."""

    added: int = 0
    known: int = 0
    campaigns: tuple[int, ...] = ()
    bad: tuple[Bad, ...] = ()
