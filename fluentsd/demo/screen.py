"""How the demo looks in a terminal: the figures moving while weeks go by, then what came of it."""

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

from fluentsd.demo.stage import Scene
from fluentsd.demo.verify import broken_promises

_STATES = (
    ("queued", "cyan"), ("active", "green"), ("errored", "red"), ("exited", "magenta"), ("completed", "blue"),
)  # fmt: skip
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_HOME = ZoneInfo("America/New_York")


class Theatre:
    """Shows a `Scene` live when there is a terminal, and its end everywhere."""

    def __init__(self, picture: Path | None = None) -> None:
        self.picture = picture
        self.console = Console(highlight=False, record=picture is not None, width=100 if picture else None)
        self._live: Live | None = None

    def __enter__(self) -> Theatre:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=20, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.__exit__(*error)  # type: ignore[arg-type]

    def watch(self, scene: Scene) -> None:
        if self._live is not None and scene.overview:
            self._live.update(self._figures(scene))

    def _figures(self, scene: Scene) -> RenderableType:
        overview = scene.overview
        table = Table.grid(padding=(0, 2))
        for state, colour in _STATES:
            bar = Bar(max(overview["total"], 1), 0, overview[state], width=48, color=colour)
            table.add_row(Text(state.capitalize()), Text(f"{overview[state]:>5}", justify="right"), bar)
        clock = dt.datetime.fromtimestamp(scene.now / 1_000_000, _HOME).strftime("%A %d %B %Y, %H:%M in New York")
        heading = Text(f"{overview['name']}: {overview['total']} people, {overview['attempts']} attempts", "bold")
        return Panel(Group(heading, Text(clock, "yellow"), Text(), table), title="fluentsd demo", width=84)

    def conclude(self, scene: Scene, seconds: float) -> None:
        """Everything worth reading afterwards."""
        say = self.console.print
        counts = scene.imported
        say(
            f"[bold]Import[/]  {counts['rows']} rows of a messy CSV: {counts['enrolled']} people enrolled, "
            f"{counts['duplicates']} came twice and were skipped, {counts['rejected']} refused with a reason"
        )
        checked, foreseen = scene.checked, scene.foreseen
        say(
            f"[bold]Check[/]   {checked['ready']} of {checked['people']} could be contacted; {len(checked['errors'])} "
            f"errors, {len(checked['warnings'])} warnings; rules of the place as of {checked['rules_version']}"
        )
        ends = " to ".join(dict.fromkeys(_day(foreseen[which]) for which in ("finish_early_at", "finish_late_at")))
        say(f"[bold]Forecast[/] {foreseen['contacts']} contacts, over on {ends}, before anybody was contacted")
        days = (scene.span[1] - scene.span[0]) / 86_400_000_000
        say(f"[bold]Run[/]     {days:.1f} days of a campaign in {seconds:.1f} seconds\n")
        say(self._overview(scene.overview))
        say(_funnel(scene.report))
        for reason, count in scene.report["exited_by_reason"].items():
            say(f"  exited {count:>4}  {reason.replace('_', ' ')}")
        for cause in scene.errors:
            say(f"  [red]errored {cause['people']:>3}  {cause['cause']}[/]  (mend it, then: fluentsd campaign retry)")
        say(_course(scene.course))
        say(f"[bold]Why[/]     {scene.why['sentence']}; {', '.join(scene.why['clock'])}\n")
        self._promises(scene.figures)
        if self.picture is not None:
            drawn = self.console.export_svg(title="fluentsd demo")
            self.picture.write_text(_FONTS.sub("", drawn), "utf-8")  # a picture fetches nothing

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
            f"{figures['unknown']} nobody can prove: shown, counted as made, not repeated",
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
    table = _table("Funnel", "Step", "#Attempts", "What came of them")
    for step in report["steps"]:
        counts = {o: n for o, n in step["outcomes"].items() if o != "not_sent"}
        frequent = sorted(counts.items(), key=lambda item: -item[1])
        words = " · ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in frequent)
        table.add_row(step["step"], str(sum(counts.values())), words)
    return table


def _day(at: int | None) -> str:
    return "no day in sight" if at is None else f"{dt.datetime.fromtimestamp(at / 1_000_000, _HOME):%a %d %b}"


def _course(course: list[Mapping[str, Any]]) -> Table:
    table = _table(f"One person's course ({course[0]['to']})", "When (New York)", "Step", "#Try", "From", "Outcome")
    for call in course:
        at = dt.datetime.fromtimestamp(call["claimed_at"] / 1_000_000, _HOME).strftime("%a %d %b %H:%M")
        table.add_row(at, call["step"], str(call["try_no"]), call["sender"] or "", call["outcome"])
    return table
