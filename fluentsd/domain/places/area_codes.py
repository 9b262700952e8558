"""The zones and states of a phone number, by its area code or foreign prefix.

What lives here: numbers of the North American plan by the table `rules/area_codes.toml`, which `docs/area_codes.py`
makes, and all others by the library `phonenumbers`. The library's map is older than some clocks, so it is compared with
tzdata's zones of the number's country (`rules/number_zones.toml`). What must not: addresses. A number shows where it
was issued, not where the person is; other facts count too, so nothing here decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from fluentsd.domain.places.readings import MOST, of_country, rules, zone_rules


class Area(NamedTuple):
    """The place of a number: zones, states ("US-FL", "CA-ON"), whether it is North American, what is wrong with it.
    `country_wide`: all zones of its country, if the number tells no more."""

    zones: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    place: str = ""
    north_american: bool = False
    wrong: str | None = None
    country_wide: tuple[str, ...] = ()


_PLACELESS = Area()
_UNREADABLE = Area(wrong="the number cannot be read, so it gives no zone")
_TOLL_FREE = Area(north_american=True)


def short(phone: str) -> str:
    """The part of a number that matters: "+1" and the area code, or the whole foreign number."""
    if phone[:2] == "+1" and len(phone) == 12 and phone[2:].isdigit():
        return phone[:5]
    return phone.strip()[:64]


@lru_cache(maxsize=16384)
def of_number(text: str, region: str | None) -> Area:
    """The area of a number (E.164, a `short` one, or national with a region); empty for a number without a place."""
    if not text:
        return _PLACELESS
    if text[:2] == "+1" and len(text) == 5:
        return table().get(text[2:], _TOLL_FREE)
    import phonenumbers  # 15 ms and 3 MB that a configuration check need not pay
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return _UNREADABLE
    if number.country_code == 1:
        return table().get(str(number.national_number)[:3], _TOLL_FREE)
    zones = tuple(sorted(set(timezone.time_zones_for_number(number)) - {timezone.UNKNOWN_TIMEZONE}))
    country = phonenumbers.region_code_for_number(number)
    at_home = of_country(country) if country else ()
    if len(zones) > MOST:
        return Area(country_wide=at_home)
    if country and at_home:
        zones = _moved(country, str(number.national_number)) or _in(at_home, zones) or at_home
    return Area(zones)


def _in(at_home: tuple[str, ...], zones: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the zones whose clock is one of the country's; the library's map names a neighbour's now and then."""
    clocks = set(map(zone_rules, at_home))
    return tuple(name for name in zones if zone_rules(name) in clocks)


def _moved(country: str, national: str) -> tuple[str, ...]:
    """The zones of numbers whose region has changed its clock since the library's map was made."""
    rows = rules("number_zones.toml").get(country, {})
    return tuple(name for name, prefixes in rows.items() if national.startswith(tuple(prefixes)))


@lru_cache(maxsize=1)
def table() -> Mapping[str, Area]:
    """Area code → area."""
    rows = rules("area_codes.toml")["codes"]
    return {
        code: Area(tuple(row["zones"]), tuple(row["states"]), row["place"], north_american=True)
        for code, row in rows.items()
    }
