"""The fields of a source: what each means, and a record read by them. Pure.

The plugin's catalogue proposes meanings; the settings may say otherwise (`[source.<name>.fields]`). What must not live
here: requests, the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from fluentsd.api import Meaning, Record, SourceField
from fluentsd.api.opt_out_rules import says_yes
from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.identity import PointKey
from fluentsd.domain.contacts.mapping import record_columns
from fluentsd.domain.contacts.reader import ContactReader, Reject, UnknownCell
from fluentsd.domain.contacts.upserts import ContactUpsert, contact_upsert

MEANINGS: tuple[str, ...] = get_args(Meaning)
#: Opt-outs, each with the channel on which it stops a person.
OPT_OUTS: Mapping[str, str] = {
    "opt_out": "*", "opt_out_phone": "phone", "opt_out_sms": "sms", "opt_out_email": "email",
}  # fmt: skip
#: Kinds of points, which are targets too.
_KINDS = (Target.PHONE.value, Target.EMAIL.value)
_TARGETS: Mapping[str, str] = {
    "phone": Target.PHONE, "email": Target.EMAIL, "first_name": Target.FIRST_NAME, "last_name": Target.LAST_NAME,
    "name": Target.FULL_NAME, "timezone": Target.TIMEZONE, "state": Target.STATE, "zip": Target.POSTAL_CODE,
    "country": Target.COUNTRY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordRead:
    """One record: the person, or the reason why it is none; its opt-outs, and those that could not be read, as
    meanings; the kinds of points (`phone`, `email`) for which it has fields and names none that is valid."""

    record: Record
    person: ContactUpsert | None
    reason: str
    opted_out: frozenset[str]
    unreadable: frozenset[str]
    without: frozenset[str] = frozenset()


class Fields:
    """The fields of one source with their meanings."""

    def __init__(self, catalogue: Sequence[SourceField], meanings: Mapping[str, str], region: str = "US") -> None:
        self.catalogue = catalogue
        self.meanings = {one.name: meanings.get(one.name, one.meaning) for one in catalogue if one.fetched}
        targets = {name: _TARGETS.get(meaning, "") for name, meaning in self.meanings.items()}
        self._reader = ContactReader(record_columns(targets), region)
        self._points = {kind: {name for name, target in targets.items() if target == kind} for kind in _KINDS}
        self._opt_outs = [(name, meaning) for name, meaning in self.meanings.items() if meaning in OPT_OUTS]
        self.unknown = sorted(set(meanings) - {one.name for one in catalogue})  #: of the settings, but not the source's

    def protects(self, channel: str) -> bool:
        """Whether a field says that a person must not be contacted by this channel."""
        return any(OPT_OUTS[meaning] in ("*", channel) for _, meaning in self._opt_outs)

    @property
    def mapping(self) -> tuple[tuple[str, str], ...]:
        """The fields that mean something: name and meaning, in the order of the catalogue."""
        return tuple((name, meaning) for name, meaning in self.meanings.items() if meaning)

    def read(self, record: Record) -> RecordRead:
        """One record."""
        opted_out = {meaning for name, meaning in self._opt_outs if says_yes(record.fields.get(name))}
        unreadable = frozenset(meaning for meaning in record.unreadable if meaning in OPT_OUTS)
        if record.unread:
            return RecordRead(record, None, "", frozenset(), unreadable)
        found = self._reader.read_record(record.id, record.fields)
        if isinstance(found, Reject):
            without = frozenset() if isinstance(found, UnknownCell) else self._without(record, ())
            return RecordRead(record, None, found.reason, frozenset(opted_out), unreadable, without)
        person = contact_upsert(found)
        return RecordRead(record, person, "", frozenset(opted_out), unreadable, self._without(record, person.points))

    def _without(self, record: Record, points: Iterable[PointKey]) -> frozenset[str]:
        """The kinds of points that the record has all fields for, and none of these points."""
        named, given = {kind for kind, _ in points}, record.fields.keys()
        return frozenset(kind for kind, names in self._points.items() if kind not in named and names and names <= given)


def words_of(meanings: Iterable[str]) -> str:
    """Meanings as the store keeps them."""
    return ",".join(sorted(meanings))


def channels_of(meanings: Iterable[str]) -> list[str]:
    """The channels that these opt-outs stop; "*" alone when one stops all."""
    channels = {OPT_OUTS[meaning] for meaning in meanings}
    return ["*"] if "*" in channels else sorted(channels)
