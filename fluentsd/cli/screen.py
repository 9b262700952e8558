"""The output of answers: aligned tables on a terminal, tab-separated records in a pipe, JSON on request.

A table never breaks a number, a word or a time. Where a terminal is too narrow for all columns, the last ones follow on
a line of their own below each row. Columns without a value are left out. What must not live here: the layout of one
verb's answer (`views`) and the format of one value (`format`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.cli.format import CONTROL, STYLES, cell

#: Spaces between two columns, and before the values that follow below a row.
GAP, INDENT = 2, 4


@dataclass(slots=True)
class _Column:
    """One column: its title, and its values as text. `is_whole`: a value is never wrapped (numbers and times)."""

    title: str
    is_number: bool
    is_whole: bool
    values: list[str]
    width: int = 0

    @property
    def widest(self) -> int:
        return max(map(_length, (self.title, *self.values)))

    @property
    def narrowest(self) -> int:
        """The width in which no word is broken."""
        if self.is_whole:
            return self.widest
        return max(_length(self.title), *(_length(word) for text in self.values for word in text.split()), 0)


class Screen:
    """Prints with colours on a terminal, and one record per line in a pipe."""

    def __init__(self, *, as_json: bool = False, console: Any = None) -> None:
        self.as_json = as_json
        self.is_terminal = sys.stdout.isatty() if console is None else console.is_terminal
        self._console = console

    @property
    def console(self) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(highlight=False, emoji=False, soft_wrap=not self.is_terminal)
        return self._console

    def say(self, text: str, style: str = "") -> None:
        """Print one line of text; on a terminal long lines are wrapped between words."""
        from rich.text import Text

        lines = [CONTROL.sub(" ", line) for line in text.split("\n")]
        if self.is_terminal:
            lines = [part for line in lines for part in _hung(line, self.console.width)]
        self.console.print(Text("\n".join(lines), style=style), no_wrap=True, overflow="ignore", crop=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print a table. Columns that start with # are numbers, with @ times; neither is ever wrapped."""
        filled = _filled(columns, [[cell(value) for value in row] for row in rows])
        if not filled:
            return
        count = len(filled[0].values)
        if not self.is_terminal:
            print("\t".join(column.title for column in filled))  # noqa: T201 - the shell's own output
            for row in range(count):
                print("\t".join(column.values[row] for column in filled))  # noqa: T201
            return
        shown = _fit(filled, self.console.width)
        below = filled[len(shown) :]
        self._print(_line(shown, [column.title for column in shown]), "bold")
        self._print("  ".join("─" * column.width for column in shown), "dim")
        for row in range(count):
            self._row(shown, row)
            for line in _below(below, row, self.console.width):
                self._print(line, "dim")

    def _row(self, shown: Sequence[_Column], row: int) -> None:
        """One row, of as many lines as its longest value needs."""
        from rich.text import Text

        wrapped = [_wrap(column.values[row], column.width) for column in shown]
        for line in range(max(map(len, wrapped))):
            text = Text()
            for place, (column, lines) in enumerate(zip(shown, wrapped, strict=True)):
                value = lines[line] if line < len(lines) else ""
                padded = _pad(value, column, is_last=place == len(shown) - 1)
                text.append(padded, STYLES.get(column.values[row], ""))
                text.append("" if place == len(shown) - 1 else " " * GAP)
            text.rstrip()
            self.console.print(text, no_wrap=True, overflow="ignore", crop=False)

    def _print(self, line: str, style: str) -> None:
        from rich.text import Text

        self.console.print(Text(line.rstrip(), style), no_wrap=True, overflow="ignore", crop=False)


def _filled(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[_Column]:
    """The columns that have a value in some row; the first one always."""
    found = []
    for place, title in enumerate(columns):
        values = [row[place] for row in rows]
        if not place or any(values):
            found.append(_Column(title.lstrip("#@"), title.startswith("#"), title[:1] in "#@", values))
    return found


def _fit(columns: Sequence[_Column], width: int) -> list[_Column]:
    """The first columns for which there is room without breaking a word, with their widths."""
    shown = list(columns)
    while len(shown) > 1 and _total(column.narrowest for column in shown) > width:
        shown.pop()
    for column in shown:
        column.width = column.widest
    while (over := _total(column.width for column in shown) - width) > 0:
        wide = [column for column in shown if column.width > column.narrowest]
        if not wide:
            break
        widest = max(wide, key=lambda column: column.width)
        second = max((column.width for column in wide if column is not widest), default=0)
        widest.width = max(widest.narrowest, widest.width - over, min(second, widest.width - 1))
    return shown


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + GAP * (len(found) - 1)


def _line(columns: Sequence[_Column], values: Sequence[str]) -> str:
    return (" " * GAP).join(_pad(value, column) for value, column in zip(values, columns, strict=True))


def _pad(text: str, column: _Column, *, is_last: bool = False) -> str:
    space = " " * max(column.width - _length(text), 0)
    return space + text if column.is_number else text if is_last else text + space


def _below(columns: Sequence[_Column], row: int, width: int) -> Iterator[str]:
    """The values for which the row had no room: "Note: …", as many in a line as fit."""
    line = ""
    for part in (f"{column.title}: {column.values[row]}" for column in columns if column.values[row]):
        if line and INDENT + _length(line) + 3 + _length(part) <= width:
            line += f"   {part}"
            continue
        yield from (" " * INDENT + one for one in (_wrap(line, width - INDENT) if line else ()))
        line = part
    yield from (" " * INDENT + one for one in (_wrap(line, width - INDENT) if line else ()))


def _hung(line: str, width: int) -> list[str]:
    """A sentence in lines of this width; those after the first are indented as it is, and by two more."""
    indent = len(line) - len(line.lstrip())
    first, *rest = _wrap(line, width) if _length(line) <= width else _wrap(line.strip(), width - indent - 2)
    if not rest:
        return [first if _length(line) <= width else " " * indent + first]
    return [" " * indent + first, *(" " * (indent + 2) + one for one in rest)]


def _wrap(text: str, width: int) -> list[str]:
    """The text in lines of this width, broken between words alone; a longer word has a line of its own."""
    if _length(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split():
        if line and _length(line) + 1 + _length(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _length(text: str) -> int:
    """The width of a text on a terminal, where some letters take two columns."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
