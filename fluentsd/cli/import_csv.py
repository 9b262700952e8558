"""`fluentsd contacts import`: reads the file on the user's machine, sends batches, and writes the rejects file.

The import begins only after the first valid row. A file that is not a list of people, that lacks the column that the
campaign needs, or in which every row is invalid changes nothing and leaves no file behind.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import trio
import typer

from fluentsd.bootstrap import freeze_gc
from fluentsd.cli.client import Client
from fluentsd.cli.runner import Shell, fail, unwrapped, with_client
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.domain.contacts.identity import in_words
from fluentsd.domain.contacts.mapping import CsvError, Need
from fluentsd.domain.contacts.reader import Reject, region_of
from fluentsd.engine.ingest.batches import (
    Batch,
    Chunk,
    batches,
    mapping_of,
    next_chunk,
    previewed,
    rejects_path,
)
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv
from fluentsd.engine.ingest.import_process import SUBPROCESS_FROM, batches_from_subprocess
from fluentsd.engine.ingest.rejects import RejectFile

#: Invalid rows kept in memory before the first valid one; further ones are written to the rejects file at once.
KEPT_AT_MOST = 10_000


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file as Excel, Google Sheets or a CRM exports it")],
    campaign: Annotated[str | None, typer.Option("--campaign", help="enroll the people into this campaign")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help='the meaning of a column, e.g. --map phone="Mobile"; repeatable')
    ] = None,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="the file has no header; the first row is a person")
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="of several rows about a person keep the last, not the first")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="show how the file is read; import nothing")] = False,
    region: Annotated[str, typer.Option("--region", help="the country of numbers without a country code")] = "US",
    encoding: Annotated[str | None, typer.Option("--encoding", help="the encoding; default: detected")] = None,
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="the delimiter; default: detected")] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="the file for invalid rows; default: beside the file")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="people missing from this file leave the campaign")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="confirm --whole when most people would leave")] = False,
    basis: Annotated[str, typer.Option("--basis", help="basis of consent: written, express, inquiry or customer")] = "",
    given: Annotated[str, typer.Option("--given", help="the date of the consent, like 2026-11-01")] = "",
    scope: Annotated[str, typer.Option("--scope", help="the channels with consent, like phone,sms")] = "",
    by: Annotated[str, typer.Option("--by", help="the person who attests the consent")] = "",
    scrubbed: Annotated[str, typer.Option("--scrubbed", help="the date of the last DNC registry scrub")] = "",
    proof: Annotated[str, typer.Option("--proof", help="the place where the proof of consent is kept")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Import people from a CSV file; importing it again updates them and enrolls no one twice."""
    shell: Shell = context.obj
    shell.as_json = as_json
    asked, country = _asked(mapping or []), _country(region)
    evidence = {"basis": basis, "given": given, "scope": scope, "by": by, "scrubbed": scrubbed, "proof": proof}
    consent = evidence if any(evidence.values()) else None
    try:
        with (
            unwrapped(),
            open_csv(file, header=not no_header and None, encoding=encoding, delimiter=delimiter) as opened,
        ):
            if preview:
                _show_preview(shell.screen, opened, asked, country)
                return
            run = _Run(shell.screen, opened, asked, country, rejects or rejects_path(file), keep_duplicates)
            ends = {"whole": whole, "yes": yes}
            answer = with_client(shell, lambda client: run.carry_out(client, file.name, campaign, consent, ends))
    except CsvError as why:
        fail(str(why))
    if as_json:
        show(shell.screen, "contacts import", answer)
    else:
        _summary(shell.screen, answer)


def _country(region: str) -> str:
    """The country code of a name or code; ends the program if it is not a country."""
    code = region_of(region.strip())
    if code is None:
        fail(f"--region {region!r} is not a country; write its two letters, such as US, GB or DE", 2)
    return code


def _asked(pairs: list[str]) -> dict[str, str]:
    asked = {}
    for pair in pairs:
        target, sign, column = pair.partition("=")
        if not sign or not target or not column:
            fail(f'--map {pair!r} should look like --map phone="Mobile"', 2)
        asked[target.strip()] = column.strip()
    return asked


async def _need(client: Client, campaign: str | None) -> tuple[Need, bool]:
    """The column that the campaign needs, and whether the campaign is still a draft."""
    if campaign is None:
        return "any", False
    shown = await client.perform("campaign show", {"ref": campaign})
    by_phone = any(step["channel"] != "email" for step in shown["steps_in_flow"])
    return "phone" if by_phone else "any", shown["state"] == "draft"


class _Run:
    """One running import: its file, counts and rejects."""

    def __init__(
        self, screen: Screen, file: CsvFile, asked: Mapping[str, str], region: str, rejects: Path, keep: bool
    ) -> None:
        self.screen, self.file, self.asked, self.region, self.keep = screen, file, asked, region, keep
        self.rejects = RejectFile(rejects, file.header or ())
        self.kept: list[Reject] = []
        self.counts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.shared: set[tuple[str, int]] = set()  #: points that belong to several people

    async def carry_out(
        self,
        client: Client,
        source: str,
        campaign: str | None,
        consent: Mapping[str, str] | None,
        ends: Mapping[str, bool],
    ) -> dict[str, Any]:
        need, is_draft = await _need(client, campaign)
        mapping = mapping_of(self.file, self.asked, self.region, need)
        self._check_rejects()
        read = batches_from_subprocess if self.file.size >= SUBPROCESS_FROM else batches
        try:
            with closing(read(self.file, mapping, self.region, need)) as work, self._progress() as bar:
                first = await self._first(work, bar)
                begun = await client.perform(
                    "contacts begin-import", {"source": source, "ref": campaign, "consent": consent}
                )
                await self._send(client, begun, first, work, bar)
        except CsvError as why:
            raise self._in_the_middle(why) from None
        finally:
            self.rejects.close()
        names = ("rows", "new", "updated", "duplicates", "enrolled", "rejected")
        counts: dict[str, Any] = {name: self.counts[name] for name in names}
        counts["left"] = (await client.perform("contacts end-import", {"run": begun, "counts": counts, **ends}))["left"]
        counts["next"] = f"fluentsd campaign start {campaign}" if is_draft and self.counts["enrolled"] else None
        counts["rejects_file"] = str(self.rejects.path) if self.rejects.written else None
        counts["shared"] = dict(Counter(kind for kind, _ in self.shared))
        counts["rejected_because"] = dict(self.problems.most_common(8))
        counts["read_as"] = {"encoding": self.file.encoding, "delimiter": self.file.delimiter, "notes": self.file.notes}
        counts["columns"] = {c.label: c.target or c.slug for c in mapping.columns}
        return counts

    def _check_rejects(self) -> None:
        """Check before the first person is imported that the rejects file can be written."""
        path = self.rejects.path
        place = path if path.exists() else path.absolute().parent
        if path.exists() and path.samefile(self.file.path):
            raise CsvError(
                "The rejects file would overwrite the file that is read.", "Name another file: --rejects FILE."
            )
        if path.is_dir() or not os.access(place, os.W_OK):
            fix = "Name a file in an existing, writable folder: --rejects FILE."
            raise CsvError(f'The rejects file "{path}" cannot be written.', fix)

    def _in_the_middle(self, why: CsvError) -> Exception:
        """The error with the number of people imported before it."""
        taken = self.counts["new"] + self.counts["updated"]
        if taken:
            why.args = (str(why).replace("Nothing was imported.", f"{taken} people were imported before that."),)
        return why

    async def _first(self, work: Iterator[Batch | Reject], bar: Any) -> Batch:
        """The first batch of people; `CsvError` if the file has none."""
        while (item := await trio.to_thread.run_sync(next, work, None)) is not None:
            self._show(bar)
            if isinstance(item, Batch):
                return item
            self._refuse(item)
        raise self._no_valid_row()

    def _no_valid_row(self) -> CsvError:
        """The error of a file without a single valid row."""
        rows, first = self.counts["rows"], self.kept[0].line if self.kept else 0
        reasons = "; ".join(f"{count} × {reason}" for reason, count in self.problems.most_common(3))
        where = f"The first is in line {first}." if first else ""
        if self.rejects.written:  # too many to keep in memory
            self._write_kept()
            where = f"All of them are in {self.rejects.path}."
        return CsvError(
            f'"{self.file.path.name}" has {rows} row{"" if rows == 1 else "s"}, and none is valid: {reasons}.',
            f"{where} --preview shows how the columns are read.",
        )

    async def _send(
        self, client: Client, begun: Mapping[str, Any], first: Batch, work: Iterator[Batch | Reject], bar: Any
    ) -> None:
        """Send one pile while the next one is read. A reading error is raised after the piles before it are sent."""
        self._write_kept()
        if self.file.size >= SUBPROCESS_FROM:
            freeze_gc()  # this process ends with the import
        why: CsvError | None = None
        await self._send_batch(client, begun, first)
        send, receive = trio.open_memory_channel[Chunk](0)
        with unwrapped():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_read_ahead, work, begun["at_once"], send)
                async for pile in receive:
                    for reject in pile.refused:
                        self._refuse(reject, keep=False)
                    await self._send_batch(client, begun, pile.batch)
                    self._show(bar)
                    why = pile.why
        if why is not None:
            raise why

    def _show(self, bar: Any) -> None:
        if bar is not None:
            bar[0].update(bar[1], completed=self.file.position)

    def _refuse(self, reject: Reject, *, keep: bool = True) -> None:
        self.kept.append(reject)
        if not keep or len(self.kept) > KEPT_AT_MOST:
            self._write_kept()
        self.counts["rejected"] += 1
        self.counts["rows"] += 1
        self.problems[reject.reason] += 1

    def _write_kept(self) -> None:
        for reject in self.kept:
            self.rejects.write(reject)
        self.kept.clear()

    async def _send_batch(self, client: Client, begun: Mapping[str, Any], batch: Batch) -> None:
        if not batch.people:
            return
        given = {"run": begun, "people": batch.people, "keep_duplicates": self.keep}
        answer = await client.perform("contacts take", given)
        self.counts["rows"] += len(batch.people)
        for name in ("new", "updated", "duplicates", "enrolled"):
            self.counts[name] += answer[name]
        self.shared.update((kind, point_id) for kind, point_id in answer["shared"])
        if not self.keep:
            for row in answer["duplicate_rows"]:
                line, cells = batch.row(row)
                self.rejects.write(Reject(line, "the same person as an earlier row", cells))

    def _progress(self) -> AbstractContextManager[Any]:
        if not self.screen.is_terminal or self.screen.as_json:
            return nullcontext(None)
        return _bar(self.screen.console, self.file.size)


async def _read_ahead(work: Iterator[Batch | Reject], most: int, send: trio.MemorySendChannel[Chunk]) -> None:
    """Read piles of at least `most` people in a thread, until the file ends or a reading error."""
    async with send:
        ended = False
        while not ended:
            pile, ended = await trio.to_thread.run_sync(next_chunk, work, most)
            await send.send(pile)


def _bar(console: Any, total: int) -> AbstractContextManager[Any]:
    from contextlib import contextmanager

    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("importing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            yield progress, progress.add_task("", total=total)

    return shown()


def _summary(screen: Screen, counts: Mapping[str, Any]) -> None:
    read = counts["read_as"]
    screen.say(f"read as {read['encoding']}, columns split at {read['delimiter']!r}")
    for note in read["notes"]:
        screen.say(f"note: {note}", "yellow")
    screen.table(
        ["#Rows", "#New people", "#Updated", "#Duplicates skipped", "#Invalid", "#Enrolled"],
        [[counts[k] for k in ("rows", "new", "updated", "duplicates", "rejected", "enrolled")]],
    )
    for reason, count in counts["rejected_because"].items():
        screen.say(f"  {count} × {reason}", "yellow")
    if counts["rejects_file"]:
        screen.say(f"invalid and skipped rows, with line and reason: {counts['rejects_file']}")
    if counts["shared"]:
        screen.say(f"{in_words(counts['shared'])}, who count as one for caps, gaps and opt-outs there")
    if counts["left"]:
        screen.say(f"{counts['left']} people who are no longer on the list have left the campaign")
    if counts["next"]:
        screen.say(f"next: {counts['next']}")


def _show_preview(screen: Screen, file: CsvFile, asked: Mapping[str, str], region: str) -> None:
    mapping = mapping_of(file, asked, region, "any")
    seen = previewed(file, mapping, region, "any")
    if screen.as_json:
        show(
            screen, "", {"columns": seen.columns, "people": seen.people, "rejects": seen.rejects, "shared": seen.shared}
        )
        return
    screen.say(f"read as {file.encoding}, columns split at {file.delimiter!r}; nothing is imported")
    screen.table(["Column", "Field", "Detected by", "Example"], seen.columns)
    screen.table(["Line", "Phone", "E-mail", "Name", "Note"], seen.people)
    if seen.shared:
        screen.say(f"in the rows read for this preview, {in_words(seen.shared)}")
    if seen.rejects:
        screen.table(["Line", "Reason"], seen.rejects)
