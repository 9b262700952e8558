"""One run of an import, and the people of its batches, as values that cross a socket as JSON.

A run is identified by its start time: a person seen twice in one run is a duplicate, a person known from an earlier run
is updated. What must not live here: the reading of files and records, and what a batch changes (`service`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fluentsd.store.contact_upserts import Attested, ContactUpsert

#: Batch sizes in people: about 11 ms while others use the database, and large when nothing else does.
SHARED, ALONE = 250, 7_500
_KINDS = ("phone", "email")


class Malformed(ValueError):
    """A run or a person is not in the form that the service takes; the message says what is wrong with which."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun. `at`: its start, in epoch microseconds; `at_once`: people in one batch; `needs_phone`:
    whether the campaign's first step can reach only people with a number."""

    source: str
    source_id: int
    at: int
    ref: str | None = None
    campaign_id: int | None = None
    needs_phone: bool = False
    at_once: int = SHARED
    attestation: Attested | None = None

    def as_json(self) -> dict[str, Any]:
        """The run as the answer to the request that began it."""
        given = asdict(self)
        if self.attestation is None:
            del given["attestation"]
        return given

    @classmethod
    def from_json(cls, given: object) -> Run:
        """The run that `as_json` wrote. Raises `Malformed`."""
        if not isinstance(given, Mapping):
            raise Malformed("the run is not what the beginning of the import answered")
        wrong = [
            name
            for name, kinds in _RUN.items()
            if not isinstance(given.get(name), kinds) or isinstance(given.get(name), bool) is not (bool in kinds)
        ]
        if wrong:
            raise Malformed(f"the run is not what the beginning of the import answered: {', '.join(wrong)}")
        values: dict[str, Any] = {name: given.get(name) for name in _RUN} | {
            "attestation": _attested(given.get("attestation"))
        }
        return cls(**values)


_RUN: Mapping[str, tuple[type, ...]] = {
    "source": (str,), "source_id": (int,), "at": (int,), "ref": (str, type(None)), "campaign_id": (int, type(None)),
    "needs_phone": (bool,), "at_once": (int,),
}  # fmt: skip


def _attested(given: object) -> Attested | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        id_, consent, scrubbed_at = given.get("id"), given.get("consent"), given.get("scrubbed_at")
        if isinstance(id_, int) and isinstance(consent, str) and isinstance(scrubbed_at, int | None):
            return Attested(id_, consent, scrubbed_at)
    raise Malformed("the run's attestation is not what the beginning of the import answered")


def upserts_of(people: Iterable[object], first: int = 0) -> list[ContactUpsert]:
    """The people of a batch. `first`: the place of the first one, for the message. Raises `Malformed`."""
    return [_upsert(person, place) for place, person in enumerate(people, first)]


def _upsert(person: object, place: int) -> ContactUpsert:
    """One person; a bad one is named by its place in the batch."""
    if not isinstance(person, Mapping):
        raise Malformed(f"person {place} of the batch is not an object")
    fields = person.get("fields", "{}")
    if not isinstance(fields, str):
        fields = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    points = person.get("points")
    zones, states = _items(person.get("zones", ())), _items(person.get("states", ()))
    if not isinstance(points, list | tuple) or not points or not all(map(_is_point, points)):
        raise Malformed(f'person {place} of the batch has no points; each is ["phone" or "email", value]')
    if not _are_texts(person.get("key"), person.get("zone_basis", ""), person.get("language", ""), *zones, *states):
        raise Malformed(f"person {place} of the batch has a key, zone, state or language that is not text")
    return ContactUpsert(
        person["key"],
        [(kind, value) for kind, value in points],
        tuple(zones),
        person.get("zone_basis", "none"),
        tuple(states),
        bool(person.get("conflict", False)),
        person.get("language", ""),
        fields,
    )


def _is_point(point: object) -> bool:
    return isinstance(point, list | tuple) and len(point) == 2 and point[0] in _KINDS and isinstance(point[1], str)


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _items(values: object) -> list[Any]:
    """The values of a list; what is no list is its own, wrong, item."""
    return list(values) if isinstance(values, list | tuple) else [values]
