"""Where a person may be, read from what is known of them: the candidate zones by zone field, address and number.

What lives here: the reading of each basis and their precedence. What must not: rules about hours (``windows``), or a
default: what cannot be read yields no zone and a sentence that says so, because a guess wakes somebody up. Each basis
gives a set of candidates, since a state or a number may span zones; a window is open for the person only when it is
open in all of them. The tables are dated data, ``rules/us_zones.toml`` and ``rules/zone_names.toml``; countries come
from tzdb's own table.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from fluentsd.domain.zones import year_offsets, zone_names

Basis = Literal["field", "address", "number", "none"]
#: More candidates than this say nothing: a toll-free number names every zone of its numbering plan.
MOST = 6

_KINDS = {"US": "a US state", "CA": "a Canadian province", "": "a US state or a Canadian province"}
_RULE_YEARS = range(2026, 2030)
_OFFSET = re.compile(r"utc|gmt|z|zulu|(?:utc|gmt|z)?\s*[+\-−]?\s*[0-9]{1,2}(?::?[0-9]{2})?", re.IGNORECASE)
_OFFSET_PREFIX = re.compile(r"^\s*\(?\s*(?:utc|gmt)\s*[+\-−]?\s*[0-9:]*\s*\)?\s*", re.IGNORECASE)
_IANA_INSIDE = re.compile(r"[A-Za-z_]+/[A-Za-z_/+-]+")
_FIXED = ("Etc/", "UTC", "UCT", "GMT", "Universal", "Zulu", "Greenwich")


class _Reading(NamedTuple):
    """What one basis tells: zones, what in it is wrong (always said), what it lacks (said when nothing else tells)."""

    zones: tuple[str, ...] = ()
    wrong: str | None = None
    lacks: str | None = None


_NOTHING = _Reading()


@dataclass(frozen=True, slots=True)
class Zones:
    """A person's candidate zones, what they rest on, and what could not be understood on the way, as a sentence.

    ``by_basis`` keeps the candidates of every basis that gave some, whichever was chosen.
    """

    candidates: tuple[str, ...]
    basis: Basis
    said: str | None
    by_basis: Mapping[Basis, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), hash=False)


def zones_of(field: str | None, state: str | None, country: str | None, phone: str | None) -> Zones:
    """Candidate zones by zone field, else by address, else by number (E.164, or national with a country)."""
    field, state, country, phone = ((text or "").strip() for text in (field, state, country, phone))
    readings: dict[Basis, _Reading] = {
        "field": _of_field(field),
        "address": _of_address(state, country),
        "number": _of_number(phone, _region(state, country)),
    }
    by_basis = MappingProxyType({basis: reading.zones for basis, reading in readings.items() if reading.zones})
    wrong = [reading.wrong for reading in readings.values() if reading.wrong]
    for basis, candidates in by_basis.items():
        return Zones(candidates, basis, "; ".join(wrong) or None, by_basis)
    lacks = [reading.lacks for reading in readings.values() if reading.lacks]
    nothing = "nothing tells the zone: no zone field, no state or country, no number"
    return Zones((), "none", "; ".join(wrong + lacks) or nothing, by_basis)


@lru_cache(maxsize=4096)
def _of_field(text: str) -> _Reading:
    """Zones of a CRM's zone field: an IANA name in any capitals, a Windows name, an abbreviation, a city, a state."""
    if not text:
        return _NOTHING
    plain = text[:120].replace("_slash_", "/").replace("_hyphen_", "-").replace("_plus_", "+")  # HubSpot's spelling
    for attempt in (plain, _OFFSET_PREFIX.sub("", plain), *_IANA_INSIDE.findall(plain)):
        found = _named(_fold(attempt))
        if found:
            return _Reading(found)
    shown = text if len(text) <= 40 else text[:40] + "…"
    if _OFFSET.fullmatch(plain) or plain.casefold().startswith("etc/"):
        return _Reading((), f"zone field {shown!r} is a UTC offset, not a zone: it cannot tell summer from winter time")
    return _Reading((), f'zone field {shown!r} is no zone we know: use an IANA name such as "America/New_York"')


def _named(folded: str) -> tuple[str, ...]:
    """Zones of one folded name. Usage and states go before IANA: its "EST" is an offset, its "Michigan" one city."""
    return _usage().get(folded) or _states_by_name().get(folded, ("", ()))[1] or _iana().get(folded, ())


@lru_cache(maxsize=4096)
def _of_address(state: str, country: str) -> _Reading:
    """Zones of a state or province, else of a country whose zones are few."""
    code = _country(country)
    if country and code is None:
        return _Reading((), f"country {country[:40]!r} is not known")
    wrong = None
    if state and code in (None, "US", "CA"):
        home, zones = _states().get(_state_key(state), ("", ()))
        if zones and code in (None, home):
            return _Reading(zones)
        wrong = f"state {state[:40]!r} is not {_KINDS[code or '']}"
    zones = _of_country(code) if code else ()
    if len(zones) > MOST:
        return _Reading((), wrong, f"country {country[:40]!r} has too many zones to tell without a state")
    return _Reading(zones, wrong)


def _of_number(phone: str, region: str | None) -> _Reading:
    """Zones a telephone number may be in, from its prefix; none for toll-free and other placeless numbers."""
    if not phone:
        return _NOTHING
    import phonenumbers  # 15 ms and 3 MB that a configuration check need not pay
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(phone[:64], region)
    except phonenumbers.NumberParseException:
        return _Reading((), "the number cannot be read, so it tells no zone")
    zones = tuple(sorted(set(timezone.time_zones_for_number(number)) - {timezone.UNKNOWN_TIMEZONE}))
    if not zones or len(zones) > MOST:
        return _Reading((), None, "the number belongs to no place, so it tells no zone")
    return _Reading(zones)


def _region(state: str, country: str) -> str | None:
    """The country that a national number is read in."""
    return _country(country) if country else _states().get(_state_key(state), (None, ()))[0]


def _country(text: str) -> str | None:
    """ISO code of a country's code or name."""
    return _countries().get(_fold(text)) if text else None


def _state_key(text: str) -> str:
    """ "US-FL", "Florida (FL)" and "fl." are "fl"; a full name stays one."""
    inner = re.search(r"\(\s*([A-Za-z]{2})\s*\)\s*$", text)
    return re.sub(r"^(?:us|ca) (?=[a-z]{2}$)", "", _fold(inner[1] if inner else text)).replace("state of ", "")


def _fold(text: str) -> str:
    """Small letters without accents, every run of other signs one space."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text[:120]) if not unicodedata.combining(sign))
    return re.sub(r"[^0-9a-z]+", " ", bare.casefold()).strip()


@lru_cache(maxsize=2)
def _rules(name: str) -> dict[str, Any]:
    """One of the tables beside this module."""
    return tomllib.loads(resources.files("fluentsd.domain").joinpath("rules", name).read_text("utf-8"))


@lru_cache(maxsize=1)
def _usage() -> dict[str, tuple[str, ...]]:
    """Folded abbreviations and Windows names → zones."""
    rules = _rules("zone_names.toml")
    return {name: (zones,) for name, zones in rules["windows"].items()} | {
        name: tuple(zones) for name, zones in rules["usage"].items()
    }


@lru_cache(maxsize=1)
def _iana() -> dict[str, tuple[str, ...]]:
    """Folded IANA names, and the cities in them that are named once, → zone."""
    names = sorted(name for name in zone_names() if not name.startswith(_FIXED))
    return _once((name.rpartition("/")[2], name) for name in names if "/" in name) | _once(
        (name, name) for name in names
    )


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Folded text → its zone, without the texts that name several."""
    found: dict[str, set[str]] = {}
    for text, name in pairs:
        found.setdefault(_fold(text), set()).add(name)
    return {text: tuple(names) for text, names in found.items() if len(names) == 1}


@lru_cache(maxsize=1)
def _states() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Folded code or name of a US state or a Canadian province → its country and zones."""
    rules = _rules("us_zones.toml")
    codes = {
        code.lower(): (country.upper(), tuple(row["zones"]))
        for country in ("us", "ca")
        for code, row in rules[country].items()
    }
    return codes | _states_by_name()


@lru_cache(maxsize=1)
def _states_by_name() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The same by name only: in a zone field "MT" is mountain time, not Montana."""
    rules = _rules("us_zones.toml")
    rows = [(country.upper(), row) for country in ("us", "ca") for row in rules[country].values()]
    return {_fold(row["name"]): (country, tuple(row["zones"])) for country, row in rows}


def _table(name: str) -> list[list[str]]:
    """The rows of one of tzdb's tables."""
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Folded code, name or usual other name of a country → ISO code."""
    rows = _table("iso3166.tab")
    named = {_fold(name): code for code, name in rows} | {code.lower(): code for code, _ in rows}
    return {**named, **_rules("zone_names.toml")["countries"]}


@lru_cache(maxsize=256)
def _of_country(code: str) -> tuple[str, ...]:
    """The zones of a country, one for each set of rules in the coming years."""
    by_rules: dict[object, str] = {}
    for row in _table("zone.tab"):
        if row[0] == code:
            by_rules.setdefault(tuple(year_offsets(row[2], year) for year in _RULE_YEARS), row[2])
    return tuple(sorted(by_rules.values()))
