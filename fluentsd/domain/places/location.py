"""A person's candidate zones and states, from zone field, address and numbers.

What lives here: the clues of each basis, and how they are joined. What must not: the reading of the texts (`readings`,
`postal`, `area_codes`), rules about hours (`windows`, `statutes`), or a default. Every basis counts: people move and
keep their numbers, CRMs fill a zone from a server's clock, and a call must be lawful in every possible place. So
`place_of` unites the candidates, and an instant is open for the person only when it is open in all. Where nothing tells
more than a country of many zones, all of them are candidates: another continent's clock is never better.

Zones whose clocks agree in the coming years are one candidate. The cache is keyed by the parts that matter (state,
three digits of a ZIP code, area codes), so a million people cost a look-up each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from fluentsd.domain.places import area_codes, postal, readings
from fluentsd.domain.places.readings import TERRITORIES, country_code, state_of, zone_rules

#: The preferred names among zones with the same clock, when the zone field names no other.
_USUAL = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "America/Toronto", "Europe/London",
)  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(_USUAL)}
_SAYS: Mapping[str, str] = {"field": "the zone field", "address": "the address", "number": "the number"}


@dataclass(frozen=True, slots=True)
class Place:
    """A person's candidate zones and states, both sorted, their basis, and any problem.

    `states` are ISO 3166-2 ("US-FL", "CA-ON"); ("US",) is a person in an unknown US state, () one known to be in
    neither country. `basis` joins the bases that gave zones, "field+number" or "none". `conflict`: two bases give
    zones, or states, with none in common. `problem` is a sentence for people, None when all was understood and agrees.
    """

    zones: tuple[str, ...]
    states: tuple[str, ...]
    basis: str
    conflict: bool
    problem: str | None


class _Clues(NamedTuple):
    """The clues of one basis; `is_us`: in the United States, in an unknown state."""

    zones: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    is_us: bool = False
    wrong: tuple[str, ...] = ()
    lacks: str | None = None
    disagrees: str | None = None
    country_wide: tuple[str, ...] = ()


def place_of(
    field: str | None, state: str | None, country: str | None, postal_code: str | None, phones: Sequence[str]
) -> Place:
    """The candidates of a person: every zone and state from a zone field, an address or a number.

    Numbers are E.164, or national when the address names a country. Nothing is guessed: an unread text adds a
    sentence to `problem` and no zone.
    """
    return _place(
        field.strip() if field else "",
        state.strip() if state else "",
        country.strip() if country else "",
        postal.short(postal_code) if postal_code else "",
        tuple([area_codes.short(phone) for phone in phones]),
    )


@lru_cache(maxsize=16384)  # some 10 MB when full; a miss joins the cached parts
def _place(field: str, state: str, country: str, code: str, phones: tuple[str, ...]) -> Place:
    """The place for these parts."""
    clues = {
        "field": _by_field(field),
        "address": _by_address(state, country, code, *_abroad(phones)),
        "number": _by_numbers(phones, country, _region(state, country, code)),
    }
    conflicts = list(_conflicts(clues))
    conflicts += [basis.disagrees for basis in clues.values() if basis.disagrees]
    names = {zone_rules(name): name for name in sorted(clues["field"].zones)}
    for basis in clues.values():
        for name in basis.zones:
            _keep(names, name, clues["field"].zones)
    problems = [sentence for basis in clues.values() for sentence in basis.wrong] + conflicts
    shown = [name for name, basis in clues.items() if basis.zones]
    if not names:
        problems += [basis.lacks for basis in clues.values() if basis.lacks]
        shown = [name for name, basis in clues.items() if basis.country_wide]
        for basis in clues.values():
            for name in basis.country_wide:
                _keep(names, name, ())
    if not names:
        problems = problems or ["the zone is unknown: no zone field, no state, ZIP code or country, no number"]
    return Place(
        zones=tuple(sorted(names.values())),
        states=_states(clues),
        basis="+".join(shown) or "none",
        conflict=bool(conflicts),
        problem="; ".join(problems) or None,
    )


def _keep(names: dict[str, str], name: str, named: tuple[str, ...]) -> None:
    """Keep one name for each set of rules: the zone field's, else the more usual, else the first."""
    kept = names.setdefault(zone_rules(name), name)
    if kept not in named and _RANK.get(name, len(_RANK)) < _RANK.get(kept, len(_RANK)):
        names[zone_rules(name)] = name


def _states(clues: Mapping[str, _Clues]) -> tuple[str, ...]:
    """Every candidate state; ("US",) when only the country is known."""
    found = {state for basis in clues.values() for state in basis.states}
    if not found and any(basis.is_us for basis in clues.values()):
        return ("US",)
    return tuple(sorted(found))


def _conflicts(clues: Mapping[str, _Clues]) -> Iterator[str]:
    """A sentence for each pair of bases that contradict each other."""
    for (one, first), (other, second) in combinations(clues.items(), 2):
        if first.states and second.states and not {*first.states} & {*second.states}:
            yield f"{_SAYS[one]} says {_short(first.states)}, {_SAYS[other]} {_short(second.states)}"
        elif first.zones and second.zones and not {*map(zone_rules, first.zones)} & {*map(zone_rules, second.zones)}:
            yield f"{_SAYS[one]} says {' or '.join(first.zones)}, {_SAYS[other]} {' or '.join(second.zones)}"


def _short(states: tuple[str, ...]) -> str:
    """The code without its country: "NY"."""
    return " or ".join(state[3:] for state in states)


@lru_cache(maxsize=4096)
def _by_field(text: str) -> _Clues:
    zones, wrong, *_ = readings.of_field(text)
    countries = readings.zone_countries()
    us = bool(zones) and all(name.startswith("US/") or countries.get(name) == "US" for name in zones)
    return _Clues(zones, is_us=us, wrong=(wrong,) if wrong else ())


@lru_cache(maxsize=16384)
def _by_address(state: str, country: str, code: str, foreign: bool, american: bool) -> _Clues:
    """State and postal code together: the code narrows the state's zones, unless the two disagree."""
    reading, found = readings.of_address(state, country), state_of(state, country)
    home = found.country if found else country_code(country)
    if home in TERRITORIES:
        home = "US"
    mail = postal.Code()
    if home or not (country or foreign):
        mail = postal.of_postal(code, home or ("US" if american and postal.lacks_zeros(code) else None))
    wrong = tuple(sentence for sentence in (reading.wrong, mail.wrong) if sentence)
    us = home == "US"
    if not mail.states:
        wide = reading.country_wide
        return _Clues(reading.zones, (found.id,) if found else (), us, wrong, reading.lacks, country_wide=wide)
    ids = tuple(sorted({state.id for state in mail.states}))
    if found is None:
        return _Clues(mail.zones, ids, us, wrong)
    if found not in mail.states:
        conflict = f"the address says {found.code}, its postal code {_short(ids)}"
        return _Clues((*found.zones, *mail.zones), tuple(sorted({found.id, *ids})), us, wrong, disagrees=conflict)
    narrower = tuple(name for name in found.zones if name in mail.zones)
    return _Clues(narrower or found.zones, (found.id,), us, wrong)


def _by_numbers(phones: tuple[str, ...], country: str, region: str | None) -> _Clues:
    """All numbers together; a placeless North American one says "US" unless the address names another country."""
    areas = [area_codes.of_number(phone, region) for phone in phones if phone]
    zones = dict.fromkeys(name for area in areas for name in area.zones)
    states = {state for area in areas for state in area.states}
    home = country_code(country)
    us = home in (None, "US") and any(area.north_american and not area.zones for area in areas)
    wrong = tuple(dict.fromkeys(area.wrong for area in areas if area.wrong))
    wide = tuple(dict.fromkeys(name for area in areas for name in area.country_wide))
    placeless = areas and not zones and not wrong
    lacks = "the number belongs to no place, so it gives no zone" if placeless and not wide else None
    if wide and not zones:
        lacks = "the number tells no more than its country, so all zones of it count"
    return _Clues(tuple(zones), tuple(sorted(states)), us, wrong, lacks, country_wide=wide)


def _abroad(phones: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether a number is outside the North American plan, so that five digits may not be a ZIP code; and whether all
    are inside, so that four digits are a ZIP code without its zero."""
    foreign = any(phone[:1] == "+" and phone[:2] != "+1" for phone in phones)
    return foreign, bool(phones) and all(phone[:2] == "+1" for phone in phones)


def _region(state: str, country: str, code: str) -> str | None:
    """The country for reading national numbers."""
    if country:
        return country_code(country)
    if home := readings.country_of_state(state):
        return home
    mail = postal.of_postal(code, None).states
    return mail[0].country if mail else None
