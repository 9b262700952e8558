"""Durations, rates and budgets: parsed from text, kept as numbers.

"1 day" keeps local wall time, "24 hours" is elapsed time: the difference is `Delay.unit`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from fluentsd.domain.time.windows import add_days

SECOND = 1_000_000
_ELAPSED = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "m": 60, "h": 3600, "hour": 3600}
_CALENDAR = {"day": 1, "d": 1, "week": 7, "w": 7}
_PER = {"second": 1, "minute": 60, "min": 60, "hour": 3600, "h": 3600, "day": 86400, "week": 604800}
_DELAY = re.compile(r"\s*(\d{1,6})\s*([a-z]+?)s?\s*", re.IGNORECASE)
_RATE = re.compile(r"\s*(\d{1,9})\s*(?:/|per\s)\s*([a-z]+)\s*", re.IGNORECASE)
_MONEY = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([A-Za-z]{3})\s*/\s*day\s*")


class BadDuration(ValueError):
    """A delay, rate or budget that cannot be read."""


@dataclass(frozen=True, slots=True)
class Delay:
    """`count` local days (wall time kept) or elapsed seconds."""

    count: int
    unit: Literal["days", "seconds"] = "seconds"

    @classmethod
    def parse(cls, text: str) -> Delay:
        match = _DELAY.fullmatch(text)
        if text.strip() == "0":
            return NOW
        if match is None:
            raise BadDuration(f'{text!r} is not a delay; write it like "30 min", "2 hours", "24 hours" or "1 day"')
        count, word = int(match[1]), match[2].lower()
        if word in _CALENDAR:
            days = count * _CALENDAR[word]
            if days > 3650:
                raise BadDuration(f"{text!r} is longer than ten years")
            return cls(days, "days")
        if word in _ELAPSED:
            return cls(count * _ELAPSED[word])
        raise BadDuration(f"{text!r}: {word!r} is not a unit of time; use s, min, hours, days or weeks")

    def after(self, at: int, zone: str) -> int:
        """The instant this much later, in epoch microseconds."""
        return add_days(at, self.count, zone) if self.unit == "days" else at + self.count * SECOND

    @property
    def seconds(self) -> int:
        """Its length, a day counted as 24 hours."""
        return self.count * 86_400 if self.unit == "days" else self.count

    def before(self, at: int, zone: str) -> int:
        """The instant this much earlier."""
        return add_days(at, -self.count, zone) if self.unit == "days" else at - self.count * SECOND

    def __str__(self) -> str:
        if self.unit == "days":
            return f"{self.count} day{'' if self.count == 1 else 's'}"
        for size, word in ((3600, "hour"), (60, "min")):
            if self.count and self.count % size == 0:
                n = self.count // size
                return f"{n} {word}{'s' if word == 'hour' and n != 1 else ''}"
        return f"{self.count} s" if self.count else "0"


NOW = Delay(0)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `per_s` seconds."""

    count: int
    per_s: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        match = _RATE.fullmatch(text)
        unit = match[2].lower() if match else ""
        unit = unit if unit in _PER else unit.removesuffix("s")
        if match is None or unit not in _PER:
            raise BadDuration(f'{text!r} is not a rate; write it like "20/hour", "3/day" or "2/second"')
        if int(match[1]) == 0:
            raise BadDuration(f"{text!r}: a rate of 0 would block everything; pause the campaign instead")
        return cls(int(match[1]), _PER[unit])

    def __str__(self) -> str:
        word = next((w for w, s in _PER.items() if s == self.per_s), None)
        return f"{self.count}/{word}" if word else f"{self.count} in {Delay(self.per_s)}"

    @property
    def interval(self) -> int:
        """Microseconds between two, evenly spread."""
        return self.per_s * SECOND // self.count


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `micros` (millionths of `currency`) a day, UTC."""

    micros: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> Budget:
        match = _MONEY.fullmatch(text)
        try:
            micros = int(Decimal(match[1]) * 1_000_000) if match else 0
        except InvalidOperation:
            micros = 0
        if match is None or micros == 0:
            raise BadDuration(f'{text!r} is not a budget; write it like "200 USD/day"')
        return cls(micros, match[2].upper())

    def __str__(self) -> str:
        return f"{Decimal(self.micros) / 1_000_000:f} {self.currency}/day"
