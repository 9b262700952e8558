"""The reading of texts for zone, state and country into zones and codes.

What lives here: the reading of one text at a time, and the dated tables for it (`rules/us_zones.toml`,
`rules/zone_names.toml`, tzdb's list of countries). What must not: numbers, postal codes, and the choice between
readings; `location` joins them. A text that cannot be read gives no zone and a sentence that says so, because a
wrong guess means a call at night.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from fluentsd.domain.time.zones import year_offsets, zone_names

#: More candidates than this are no help: a country of many zones, a number that may be anywhere.
MOST = 6

_KINDS = {"US": "a US state", "CA": "a Canadian province", "": "a US state or a Canadian province"}
_RULE_YEARS = range(2026, 2030)
_OFFSET = re.compile(r"utc|gmt|z|zulu|(?:utc|gmt|z)?\s*[+\-−]?\s*[0-9]{1,2}(?::?[0-9]{2})?", re.IGNORECASE)
_OFFSET_PREFIX = re.compile(r"^\s*\(?\s*(?:utc|gmt)\s*[+\-−]?\s*[0-9:]*\s*\)?\s*", re.IGNORECASE)
_IANA_INSIDE = re.compile(r"[A-Za-z_]+/[A-Za-z_/+-]+")
_FIXED = ("Etc/", "UTC", "UCT", "GMT", "Universal", "Zulu", "Greenwich")


class Reading(NamedTuple):
    """The reading of one text: zones, what is wrong (always reported), what is missing (reported without any zone).
    `country_wide`: all zones of a country of many, which count only if nothing tells more."""

    zones: tuple[str, ...] = ()
    wrong: str | None = None
    lacks: str | None = None
    country_wide: tuple[str, ...] = ()


class State(NamedTuple):
    """A US state or a Canadian province: its country ("US", "CA"), its code ("FL"), its zones."""

    country: str
    code: str
    zones: tuple[str, ...]

    @property
    def id(self) -> str:
        """The ISO 3166-2 code, "US-FL"."""
        return f"{self.country}-{self.code}"


NOTHING = Reading()


@lru_cache(maxsize=4096)
def of_field(text: str) -> Reading:
    """Zones of a CRM's zone field: an IANA name in any capitals, a Windows name, an abbreviation, a city, a state."""
    if not text:
        return NOTHING
    plain = text[:120].replace("_slash_", "/").replace("_hyphen_", "-").replace("_plus_", "+")  # HubSpot's spelling
    for attempt in (plain, _OFFSET_PREFIX.sub("", plain), *_IANA_INSIDE.findall(plain)):
        found = _named(fold(attempt))
        if found:
            return Reading(found)
    shown = text if len(text) <= 40 else text[:40] + "…"
    if _OFFSET.fullmatch(plain) or plain.casefold().startswith("etc/"):
        return Reading((), f"zone field {shown!r} is a UTC offset, not a zone: it does not follow daylight saving time")
    return Reading((), f'zone field {shown!r} is not a known zone: use an IANA name such as "America/New_York"')


def _named(folded: str) -> tuple[str, ...]:
    """Zones of one folded name. Usage and states go before IANA, where "EST" is an offset and "Michigan" one city."""
    if found := _usage().get(folded):
        return found
    state = _states_by_name().get(folded)
    return state.zones if state else _iana().get(folded, ())


@lru_cache(maxsize=4096)
def of_address(state: str, country: str) -> Reading:
    """Zones of a state or province, else of a country whose zones are few."""
    code = country_code(country)
    if country and code is None:
        return Reading((), f"country {country[:40]!r} is unknown")
    wrong = None
    if state and code in (None, "US", "CA"):
        if found := state_of(state, country):
            return Reading(found.zones)
        wrong = f"state {state[:40]!r} is not {_KINDS[code or '']}"
    zones = of_country(code) if code else ()
    if len(zones) > MOST:
        return Reading((), wrong, f"country {country[:40]!r} has {len(zones)} zones; a state is needed", zones)
    return Reading(zones, wrong)


@lru_cache(maxsize=4096)
def state_of(state: str, country: str) -> State | None:
    """The US state or Canadian province of an address; None when there is none or the country differs."""
    code = country_code(country)
    if not state:
        return states().get(code.lower()) if code in TERRITORIES else None
    if (country and code is None) or code not in (None, "US", "CA"):
        return None
    found = states().get(_state_key(state))
    return found if found and code in (None, found.country) else None


#: US territories that are countries of their own in ISO 3166.
TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})


def country_code(text: str) -> str | None:
    """The ISO code for a country's code or name."""
    return _countries().get(fold(text)) if text else None


def country_of_state(state: str) -> str | None:
    """The country of a state or province."""
    found = states().get(_state_key(state))
    return found.country if found else None


def _state_key(text: str) -> str:
    """ "US-FL", "Florida (FL)", "F.L." and "fl." are "fl"; a full name or an old abbreviation ("Fla.") stays one."""
    inner = re.search(r"\(\s*([A-Za-z]{2})\s*\)\s*$", text)
    key = re.sub(r"^(?:us|ca) (?=[a-z]{2}$)", "", fold(inner[1] if inner else text)).replace("state of ", "")
    return key[0] + key[2] if len(key) == 3 and key[1] == " " else key


def fold(text: str) -> str:
    """Lower-case letters and digits without accents; every run of other characters is one space."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text[:120]) if not unicodedata.combining(sign))
    return re.sub(r"[^0-9a-z]+", " ", bare.casefold()).strip()


@lru_cache(maxsize=8)
def rules(name: str) -> dict[str, Any]:
    """One of the tables beside this module."""
    return tomllib.loads(resources.files("fluentsd.domain").joinpath("rules", name).read_text("utf-8"))


@lru_cache(maxsize=1)
def _usage() -> dict[str, tuple[str, ...]]:
    """Folded abbreviations and Windows names → zones."""
    table = rules("zone_names.toml")
    return {name: (zones,) for name, zones in table["windows"].items()} | {
        name: tuple(zones) for name, zones in table["usage"].items()
    }


@lru_cache(maxsize=1)
def _iana() -> dict[str, tuple[str, ...]]:
    """Folded IANA names, and their city parts that are unique → zone."""
    names = sorted(name for name in zone_names() if not name.startswith(_FIXED))
    return _once((name.rpartition("/")[2], name) for name in names if "/" in name) | _once(
        (name, name) for name in names
    )


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Folded text → its zone, without ambiguous texts."""
    found: dict[str, set[str]] = {}
    for text, name in pairs:
        found.setdefault(fold(text), set()).add(name)
    return {text: tuple(names) for text, names in found.items() if len(names) == 1}


@lru_cache(maxsize=1)
def states() -> dict[str, State]:
    """Folded code, name or old abbreviation of a US state or a Canadian province → the state."""
    codes = {state.code.lower(): state for state in _states_by_name().values()}
    ids = {state.id.lower(): state for state in codes.values()}
    old = {text: ids[id_] for id_, texts in rules("us_zones.toml")["abbreviations"].items() for text in texts}
    return old | codes | _states_by_name()


@lru_cache(maxsize=1)
def _states_by_name() -> dict[str, State]:
    """The same by name only: in a zone field "MT" is mountain time, not Montana."""
    table = rules("us_zones.toml")
    return {
        fold(row["name"]): State(country.upper(), code, tuple(row["zones"]))
        for country in ("us", "ca")
        for code, row in table[country].items()
    }


def _table(name: str) -> list[list[str]]:
    """The rows of one of tzdb's tables."""
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Folded code, name or usual other name of a country → ISO code."""
    rows = _table("iso3166.tab")
    named = {fold(name): code for code, name in rows} | {code.lower(): code for code, _ in rows}
    return {**named, **rules("zone_names.toml")["countries"]}


@lru_cache(maxsize=1)
def zone_countries() -> dict[str, str]:
    """Zone → the ISO code of its country, without links such as "US/Eastern"."""
    return {row[2]: row[0] for row in _table("zone.tab")}


@lru_cache(maxsize=256)
def of_country(code: str) -> tuple[str, ...]:
    """The zones of a country, one for each set of rules in the coming years."""
    by_rules: dict[object, str] = {}
    for name in sorted(zone_countries(), key=lambda name: name.startswith("Antarctica/")):
        if zone_countries()[name] == code:
            by_rules.setdefault(zone_rules(name), name)
    return tuple(sorted(by_rules.values()))


@lru_cache(maxsize=1024)
def zone_rules(name: str) -> str:
    """One common name for all zones whose clocks agree in the coming years, for comparison."""
    return _same_clock.setdefault(tuple(year_offsets(name, year) for year in _RULE_YEARS), name)


_same_clock: dict[object, str] = {}
