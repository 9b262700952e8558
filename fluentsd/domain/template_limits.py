"""Bounds on the work of a rendering: on characters, numbers and passes in between, not only on the output.

A chain of `replace` doubles a text with each filter, and a range of two hundred million numbers is one short word.
Nothing is made before its size is known: a filter's result is estimated first. What counts is work, never time, so that
the same template with the same values always ends alike.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext, Undefined
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import ResourceLimitError

#: Most characters of one value between two filters, and of the output.
CHARACTERS = 200_000
#: Most characters that all filters of one rendering read and write together.
CHARACTERS_OF_ALL = 4_000_000
#: Most items of a list or range, and most passes through all loops of one rendering.
ITEMS = 10_000
ITERATIONS = 2_000
#: Most filters applied in one rendering.
FILTERS = 10_000
#: The largest number a filter may take or make.
NUMBER = 10**18
#: Most characters of a date format, and most digits to round to.
FORMAT, DIGITS = 200, 30

_work = threading.local()


class LimitReached(ResourceLimitError):
    """A bound on the work of a template; the message says which one."""

    def __init__(self, what: str) -> None:
        super().__init__(what, token=None)


class _Spent:
    """The work of one rendering."""

    __slots__ = ("characters", "filters", "iterations")

    def __init__(self) -> None:
        self.characters = self.filters = self.iterations = 0


def begin() -> None:
    """Begin a rendering in this thread: nothing is spent."""
    _work.spent = _Spent()


def _spent() -> _Spent:
    found: _Spent | None = getattr(_work, "spent", None)
    if found is None:
        found = _work.spent = _Spent()
    return found


class _Context(RenderContext):
    """Counts the passes of all loops of a rendering, nested or one after the other."""

    def raise_for_loop_limit(self, length: int = 1) -> None:
        super().raise_for_loop_limit(length)
        spent = _spent()
        spent.iterations += length
        if spent.iterations > ITERATIONS:
            raise LimitReached(f"its loops make more than {ITERATIONS} passes")


class _Template(BoundTemplate):
    context_class = _Context


class BoundedEnvironment(Environment):
    """A liquid environment whose templates stop at the bounds."""

    template_class = _Template
    loop_iteration_limit = ITERATIONS
    local_namespace_limit = CHARACTERS
    output_stream_limit = CHARACTERS
    context_depth_limit = 12

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters.update({name: _bounded(name, function) for name, function in self.filters.items()})


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, which looks at the size of its values before it works, and of its result."""
    before = _BEFORE.get(name)

    @functools.wraps(function)
    def wrapped(value: Any, *args: Any, **options: Any) -> Any:
        spent = _spent()
        spent.filters += 1
        if spent.filters > FILTERS:
            raise LimitReached(f"it applies more than {FILTERS} filters")
        for given in (value, *args):
            spent.characters += _size(given, name)
        if before is not None:
            spent.characters += before(name, value, *args)
        if spent.characters > CHARACTERS_OF_ALL:
            raise LimitReached(f"its filters work on more than {CHARACTERS_OF_ALL} characters")
        try:
            result = function(value, *args, **options)
        except (ArithmeticError, RecursionError) as why:
            raise LimitReached(f"the filter {name} has no result ({type(why).__name__})") from None
        spent.characters += _size(result, name)
        return result

    return wrapped


def _size(value: Any, name: str) -> int:
    """The characters of a value with all its items; raises `LimitReached` as soon as there are too many."""
    total, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        total += 1
        if issubclass(type(one), Undefined):  # a strict one raises even at isinstance
            continue
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, range):
            bounded_range(one)
            total += len(one)
        elif isinstance(one, (list, tuple)):
            if len(one) > ITEMS:
                raise LimitReached(f"a list has more than {ITEMS} items at the filter {name}")
            waiting.extend(one)
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, (int, float, Decimal)) and not -NUMBER <= one <= NUMBER:
            raise LimitReached(f"a number is larger than 10^18 at the filter {name}")
        if total > CHARACTERS:
            raise LimitReached(f"one value has more than {CHARACTERS} characters at the filter {name}")
    return total


def bounded_range(numbers: range) -> range:
    """The range, unless it is too long."""
    if numbers and numbers[-1] - numbers[0] >= ITEMS:
        raise LimitReached(f"a range has more than {ITEMS} numbers")
    return numbers


def _replace(name: str, value: Any, old: Any = "", new: Any = "", *_: Any) -> int:
    text, old, new = str(value), str(old), str(new)
    times = text.count(old) if old else len(text) + 1
    if len(text) + times * (len(new) - len(old)) > CHARACTERS:
        raise LimitReached(f"one value has more than {CHARACTERS} characters at the filter {name}")
    return 0


def _split(name: str, value: Any, by: Any = "", *_: Any) -> int:
    text, by = str(value), str(by)
    if (text.count(by) if by else len(text)) >= ITEMS:
        raise LimitReached(f"a list has more than {ITEMS} items at the filter {name}")
    return 0


def _join(name: str, value: Any, between: Any = " ", *_: Any) -> int:
    items = len(value) if isinstance(value, (list, tuple, range)) else 1
    if _size(value, name) + items * len(str(between)) > CHARACTERS:
        raise LimitReached(f"one value has more than {CHARACTERS} characters at the filter {name}")
    return 0


def _short(name: str, value: Any, *args: Any) -> int:
    if max(len(str(one)) for one in (value, *args)) > FORMAT:
        raise LimitReached(f"the filter {name} takes at most {FORMAT} characters")
    return 0


def _number(name: str, *values: Any) -> int:
    for value in values:
        if isinstance(value, str):
            _short(name, value)
            try:
                large = abs(float(value)) > NUMBER
            except (ValueError, OverflowError):
                continue
            if large:
                raise LimitReached(f"a number is larger than 10^18 at the filter {name}")
    return 0


def _round(name: str, value: Any, digits: Any = 0, *_: Any) -> int:
    _number(name, value, digits)
    try:
        many = abs(float(digits or 0)) > DIGITS
    except (TypeError, ValueError, OverflowError):
        return 0
    if many:
        raise LimitReached(f"the filter {name} takes at most {DIGITS} digits")
    return 0


def _each_with_each(_: str, value: Any, *__: Any) -> int:
    """Work that grows with the square: 4,000 items and the whole budget is spent."""
    return len(value) ** 2 // 4 if isinstance(value, (str, list, tuple, range)) else 0


#: What a filter looks at before it works; returns work beyond that of reading its values.
_BEFORE: Mapping[str, Callable[..., int]] = {
    "replace": _replace, "split": _split, "join": _join, "date": _short, "round": _round, "uniq": _each_with_each,
    "strip_html": _each_with_each,
    **dict.fromkeys(("abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus", "times"),
                    _number),
}  # fmt: skip


_make_range = RangeLiteral._make_range


def _make_bounded_range(literal: RangeLiteral, start: Any, stop: Any) -> range:
    return bounded_range(_make_range(literal, start, stop))


# liquid's parser names this class itself and offers no other place; fluentsd alone uses liquid in this process
RangeLiteral._make_range = _make_bounded_range  # type: ignore[method-assign, assignment]
