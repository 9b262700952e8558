"""The protocol of a source: a CRM or a file from which contacts come, and to which activities are written.

Provisional: it may change without a new API version until the plugins of two CRMs keep it. Everything arrives in pages,
never as an endless iterator: a page is taken, written and remembered before the next one is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from fluentsd.api.values import Finding, Kind

#: What a field says of a person. `opt_out` stops all channels, `opt_out_<channel>` one; `url` is the record's address
#: in the CRM. Several fields may have one meaning: phones count in the order of the catalogue, one opt-out is enough.
Meaning = Literal[
    "", "phone", "email", "first_name", "last_name", "name", "timezone", "city", "state", "zip", "country",
    "opt_out", "opt_out_phone", "opt_out_sms", "opt_out_email", "url",
]  # fmt: skip
#: What a segment is called in its CRM.
SegmentKind = Literal[
    "list", "stage", "view", "report", "campaign", "group", "tag", "status", "filter", "query", "file"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What the source's provider allows: records in one page, records in one `refresh`, requests at once, microseconds
    between two requests (0: no limit), and requests a day (None: no limit)."""

    page: int = 100
    concurrency: int = 1
    interval: int = 0
    refresh: int = 100
    daily: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The requests of one account: made since the last reset, allowed a day for all programs (None: not known or no
    limit), the part of them that this source may use, and the next reset (epoch microseconds)."""

    today: int
    daily: int | None = None
    allowed: int | None = None
    resets_at: int | None = None


@dataclass(frozen=True, slots=True)
class SourceField:
    """One field of the source's records.

    `options` are the values of a choice. `meaning` is the plugin's proposal for the mapping. `fetched` is False for a
    field that the CRM has but records do not carry, until the source's settings name it. `writable`: `Activity.fields`
    may set it.
    """

    name: str
    label: str = ""
    kind: Literal["text", "number", "flag", "date", "moment", "choice"] = "text"
    options: tuple[str, ...] = ()
    meaning: Meaning = ""
    fetched: bool = True
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A list, view, stage or group of records. `size` is None if the source does not count it.

    `id` is the kind, a colon and the CRM's own id: "list:123". A campaign's file names a segment by its id, by kind and
    name ("list:Spring fair"), or by its name alone.
    """

    id: str
    name: str
    size: int | None = None
    kind: SegmentKind = "list"


class SegmentList(list[Segment]):
    """Segments, of which some kinds could not be listed: `unlisted` has a sentence for each, with what to grant."""

    def __init__(self, found: Iterable[Segment] = (), unlisted: Iterable[str] = ()) -> None:
        super().__init__(found)
        self.unlisted = tuple(unlisted)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the source: its id there, its fields by name, and when it last changed (epoch microseconds).

    A field of kind "flag" is True, False or None. `aliases` are other ids of this record: of records that were merged
    into it, or of the lead that became this contact. `object` is the CRM's word for it ("contact", "lead"); ids are
    unique over all objects of a source. `url` is its address in the CRM, for people. `unreadable` are the meanings that
    could not be read this time: an opt-out field that the credentials may not see, or one that lists do not have and
    `refresh` may read. Until it is read, the engine contacts nobody on those channels. `unread`: the source has the
    record but could not read it this time; nobody leaves for that, and the person is not contacted.
    """

    id: str
    fields: Mapping[str, Any] = field(repr=False)
    changed_at: int | None = None
    aliases: tuple[str, ...] = ()
    object: str = ""
    url: str = ""
    unreadable: frozenset[Meaning] = frozenset()
    unread: bool = False

    @classmethod
    def not_read(cls, ref: str) -> Record:
        """A record that is there and could not be read."""
        return cls(ref, {}, unreadable=frozenset({"opt_out"}), unread=True)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a segment, or of its changes.

    `refs` are the ids of the records in it; `records` their content, or None when the source lists ids only (then
    `refresh` gives it). `gone` are ids that are proved not to be in the segment (any more); some may be told twice, or
    never have been in it. `next` is the cursor of the following page; None at the end. `complete` is True only on the
    last page of a walk that has named *every* record of the segment: without it nobody leaves, whatever the walk has
    not named. `as_of` (epoch microseconds) is the instant for which the page is true; `since` is the cursor for the
    next `changes`, on the last page. `walk_again` (of changes): records have left that `gone` does not name, so that a
    walk is due now. `requests` is how many requests the page took.
    """

    refs: Sequence[str]
    records: Sequence[Record] | None = None
    next: str | None = None
    complete: bool = False
    as_of: int = 0
    gone: Sequence[str] = ()
    since: str | None = None
    walk_again: bool = False
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happened with a contact, to be written to its record. `at` is epoch microseconds; `fields` are
    values to set on the record.

    `channel` and `direction` ("out": from us) say how; `outcome` is the word of `Outcome`, `disposition` what the
    conversation came to, `duration_s` the seconds of a call. `address` is the other party's number or address, `sender`
    our caller ID, `recording` an address. Of kind "opt_out" the person must not be contacted by `channels` any more
    (empty: by none), and the source sets the CRM's own fields.
    """

    record: str
    kind: Literal["call", "sms", "email", "note", "opt_out"]
    at: int
    summary: str = ""
    text: str = field(default="", repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    channel: Kind | Literal[""] = ""
    direction: Literal["out", "in"] = "out"
    outcome: str = ""
    disposition: str = ""
    duration_s: int | None = None
    address: str = field(default="", repr=False)
    sender: str = ""
    recording: str = field(default="", repr=False)
    channels: tuple[Kind, ...] = ()


@runtime_checkable
class Source(Protocol):
    """A source. Each method raises `Unavailable` (try again after a time) or `NeedsHuman` (credentials, permissions);
    an unknown segment is a `LookupError`. Abilities of its own: `Closes`, `CountsRequests`."""

    limits: SourceLimits

    async def check(self) -> Sequence[Finding]:
        """Check credentials, permissions and reachability for the operator. Changes nothing."""

    async def catalogue(self) -> Sequence[SourceField]:
        """All fields of its records."""

    async def segments(self) -> Sequence[Segment]:
        """All segments, or an error; when the credentials may not list some kinds, a `SegmentList` that says so.
        Queries and filters of the settings are segments too."""

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a whole segment; `cursor` is None at first, then the last page's `next`. A cursor stays good over
        a restart; one that is not any more is a `ValueError`, and the walk begins again. A page names a record once; a
        later page may name it again (a contact with two deals in a stage)."""

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment since the cursor of an earlier page (None: since now, so the page is empty and has
        a cursor). `next` continues a long answer; `since` is for the next time. A record may be told twice, none is
        left out; a `ValueError` means that only a walk can tell."""

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The records with these ids, at most `limits.refresh`. Left out are only those of which the provider says that
        they do not exist (any more); one that cannot be read is `Record.not_read`. Of a record that was merged the
        winner is returned once, with the loser among its `aliases`."""

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity and return its id at the source. `key` is unique for ever: writing it again returns the
        first id and changes nothing. Raises `Rejected` if it can never be written (the record is gone, the CRM's rules
        refuse it); when only a part is refused, after the rest is written (`WriteLedger.all_parts`)."""


@runtime_checkable
class CountsRequests(Protocol):
    """It counts the requests of its account."""

    def used(self) -> Usage:
        """The requests of today. Pure and quick."""
