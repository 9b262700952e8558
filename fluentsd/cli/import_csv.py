"""`fluentsd contacts import`: reads a file on the user's machine and imports it through verbs.

Options, progress and the printed summary live here; the import itself is `engine.ingest.file_import`, and nothing of it
may live here.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.bootstrap import freeze_gc
from fluentsd.cli.client import Client
from fluentsd.cli.format import people
from fluentsd.cli.runner import Shell, fail, unwrapped, with_client
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.domain.contacts.identity import in_words
from fluentsd.domain.contacts.mapping import Columns, CsvError, Need
from fluentsd.domain.contacts.reader import region_of
from fluentsd.engine.ingest.batches import PREVIEW_AT_MOST, batches, mapping_of, previewed, rejects_path
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv
from fluentsd.engine.ingest.file_import import FileImport, Options, read_in_thread
from fluentsd.engine.ingest.import_process import SUBPROCESS_FROM, batches_from_subprocess
from fluentsd.engine.ingest.rejects import RejectFile
from fluentsd.verbs.file_ingest import VerbIngest, need_of


@dataclass(frozen=True, slots=True)
class ReadAs:
    """What the user says of the file's columns: meanings, columns to ignore, columns that are only a field."""

    asked: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    only_fields: tuple[str, ...] = ()

    def mapping_of(self, file: CsvFile, region: str, need: Need) -> Columns:
        return mapping_of(file, self.asked, region, need, ignored=self.ignored, only_fields=self.only_fields)


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file as Excel, Google Sheets or a CRM exports it")],
    campaign: Annotated[str | None, typer.Option("--campaign", help="enroll the people into this campaign")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help='the meaning of a column, e.g. --map phone="Mobile"; repeatable')
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="a column that is not read at all; repeatable")
    ] = None,
    only_a_field: Annotated[
        list[str] | None,
        typer.Option("--only-a-field", help="a column that is a field and means no more, e.g. no opt-out; repeatable"),
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
    country = _country(region)
    read_as = ReadAs(_asked(mapping or []), tuple(ignore or ()), tuple(only_a_field or ()))
    evidence = {"basis": basis, "given": given, "scope": scope, "by": by, "scrubbed": scrubbed, "proof": proof}
    consent = evidence if any(evidence.values()) else None
    running: list[FileImport] = []
    try:
        with (
            unwrapped(),
            open_csv(file, header=not no_header and None, encoding=encoding, delimiter=delimiter) as opened,
        ):
            if preview:
                need = "any" if campaign is None else with_client(shell, lambda client: _need(client, campaign))[0]
                _show_preview(shell.screen, opened, read_as, country, need)
                return
            rejected = RejectFile(rejects or rejects_path(file), opened.header or ())
            options = Options(keep_duplicates, whole, yes)

            async def carry_out(client: Client) -> dict[str, Any]:
                return await _import(
                    client, shell.screen, opened, read_as, country, campaign, consent, rejected, options, running
                )

            answer = with_client(shell, carry_out)
    except CsvError as why:
        fail(str(why))
    except KeyboardInterrupt:
        fail(_interrupted(running, sys.argv[1:]), 130)
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
    return need_of([step["channel"] for step in shown["steps_in_flow"]]), shown["state"] == "draft"


async def _import(
    client: Client,
    screen: Screen,
    file: CsvFile,
    read_as: ReadAs,
    region: str,
    campaign: str | None,
    consent: Mapping[str, str] | None,
    rejects: RejectFile,
    options: Options,
    running: list[FileImport],
) -> dict[str, Any]:
    """Import the file, and the answer as it is printed. `running` gets the import, for its counts."""
    need, is_draft = await _need(client, campaign)
    mapping = read_as.mapping_of(file, region, need)
    rejects.check(file.path)
    is_large = file.size >= SUBPROCESS_FROM
    # this process ends with the import
    ingest = VerbIngest(client.perform, file.path.name, campaign, consent, freeze_gc if is_large else lambda: None)
    read = batches_from_subprocess if is_large else batches
    with rejects, closing(read(file, mapping, region, need)) as work, _progress(screen, file) as progress:
        reading = read_in_thread(work)
        running.append(FileImport(file.path.name, reading, ingest, rejects, options, progress))
        done = await running[0].carry_out()
    answer = asdict(done)
    answer["rejects_file"] = answer.pop("rejects_in")
    answer["next"] = f"fluentsd campaign start {campaign}" if is_draft and done.enrolled else None
    answer["read_as"] = {"encoding": file.encoding, "delimiter": file.delimiter, "notes": file.notes}
    answer["columns"] = {c.label: c.target or c.slug for c in mapping.columns}
    return answer


def _interrupted(running: Sequence[FileImport], words: Sequence[str]) -> str:
    """What is in after Ctrl-C, and how to go on."""
    counts = running[0].so_far() if running else {"new": 0, "updated": 0, "enrolled": 0, "rows": 0}
    stored = counts["new"] + counts["updated"]
    if not stored:
        return "interrupted; nobody was imported"
    return (
        f"interrupted after {counts['rows']:,} rows: {people(stored)} are in ({counts['new']:,} new, "
        f"{counts['updated']:,} updated), {counts['enrolled']:,} of them enrolled; nobody has left. To go on, repeat "
        f"the command; nobody is enrolled twice: fluentsd {shlex.join(words)}"
    )


def _progress(screen: Screen, file: CsvFile) -> AbstractContextManager[Callable[[], None]]:
    """A bar of the bytes read, and the function that moves it."""
    if not screen.is_terminal or screen.as_json:
        return nullcontext(lambda: None)
    return _bar(screen.console, file)


def _bar(console: Any, file: CsvFile) -> AbstractContextManager[Callable[[], None]]:
    from contextlib import contextmanager

    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("importing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=file.size)
            yield lambda: progress.update(task, completed=file.position)

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
    if counts["opted_out"]:
        screen.say(f"{counts['opted_out']} people are on the suppression list now, because the file says so", "yellow")
    if counts["left"]:
        screen.say(f"{counts['left']} people who are no longer on the list have left the campaign")
    if counts["next"]:
        screen.say(f"next: {counts['next']}")


def _show_preview(screen: Screen, file: CsvFile, read_as: ReadAs, region: str, need: Need) -> None:
    mapping = read_as.mapping_of(file, region, need)
    seen = previewed(file, mapping, region, need)
    found = seen.rows - seen.rejected - seen.duplicates
    if screen.as_json:
        show(
            screen,
            "",
            {
                "columns": seen.columns,
                "people": seen.people,
                "rejects": seen.rejects,
                "shared": seen.shared,
                "opted_out": seen.opted_out,
                "counts": {
                    "rows": seen.rows,
                    "people": found,
                    "duplicates": seen.duplicates,
                    "rejected": seen.rejected,
                },
            },
        )
        return
    screen.say(f"read as {file.encoding}, columns split at {file.delimiter!r}; nothing is imported")
    screen.table(["Column", "Field", "Detected by", "Example"], seen.columns)
    screen.table(["Line", "Phone", "E-mail", "Name", "Note"], seen.people)
    screen.table(["#Rows", "#People", "#Duplicates skipped", "#Invalid"],
                 [[seen.rows, found, seen.duplicates, seen.rejected]])  # fmt: skip
    if seen.rows >= PREVIEW_AT_MOST:
        screen.say(f"only the first {PREVIEW_AT_MOST:,} rows were read for this preview")
    if seen.opted_out:
        screen.say(f"{people(seen.opted_out)} enter the suppression list, because the file says so", "yellow")
    if seen.shared:
        screen.say(f"{in_words(seen.shared)}, who count as one for caps, gaps and opt-outs there")
    if seen.rejects:
        screen.table(["Line", "Reason"], seen.rejects)
