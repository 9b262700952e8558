"""The protocol of a source: a CRM or a file from which contacts come, and to which activities are written.

Provisional: it may change without a new API version until the plugins of two CRMs keep it. Everything arrives in pages,
never as an endless iterator: a page is taken, written and remembered before the next one is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from fluentsd.api.values import Finding


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What the source's provider allows: records in one page or `refresh`, requests at once, and microseconds between
    two requests (0: no limit)."""

    page: int = 100
    concurrency: int = 1
    interval: int = 0


@dataclass(frozen=True, slots=True)
class SourceField:
    """One field of the source's records. `options` are the values of a choice."""

    name: str
    label: str = ""
    kind: Literal["text", "number", "flag", "date", "moment", "choice"] = "text"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A list, view, stage or group of records. `size` is None if the source does not count it."""

    id: str
    name: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the source: its id there, its fields by name, and when it last changed (epoch microseconds)."""

    id: str
    fields: Mapping[str, Any] = field(repr=False)
    changed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a segment, or of its changes.

    `refs` are the ids of the records in it; `records` their content, or None when the source lists ids only (then
    `refresh` gives it). `gone` are ids that are proved to have left the segment or been deleted. `next` is the cursor
    of the following page; None at the end. `complete` is True only on the last page of a walk that has named *every*
    record of the segment: without it nobody leaves, whatever the walk has not named. `as_of` (epoch microseconds) is
    the instant for which the page is true; `since` is the cursor for the next `changes`, on the last page.
    """

    refs: Sequence[str]
    records: Sequence[Record] | None = None
    next: str | None = None
    complete: bool = False
    as_of: int = 0
    gone: Sequence[str] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happened with a contact, to be written to its record. `at` is epoch microseconds; `fields` are
    values to set on the record."""

    record: str
    kind: Literal["call", "sms", "email", "note"]
    at: int
    summary: str = ""
    text: str = field(default="", repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


@runtime_checkable
class Source(Protocol):
    """A source. Each method raises `Unavailable` (try again after a time) or `NeedsHuman` (credentials, permissions);
    an unknown segment is a `LookupError`. Abilities of its own: `Closes`."""

    limits: SourceLimits

    async def check(self) -> Sequence[Finding]:
        """Check credentials, permissions and reachability for the operator. Changes nothing."""

    async def catalogue(self) -> Sequence[SourceField]:
        """All fields of its records."""

    async def segments(self) -> Sequence[Segment]:
        """All segments, or an error, never a part."""

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a whole segment; `cursor` is None at first, then the last page's `next`. A cursor stays good over
        a restart; one that is not any more is a `ValueError`, and the walk begins again."""

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment since the cursor of an earlier page (None: since now, so the page is empty and has
        a cursor). `next` continues a long answer; `since` is for the next time."""

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The records with these ids, at most `limits.page`; missing ones are left out."""

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity and return its id at the source. `key` is unique for ever: writing it again returns the
        first id and changes nothing."""
