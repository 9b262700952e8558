"""Where answers go: rich tables on a terminal, plain tab-separated text in a pipe, JSON when asked.

Here lives the screen. What must not live here: how one verb's answer looks (`views`), how one value does (`cells`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from fluentsd.cli.format import CONTROL, cell, state


class Screen:
    """Where answers go. On a terminal with colours and boxes; in a pipe one record a line."""

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
        """One line for people."""
        from rich.markup import escape

        inert = escape("\n".join(CONTROL.sub(" ", line) for line in text.split("\n")))
        self.console.print(f"[{style}]{inert}[/]" if style else inert)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
        """A table; columns that start with # are numbers."""
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
