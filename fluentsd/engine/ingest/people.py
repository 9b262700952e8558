"""The people of a batch as JSON that a program sends, checked before they are stored.

It crosses a socket, so nothing in it is trusted; `execute` leaves the check of these people to `upserts_of`. People
whom this process read itself are upserts already. What must not live here: how an upsert is made and cleaned
(`domain.contacts.upserts`), the reading of cells and records, the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Required

from pydantic import Field, StrictBool, StrictStr, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from fluentsd.domain.contacts.upserts import LANGUAGE_AT_MOST, ContactUpsert, cleaned
from fluentsd.domain.time.zones import zone_names
from fluentsd.engine.ingest.import_run import Malformed

#: Most characters of a zone's basis that the store keeps.
_BASIS_AT_MOST = 32


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
    "language": lambda language: len(language) <= LANGUAGE_AT_MOST,
}
#: What is wrong with a person, by the part that is.
_WRONG = {
    "": "is not an object",
    "points": 'has no points; each is ["phone" or "email", value]',
    "zones": "has a zone that does not exist, or zones that are not a list of texts",
    "states": "has a state with a comma, or states that are not a list of texts",
    "zone_basis": f"has a zone_basis that is not a text of at most {_BASIS_AT_MOST} characters",
    "language": f"has a language that is not a text of at most {LANGUAGE_AT_MOST} characters",
    "key": "has a key that is not a text",
    "conflict": "has a conflict that is neither true nor false",
    "fields": "has fields that are not an object of texts",
    "opt_outs": "has opt-outs that are not pairs of a channel and its words",
}


def upserts_of(people: Sequence[object]) -> Sequence[ContactUpsert]:
    """The people of a batch: JSON of a program, or upserts of this process, which are right. Raises `Malformed`, which
    names a person by place, never by what is said of them."""
    if all(type(person) is ContactUpsert for person in people):
        return people  # type: ignore[return-value] # all are
    try:
        checked: list[Any] = _PEOPLE.validate_python(list(people))
    except ValidationError as why:
        nth, *rest = why.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        raise _malformed(int(nth), str(rest[0]) if rest else "") from None
    for part, is_right in _RIGHT.items():
        values = {person[part] for person in checked if part in person}
        if wrong := {value for value in values if not is_right(value)}:
            place = next(place for place, person in enumerate(checked) if person.get(part) in wrong)
            raise _malformed(place, part)
    return [_of_json(place, person) for place, person in enumerate(checked)]


def _of_json(place: int, person: _Person) -> ContactUpsert:
    points, given = person["points"], person.get("fields", {})
    if ("phone", "") in points or ("email", "") in points:
        raise _malformed(place, "points")
    return cleaned(
        person.get("key", ""), points, person.get("zones", ()), person.get("zone_basis", "none"),
        person.get("states", ()), person.get("conflict", False), person.get("language", ""),
        _read(given, place) if isinstance(given, str) else given, person.get("opt_outs") or (),
    )  # fmt: skip


def _read(fields: str, place: int) -> dict[str, str]:
    try:
        return _FIELDS.validate_json(fields)
    except ValidationError:
        raise _malformed(place, "fields") from None


def _malformed(place: int, part: str) -> Malformed:
    return Malformed(f"person {place} of the batch {_WRONG[part]}")
