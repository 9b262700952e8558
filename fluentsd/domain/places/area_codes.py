"""The zones and states of a phone number, by its area code or foreign prefix.

What lives here: numbers of the North American plan by the table `rules/area_codes.toml` (made by
`docs/area_codes.py`), all others by the library `phonenumbers`. What must not: addresses. A number shows where it was
issued, not where the person is; other facts count too, so nothing here decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from fluentsd.domain.places.readings import MOST, rules


class Area(NamedTuple):
    """The place of a number: zones, states ("US-FL", "CA-ON"), whether it is North American, what is wrong with it."""

    zones: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    place: str = ""
    north_american: bool = False
    wrong: str | None = None


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
    return Area(zones) if len(zones) <= MOST else _PLACELESS


@lru_cache(maxsize=1)
def table() -> Mapping[str, Area]:
    """Area code → area."""
    rows = rules("area_codes.toml")["codes"]
    return {
        code: Area(tuple(row["zones"]), tuple(row["states"]), row["place"], north_american=True)
        for code, row in rows.items()
    }
