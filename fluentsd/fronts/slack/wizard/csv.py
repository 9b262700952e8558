"""A CSV in the wizard: its upload, and what its columns mean.

The file is read by `engine.ingest`, as on the shell; here are only its forms. What must not live here: reading of a
table, the fetching of a file (`uploads`), and the import (`importing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import trio

from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.mapping import Column, Columns, CsvError, Need, suggest, with_order
from fluentsd.domain.contacts.reader import Preview, Reject, region_of
from fluentsd.domain.time.dates import Order
from fluentsd.engine.ingest.batches import previewed
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv_bytes
from fluentsd.fronts.slack.blocks.layout import Block, context, option, plain_text, section
from fluentsd.fronts.slack.blocks.wording import CHANNEL_OPTIONS, channels, count, ours, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, blocks, filled
from fluentsd.fronts.slack.forms.kinds import Choice, Date, File, Flag, Many, Text
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.drawing import update
from fluentsd.fronts.slack.wizard.steps_and_segments import entries
from fluentsd.fronts.slack.wizard.uploads import Upload
from fluentsd.fronts.slack.wizard.view import wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs import Refused
from fluentsd.verbs.file_ingest import need_of

Ack = Mapping[str, Any] | None
#: Columns with a select each; Slack shows a hundred blocks. Later columns are read as suggested.
COLUMNS_SHOWN = 60
#: Raw rows that are shown.
ROWS = 3
UPLOAD = (Field("csv.file", "CSV file", File(), "Up to 10 MB, as Excel, Google Sheets or a CRM exports it.", True),)
#: How the file is read; a change of one of these reads it again.
READING = (
    Field("csv.header", "First row", Choice((("auto", "detect automatically"),
          ("yes", "it has the names of the columns"), ("no", "it is a person")))),
    Field("csv.region", "Country of numbers without a country code", Text(60, default="US", on_enter=True)),
    Field("csv.dates", "Dates such as 03/04/2026", Choice((("found", "detect automatically"),
          ("day first", "the day is first"), ("month first", "the month is first")))),
    Field("csv.encoding", "Encoding", Text(40, on_enter=True), "Leave empty to detect."),
    Field("csv.delimiter", "Columns are divided by", Text(10, on_enter=True), "Leave empty to detect."),
)  # fmt: skip
TAKING = (
    Field("csv.keep_duplicates", "Several rows about one person", Choice((("first", "skip all but the first"),
          ("last", "keep the last")))),
    Field("csv.whole", "People who are not in this file", Flag("Remove those of earlier imports from the campaign")),
    Field("csv.yes", "If that is most of them", Flag("Remove them even then")),
    Field("csv.basis", "Consent of these people", Choice((("none", "none is attested here"), ("written", "written"),
          ("express", "express"), ("inquiry", "inquiry"), ("customer", "existing customer")))),
    Field("csv.given", "Date of the consent", Date()),
    Field("csv.scope", "It covers", Many(CHANNEL_OPTIONS)),
    Field("csv.by", "Confirmed by", Text(120)),
    Field("csv.scrubbed", "Last scrub against the Do Not Call registry", Date()),
    Field("csv.proof", "Where the proof is kept", Text(500)),
)  # fmt: skip
#: Options of the shell's import without an input, and why.
WITHOUT_INPUT: Mapping[str, str] = {
    "campaign": "the one of the wizard",
    "preview": "always shown",
    "mapping": "a select for each column",
    "ignore": "a select for each column",
    "only_a_field": "a select for each column",
    "rejects": "shown in the answer",
    "as_new": "each column has its select, and nothing is taken over from earlier files",
    "as_json": "for programs",
}
MEANINGS: Mapping[str, str] = {target.value: target.value.replace("_", " ") for target in Target}


@dataclass(frozen=True, slots=True)
class Look:
    """A file as it would be read with some options; `mapping` as suggested, before corrections."""

    file: CsvFile
    mapping: Columns
    preview: Preview
    raw: tuple[tuple[int, str], ...]


# ── the upload ───────────────────────────────────────────────────────────────────────────────────────────────────


def upload_view(place: Place) -> Block:
    """The form that takes a file."""
    words = section(
        "One row per person. A name, a number and an e-mail address are found by the headings or by the cells."
    )
    return wizard_view(place, "Upload a CSV", [words, *blocks(UPLOAD, {})], "Read it", "Back")


async def uploaded(session: Session, place: Place) -> Ack:
    """Fetch the file and show its columns. Nothing is imported yet."""
    file = filled(UPLOAD, {}, session.interaction.answers).get("csv", {}).get("file") or {}
    if not file.get("id"):
        return errors("csv.file", "Choose a file.")
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, str(file["id"]), file)
        view = await _columns(session, replace(place, page="columns", file=upload.id), upload, {})
    except (Refused, CsvError) as why:
        return errors("csv.file", str(why))
    return {"response_action": "update", "view": view}


async def changed(session: Session, place: Place) -> None:
    """Another way to read the file was chosen: read it again. Of several changes in a row the last one counts."""
    if session.interaction.name in {one.path for one in READING}:
        view_id = str(session.interaction.view.get("id", ""))
        session.services.wizard.typing.note(view_id, partial(_read_again, session, place, view_id))


async def _read_again(session: Session, place: Place, view_id: str) -> None:
    form = filled(READING + TAKING, {}, session.interaction.answers)
    again = replace(place, round=next(session.services.wizard.rounds))
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, place.file)
        view = await _columns(session, again, upload, form)
    except (CsvError, Refused) as why:
        view = wizard_view(again, "Columns", blocks(READING, form), "Import", "Back", [str(why)])
    await update(session, {"id": view_id}, view)


async def need_of_campaign(session: Session, ref: str) -> Need:
    edit = await session.run("campaign open-edit", {"ref": ref})
    return need_of([str(step.get("channel")) for step in entries(edit.file, "step")])


async def _columns(session: Session, place: Place, upload: Upload, form: Mapping[str, Any]) -> Block:
    look = await _looked(session, upload, form, await need_of_campaign(session, place.ref))
    return _columns_view(place, upload, look, form)


async def _looked(session: Session, upload: Upload, form: Mapping[str, Any], need: Need) -> Look:
    """Read the beginning of the file. Raises `CsvError`."""
    with session.services.runtime.clock.busy():
        return await trio.to_thread.run_sync(partial(_look, upload, form, need))


def opened(upload: Upload, form: Mapping[str, Any]) -> CsvFile:
    header = {"yes": True, "no": False}.get(str(value_at(form, "csv.header")))
    given = {name: value_at(form, f"csv.{name}") or None for name in ("encoding", "delimiter")}
    return open_csv_bytes(upload.content, upload.name, header=header, **given)


def region_in(form: Mapping[str, Any]) -> str:
    words = str(value_at(form, "csv.region") or "US")
    code = region_of(words.strip())
    if code is None:
        raise CsvError(f'"{words}" is not a country.', "Write its two letters, such as US, GB or DE.")
    return code


def _look(upload: Upload, form: Mapping[str, Any], need: Need) -> Look:
    with opened(upload, form) as file:
        region = region_in(form)
        mapping = suggested(file, region, dates_in(form))
        raw = [(line, " | ".join(row)) for line, row in file.ahead[:ROWS] if not isinstance(row, Reject)]
        return Look(file, mapping, previewed(file, mapping, region, need), tuple(raw))


def suggested(file: CsvFile, region: str, dates: Order) -> Columns:
    """What the columns mean by themselves; perhaps none holds a point, which a person may know better."""
    found = suggest(file.header or (), file.sample, region)
    return with_order(found, dates) if dates else found


def dates_in(form: Mapping[str, Any]) -> Order:
    """The order of day and month that the form says; "" where the file tells."""
    chosen = value_at(form, "csv.dates")
    return chosen if chosen in ("day first", "month first") else ""


def _columns_view(place: Place, upload: Upload, look: Look, form: Mapping[str, Any]) -> Block:
    """What each column means, with selects to correct it, and the first rows as they would be read."""
    seen, shown = look.preview, look.mapping.columns[:COLUMNS_SHOWN]
    divider = safe(repr(look.file.delimiter))
    says = f"*{safe(upload.name, 100)}* · {safe(look.file.encoding, 40)} · columns divided by {divider}"
    raw = "\n".join(f"line {line}: {safe(text, 200)}" for line, text in look.raw)
    people = "\n".join(
        "• " + " · ".join(safe(part, 80) for part in (f"line {line}", name, number, address, notes) if part)
        for line, number, address, name, notes in seen.people[:ROWS]
    )
    wrong = "\n".join(f"• line {line}: {ours(reason, 200)}" for line, reason in seen.rejects)
    made: list[Block] = [section(says)]
    if not look.mapping.order[Target.PHONE] and not look.mapping.order[Target.EMAIL]:
        made.append(section("⚠️ No column is known to hold numbers or addresses. Choose it below."))
    if look.file.notes:
        made.append(context("\n".join(ours(note, 300) for note in look.file.notes[:5])))
    made += [section(f"*As it is*\n{raw}"), section(f"*As it would be read*\n{people or 'nobody'}")]
    if wrong:
        made.append(section(f"*Rows with problems, of the first ones*\n{wrong}"))
    if seen.opted_out:
        made.append(section(f"⚠️ By the file's own words {count(seen.opted_out)} of the first rows opted out; they "
                            "enter the suppression list."))  # fmt: skip
    made += [_column(column, place.round, seen.columns[column.index][3]) for column in shown]
    if (left := len(look.mapping.columns) - len(shown)) > 0:
        made.append(context(f"{count(left, 'more column is', 'more columns are')} read as variables"))
    made += blocks(TAKING, form) + blocks(READING, form)
    return wizard_view(place, "Columns", made, "Import", "Back")


#: How a meaning was found, in words.
_KNOWN_BY: Mapping[str, str] = {"name": "matched by its heading", "content": "matched by its cells"}


def _column(column: Column, round_: int, example: str) -> Block:
    """The select of one column, with how its meaning was found, an example and a doubt."""
    suggested = meaning_of(column)
    choices = dict.fromkeys([suggested, "variable", "ignore", *MEANINGS])
    made = [option(plain(_words(one, column), 75), one) for one in choices]
    parts = (f"like {plain(example, 60)}" if example else "", _KNOWN_BY.get(column.how, ""), column.doubt)
    hint = " · ".join(part for part in parts if part)
    element: Block = {"type": "static_select", "options": made, "initial_option": made[0],
                      "action_id": f"column.{column.index}"}  # fmt: skip
    block: Block = {"type": "input", "block_id": f"column.{column.index}.{round_}", "element": element,
                    "label": plain_text(plain(column.label, 150), 150)}  # fmt: skip
    return block | ({"hint": plain_text(plain(hint, 150), 150)} if hint else {})


def meaning_of(column: Column) -> str:
    """What a column means as suggested, as the value of an option."""
    if column.target is not None:
        return column.target.value
    return "ignore" if column.how == "ignored" else "opt_out" if column.opt_out else "variable"


def _words(meaning: str, column: Column) -> str:
    if column.opt_out and meaning == "opt_out":
        return f"opt-out from {channels(column.opt_out.channels)}"
    special = {"variable": f"variable {{{{ {column.slug} }}}}", "ignore": "ignore"}
    return special.get(meaning) or MEANINGS[meaning]


def errors(block: str, words: str) -> Ack:
    return {"response_action": "errors", "errors": {block: plain(words, 300)}}
