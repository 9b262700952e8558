"""The people of a batch as plain values, checked before they are stored.

`batches.contact_data` writes this format. It crosses processes, so nothing in it is trusted. There are millions of
people, so they are checked and cleaned (`fluentsd.text`) here alone, and not by `execute` before. What must not live
here: the reading of cells and records, the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from fluentsd.domain.time.zones import zone_names
from fluentsd.engine.ingest.run import Malformed
from fluentsd.store.contact_upserts import ContactUpsert
from fluentsd.text import is_clean, json_of, storable

_KINDS = ("phone", "email")
_OPT_OUT_CHANNELS = ("*", "phone", "sms", "email")
#: Most characters that the columns hold.
_BASIS_AT_MOST, _LANGUAGE_AT_MOST = 32, 16
_TEXT = frozenset({str})
_LISTS = (list, tuple)
_DECODER = json.JSONDecoder()


def upserts_of(people: Iterable[object], first: int = 0) -> list[ContactUpsert]:
    """The people of a batch: `points` as pairs of kind and value, `fields` as an object of texts or its JSON. `first`:
    the place of the first one. Raises `Malformed`, which names a person by place, never by what is said of them."""
    return [_upsert(person, place) for place, person in enumerate(people, first)]


def _upsert(person: object, place: int, *, is_cleaned: bool = False) -> ContactUpsert:
    if not isinstance(person, Mapping):
        raise Malformed(f"person {place} of the batch is not an object")
    get = person.get
    points, zones, states, said = get("points"), get("zones", ()), get("states", ()), get("opt_outs", ())
    if not points or not isinstance(points, _LISTS) or not all(map(_is_point, points)):
        raise Malformed(f'person {place} of the batch has no points; each is ["phone" or "email", value]')
    key, basis, language = get("key", 0), get("zone_basis", "none"), get("language", "")
    conflict, are_lists = get("conflict", False), isinstance(zones, _LISTS) and isinstance(states, _LISTS)
    if not are_lists or not _are_texts((key, basis, language, *zones, *states)):
        raise Malformed(f"person {place} of the batch has a key, zone, state or language that is not text")
    if not zone_names().issuperset(zones) or "," in "".join(states):
        raise Malformed(f"person {place} of the batch has a zone or state that does not exist")
    if len(basis) > _BASIS_AT_MOST or len(language) > _LANGUAGE_AT_MOST or not isinstance(conflict, bool):
        raise Malformed(f"person {place} of the batch has a zone_basis, language or conflict of another form")
    fields = _fields(get("fields", "{}"))
    if fields is None:
        raise Malformed(f"person {place} of the batch has fields that are not an object of texts")
    if said and not (isinstance(said, _LISTS) and all(map(_is_opt_out, said))):
        raise Malformed(f"person {place} of the batch has opt-outs that are not pairs of a channel and its words")
    pairs, opt_outs = list(map(_pair, points)), tuple(map(_pair, said or ()))
    texts = [key, basis, language, fields, *states, *(text for _, text in pairs), *(words for _, words in opt_outs)]
    if not is_cleaned and ("\\u0000" in fields or not is_clean("".join(texts))):
        return _upsert(storable({**person, "fields": json.loads(fields)}), place, is_cleaned=True)
    return ContactUpsert(key, pairs, tuple(zones), basis, tuple(states), conflict, language, fields, opt_outs)


def _is_point(point: object) -> bool:
    """Whether it is a kind and a value that is not empty."""
    if not isinstance(point, _LISTS) or len(point) != 2:
        return False
    kind, value = point
    return kind in _KINDS and isinstance(value, str) and value != ""


def _is_opt_out(said: object) -> bool:
    """Whether it is a channel and what the list says."""
    return isinstance(said, _LISTS) and len(said) == 2 and _are_texts(said) and said[0] in _OPT_OUT_CHANNELS


def _pair(two: Sequence[str]) -> tuple[str, str]:
    one, other = two
    return one, other


def _are_texts(values: Iterable[object]) -> bool:
    return _TEXT.issuperset(map(type, values))


def _fields(given: object) -> str | None:
    """The fields as JSON; None if they are not an object of texts."""
    if isinstance(given, Mapping):
        return json_of(given) if _are_texts(given) and _are_texts(given.values()) else None
    if not isinstance(given, str):
        return None
    try:
        values, end = _DECODER.raw_decode(given)
    except (ValueError, RecursionError):
        return None
    return given if end == len(given) and isinstance(values, Mapping) and _are_texts(values.values()) else None
