"""The work of `fluentsd contacts import`: reads a file on the user's machine and imports it through verbs.

Progress and the printed summary live here; the import itself is `engine.ingest.file_import`, and nothing of it may live
here. The options are in `import_csv`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fluentsd.bootstrap import freeze_gc
from fluentsd.cli.client import Client
from fluentsd.cli.format import people
from fluentsd.cli.runner import Shell, fail, unwrapped, with_client
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.domain.contacts.identity import in_words
from fluentsd.domain.contacts.mapping import Columns, CsvError, Need
from fluentsd.domain.contacts.opt_out_columns import by_heading
from fluentsd.domain.contacts.reader import region_of
from fluentsd.domain.time.dates import Order
from fluentsd.engine.ingest.batches import PREVIEW_AT_MOST, batches, mapping_of, previewed, rejects_path
from fluentsd.engine.ingest.column_choices import Choices, Shape
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv
from fluentsd.engine.ingest.file_import import FileImport, Options, read_in_thread
from fluentsd.engine.ingest.import_process import SUBPROCESS_FROM, batches_from_subprocess
from fluentsd.engine.ingest.rejects import RejectFile
from fluentsd.verbs.file_ingest import VerbIngest, need_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for. `mapping`: "meaning=column"; `has_header`: None where the file tells; `consent`: what a
    named person says of it."""

    file: Path
    campaign: str | None
    mapping: tuple[str, ...]
    ignored: tuple[str, ...]
    only_fields: tuple[str, ...]
    has_header: bool | None
    encoding: str | None
    delimiter: str | None
    region: str
    rejects: Path | None
    consent: Mapping[str, str] | None
    keep_duplicates: bool
    whole: bool
    yes: bool
    dates: Order = ""
    as_new: bool = False

    def opened(self) -> CsvFile:
        """The file, open. Raises `CsvError`."""
        return open_csv(self.file, header=self.has_header, encoding=self.encoding, delimiter=self.delimiter)

    def choices(self) -> Choices:
        """What the user says of the file's columns."""
        return Choices(_asked(self.mapping), self.ignored, self.only_fields, self.dates)


def _options(choices: Choices) -> str:
    """Choices as the options of a command."""
    words = [f"--map {shlex.quote(f'{meaning}={column}')}" for meaning, column in choices.asked.items()]
    words += [f"--ignore {shlex.quote(column)}" for column in choices.ignored]
    words += [f"--only-a-field {shlex.quote(column)}" for column in choices.only_fields]
    return " ".join([*words, *([f"--{choices.dates.replace(' ', '-')}"] if choices.dates else [])])


def _mapping_of(choices: Choices, file: CsvFile, region: str, need: Need) -> Columns:
    aside: dict[str, Any] = {"ignored": choices.ignored, "only_fields": choices.only_fields}
    return mapping_of(file, choices.asked, region, need, **aside, dates=choices.dates)


async def _kept(client: Client, file: CsvFile, asked: Asked) -> Choices:
    """The user's choices; without any, those of an earlier file with the same headings, which the notes then tell."""
    choices = asked.choices()
    if choices or asked.as_new or not file.header:
        return choices
    answer = await client.perform("contacts columns", {"source": file.path.name, "headings": list(file.header)})
    kept = Choices.from_json(answer["choices"])
    if kept:
        file.notes.append(f"the columns are read as in {answer['source']}: {_options(kept)}; without that: --as-new")
    return kept


def _shape(choices: Choices, file: CsvFile, mapping: Columns) -> dict[str, Any] | None:
    """What is kept of the file's columns with its source."""
    if not file.header:
        return None
    aside = [c.slug for c in mapping.columns if c.opt_out is None and c.target is None and by_heading(c.name)]
    return Shape(tuple(file.header), choices, tuple(aside)).as_json()


def preview(shell: Shell, asked: Asked) -> None:
    """Show how the file is read; nothing is imported."""
    country, campaign, choices = _country(asked.region), asked.campaign, asked.choices()

    async def known(client: Client) -> tuple[Need, Choices]:
        return (await _need(client, campaign))[0], await _kept(client, opened, asked)

    try:
        with unwrapped(), asked.opened() as opened:
            need: Need = "any"
            if campaign is not None or (not choices and not asked.as_new and shell.has_database()):
                need, choices = with_client(shell, known)
            _show_preview(shell.screen, opened, choices, country, need)
    except CsvError as why:
        fail(str(why))


def import_file(shell: Shell, asked: Asked) -> None:
    """Import the file and print what it came to."""
    country = _country(asked.region)
    asked.choices()  # a mistake is told before anything is opened
    running: list[FileImport] = []
    try:
        with unwrapped(), asked.opened() as opened:
            rejected = RejectFile(asked.rejects or rejects_path(asked.file), opened.header or ())

            async def carry_out(client: Client) -> dict[str, Any]:
                return await _import(
                    client, shell.screen, opened, asked, country, rejected,
                    Options(asked.keep_duplicates, asked.whole, asked.yes), running,
                )  # fmt: skip

            answer = with_client(shell, carry_out)
    except CsvError as why:
        fail(str(why))
    except KeyboardInterrupt:
        fail(_interrupted(running, sys.argv[1:]), 130)
    if shell.as_json:
        show(shell.screen, "contacts import", answer)
    else:
        _summary(shell.screen, answer)


def _country(region: str) -> str:
    """The country code of a name or code; ends the program if it is not a country."""
    code = region_of(region.strip())
    if code is None:
        fail(f"--region {region!r} is not a country; write its two letters, such as US, GB or DE", 2)
    return code


def _asked(pairs: Sequence[str]) -> dict[str, str]:
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
    asked: Asked,
    region: str,
    rejects: RejectFile,
    options: Options,
    running: list[FileImport],
) -> dict[str, Any]:
    """Import the file, and the answer as it is printed. `running` gets the import, for its counts."""
    campaign, consent = asked.campaign, asked.consent
    need, is_draft = await _need(client, campaign)
    choices = await _kept(client, file, asked)
    mapping = _mapping_of(choices, file, region, need)
    rejects.check(file.path)
    is_large = file.size >= SUBPROCESS_FROM
    begun = _freeze_gc if is_large else _nothing
    shape = _shape(choices, file, mapping)
    ingest = VerbIngest(client.perform, file.path.name, campaign, consent, begun, shape)
    read = batches_from_subprocess if is_large else batches
    with rejects, closing(read(file, mapping, region, need)) as work, _progress(screen, file) as progress:
        reading = read_in_thread(work)
        running.append(FileImport(file.path.name, reading, ingest, rejects, options, progress))
        done = await running[0].carry_out()
    answer = asdict(done)
    answer["rejects_file"] = answer.pop("rejects_in")
    answer["next"] = f"fluentsd campaign check {campaign}" if is_draft and done.enrolled else None
    answer["read_as"] = {"encoding": file.encoding, "delimiter": file.delimiter, "notes": file.notes}
    answer["columns"] = {c.label: c.target or c.slug for c in mapping.columns}
    return answer


def _freeze_gc() -> None:
    """For a process that ends with its import: a slice is some 30,000 objects without cycles, and several wait."""
    freeze_gc(1_000_000)


def _nothing() -> None:
    pass


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
        screen.say(f"{people(counts['opted_out'])} entered the suppression list, because the file says so", "yellow")
    if counts["left"]:
        screen.say(f"{counts['left']} people who are no longer on the list have left the campaign")
    if counts["next"]:
        screen.say(f"next: {counts['next']}")


def _show_preview(screen: Screen, file: CsvFile, choices: Choices, region: str, need: Need) -> None:
    mapping = _mapping_of(choices, file, region, need)
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
                "notes": file.notes,
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
    for note in file.notes:
        screen.say(f"note: {note}", "yellow")
    screen.table(["Column", "Field", "Detected by", "Example"], seen.columns)
    screen.table(["Line", "Phone", "E-mail", "Name", "Note"], seen.people)
    screen.table(["#Rows", "#People", "#Duplicates skipped", "#Invalid"],
                 [[seen.rows, found, seen.duplicates, seen.rejected]])  # fmt: skip
    if seen.rows >= PREVIEW_AT_MOST:
        screen.say(f"only the first {PREVIEW_AT_MOST:,} rows were read for this preview")
    if seen.opted_out:
        screen.say(f"{people(seen.opted_out)} will enter the suppression list, because the file says so", "yellow")
    if seen.shared:
        screen.say(f"{in_words(seen.shared)}, who count as one for caps, gaps and opt-outs there")
    if seen.rejects:
        screen.table(["Line", "Reason"], seen.rejects)
