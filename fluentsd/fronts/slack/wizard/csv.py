"""A CSV in the wizard: its upload, and what its columns mean.

The file is read by `engine.ingest`, as on the shell; here are only its forms. What must not live here: reading of a
table, the fetching of a file (`uploads`), and the import (`importing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from fluentsd.fronts.slack.blocks.wording import channels, count, ours, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, blocks, filled
from fluentsd.fronts.slack.forms.kinds import Choice, File, Flag, Text
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.consent import ANSWERS_FOR_IT, Flow, consent_fields
from fluentsd.fronts.slack.wizard.drawing import update
from fluentsd.fronts.slack.wizard.uploads import Upload
from fluentsd.fronts.slack.wizard.view import further, usual, wizard_view
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
          ("yes", "it has the names of the columns"), ("no", "it is a person"))), more=True),
    Field("csv.region", "Country of numbers without a country code", Text(60, default="US", on_enter=True), more=True),
    Field("csv.dates", "Dates such as 03/04/2026", Choice((("found", "detect automatically"),
          ("day first", "the day is first"), ("month first", "the month is first"))), more=True),
    Field("csv.encoding", "Encoding", Text(40, on_enter=True), "Leave empty to detect.", more=True),
    Field("csv.delimiter", "Columns are divided by", Text(10, on_enter=True), "Leave empty to detect.", more=True),
)  # fmt: skip
#: What divides columns, as people call it.
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TAKING = (
    *consent_fields("csv", "given", asked=False),
    Field("csv.keep_duplicates", "Several rows about one person", Choice((("first", "skip all but the first"),
          ("last", "keep the last"))), more=True),
    Field("csv.whole", "People who are not in this file", Flag("Remove those of earlier imports from the campaign"),
          more=True),
    Field("csv.yes", "If that is most of them", Flag("Remove them even then"), more=True),
)  # fmt: skip
#: Changes that are answered with other words about consent.
_CONSENT = frozenset({"csv.basis", "csv.scope"})
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
    """Another way to read the file was chosen, or another consent: draw the form again. Of several changes in a row the
    last one counts."""
    name = session.interaction.name
    if name in {one.path for one in READING}:
        place = replace(place, round=next(session.services.wizard.rounds))  # the columns may be others
    elif name not in _CONSENT:
        return
    view_id = str(session.interaction.view.get("id", ""))
    session.services.wizard.typing.note(view_id, partial(_draw_again, session, place, view_id),
                                         session.interaction.acted_at)  # fmt: skip


async def _draw_again(session: Session, place: Place, view_id: str) -> None:
    await update(session, {"id": view_id}, await again(session, place))


async def again(session: Session, place: Place, notes: Sequence[str] = ()) -> Block:
    """The form with what was entered, which is not imported; the ways to read the file alone, while it cannot be read
    in this one."""
    form = filled(READING + TAKING, {}, session.interaction.answers)
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, place.file)
        return await _columns(session, place, upload, form, notes)
    except (CsvError, Refused) as why:
        return wizard_view(replace(place, more=True), "Columns", blocks(READING, form), "Import", "Back", [str(why)])


async def flow_of(session: Session, ref: str) -> Flow:
    """The flow of a campaign as it is being edited."""
    return Flow.of((await session.run("campaign open-edit", {"ref": ref})).file)


def need_of_flow(flow: Flow) -> Need:
    """The points that a person must have."""
    return need_of(list(flow.steps))


async def _columns(
    session: Session, place: Place, upload: Upload, form: Mapping[str, Any], notes: Sequence[str] = ()
) -> Block:
    flow = await flow_of(session, place.ref)
    look = await _looked(session, upload, form, need_of_flow(flow))
    chosen = {
        column.index: session.interaction.state(f"column.{column.index}.{place.round}")
        for column in look.mapping.columns[:COLUMNS_SHOWN]
    }
    made = _columns_made(place, upload, look, form, flow, {n: one for n, one in chosen.items() if one})
    return wizard_view(place, "Columns", made, "Import", "Back", notes)


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


def _columns_made(
    place: Place, upload: Upload, look: Look, form: Mapping[str, Any], flow: Flow, chosen: Mapping[int, str]
) -> list[Block]:
    """The first rows as they would be read, what the columns mean, with selects to correct it, and the consent.
    `chosen`: meanings by the column's index that were picked already."""
    seen, shown = look.preview, look.mapping.columns[:COLUMNS_SHOWN]
    divided = _DELIMITERS.get(look.file.delimiter) or safe(repr(look.file.delimiter))
    says = f"*{safe(upload.name, 100)}* · columns divided by {divided} · characters in {safe(look.file.encoding, 40)}"
    raw = "\n".join(f"line {line}: {safe(text, 200)}" for line, text in look.raw)
    people = "\n".join(
        "• " + " · ".join(safe(part, 80) for part in (f"line {line}", name, number, address, notes) if part)
        for line, number, address, name, notes in seen.people[:ROWS]
    )
    wrong = "\n".join(f"• line {line}: {ours(reason, 200)}" for line, reason in seen.rejects)
    made: list[Block] = [context(says)]
    is_unknown = not look.mapping.order[Target.PHONE] and not look.mapping.order[Target.EMAIL]
    if is_unknown:
        made.append(section("⚠️ No column is known to hold numbers or addresses. Choose it below."))
    if look.file.notes:
        made.append(context("\n".join(ours(note, 300) for note in look.file.notes[:5])))
    made.append(section(f"*As it would be read*\n{people or 'nobody'}"))
    if wrong:
        made.append(section(f"*Rows with problems, of the first ones*\n{wrong}"))
    if seen.opted_out:
        made.append(section(f"⚠️ By the file's own words {count(seen.opted_out)} of the first rows opted out; they "
                            "enter the suppression list."))  # fmt: skip
    doubtful = [one for one in shown if is_unknown or one.doubt or one.index in chosen]
    asked = shown if place.more else doubtful
    made.append(section(f"*What the columns mean*\n{_meanings([one for one in shown if one not in asked])}"
                        .rstrip()))  # fmt: skip
    made += [_column(one, place.round, seen.columns[one.index][3], chosen.get(one.index, "")) for one in asked]
    if (left := len(look.mapping.columns) - len(shown)) > 0:
        made.append(context(f"{count(left, 'more column is', 'more columns are')} read as variables"))
    lacks = flow.lacks(value_at(form, "csv"))
    made += [section(f"*Consent*\n{ANSWERS_FOR_IT}"), *usual(TAKING, form)]
    made.append(section(f"⚠️ {lacks}") if lacks else context(flow.covered()))
    if place.more:
        made.append(section(f"*The rows as they are*\n{raw}"))
    words = "How the file is read, and more" if place.more else "Change columns, duplicates, how it is read"
    return [*made, *further(place, words, (*TAKING, *READING), form)]


def _meanings(columns: Sequence[Column]) -> str:
    """What columns mean, in a line each; columns that are not read stand in one line."""
    kept = [one for one in columns if meaning_of(one) != "ignore"]
    lines = [f"• {safe(one.label, 60)} → {safe(_words(meaning_of(one), one), 60)}" for one in kept]
    left = [safe(one.label, 40) for one in columns if meaning_of(one) == "ignore"]
    return "\n".join([*lines, *([f"• not read: {', '.join(left)}"] if left else [])])[:2800]


#: How a meaning was found, in words.
_KNOWN_BY: Mapping[str, str] = {"name": "matched by its heading", "content": "matched by its cells"}


def _column(column: Column, round_: int, example: str, chosen: str) -> Block:
    """The select of one column, with how its meaning was found, an example and a doubt."""
    choices = dict.fromkeys([meaning_of(column), "variable", "ignore", *MEANINGS])
    made = {one: option(plain(_words(one, column), 75), one) for one in choices}
    parts = (f"please check: {column.doubt}" if column.doubt else "", f"like {plain(example, 60)}" if example else "",
             _KNOWN_BY.get(column.how, ""))  # fmt: skip
    hint = " · ".join(part for part in parts if part)
    element: Block = {"type": "static_select", "options": list(made.values()), "action_id": f"column.{column.index}",
                      "initial_option": made.get(chosen) or made[meaning_of(column)]}  # fmt: skip
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
