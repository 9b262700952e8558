"""Delays, rates and the like as options of a select that searches: the usual ones, and what a person types. Pure.

A bare number is offered with each unit, so that nobody has to know how a delay is written. What must not live here: the
reading of a value (`domain.time.durations`), and the selects (`pickers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fluentsd.domain.time.durations import BadDuration, Delay, Rate

#: Values with their words.
Offers = Mapping[str, str]
_DELAYS = ("5 min", "15 min", "30 min", "1 hour", "2 hours", "4 hours", "24 hours", "1 day", "2 days", "3 days",
           "7 days", "14 days")  # fmt: skip
_RATES = ("1/day", "2/day", "1/week", "2/week", "3/week", "20/hour", "60/hour", "100/hour", "200/hour")
_DAYS = ("30 days", "90 days", "180 days", "365 days")


def delays(typed: str) -> Offers:
    """Delays: `2 hours`."""
    return _offers(_DELAYS, typed, lambda text: str(Delay.parse(text)), ("min", "hours", "days"))


def rates(typed: str) -> Offers:
    """Rates: `3/week`."""
    return _offers(_RATES, typed, lambda text: str(Rate.parse(text)), ("/hour", "/day", "/week"))


def reentries(typed: str) -> Offers:
    """When a person may enter again: `after 90 days`."""
    after = _offers(_DAYS, typed.removeprefix("after "), lambda text: str(Delay.parse(text)), ("days",))
    return _fitting({"never": "never", "always": "always"}, typed) | {f"after {one}": f"after {one}" for one in after}


def leavings(typed: str) -> Offers:
    """What happens to who leaves a segment: `exit after 1 day`."""
    plain = typed.removeprefix("exits").removeprefix("exit").strip().removeprefix("after").strip()
    after = _offers(_DELAYS[3:], plain, lambda text: str(Delay.parse(text)), ("hours", "days"))
    known = {"stay": "stays in the campaign", "exit": "exits at once"}
    return _fitting(known, typed) | {f"exit after {one}": f"exits after {one}" for one in after}


def _offers(usual: Iterable[str], typed: str, read: Callable[[str], str], units: tuple[str, ...]) -> Offers:
    """The usual values with the typed words, and the typed one; a bare number with each unit."""
    wanted = typed.strip()
    if wanted.isascii() and wanted.isdigit():
        tries = [f"{int(wanted)}{unit}" if unit[0] == "/" else f"{int(wanted)} {unit}" for unit in units]
    else:
        tries = [wanted] if wanted else []
    read_ones = [found for text in tries if (found := _read(read, text))]
    return {one: one for one in [*read_ones, *_fitting({one: one for one in usual}, wanted)] if one != "0"}


def _read(read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except BadDuration:
        return ""


def _fitting(known: Mapping[str, str], typed: str) -> dict[str, str]:
    wanted = typed.strip().casefold()
    return {value: words for value, words in known.items() if wanted in f"{value} {words}".casefold()}
