"""The output of answers: rich tables on a terminal, plain tab-separated text in a pipe, JSON on request.

What must not live here: the layout of one verb's answer (`views`) and the format of one value (`format`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from fluentsd.cli.format import CONTROL, cell, state


class Screen:
    """Prints with colours and boxes on a terminal, and one record per line in a pipe."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.is_terminal = sys.stdout.isatty()
        self._console: Any = None

    @property
    def console(self) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(highlight=False, emoji=False, soft_wrap=not self.is_terminal)
        return self._console

    def say(self, text: str, style: str = "") -> None:
        """Print one line of text."""
        from rich.markup import escape

        escape_formula = escape("\n".join(CONTROL.sub(" ", line) for line in text.split("\n")))
        self.console.print(f"[{style}]{escape_formula}[/]" if style else escape_formula)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
        """Print a table; columns that start with # are numbers."""
        if not self.is_terminal:
            print("\t".join(c.lstrip("#") for c in columns))  # noqa: T201 - the shell's own output
            for row in rows:
                print("\t".join(cell(value) for value in row))  # noqa: T201
            return
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
        for column in columns:
            table.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left", overflow="fold")
        for row in rows:
            table.add_row(*(state(cell(value)) for value in row))
        self.console.print(table)
