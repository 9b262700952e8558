"""The states and zones of a US ZIP code or a Canadian postal code.

What lives here: the reading of the code and the table `rules/postal.toml`. What must not: the rest of the address, and
the choice of the country (five digits are a ZIP code only in the United States); `location` passes it in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from fluentsd.domain.places.readings import State, rules, states

_ZIP = re.compile(r"([0-9]{5})(?:[ -]?[0-9]{4})?")
_SHORT_ZIP = re.compile(r"([0-9]{3,4})(?:-[0-9]{4})?")
_CANADIAN = re.compile(r"([A-Za-z][0-9][A-Za-z])[ -]?(?:[0-9][A-Za-z][0-9])?")


class Code(NamedTuple):
    """The place of a postal code: states, zones, or what is wrong with it."""

    states: tuple[State, ...] = ()
    zones: tuple[str, ...] = ()
    wrong: str | None = None


_NOT_US = Code(wrong="the postal code is not a US ZIP code")
_NOT_CANADIAN = Code(wrong="the postal code is not a Canadian one")
_FORCES = Code(wrong="the ZIP code belongs to the armed forces and has no place")


def short(text: str) -> str:
    """The part of a postal code that matters, so that neighbours share a cache entry."""
    text = _undamaged(text.strip()[:30])[:20]
    if len(text) == 10 and text[5] == "-":
        text = text[:5] if text[:5].isdigit() and text[6:].isdigit() else text
    if len(text) == 5 and text.isascii() and text.isdigit() and text not in _table().codes:
        return text[:3] + "00"
    return text


#: A spreadsheet's decimals, formula, apostrophe, thousands; a country or state before the code, or a country after it.
_DECIMALS = re.compile(r"(?<=[0-9])[.,]0{1,2}$")
_BEFORE = re.compile(r"^(?:usa?|[a-z]{2}|zip(?: code)?:?)[ -]+(?=[0-9]{5})|[ ,]+(?:usa?|united states)$", re.I)
_THOUSANDS = re.compile(r"([0-9]{1,2}),([0-9]{3})")


def _undamaged(text: str) -> str:
    """The code without what spreadsheets and people write around it."""
    if text.isalnum() and text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).strip("'\"=\u2019 ")
    text = _BEFORE.sub("", _DECIMALS.sub("", text)).rstrip(" -.")
    return f"{whole[1]}{whole[2]}" if (whole := _THOUSANDS.fullmatch(text)) else text


def lacks_zeros(text: str) -> bool:
    """Whether the text can be a ZIP code whose leading zeros a spreadsheet removed."""
    return _SHORT_ZIP.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def of_postal(text: str, country: str | None) -> Code:
    """The place of a postal code in a country ("US", "CA", or None: by its shape)."""
    if not text or country not in (None, "US", "CA"):
        return Code()
    if country != "US" and (match := _CANADIAN.fullmatch(text)):
        return _canadian(match[1].upper())
    if country == "CA":
        return _NOT_CANADIAN
    if match := _ZIP.fullmatch(text):
        return _zip(match[1])
    if country == "US" and (match := _SHORT_ZIP.fullmatch(text)):  # a spreadsheet removed the leading zeros
        return _zip(match[1].zfill(5))
    return _NOT_US if country == "US" else Code()


def _zip(code: str) -> Code:
    table, prefix = _table(), code[:3]
    if prefix in table.forces:
        return _FORCES
    state = table.codes.get(code, table.states.get(prefix))
    if not state:
        return _NOT_US
    found = states()[state.lower()]
    zones = table.zones.get(prefix, ()) if code not in table.codes else ()
    return Code((found,), zones or found.zones)


def _canadian(district: str) -> Code:
    """A forward sortation area, "M5V"; in the North the third letter tells Nunavut from the Northwest Territories."""
    table = rules("postal.toml")["ca"]
    codes = table["provinces"].get(district[0], ())
    if district[0] == "X":
        codes = ["NU"] if district in ("X0A", "X0B", "X0C") else ["NT"]
    found = tuple(states()[code.lower()] for code in codes)
    if not found:
        return _NOT_CANADIAN
    zones = table["zones"].get(district[0]) or [name for state in found for name in state.zones]
    return Code(found, tuple(zones))


class _Table(NamedTuple):
    states: Mapping[str, str]  #: prefix → state
    codes: Mapping[str, str]  #: whole code → state, empty for none
    zones: Mapping[str, tuple[str, ...]]  #: prefix → zones
    forces: frozenset[str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    table = rules("postal.toml")
    return _Table(
        {prefix: state for state, spans in table["states"].items() for span in spans for prefix in _prefixes(span)},
        dict(table["codes"]),
        {prefix: tuple(zones) for span, zones in table["zones"].items() for prefix in _prefixes(span)},
        frozenset(prefix for span in table["forces"]["prefixes"] for prefix in _prefixes(span)),
    )


def _prefixes(span: str) -> Iterator[str]:
    """ "320-323" is 320, 321, 322, 323."""
    first, _, last = span.partition("-")
    return (f"{number:03}" for number in range(int(first), int(last or first) + 1))
