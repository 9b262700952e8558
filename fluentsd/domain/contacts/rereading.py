"""Reads stored people again: where did an earlier release read a point, a place or an opt-out otherwise?

Here live the comparison of one person (`of_person`) and of one entry of the suppression list (`of_entry`) with today's
readings. Cells are not kept, so the reading begins with what is: the points, and the fields of each source. What cannot
be told from them is left alone. An opt-out is only ever added. What must not live here: the store, and the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.identity import PointKey
from fluentsd.domain.contacts.opt_out_columns import by_heading
from fluentsd.domain.contacts.points import BadPoint, email, email_key, phone
from fluentsd.domain.places.location import Place, place_of


class What(StrEnum):
    """What would be read otherwise."""

    point = "point"  #: a number or address of a person
    place = "place"  #: a person's zones and states
    suppression = "suppression"  #: somebody to add to the suppression list
    doubt = "doubt"  #: a point that is doubtful or none today; a person decides


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What one source says of a person. `aside`: fields that a person declared to mean nothing more; `is_file`: a CRM
    tells opt-outs in its own way."""

    source: str
    fields: Mapping[str, str]
    is_file: bool = True
    aside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """One person as stored: points in order of preference, the place, and what the sources say, the newest first.
    `stopped`: pairs of a point's value and a channel ("*" for all) that were ever on the suppression list; `former`:
    points that newer ones have replaced, which say nothing of the place."""

    contact_id: int
    points: Sequence[PointKey]
    zones: str
    zone_basis: str
    states: str
    conflict: bool
    records: Sequence[SourceRecord]
    stopped: Collection[tuple[str, str]] = ()
    former: Collection[PointKey] = ()


@dataclass(frozen=True, slots=True)
class Otherwise:
    """One reading that is another one today. `contact_id` is 0 for an entry of the suppression list; `source` is what
    it was read from; `because`: why, or the words of an opt-out. A point: `kind`, `was` and `becomes` ("" in doubt). A
    suppression: the point `kind`, `becomes` on `channel`. A place: both in words, and `place` itself."""

    what: What
    contact_id: int
    source: str
    was: str
    becomes: str
    because: str
    kind: str = ""
    channel: str = ""
    extension: str = ""
    place: Place | None = None


def of_person(kept: Kept) -> Iterator[Otherwise]:
    """Every reading of a person that is another one today."""
    newest = kept.records[0].source if kept.records else ""
    now: list[PointKey] = []
    numbers: list[str] = []
    for kind, value in kept.points:
        found = _point(kept.contact_id, newest, kind, value)
        if found is not None:
            yield found
        today = found.becomes if found is not None and found.becomes else value
        now.append((kind, today))
        if kind == "phone" and (kind, value) not in kept.former:
            numbers.append(today)
    if (moved := _place(kept, numbers, newest)) is not None:
        yield moved
    for record in kept.records:
        if record.is_file:
            yield from _opt_outs(kept, record, now)


def of_entry(kind: str, value: str, channel: str, reason: str) -> Otherwise | None:
    """The point that an entry of the suppression list names, if that is another one today: "+1…;ext=12" stops the line.
    The entry stays; the point is added."""
    scheme, _, rest = value.rpartition(":")  # "whatsapp:+12125550101", "tel:…"
    found = _point(0, reason, kind, rest if scheme.isalpha() else value)
    if found is not None and found.what is What.doubt:
        return None
    becomes = found.becomes if found is not None else rest if scheme.isalpha() else value
    if becomes == value:
        return None
    why = found.because if found is not None else f"{scheme} is no part of the number"
    return Otherwise(What.suppression, 0, reason, value, becomes, why, kind, channel)


def _point(contact_id: int, source: str, kind: str, value: str) -> Otherwise | None:
    try:
        becomes, extension = _read_point(kind, value)
    except BadPoint as bad:
        return Otherwise(What.doubt, contact_id, source, value, "", bad.reason, kind)
    if becomes == value:
        return None
    why = f"the extension {extension} is no part of it" if extension else "it is another number today"
    return Otherwise(What.point, contact_id, source, value, becomes, why, kind, extension=extension)


def _read_point(kind: str, value: str) -> tuple[str, str]:
    """The value as it is read today, and its extension. Raises `BadPoint`."""
    if kind == "email":
        return email_key(email(value)), ""
    read = phone(value)
    if read.region not in _WITHOUT_PLUS and read.region != "001":
        number = phonenumbers.parse(read.e164)
        national = str(number.national_number)
        if national.startswith(str(number.country_code)):  # a cell without its plus was read as a national number
            again = phone(national, read.region)
            return again.e164, read.extension
    return read.e164, read.extension


#: Plans in which no national number begins with the country's code.
_WITHOUT_PLUS = frozenset(("US", "CA"))


def _place(kept: Kept, numbers: Sequence[str], source: str) -> Otherwise | None:
    """The place as it is read today, if what it was read from is kept. With several sources the numbers of the row are
    not known: the place is another one only if neither the newest source's number nor all of them give the old one."""
    if not kept.records:
        return None
    fields = kept.records[0].fields
    zone, state, country, code = (fields.get(name, "") for name in _PLACES)
    parts = kept.zone_basis.split("+")
    if ("field" in parts and not zone) or ("address" in parts and not (state or country or code)):
        return None
    old = (kept.zones, kept.states, kept.conflict)
    first = [number for number in numbers if number == fields.get(Target.PHONE, number)]
    readings = [place_of(zone, state, country, code, which) for which in (numbers, first or numbers, numbers[:1])]
    if any(_told(one) == old for one in readings):
        return None
    was, now = _words(kept.zones, kept.states), _words(*_told(readings[0])[:2])
    why = readings[0].problem or f"by {readings[0].basis}"
    return Otherwise(What.place, kept.contact_id, source, was, now, why, place=readings[0])


_PLACES = (Target.TIMEZONE, Target.STATE, Target.COUNTRY, Target.POSTAL_CODE)


def _told(place: Place) -> tuple[str, str, bool]:
    return ",".join(place.zones), ",".join(place.states), place.conflict


def _words(zones: str, states: str) -> str:
    return " · ".join(part.replace(",", ", ") for part in (zones or "zone unknown", states) if part)


def _opt_outs(kept: Kept, record: SourceRecord, points: Sequence[PointKey]) -> Iterator[Otherwise]:
    """Opt-outs in the source's fields whose points were never on the list for that channel."""
    for name, text in record.fields.items():
        if name in _TARGETS or name in record.aside:
            continue
        says = by_heading(name.replace("_", " "))
        for channel in says.stopped(text) if says else ():
            wanted = "email" if channel == "email" else "phone"
            serving = [point for point in points if channel == "*" or point[0] == wanted] or points
            for kind, value in serving:
                if not {(value, channel), (value, "*")} & set(kept.stopped):
                    words = f"{name}: {text[:40]}"
                    yield Otherwise(What.suppression, kept.contact_id, record.source, "", value, words, kind, channel)


_TARGETS = frozenset(Target) | {"phone_extension"}
