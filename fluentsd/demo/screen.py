"""Prints the demo in a terminal: live figures while it runs, then the results."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fluentsd.demo.run import DemoState
from fluentsd.demo.verify import broken_promises

_STATES = (
    ("queued", "cyan"), ("active", "green"), ("errored", "red"), ("exited", "magenta"), ("completed", "blue"),
)  # fmt: skip
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_HOME = ZoneInfo("America/New_York")


class DemoScreen:
    """Shows a `DemoState` live on a terminal, and its result everywhere."""

    def __init__(self, picture: Path | None = None) -> None:
        self.picture = picture
        self.console = Console(highlight=False, record=picture is not None, width=100 if picture else None)
        self._live: Live | None = None

    def __enter__(self) -> DemoScreen:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=20, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.__exit__(*error)  # type: ignore[arg-type]

    def watch(self, state: DemoState) -> None:
        if self._live is not None and state.overview:
            self._live.update(self._figures(state))

    def _figures(self, state: DemoState) -> RenderableType:
        overview = state.overview
        table = Table.grid(padding=(0, 2))
        for name, colour in _STATES:
            bar = Bar(max(overview["total"], 1), 0, overview[name], width=48, color=colour)
            table.add_row(Text(name.capitalize()), Text(f"{overview[name]:>5}", justify="right"), bar)
        clock = dt.datetime.fromtimestamp(state.now / 1_000_000, _HOME).strftime("%A %d %B %Y, %H:%M in New York")
        heading = Text(f"{overview['name']}: {overview['total']} people, {overview['attempts']} attempts", "bold")
        return Panel(Group(heading, Text(clock, "yellow"), Text(), table), title="fluentsd demo", width=84)

    def conclude(self, state: DemoState, seconds: float) -> None:
        """Print the results: import, check, forecast, run, funnel, one person's history, the carriers' counts."""
        say = self.console.print
        counts = state.imported
        say(
            f"[bold]Import[/]  {counts['rows']} rows of a messy CSV: {counts['enrolled']} people enrolled, "
            f"{counts['duplicates']} duplicates skipped, {counts['rejected']} invalid rows"
        )
        followed = state.followed
        say(
            f"[bold]CRM[/]     a list of {followed['people']} people is followed; during the week {followed['joined']} "
            f"joined and {followed['left']} left it"
        )
        checked, ahead = state.checked, state.ahead
        say(
            f"[bold]Check[/]   {checked['ready']} of {checked['people']} could be contacted; {len(checked['errors'])} "
            f"errors, {len(checked['warnings'])} warnings; calling rules as of {checked['rules_version']}"
        )
        ends = " to ".join(dict.fromkeys(_day(ahead[which]) for which in ("finish_early_at", "finish_late_at")))
        say(f"[bold]Forecast[/] {ahead['contacts']} contacts, finished on {ends} (made before the start)")
        days = (state.span[1] - state.span[0]) / 86_400_000_000
        say(f"[bold]Run[/]     {days:.1f} days of a campaign in {seconds:.1f} seconds\n")
        say(self._overview(state.overview))
        say(_funnel(state.report))
        for reason, count in state.report["exited_by_reason"].items():
            say(f"  exited {count:>4}  {reason.replace('_', ' ')}")
        for cause in state.errors:
            say(f"  [red]errored {cause['people']:>3}  {cause['cause']}[/]  (fix it, then: fluentsd campaign retry)")
        say(_history(state.attempts))
        say(f"[bold]Why[/]     {state.why['sentence']}; {', '.join(state.why['clock'])}\n")
        self._promises(state.figures)
        if self.picture is None:
            say("[bold]Next[/]    make preview: the same in Slack, in your browser, without a workspace")
            say("[bold]Or[/]      with your own people: fluentsd init, then fluentsd campaign new leads.toml")
        if self.picture is not None:
            drawn = self.console.export_svg(title="fluentsd demo")
            self.picture.write_text(_FONTS.sub("", drawn), "utf-8")  # the picture must load nothing from the network

    def _overview(self, overview: Mapping[str, Any]) -> Table:
        columns = ("Total", "Queued", "Active", "Errored", "Exited", "Completed")
        table = _table("Overview", *(f"#{column}" for column in columns), "Started on")
        started = dt.datetime.fromtimestamp(overview["started_at"] / 1_000_000, _HOME).strftime("%d %b %Y %H:%M")
        table.add_row(*(str(overview[c.lower()]) for c in columns), started)
        return table

    def _promises(self, figures: Mapping[str, int]) -> None:
        broken = broken_promises(figures)
        lines = [
            f"{figures['attempts']} contacts counted at the carriers",
            f"{figures['duplicates']} made twice",
            f"{figures['outside_window']} outside a person's window",
            f"{figures['unknown']} with an unknown outcome: shown, counted as made, not repeated",
        ]
        colour = "red" if broken else "green"
        text = "\n".join([*lines, *(f"BROKEN: {sentence}" for sentence in broken)])
        self.console.print(Panel(text, title="The carriers' count", border_style=colour, width=84))


def _table(title: str, *columns: str) -> Table:
    """Columns that start with # are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.removeprefix("#"), justify="right" if column.startswith("#") else "left")
    return table


def _funnel(report: Mapping[str, Any]) -> Table:
    table = _table("Funnel", "Step", "#Attempts", "Outcomes")
    for step in report["steps"]:
        counts = {o: n for o, n in step["outcomes"].items() if o != "not_sent"}
        frequent = sorted(counts.items(), key=lambda item: -item[1])
        outcomes = " · ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in frequent)
        table.add_row(step["step"], str(sum(counts.values())), outcomes)
    return table


def _day(at: int | None) -> str:
    return "no known day" if at is None else f"{dt.datetime.fromtimestamp(at / 1_000_000, _HOME):%a %d %b}"


def _history(attempts: list[Mapping[str, Any]]) -> Table:
    table = _table(f"One person's attempts ({attempts[0]['to']})", "When (New York)", "Step", "#Try", "From", "Outcome")
    for call in attempts:
        at = dt.datetime.fromtimestamp(call["claimed_at"] / 1_000_000, _HOME).strftime("%a %d %b %H:%M")
        table.add_row(at, call["step"], str(call["try_no"]), call["sender"] or "", call["outcome"])
    return table
