"""Dates and times as spreadsheets and CRMs write them: "12/25/2026 3:00 PM", "25.12.2026 15:00", "Dec 5, 2026". Pure.

A date between slashes is read in the order of its column, which is found from the column as a whole (`order_of`),
because "12/1/2026" alone says nothing. What must not live here: zones and instants (`zones`), moments that people type
at a command (`moments`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Literal

Order = Literal["month first", "day first", ""]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_TIME = (
    r"(?:,?\s+(?:at\s+)?|t)(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?)?"
    r"\s*(?P<half>[ap]\.?m\.?|uhr|h)?"
)
_SLASHES = r"(?P<one>\d{1,2})(?P<sign>[/-])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})"
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<number>\d{1,2})[-/.](?P<day>\d{1,2})",
    r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4}|\d{2})",
    rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
)
_PLAIN = tuple(re.compile(rf"{date}(?:{_TIME})?") for date in _DATES)
_SLASHED = re.compile(rf"{_WEEKDAY}{_SLASHES}(?:{_TIME})?")


def read_wall(text: str, order: Order = "") -> dt.datetime | None:
    """The date and time of a text, midnight without a time; with a zone only if the text is ISO and has an offset. None
    for anything else, also for a date between slashes whose order is not known."""
    words = " ".join(text.split())
    try:
        return dt.datetime.fromisoformat(words)
    except ValueError:
        words = words.casefold()
    if slashed := _SLASHED.fullmatch(words):
        one, two = int(slashed["one"]), int(slashed["two"])
        order = order if max(one, two) <= 12 and one != two else "day first" if one > 12 else "month first"
        if not order:
            return None
        month, day = (one, two) if order == "month first" else (two, one)
        return _made(slashed, month, day)
    for pattern in _PLAIN:
        if match := pattern.fullmatch(words):
            named = match.groupdict()
            month = _MONTHS.index(named["month"]) + 1 if named.get("month") else int(named["number"])
            return _made(match, month, int(match["day"]))
    return None


def order_of(cells: Iterable[str]) -> tuple[Order, bool] | None:
    """The order of day and month in a column of dates between slashes, and whether some cell proves it: ("", False)
    when none does, ("", True) when they contradict each other. None if fewer than four fifths are such dates."""
    found = [_SLASHED.fullmatch(" ".join(cell.split()).casefold()) for cell in cells]
    dates = [match for match in found if match]
    if not dates or len(dates) < 0.8 * len(found):
        return None
    day_first = any(int(match["one"]) > 12 for match in dates)
    month_first = any(int(match["two"]) > 12 for match in dates)
    if day_first == month_first:
        return "", day_first
    return ("day first" if day_first else "month first"), True


def plainly(text: str, order: Order) -> str:
    """The text of a date between slashes in words that have one meaning: "12/1/2026 3:00 PM" → "Dec 1, 2026 3:00 PM".
    Any other text stays as it is."""
    match = _SLASHED.fullmatch(" ".join(text.split()).casefold())
    found = read_wall(text, order) if match else None
    if match is None or found is None:
        return text
    time = " ".join(text.split())[match.end("year") :].lstrip(", ")
    return f"{found:%b %-d, %Y}{f' {time}' if time else ''}"


def _made(match: re.Match[str], month: int, day: int) -> dt.datetime | None:
    """The date and time of a match; None if there is none such."""
    year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    half = (match["half"] or "")[:1]
    if match["hour"] and match["minute"] is None and not half:
        return None  # "2026-12-05 3": in the morning?
    if half in ("a", "p"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - local wall time
    except ValueError:
        return None
