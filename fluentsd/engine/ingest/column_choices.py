"""A person's choices for a file's columns, kept with its source for the next file of the same shape.

The shape of a file is its headings. What must not live here: the effect of a choice (`domain.contacts.mapping`), SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from fluentsd.domain.time.dates import Order
from fluentsd.engine.ingest.import_run import Malformed

_ORDERS = ("", "day first", "month first")


@dataclass(frozen=True, slots=True)
class Choices:
    """Meanings of columns, columns to ignore, columns that are only a field, and the order of day and month in dates.
    Columns are named as the person named them."""

    asked: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    only_fields: tuple[str, ...] = ()
    dates: Order = ""

    def __bool__(self) -> bool:
        return bool(self.asked or self.ignored or self.only_fields or self.dates)

    def as_json(self) -> dict[str, Any]:
        return {
            "asked": dict(self.asked), "ignored": list(self.ignored), "only_fields": list(self.only_fields),
            "dates": self.dates,
        }  # fmt: skip

    @classmethod
    def from_json(cls, given: object) -> Choices:
        """The choices that `as_json` wrote. Raises `Malformed`."""
        if not isinstance(given, Mapping):
            raise Malformed("the choices of columns are not an object")
        asked, dates = given.get("asked", {}), given.get("dates", "")
        lists = [given.get(name, []) for name in ("ignored", "only_fields")]
        if not isinstance(asked, Mapping) or not all(isinstance(one, str) for one in asked.values()):
            raise Malformed("the choices of columns have meanings that are not texts")
        if dates not in _ORDERS or not all(map(_are_texts, lists)):
            raise Malformed("the choices of columns have a list or an order of another form")
        return cls(dict(asked), tuple(lists[0]), tuple(lists[1]), cast("Order", dates))


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's headings, what was said of its columns, and the fields that mean no opt-out because of that."""

    headings: tuple[str, ...]
    choices: Choices
    aside: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"headings": list(self.headings), "choices": self.choices.as_json(), "aside": list(self.aside)}

    @classmethod
    def from_json(cls, given: object) -> Shape:
        """The shape that `as_json` wrote. Raises `Malformed`."""
        if not isinstance(given, Mapping):
            raise Malformed("the shape of the file is not an object")
        headings, aside = given.get("headings"), given.get("aside", [])
        if not _are_texts(headings) or not _are_texts(aside):
            raise Malformed("the shape of the file has headings or fields that are not texts")
        return cls(tuple(cast("Sequence[str]", headings)), Choices.from_json(given.get("choices", {})), tuple(aside))


def _are_texts(given: object) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(one, str) for one in given)
