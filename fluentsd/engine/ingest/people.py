"""The people of a batch as plain values, checked before they are stored.

`batches.contact_data` writes this format. It crosses processes, so nothing in it is trusted. What must not live here:
the reading of cells and records, the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fluentsd.domain.time.zones import zone_names
from fluentsd.engine.ingest.run import Malformed
from fluentsd.store.contact_upserts import ContactUpsert

_KINDS = ("phone", "email")
_OPT_OUT_CHANNELS = ("*", "phone", "sms", "email")
#: Most characters that the columns hold.
_BASIS_AT_MOST, _LANGUAGE_AT_MOST = 32, 16
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def upserts_of(people: Iterable[object], first: int = 0) -> list[ContactUpsert]:
    """The people of a batch: `points` as pairs of kind and value, `fields` as an object of texts or its JSON. `first`:
    the place of the first one. Raises `Malformed`, which names a person by place, never by what is said of them."""
    return [_upsert(person, place) for place, person in enumerate(people, first)]


def _upsert(person: object, place: int) -> ContactUpsert:
    if not isinstance(person, Mapping):
        raise Malformed(f"person {place} of the batch is not an object")
    get = person.get
    points, conflict = get("points"), get("conflict", False)
    if not isinstance(points, list | tuple) or not points or not all(map(_is_point, points)):
        raise Malformed(f'person {place} of the batch has no points; each is ["phone" or "email", value]')
    zones, states = _items(get("zones", ())), _items(get("states", ()))
    key, basis, language = get("key"), get("zone_basis", "none"), get("language", "")
    if not isinstance(key, str) or not _are_texts(basis, language, *zones, *states):
        raise Malformed(f"person {place} of the batch has a key, zone, state or language that is not text")
    if not zone_names().issuperset(zones) or any("," in state for state in states):
        raise Malformed(f"person {place} of the batch has a zone or state that does not exist")
    if len(basis) > _BASIS_AT_MOST or len(language) > _LANGUAGE_AT_MOST or not isinstance(conflict, bool):
        raise Malformed(f"person {place} of the batch has a zone_basis, language or conflict of another form")
    fields = _fields(get("fields", "{}"))
    if fields is None:
        raise Malformed(f"person {place} of the batch has fields that are not an object of texts")
    opt_outs = get("opt_outs", ())
    if not isinstance(opt_outs, list | tuple) or not all(map(_is_opt_out, opt_outs)):
        raise Malformed(f"person {place} of the batch has opt-outs that are not pairs of a channel and its words")
    pairs = [(kind, value) for kind, value in points]
    said = tuple((channel, words) for channel, words in opt_outs)
    return ContactUpsert(key, pairs, tuple(zones), basis, tuple(states), conflict, language, fields, said)


def _is_point(point: object) -> bool:
    if not isinstance(point, list | tuple) or len(point) != 2 or not isinstance(point[1], str):
        return False
    return point[0] in _KINDS and point[1] != ""


def _is_opt_out(said: object) -> bool:
    return isinstance(said, list | tuple) and len(said) == 2 and _are_texts(*said) and said[0] in _OPT_OUT_CHANNELS


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _items(values: object) -> list[Any]:
    """The values of a list; what is no list is its own, wrong, item."""
    return list(values) if isinstance(values, list | tuple) else [[values]]


def _fields(given: object) -> str | None:
    """The fields as JSON; None if they are not an object of texts."""
    try:
        values = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, Mapping) or not _are_texts(*values.values()):
        return None
    return given if isinstance(given, str) else _text_of(values)
