"""Inputs whose text stands for more than one value: a line each, pairs, hours of days, numbers.

What must not live here: inputs that are not typed (`kinds`), and the check of values (`domain.campaign`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.domain.campaign_values import DAYS
from fluentsd.fronts.slack.forms.kinds import Text


@dataclass(frozen=True, slots=True)
class Lines(Text):
    """A list of texts, one in each line."""

    at_most: int = 2000
    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ""

    def parse(self, typed: str) -> Any:
        return [line.strip() for line in re.split(r"[\n,;]", typed) if line.strip()] or None


@dataclass(frozen=True, slots=True)
class HoursOfDays(Text):
    """Hours for all days ("09:00-17:00"), or for each day of its own: "mon 09:00-17:00; sat 10:00-14:00"."""

    def show(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return "; ".join(f"{day} {hours}" for day, hours in value.items())
        return "" if value is None else str(value)

    def parse(self, typed: str) -> Any:
        lines = [re.split(r"[\s:]+", line.strip(), maxsplit=1) for line in re.split(r"[\n;]", typed) if line.strip()]
        if lines and all(len(line) == 2 and line[0][:3].casefold() in DAYS for line in lines):
            return {line[0][:3].casefold(): line[1] for line in lines}
        return " ".join(typed.split()) or None


@dataclass(frozen=True, slots=True)
class Pairs(Text):
    """A list of tables of two values, one in each line: "2026-12-24 09:00-12:00"."""

    lines: bool = True
    at_most: int = 2000
    names: tuple[str, str] = ("date", "hours")

    def show(self, value: Any) -> str:
        rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        first, second = self.names
        return "\n".join(f"{row.get(first, '')} {row.get(second, '')}" for row in rows if isinstance(row, Mapping))

    def parse(self, typed: str) -> Any:
        split = [line.strip().partition(" ") for line in typed.splitlines() if line.strip()]
        return [{self.names[0]: first.rstrip(":"), self.names[1]: rest.strip()} for first, _, rest in split] or None


@dataclass(frozen=True, slots=True)
class ShortName(Text):
    """A name that there is from the first, so that it is nothing that a person has set."""

    def is_set(self, value: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Amounts(Text):
    """A table of numbers, one in each line: "phone 0.12"."""

    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(f"{name} {amount}" for name, amount in value.items()) if isinstance(value, Mapping) else ""

    def parse(self, typed: str) -> Any:
        split = [re.split(r"[\s:=]+", line.strip(), maxsplit=1) for line in typed.splitlines() if line.strip()]
        return {line[0]: _number(line[-1]) for line in split} or None


@dataclass(frozen=True, slots=True)
class Names(Text):
    """A table of texts, one in each line: "sales +12125550123"."""

    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(f"{name} {text}" for name, text in value.items()) if isinstance(value, Mapping) else ""

    def parse(self, typed: str) -> Any:
        split = [re.split(r"[\s:=]+", line.strip(), maxsplit=1) for line in typed.splitlines() if line.strip()]
        return {line[0]: line[1] if len(line) == 2 else "" for line in split} or None


@dataclass(frozen=True, slots=True)
class Decimal(Text):
    """A number with a fraction."""

    def parse(self, typed: str) -> Any:
        return _number(typed) if typed else None


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
