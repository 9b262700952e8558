"""A person of a source as the store takes them: made of a row, a record, or the JSON of a batch.

Each is made and cleaned (`fluentsd.text`) once, by the process that reads the file: there are millions of people, and
the process that stores them has other work. The process that only reads loads this module, so it imports little. What
must not live here: the reading of cells and records (`reader`), the check of JSON (`engine.ingest.people`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import PydanticSerializationError, to_json

from fluentsd.domain.contacts.reader import Person, point_keys
from fluentsd.domain.places.location import place_of
from fluentsd.text import storable

#: Most characters of a language that the store keeps.
LANGUAGE_AT_MOST = 16


@dataclass(slots=True)
class ContactUpsert:
    """One person as a source says it, normalised: points in order of preference, candidate places, fields.

    `key`: the person's id in the source; "" when the source gives none, and points and name then tell who it is.
    `fields` is a JSON object, text to text. `opt_outs`: pairs of a channel ("*" for all) and the source's words;
    nothing is attested of such a person. Not frozen, because a million are made in an import; nobody changes one.
    """

    key: str
    points: Sequence[tuple[str, str]]
    zones: tuple[str, ...] = ()
    zone_basis: str = "none"
    states: tuple[str, ...] = ()
    conflict: bool = False
    language: str = ""
    fields: str = "{}"
    opt_outs: tuple[tuple[str, str], ...] = ()


def contact_upsert(person: Person) -> ContactUpsert:
    """The person in a row or record."""
    numbers = [number.e164 for number in person.phones]
    place = place_of(person.timezone, person.state, person.country, person.postal_code, numbers)
    return cleaned(
        person.external_id, point_keys(person), place.zones, place.basis, place.states, place.conflict,
        person.language[:LANGUAGE_AT_MOST], person.fields, person.opt_outs,
    )  # fmt: skip


def cleaned(
    key: str,
    points: Sequence[tuple[str, str]],
    zones: tuple[str, ...],
    basis: str,
    states: tuple[str, ...],
    conflict: bool,
    language: str,
    fields: Mapping[str, str],
    opt_outs: tuple[tuple[str, str], ...],
) -> ContactUpsert:
    """A person whose texts every database stores. As JSON, a zero character is an escape, and half of a surrogate pair
    an error; if in doubt, all texts are cleaned."""
    try:
        as_json, others = to_json(fields), to_json((key, points, basis, states, language, opt_outs))
        in_doubt = b"\\u0000" in as_json or b"\\u0000" in others
    except PydanticSerializationError:
        in_doubt = True
    if in_doubt:
        key, points, basis, states, language, fields, opt_outs = (
            storable(one) for one in (key, points, basis, states, language, fields, opt_outs)
        )
        as_json = to_json(fields)
    return ContactUpsert(key, points, zones, basis, states, conflict, language, as_json.decode(), opt_outs)
