"""`fluentsd contacts import`: read the file here, hand over batches, keep what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import trio
import typer

from fluentsd.domain.csvmap import CsvError, Mapping_, Need, Reject
from fluentsd.engine.csvfile import CsvFile, RejectFile, open_csv
from fluentsd.engine.imports import Batch, batches, mapping_of, previewed, rejects_beside
from fluentsd.fronts.cli.link import Link
from fluentsd.fronts.cli.running import Shell, fail, with_link
from fluentsd.fronts.cli.show import Screen


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file as Excel, Google Sheets or a CRM exports it")],
    campaign: Annotated[str | None, typer.Option("--campaign", help="enroll the people into this campaign")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help='what a column means, e.g. --map phone="Mobile"; repeat for more')
    ] = None,
    no_header: Annotated[bool, typer.Option("--no-header", help="the first row is a person already")] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="of two rows about one person the later wins; else the first")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="show what would be read, import nothing")] = False,
    region: Annotated[str, typer.Option("--region", help="the country of numbers without a country code")] = "US",
    encoding: Annotated[str | None, typer.Option("--encoding", help="if it is guessed wrongly")] = None,
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="if it is guessed wrongly")] = None,
    rejects: Annotated[Path | None, typer.Option("--rejects", help="where refused rows go")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Take people in from a CSV file; importing it again updates them and enrolls nobody twice."""
    shell: Shell = context.obj
    shell.as_json = as_json
    asked = _asked(mapping or [])
    try:
        with open_csv(file, header=False if no_header else None, encoding=encoding, delimiter=delimiter) as opened:
            if preview:
                _show_preview(shell.screen, opened, asked, region)
                return
            run = _Run(shell.screen, opened, asked, region.upper(), rejects or rejects_beside(file), keep_duplicates)
            answer = with_link(shell, lambda to: run.carry_out(to, file.name, campaign))
    except CsvError as why:
        fail(str(why))
    if as_json:
        shell.screen.show("contacts import", answer)
    else:
        _summary(shell.screen, answer, campaign)


def _asked(pairs: list[str]) -> dict[str, str]:
    asked = {}
    for pair in pairs:
        target, sign, column = pair.partition("=")
        if not sign or not target or not column:
            fail(f'--map {pair!r} should look like --map phone="Mobile"', 2)
        asked[target.strip()] = column.strip()
    return asked


class _Run:
    """One import on its way."""

    def __init__(
        self, screen: Screen, file: CsvFile, asked: Mapping[str, str], region: str, rejects: Path, keep: bool
    ) -> None:
        self.screen, self.file, self.asked, self.region, self.keep = screen, file, asked, region, keep
        self.rejects = RejectFile(rejects, file.header or ())
        self.counts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()

    async def carry_out(self, to: Link, source: str, campaign: str | None) -> dict[str, Any]:
        begun = await to.perform("contacts begin-import", {"source": source, "ref": campaign})
        need: Need = "phone" if begun["needs_phone"] else "any"
        mapping = mapping_of(self.file, self.asked, self.region, need)
        try:
            with self._progress() as bar:
                await self._hand_over(to, begun, mapping, need, bar)
        finally:
            self.rejects.close()
        names = ("rows", "new", "updated", "duplicates", "enrolled", "rejected")
        counts: dict[str, Any] = {name: self.counts[name] for name in names}
        await to.perform("contacts end-import", {"run": begun, "counts": counts})
        counts["rejects_file"] = str(self.rejects.path) if self.rejects.written else None
        counts["rejected_because"] = dict(self.problems.most_common(8))
        counts["read_as"] = {"encoding": self.file.encoding, "delimiter": self.file.delimiter, "notes": self.file.notes}
        counts["columns"] = {c.label: c.target or c.slug for c in mapping.columns}
        return counts

    async def _hand_over(self, to: Link, begun: Mapping[str, Any], mapping: Mapping_, need: Need, bar: Any) -> None:
        work = batches(self.file, mapping, self.region, need)
        while (item := await trio.to_thread.run_sync(next, work, None)) is not None:
            if isinstance(item, Reject):
                self._refuse(item)
            else:
                await self._take(to, begun, item)
            if bar is not None:
                bar[0].update(bar[1], completed=self.file.position)

    def _refuse(self, reject: Reject) -> None:
        self.rejects.write(reject)
        self.counts["rejected"] += 1
        self.counts["rows"] += 1
        self.problems[reject.reason] += 1

    async def _take(self, to: Link, begun: Mapping[str, Any], batch: Batch) -> None:
        given = {"run": begun, "people": batch.people, "keep_duplicates": self.keep}
        answer = await to.perform("contacts take", given)
        self.counts["rows"] += len(batch.people)
        for name in ("new", "updated", "duplicates", "enrolled"):
            self.counts[name] += answer[name]
        if not self.keep:
            for row in answer["duplicate_rows"]:
                line, cells = batch.rows[row]
                self.rejects.write(Reject(line, "the same person as an earlier row", tuple(cells)))

    def _progress(self) -> AbstractContextManager[Any]:
        if not self.screen.is_terminal or self.screen.as_json:
            return nullcontext(None)
        return _bar(self.screen.console, self.file.size)


def _bar(console: Any, total: int) -> AbstractContextManager[Any]:
    from contextlib import contextmanager

    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("importing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            yield progress, progress.add_task("", total=total)

    return shown()


def _summary(screen: Screen, counts: Mapping[str, Any], campaign: str | None) -> None:
    read = counts["read_as"]
    screen.say(f"read as {read['encoding']}, columns split at {read['delimiter']!r}")
    for note in read["notes"]:
        screen.say(f"note: {note}", "yellow")
    screen.table(
        ["#Rows", "#New people", "#Brought up to date", "#Duplicates skipped", "#Refused", "#Enrolled"],
        [[counts[k] for k in ("rows", "new", "updated", "duplicates", "rejected", "enrolled")]],
    )
    for reason, count in counts["rejected_because"].items():
        screen.say(f"  {count} × {reason}", "yellow")
    if counts["rejects_file"]:
        screen.say(f"rows that were not taken, with line and reason: {counts['rejects_file']}")
    if campaign:
        screen.say(f"next: fluentsd campaign start {campaign}")


def _show_preview(screen: Screen, file: CsvFile, asked: Mapping[str, str], region: str) -> None:
    mapping = mapping_of(file, asked, region, "any")
    seen = previewed(file, mapping, region, "any")
    if screen.as_json:
        screen.show("", {"columns": seen.columns, "people": seen.people, "rejects": seen.rejects})
        return
    screen.say(f"read as {file.encoding}, columns split at {file.delimiter!r}; nothing is imported")
    screen.table(["Column", "Becomes", "Known by", "For example"], seen.columns)
    screen.table(["Line", "Phone", "E-mail", "Name", "Note"], seen.people)
    if seen.rejects:
        screen.table(["Line", "Refused because"], seen.rejects)
