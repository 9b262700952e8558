"""The people of a batch as plain values, checked before they are stored.

`batches.contact_data` writes this format. It crosses processes, so nothing in it is trusted. There are millions of
people, so they are checked and cleaned (`fluentsd.text`) here alone, and not by `execute` before. What must not live
here: the reading of cells and records, the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Required

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypedDict

from fluentsd.domain.time.zones import zone_names
from fluentsd.engine.ingest.import_run import Malformed
from fluentsd.store.contact_upserts import ContactUpsert
from fluentsd.text import storable

#: Most characters that the columns hold.
_BASIS_AT_MOST, _LANGUAGE_AT_MOST = 32, 16


class _Person(TypedDict, total=False):
    """One person. `fields`: an object of texts, or its JSON; `opt_outs`: pairs of a channel and the source's words."""

    key: StrictStr
    points: Required[Annotated[tuple[tuple[Literal["phone", "email"], StrictStr], ...], Field(min_length=1)]]
    zones: tuple[StrictStr, ...]
    zone_basis: StrictStr
    states: tuple[StrictStr, ...]
    conflict: StrictBool
    language: StrictStr
    fields: dict[StrictStr, StrictStr] | StrictStr
    opt_outs: tuple[tuple[Literal["*", "phone", "sms", "email"], StrictStr], ...] | None


_PEOPLE = TypeAdapter(list[_Person])
_FIELDS = TypeAdapter(dict[StrictStr, StrictStr])
#: What a value must be beyond its type. A batch has few different values of these parts, so each is checked once.
_RIGHT: Mapping[str, Callable[[Any], bool]] = {
    "zones": lambda zones: zone_names().issuperset(zones),
    "states": lambda states: "," not in "".join(states),
    "zone_basis": lambda basis: len(basis) <= _BASIS_AT_MOST,
    "language": lambda language: len(language) <= _LANGUAGE_AT_MOST,
}
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
        checked: list[Any] = _PEOPLE.validate_python(list(people))
    except ValidationError as why:
        nth, *rest = why.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        raise _malformed(first + int(nth), str(rest[0]) if rest else "") from None
    for part, is_right in _RIGHT.items():
        values = {person[part] for person in checked if part in person}
        if wrong := {value for value in values if not is_right(value)}:
            place = next(place for place, person in enumerate(checked, first) if person.get(part) in wrong)
            raise _malformed(place, part)
    for place, person in enumerate(checked, first):
        points, fields = person["points"], person.get("fields")
        if ("phone", "") in points or ("email", "") in points:
            raise _malformed(place, "points")
        if isinstance(fields, str):
            person["fields"] = _read(fields, place)
    try:
        upserts = [_upsert(person) for person in checked]
        if _are_storable(upserts):
            return upserts
    except PydanticSerializationError:  # half of a surrogate pair
        pass
    return [_upsert(person) for person in storable(checked)]


def _read(fields: str, place: int) -> dict[str, str]:
    try:
        return _FIELDS.validate_json(fields)
    except ValidationError:
        raise _malformed(place, "fields") from None


def _are_storable(upserts: Sequence[ContactUpsert]) -> bool:
    """Whether no text has a zero character, which is an escape in JSON; if in doubt, not. Raises
    `PydanticSerializationError` for half of a surrogate pair."""
    others = to_json([(one.key, one.points, one.zone_basis, one.states, one.language, one.opt_outs) for one in upserts])
    return b"\\u0000" not in others and not any("\\u0000" in one.fields for one in upserts)


def _upsert(person: _Person) -> ContactUpsert:
    fields = to_json(person.get("fields", {})).decode()
    return ContactUpsert(
        person.get("key", ""), person["points"], person.get("zones", ()), person.get("zone_basis", "none"),
        person.get("states", ()), person.get("conflict", False), person.get("language", ""), fields,
        person.get("opt_outs") or (),
    )  # fmt: skip


def _malformed(place: int, part: str) -> Malformed:
    return Malformed(f"person {place} of the batch {_WRONG[part]}")
