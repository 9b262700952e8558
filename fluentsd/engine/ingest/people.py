"""The people of a batch as plain values, checked before they are stored.

`batches.contact_data` writes this format. It crosses processes, so nothing in it is trusted. There are millions of
people, so they are checked and cleaned (`fluentsd.text`) here alone, and not by `execute` before. What must not live
here: the reading of cells and records, the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import StrictBool, StrictStr, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypedDict

from fluentsd.domain.time.zones import zone_names
from fluentsd.engine.ingest.run import Malformed
from fluentsd.store.contact_upserts import ContactUpsert
from fluentsd.text import storable

#: Most characters that the columns hold.
_BASIS_AT_MOST, _LANGUAGE_AT_MOST = 32, 16


class _Person(TypedDict, total=False):
    """One person. `fields`: an object of texts, or its JSON; `opt_outs`: pairs of a channel and the source's words."""

    key: StrictStr
    points: tuple[tuple[Literal["phone", "email"], StrictStr], ...]
    zones: tuple[StrictStr, ...]
    zone_basis: StrictStr
    states: tuple[StrictStr, ...]
    conflict: StrictBool
    language: StrictStr
    fields: dict[StrictStr, StrictStr] | StrictStr
    opt_outs: tuple[tuple[Literal["*", "phone", "sms", "email"], StrictStr], ...] | None


_PEOPLE = TypeAdapter(list[_Person])
_FIELDS = TypeAdapter(dict[StrictStr, StrictStr])
#: What is wrong with a person, by the part that is.
_WRONG = {
    "": "is not an object",
    "points": 'has no points; each is ["phone" or "email", value]',
    "zones": "has a zone that does not exist, or zones that are not a list of texts",
    "states": "has a state with a comma, or states that are not a list of texts",
    "zone_basis": f"has a zone_basis that is not a text of at most {_BASIS_AT_MOST} characters",
    "language": f"has a language that is not a text of at most {_LANGUAGE_AT_MOST} characters",
    "key": "has a key that is not a text",
    "conflict": "has a conflict that is neither true nor false",
    "fields": "has fields that are not an object of texts",
    "opt_outs": "has opt-outs that are not pairs of a channel and its words",
}


def upserts_of(people: Iterable[object], first: int = 0) -> list[ContactUpsert]:
    """The people of a batch. `first`: the place of the first one. Raises `Malformed`, which names a person by place,
    never by what is said of them."""
    try:
        checked = _PEOPLE.validate_python(list(people))
    except ValidationError as why:
        place, *part = why.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        raise _malformed(first + int(place), str(part[0]) if part else "") from None
    for place, person in enumerate(checked, first):
        if isinstance(fields := person.get("fields"), str):
            person["fields"] = _read(fields, place)
    if not _is_storable(checked):
        checked = storable(checked)
    return [_upsert(person, place) for place, person in enumerate(checked, first)]


def _read(fields: str, place: int) -> dict[str, str]:
    try:
        return _FIELDS.validate_json(fields)
    except ValidationError:
        raise _malformed(place, "fields") from None


def _is_storable(people: list[_Person]) -> bool:
    """Whether every database stores all texts as they are; if in doubt, not. In JSON a zero character is an escape, and
    half of a surrogate pair cannot be written."""
    try:
        return b"\\u0000" not in to_json(people)
    except PydanticSerializationError:
        return False


def _upsert(person: _Person, place: int) -> ContactUpsert:
    points, zones, states = person.get("points", ()), person.get("zones", ()), person.get("states", ())
    basis, language = person.get("zone_basis", "none"), person.get("language", "")
    if not points or ("phone", "") in points or ("email", "") in points:
        raise _malformed(place, "points")
    if not zone_names().issuperset(zones):
        raise _malformed(place, "zones")
    if "," in "".join(states):
        raise _malformed(place, "states")
    if len(basis) > _BASIS_AT_MOST:
        raise _malformed(place, "zone_basis")
    if len(language) > _LANGUAGE_AT_MOST:
        raise _malformed(place, "language")
    key, conflict, opt_outs = person.get("key", ""), person.get("conflict", False), person.get("opt_outs") or ()
    fields = to_json(person.get("fields", {})).decode()
    return ContactUpsert(key, points, zones, basis, states, conflict, language, fields, opt_outs)


def _malformed(place: int, part: str) -> Malformed:
    return Malformed(f"person {place} of the batch {_WRONG[part]}")
