"""Where a person may be: the candidate zones and states, by zone field, address and numbers.

What lives here: what each basis tells, and how the bases are joined. What must not: the reading of the texts
(`readings`, `postal`, `area_codes`), rules about hours (`windows`, `statutes`), or a default. Every basis counts:
people move and keep their numbers, CRMs fill a zone from a server's clock, and a call must be lawful in whichever
place is true. So `place_of` unites the candidates, and a moment is open for the person only when it is open in all.

Zones whose clocks agree in the coming years are one candidate. What is remembered is keyed by the pieces that decide
(state, three digits of a ZIP code, area codes), so a million people cost a look-up each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from fluentsd.domain.places import area_codes, postal, readings
from fluentsd.domain.places.readings import TERRITORIES, country_code, state_of, zone_rules

#: Of zones with the same clock, the name to keep when the zone field does not say another.
_USUAL = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "America/Toronto", "Europe/London",
)  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(_USUAL)}
_SAYS: Mapping[str, str] = {"field": "the zone field", "address": "the address", "number": "the number"}


@dataclass(frozen=True, slots=True)
class Place:
    """A person's candidate zones and states, both sorted, what they rest on, and what was wrong or disagrees.

    `states` are ISO 3166-2 ("US-FL", "CA-ON"); ("US",) is a person in an unknown US state, () one known to be in
    neither country. `basis` joins the bases that told zones, "field+number" or "none". `conflict`: two bases tell
    zones, or states, with none in common. `said` is a sentence for people, None when all was understood and agrees.
    """

    zones: tuple[str, ...]
    states: tuple[str, ...]
    basis: str
    conflict: bool
    said: str | None


class _Told(NamedTuple):
    """What one basis tells, and `us`: it says the United States without saying where."""

    zones: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    us: bool = False
    wrong: tuple[str, ...] = ()
    lacks: str | None = None
    disagrees: str | None = None


def place_of(
    field: str | None, state: str | None, country: str | None, postal_code: str | None, phones: Sequence[str]
) -> Place:
    """Where a person may be: every zone and state that a zone field, an address or a number tells.

    Numbers are E.164, or national when the address names a country. Nothing is guessed: an unread text adds a
    sentence to `said` and no zone.
    """
    return _place(
        field.strip() if field else "",
        state.strip() if state else "",
        country.strip() if country else "",
        postal.short(postal_code) if postal_code else "",
        tuple([area_codes.short(phone) for phone in phones]),
    )


@lru_cache(maxsize=16384)  # some 10 MB when full; a miss joins what is remembered of the pieces
def _place(field: str, state: str, country: str, code: str, phones: tuple[str, ...]) -> Place:
    """The place of these pieces."""
    told = {
        "field": _by_field(field),
        "address": _by_address(state, country, code, _foreign(phones)),
        "number": _by_numbers(phones, country, _region(state, country, code)),
    }
    apart = list(_conflicts(told))
    apart += [basis.disagrees for basis in told.values() if basis.disagrees]
    names = {zone_rules(name): name for name in sorted(told["field"].zones)}
    for basis in told.values():
        for name in basis.zones:
            _keep(names, name, told["field"].zones)
    said = [sentence for basis in told.values() for sentence in basis.wrong] + apart
    if not names:
        said += [basis.lacks for basis in told.values() if basis.lacks]
        said = said or ["nothing tells the zone: no zone field, no state, ZIP code or country, no number"]
    return Place(
        zones=tuple(sorted(names.values())),
        states=_states(told),
        basis="+".join(name for name, basis in told.items() if basis.zones) or "none",
        conflict=bool(apart),
        said="; ".join(said) or None,
    )


def _keep(names: dict[str, str], name: str, named: tuple[str, ...]) -> None:
    """Keep one name for each set of rules: the zone field's, else the more usual, else the first told."""
    kept = names.setdefault(zone_rules(name), name)
    if kept not in named and _RANK.get(name, len(_RANK)) < _RANK.get(kept, len(_RANK)):
        names[zone_rules(name)] = name


def _states(told: Mapping[str, _Told]) -> tuple[str, ...]:
    """Every candidate state; the country alone when none is known and something says it."""
    found = {state for basis in told.values() for state in basis.states}
    if not found and any(basis.us for basis in told.values()):
        return ("US",)
    return tuple(sorted(found))


def _conflicts(told: Mapping[str, _Told]) -> Iterator[str]:
    """A sentence for each two bases that cannot both be true."""
    for (one, first), (other, second) in combinations(told.items(), 2):
        if first.states and second.states and not {*first.states} & {*second.states}:
            yield f"{_SAYS[one]} says {_short(first.states)}, {_SAYS[other]} {_short(second.states)}"
        elif first.zones and second.zones and not {*map(zone_rules, first.zones)} & {*map(zone_rules, second.zones)}:
            yield f"{_SAYS[one]} says {' or '.join(first.zones)}, {_SAYS[other]} {' or '.join(second.zones)}"


def _short(states: tuple[str, ...]) -> str:
    """US-NY as people say it."""
    return " or ".join(state[3:] for state in states)


@lru_cache(maxsize=4096)
def _by_field(text: str) -> _Told:
    zones, wrong, _ = readings.of_field(text)
    countries = readings.zone_countries()
    us = bool(zones) and all(name.startswith("US/") or countries.get(name) == "US" for name in zones)
    return _Told(zones, us=us, wrong=(wrong,) if wrong else ())


@lru_cache(maxsize=16384)
def _by_address(state: str, country: str, code: str, foreign: bool) -> _Told:
    """State and postal code together: the code narrows the state's zones, unless the two disagree."""
    reading, found = readings.of_address(state, country), state_of(state, country)
    home = found.country if found else country_code(country)
    if home in TERRITORIES:
        home = "US"
    mail = postal.of_postal(code, home) if home or not (country or foreign) else postal.Code()
    wrong = tuple(sentence for sentence in (reading.wrong, mail.wrong) if sentence)
    us = home == "US"
    if not mail.states:
        return _Told(reading.zones, (found.id,) if found else (), us, wrong, reading.lacks)
    ids = tuple(sorted({told.id for told in mail.states}))
    if found is None:
        return _Told(mail.zones, ids, us, wrong)
    if found not in mail.states:
        apart = f"the address says {found.code}, its postal code {_short(ids)}"
        return _Told((*found.zones, *mail.zones), tuple(sorted({found.id, *ids})), us, wrong, disagrees=apart)
    narrower = tuple(name for name in found.zones if name in mail.zones)
    return _Told(narrower or found.zones, (found.id,), us, wrong)


def _by_numbers(phones: tuple[str, ...], country: str, region: str | None) -> _Told:
    """All numbers together; a placeless North American one says "US" unless the address names another country."""
    areas = [area_codes.of_number(phone, region) for phone in phones if phone]
    zones = dict.fromkeys(name for area in areas for name in area.zones)
    states = {state for area in areas for state in area.states}
    home = country_code(country)
    us = home in (None, "US") and any(area.north_american and not area.zones for area in areas)
    wrong = tuple(dict.fromkeys(area.wrong for area in areas if area.wrong))
    placeless = areas and not zones and not wrong
    lacks = "the number belongs to no place, so it tells no zone" if placeless else None
    return _Told(tuple(zones), tuple(sorted(states)), us, wrong, lacks)


def _foreign(phones: tuple[str, ...]) -> bool:
    """Whether a number is of another plan than North America's, so that five digits may be no ZIP code."""
    return any(phone[:1] == "+" and phone[:2] != "+1" for phone in phones)


def _region(state: str, country: str, code: str) -> str | None:
    """The country that a national number is read in."""
    if country:
        return country_code(country)
    if home := readings.country_of_state(state):
        return home
    mail = postal.of_postal(code, None).states
    return mail[0].country if mail else None
