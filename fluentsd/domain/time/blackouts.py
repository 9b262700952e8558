"""Blackout presets: names such as "us-federal-holidays" or "gb-sct" for dates that change from year to year.

What lives here: the names, and their dates in a year. What must not: hours and windows. The dates come from the
``holidays`` package, imported only when first needed (it costs about 40 ms and 11 MB). The day a holiday is observed on
counts as well as the day itself: a sales call is unwelcome on both.

Names like "us-pa-legal-holidays" are our own, for states that forbid sales calls on legal holidays: the federal
holidays, the state's own, and the legal ones that the package lacks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import lru_cache

FEDERAL = "us-federal-holidays"
_SHAPE = re.compile(r"([a-z]{2})(?:-([a-z0-9]{1,4}))?")
_CODES = {"uk": "gb"}
_LEGAL = "-legal-holidays"


class UnknownPreset(ValueError):
    """No such blackout preset. Write "us-federal-holidays", a country such as "gb", or its part such as "us-pa"."""


def check_preset(name: str) -> str:
    """The canonical spelling of a preset's name ("US-PA-holidays" is "us-pa"). Raises UnknownPreset with near names."""
    folded = re.sub(r"[\s_]+", "-", name.strip().casefold())
    if folded.endswith(_LEGAL) and folded.removesuffix(_LEGAL) in _LEGAL_DAYS:
        return folded
    if folded in (FEDERAL, "us-federal", "us", "us-holidays"):
        return FEDERAL
    country, subdivision = _parts(folded.removesuffix("-holidays"), name)
    return f"{country}-{subdivision}".lower() if subdivision else country.lower()


@lru_cache(maxsize=4096)
def dates(name: str, year: int) -> frozenset[date]:
    """The dates a preset blacks out in one year. Raises UnknownPreset.

    A state's set holds the days that the state observes, and may lack a federal day (Columbus Day in Texas): name both
    presets to have both. It is a courtesy, not a legal list of days without calls.
    """
    import holidays

    plain = check_preset(name)
    if plain.endswith(_LEGAL):
        state = plain.removesuffix(_LEGAL)
        return dates(FEDERAL, year) | dates(state, year) | frozenset(_LEGAL_DAYS[state](year))
    country, subdivision = ("US", None) if plain == FEDERAL else _parts(plain, name)
    # with `expand`, a look-up in another year would add dates
    return frozenset(holidays.country_holidays(country.upper(), subdiv=subdivision, years=year, expand=False))


@lru_cache(maxsize=4096)
def preset_words(name: str) -> str:
    """A preset in words: "United States: federal holidays", "Texas, United States". What is none is its own name."""
    try:
        plain = check_preset(name)
    except UnknownPreset:
        return name
    if plain == FEDERAL:
        return "United States: federal holidays"
    code, _, part = plain.removesuffix(_LEGAL).partition("-")
    country, parts = _named(code)
    words = f"{parts.get(part, part.upper())}, {country}" if part else country
    return f"{words}: legal holidays" if plain.endswith(_LEGAL) else words


@lru_cache(maxsize=1)
def all_presets() -> tuple[str, ...]:
    """Every preset: the federal and legal holidays of the United States, then countries, each with its parts."""
    ours = (FEDERAL, *(f"{state}{_LEGAL}" for state in _LEGAL_DAYS))
    countries = sorted(_supported(), key=lambda code: (code != "us", _named(code)[0]))
    theirs = (name for code in countries for name in (code, *(f"{code}-{part}" for part in _supported()[code])))
    return (*ours, *(name for name in theirs if name != "us" and _SHAPE.fullmatch(name)))


@lru_cache(maxsize=512)
def _named(code: str) -> tuple[str, dict[str, str]]:
    """The name of a country, and the names of its parts by their code in small letters."""
    import holidays
    from holidays.registry import COUNTRIES

    module = next((module for module, names in COUNTRIES.items() if names[1].lower() == code), code)
    small = ("and", "of", "the")
    country = " ".join(part if part in small else part.capitalize() for part in module.split("_"))
    aliases = getattr(getattr(holidays, code.upper()), "subdivisions_aliases", {})
    return country, {str(part).lower(): name for name, part in aliases.items()}


def _alabama(year: int) -> Iterator[date]:
    """Mardi Gras, a holiday in Mobile and Baldwin counties (Ala. Code 1-3-8)."""
    yield _easter(year) - timedelta(days=47)


def _louisiana(year: int) -> Iterator[date]:
    """La. R.S. 1:55(A)(1): Battle of New Orleans, Mardi Gras, Good Friday, Huey P. Long Day, All Saints' Day."""
    yield from (date(year, 1, 8), date(year, 8, 30), date(year, 11, 1))
    yield from (_easter(year) - timedelta(days=47), _easter(year) - timedelta(days=2))


def _pennsylvania(year: int) -> Iterator[date]:
    """44 P.S. 11: Good Friday, Flag Day, and the election day of November, in every year."""
    yield from (_easter(year) - timedelta(days=2), date(year, 6, 14), _election_day(year))


def _rhode_island(year: int) -> Iterator[date]:
    """R.I. Gen. Laws 25-1-1: the general election of even years; and Rhode Island Independence Day."""
    yield date(year, 5, 4)
    if year % 2 == 0:
        yield _election_day(year)


def _none(year: int) -> Iterator[date]:
    """No days missing from the package."""
    return iter(())


#: States that forbid sales calls on their legal holidays → the holidays that the package lacks.
_LEGAL_DAYS: dict[str, Callable[[int], Iterator[date]]] = {
    "us-al": _alabama,
    "us-la": _louisiana,
    "us-ne": _none,
    "us-pa": _pennsylvania,
    "us-ri": _rhode_island,
    "us-ut": _none,
}


def _election_day(year: int) -> date:
    """The Tuesday after the first Monday of November."""
    return date(year, 11, 2) + timedelta(days=(1 - date(year, 11, 2).weekday()) % 7)


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the method of Meeus (Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = epact + sunday - 7 * ((golden + 11 * epact + 22 * sunday) // 451) + 114
    return date(year, shift // 31, shift % 31 + 1)


def _parts(folded: str, name: str) -> tuple[str, str | None]:
    """Country and subdivision code as the holidays package spells them. Raises UnknownPreset."""
    match = _SHAPE.fullmatch(folded)
    country = _CODES.get(match[1], match[1]) if match else ""
    parts = _supported().get(country)
    if match is None or parts is None:
        raise UnknownPreset(
            _unknown(
                name,
                folded,
                [
                    FEDERAL,
                    *(state + _LEGAL for state in _LEGAL_DAYS),
                    *_supported(),
                    *(f"us-{part}" for part in _supported()["us"]),
                ],
            )
        )
    if match[2] is None:
        return country, None
    if match[2] not in parts:
        raise UnknownPreset(_unknown(name, folded, [country, *(f"{country}-{part}" for part in parts)]))
    return country, parts[match[2]]


@lru_cache(maxsize=1)
def _supported() -> dict[str, dict[str, str]]:
    """Country code → (subdivision code → the package's spelling), all codes in small letters."""
    import holidays

    listed = holidays.list_supported_countries(include_aliases=False)
    return {country.lower(): {part.lower(): part for part in parts} for country, parts in listed.items()}


def _unknown(name: str, folded: str, known: list[str]) -> str:
    """The message for an unknown preset name."""
    near = difflib.get_close_matches(folded[:40], known, n=4, cutoff=0.6)
    hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
    shown = name if len(name) <= 40 else name[:40] + "…"
    return (
        f'unknown blackout {shown!r}: {hint}Write "{FEDERAL}", a country code such as "gb", '
        'a country and its part such as "us-pa" or "ca-on", or a date such as 2026-12-24.'
    )
