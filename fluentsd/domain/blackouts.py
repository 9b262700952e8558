"""Blackout presets: names such as "us-federal-holidays" or "gb-sct" that stand for dates known only year by year.

What lives here: which names exist and which dates they mean in a year. What must not: hours and windows. The dates come
from the ``holidays`` package, imported only when first needed (it costs about 40 ms and 11 MB). The day a holiday is
observed on counts as well as the day itself: nobody wants a sales call on either.
"""

from __future__ import annotations

import difflib
import re
from datetime import date
from functools import lru_cache

FEDERAL = "us-federal-holidays"
_SHAPE = re.compile(r"([a-z]{2})(?:-([a-z0-9]{1,4}))?")
_CODES = {"uk": "gb"}


class UnknownPreset(ValueError):
    """No such blackout preset. Write "us-federal-holidays", a country such as "gb", or its part such as "us-pa"."""


def check_preset(name: str) -> str:
    """The canonical spelling of a preset's name ("US-PA-holidays" is "us-pa"). Raises UnknownPreset with near names."""
    folded = re.sub(r"[\s_]+", "-", name.strip().casefold())
    if folded in (FEDERAL, "us-federal", "us", "us-holidays"):
        return FEDERAL
    country, subdivision = _parts(folded.removesuffix("-holidays"), name)
    return f"{country}-{subdivision}".lower() if subdivision else country.lower()


@lru_cache(maxsize=4096)
def dates(name: str, year: int) -> frozenset[date]:
    """The dates a preset blacks out in one year. Raises UnknownPreset.

    A state's set is what that state keeps, which may lack a federal day (Columbus Day in Texas): list both for both. It
    is a courtesy, not a statute's list of days on which calls are forbidden.
    """
    import holidays

    country, subdivision = ("US", None) if check_preset(name) == FEDERAL else _parts(check_preset(name), name)
    # `expand` would let a look-up in another year change what was asked for
    return frozenset(holidays.country_holidays(country.upper(), subdiv=subdivision, years=year, expand=False))


def _parts(folded: str, name: str) -> tuple[str, str | None]:
    """Country and subdivision code as the holidays package spells them. Raises UnknownPreset."""
    match = _SHAPE.fullmatch(folded)
    country = _CODES.get(match[1], match[1]) if match else ""
    parts = _supported().get(country)
    if match is None or parts is None:
        raise UnknownPreset(
            _unknown(name, folded, [FEDERAL, *_supported(), *(f"us-{part}" for part in _supported()["us"])])
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
    """What to tell somebody who wrote a name that is no preset."""
    near = difflib.get_close_matches(folded[:40], known, n=4, cutoff=0.6)
    hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
    shown = name if len(name) <= 40 else name[:40] + "…"
    return (
        f'unknown blackout {shown!r}: {hint}Write "{FEDERAL}", a country code such as "gb", '
        'a country and its part such as "us-pa" or "ca-on", or a date such as 2026-12-24.'
    )
