"""A CSV in the wizard: upload, what its columns mean, the import, and the rows that were not taken.

The file is read and imported by `engine.ingest` and the import verbs, as on the shell; here are only its forms. What must
not live here: reading of a table, and the fetching of a file (`uploads`).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import trio

from fluentsd.api import Unavailable
from fluentsd.csv_output import SafeWriter
from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.mapping import Column, Columns, CsvError, Need, NoPoints, suggest
from fluentsd.domain.contacts.reader import Preview, Reject, region_of
from fluentsd.engine.ingest.batches import batches, mapping_of, previewed
from fluentsd.engine.ingest.csv_file import CsvFile, open_csv_bytes
from fluentsd.engine.ingest.file_import import SLICE_S, FileImport, Options, Summary, read_in_slices
from fluentsd.fronts.slack.blocks.layout import Block, context, option, plain_text, section
from fluentsd.fronts.slack.blocks.wording import count, ours, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, blocks, filled
from fluentsd.fronts.slack.forms.kinds import Choice, Date, File, Flag, Many, Text
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.fronts.slack.wizard.drawing import draw_below, update
from fluentsd.fronts.slack.wizard.lists import entries
from fluentsd.fronts.slack.wizard.place import Place
from fluentsd.fronts.slack.wizard.uploads import Upload
from fluentsd.fronts.slack.wizard.view import wizard_view
from fluentsd.verbs import Refused
from fluentsd.verbs.file_ingest import VerbIngest, need_of

Ack = Mapping[str, Any] | None
#: Columns with a select each; Slack shows a hundred blocks. Later columns are read as suggested.
COLUMNS_SHOWN = 60
#: Raw rows, and rejected rows that are shown.
ROWS, REJECTS = 3, 20
#: Rejected rows that are kept for the answer.
REJECTS_KEPT = 2_000
UPLOAD = (Field("csv.file", "CSV file", File(), "Up to 10 MB, as Excel, Google Sheets or a CRM exports it.", True),)
#: How the file is read; a change of one of these reads it again.
READING = (
    Field("csv.header", "First row", Choice((("auto", "find out"), ("yes", "it has the names of the columns"),
          ("no", "it is a person")))),
    Field("csv.region", "Country of numbers without a country code", Text(60, default="US", on_enter=True)),
    Field("csv.encoding", "Encoding", Text(40, on_enter=True), "Empty: found out."),
    Field("csv.delimiter", "Columns are divided by", Text(10, on_enter=True), "Empty: found out."),
)  # fmt: skip
TAKING = (
    Field("csv.keep_duplicates", "Several rows about one person", Choice((("first", "skip all but the first"),
          ("last", "keep the last")))),
    Field("csv.whole", "Whole list", Flag("People of earlier imports who are not in this file leave the campaign")),
    Field("csv.yes", "Also when most would leave", Flag("Yes, even when most people would leave")),
    Field("csv.basis", "Consent of these people", Choice((("", "none is attested here"), ("written", "written"),
          ("express", "express"), ("inquiry", "inquiry"), ("customer", "existing customer")))),
    Field("csv.given", "Date of the consent", Date()),
    Field("csv.scope", "It covers", Many((("phone", "calls"), ("sms", "texts"), ("email", "e-mails")))),
    Field("csv.by", "Who attests it", Text(120)),
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
    "as_json": "for programs",
}
_MEANINGS: Mapping[str, str] = {target.value: target.value.replace("_", " ") for target in Target}


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
    words = section("One row per person. A name, a number and an e-mail address are found by the headings or by the cells.")
    return wizard_view(place, "Upload a CSV", [words, *blocks(UPLOAD, {})], "Read it", "Back")


async def uploaded(session: Session, place: Place) -> Ack:
    """Fetch the file and show its columns. Nothing is imported yet."""
    file = filled(UPLOAD, {}, session.interaction.answers).get("csv", {}).get("file") or {}
    if not file.get("id"):
        return _errors("csv.file", "Choose a file.")
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, str(file["id"]), file)
        view = await _columns(session, replace(place, page="columns", file=upload.id), upload, {})
    except (Refused, CsvError) as why:
        return _errors("csv.file", str(why))
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


async def _need(session: Session, ref: str) -> Need:
    edit = await session.run("edit open", {"ref": ref})
    return need_of([str(step.get("channel")) for step in entries(edit.file, "step")])


async def _columns(session: Session, place: Place, upload: Upload, form: Mapping[str, Any]) -> Block:
    look = await _looked(session, upload, form, await _need(session, place.ref))
    return _columns_view(place, upload, look, form)


async def _looked(session: Session, upload: Upload, form: Mapping[str, Any], need: Need) -> Look:
    """Read the beginning of the file. Raises `CsvError`."""
    with session.services.runtime.clock.busy():
        return await trio.to_thread.run_sync(partial(_look, upload, form, need))


def _opened(upload: Upload, form: Mapping[str, Any]) -> CsvFile:
    header = {"yes": True, "no": False}.get(str(value_at(form, "csv.header")))
    given = {name: value_at(form, f"csv.{name}") or None for name in ("encoding", "delimiter")}
    return open_csv_bytes(upload.content, upload.name, header=header, **given)


def _region(form: Mapping[str, Any]) -> str:
    words = str(value_at(form, "csv.region") or "US")
    code = region_of(words.strip())
    if code is None:
        raise CsvError(f'"{words}" is not a country.', "Write its two letters, such as US, GB or DE.")
    return code


def _look(upload: Upload, form: Mapping[str, Any], need: Need) -> Look:
    with _opened(upload, form) as file:
        region = _region(form)
        mapping = _suggested(file, region)
        raw = [(line, " | ".join(row)) for line, row in file.ahead[:ROWS] if not isinstance(row, Reject)]
        return Look(file, mapping, previewed(file, mapping, region, need), tuple(raw))


def _suggested(file: CsvFile, region: str) -> Columns:
    """What the columns mean by themselves; perhaps none holds a point, which a person may know better."""
    return suggest(file.header or (), file.sample, region)


def _columns_view(place: Place, upload: Upload, look: Look, form: Mapping[str, Any]) -> Block:
    """What each column means, with selects to correct it, and the first rows as they would be read."""
    seen, shown = look.preview, look.mapping.columns[:COLUMNS_SHOWN]
    says = f"*{safe(upload.name, 100)}* · {safe(look.file.encoding, 40)} · columns divided by {safe(repr(look.file.delimiter))}"
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
        made.append(section(f"*Not read, of the first rows*\n{wrong}"))
    if seen.opted_out:
        made.append(section(f"⚠️ {count(seen.opted_out)} of the first rows say that they opted out; they enter the "
                            "suppression list."))  # fmt: skip
    examples = {n: (known, example) for n, (_, _, known, example) in enumerate(seen.columns)}
    made += [_column(column, place.round, *examples.get(column.index, ("", ""))) for column in shown]
    if (left := len(look.mapping.columns) - len(shown)) > 0:
        made.append(context(f"{count(left, 'more column is', 'more columns are')} read as variables"))
    made += blocks(TAKING, form) + blocks(READING, form)
    return wizard_view(place, "Columns", made, "Import", "Back")


def _column(column: Column, round_: int, known: str, example: str) -> Block:
    """The select of one column, with how its meaning was found, an example and a doubt."""
    suggested = _meaning(column)
    choices = dict.fromkeys([suggested, "variable", "ignore", *_MEANINGS])
    made = [option(plain(_words(one, column), 75), one) for one in choices]
    hint = " · ".join(part for part in (f"like {plain(example, 60)}" if example else "", known) if part)
    element: Block = {"type": "static_select", "options": made, "initial_option": made[0],
                      "action_id": f"column.{column.index}"}  # fmt: skip
    block: Block = {"type": "input", "block_id": f"column.{column.index}.{round_}", "element": element,
                    "label": plain_text(plain(column.label, 150), 150)}  # fmt: skip
    return block | ({"hint": plain_text(plain(hint, 150), 150)} if hint else {})


def _meaning(column: Column) -> str:
    """What a column means as suggested, as the value of an option."""
    if column.target is not None:
        return column.target.value
    return "ignore" if column.how == "ignored" else "opt_out" if column.opt_out else "variable"


def _words(meaning: str, column: Column) -> str:
    if meaning == "opt_out":
        return str(column.opt_out)
    special = {"variable": f"variable {{{{ {column.slug} }}}}", "ignore": "ignore"}
    return special.get(meaning) or _MEANINGS[meaning]


# ── the import ───────────────────────────────────────────────────────────────────────────────────────────────────


async def submitted(session: Session, place: Place) -> Ack:
    """Import the file as the form says."""
    form = filled(READING + TAKING, {}, session.interaction.answers)
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, place.file)
        need = await _need(session, place.ref)
        with session.services.runtime.clock.busy():
            file = await trio.to_thread.run_sync(_opened, upload, form)
    except (CsvError, Refused) as why:
        return _errors("csv.header", str(why))
    with file:
        try:
            asked = _asked(session, file, _region(form), place.round)
            mapping = mapping_of(file, asked.targets, _region(form), need, ignored=asked.ignored, only_fields=asked.plain)
        except _Twice as why:
            return _errors(why.block, str(why))
        except NoPoints:
            words = "numbers" if need == "phone" else "numbers or addresses"
            return _errors("csv.header", f"Name the column of the {words} above; nothing was imported.")
        except CsvError as why:
            return _errors("csv.header", str(why))
        rejects = _Rejects()
        options = Options(value_at(form, "csv.keep_duplicates") == "last", value_at(form, "csv.whole") is True,
                          value_at(form, "csv.yes") is True)  # fmt: skip
        ingest = VerbIngest(_performing(session), upload.name, place.ref, _consent(form))
        reading = read_in_slices(batches(file, mapping, _region(form), need, slice_s=SLICE_S))
        try:
            done = await FileImport(upload.name, reading, ingest, rejects, options).carry_out()
        except CsvError as why:
            return _shown(place, [section(f"🚫 {ours(str(why))}")])
        except Refused as why:
            return _errors("csv.header", str(why))
    session.services.wizard.uploads.forget(upload.id)
    if rejects.written > REJECTS:
        session.services.jobs.later(partial(_send_rejects, session, upload.name, file.header or (), rejects))
    await draw_below(session, place.at("people"))
    return _shown(place, _answer(done, rejects, file.notes))


def _performing(session: Session) -> Any:
    """Runs the verbs of an import. Only the first is bound to the request, so that a repetition imports nothing twice;
    batches have no request of their own."""

    async def perform(verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await session.again(verb).run(verb, arguments, repeatable=verb != "contacts take")
        return found

    return perform


@dataclass(slots=True)
class _Rejects:
    """Rejected rows, the first of them (`file_import.Rejects`)."""

    written: int = 0
    kept: list[Reject] = field(default_factory=list)
    place: str = "the answer"

    def write(self, reject: Reject) -> None:
        self.written += 1
        if len(self.kept) < REJECTS_KEPT:
            self.kept.append(reject)


async def _send_rejects(session: Session, name: str, header: Sequence[str], rejects: _Rejects) -> None:
    """All rejected rows as a file in a direct message, to be corrected and uploaded again."""
    out = io.StringIO()
    rows = SafeWriter(out)
    rows.writerow(("line", "reason", *header))
    for one in rejects.kept:
        rows.writerow((one.line, one.reason, *one.raw))
    api, words = session.services.api, f"{count(rejects.written, 'row was', 'rows were')} not taken of {plain(name, 100)}"
    try:
        opened = await api.call("conversations.open", users=session.person.id)
        channel = str((opened.get("channel") or {}).get("id", ""))
        stem = name.rpartition(".")[0] or name
        await api.send_file(channel, f"{stem}.rejects.csv", out.getvalue().encode("utf-8-sig"), words)
    except (SlackRefused, Unavailable) as why:
        session.services.log.warning("slack.answer_lost", error=str(why))


@dataclass(slots=True)
class _Asked:
    """Corrections of the suggested meanings."""

    targets: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)


class _Twice(Exception):
    """Two columns have one meaning, one of them by a correction; `block` is its select."""

    def __init__(self, block: str, words: str) -> None:
        super().__init__(words)
        self.block = block


def _asked(session: Session, file: CsvFile, region: str, round_: int) -> _Asked:
    """What the form's selects change of the suggestion. Raises `_Twice`."""
    suggested = _suggested(file, region)
    asked = _Asked()
    for column in suggested.columns[:COLUMNS_SHOWN]:
        block = f"column.{column.index}.{round_}"
        chosen, number = session.interaction.state(block), str(column.index + 1)
        if chosen is None or chosen == _meaning(column):
            continue
        if chosen == "ignore":
            asked.ignored.append(number)
        elif chosen in _MEANINGS:
            others = [one for one in suggested.columns[:COLUMNS_SHOWN] if one.index != column.index
                      and session.interaction.state(f"column.{one.index}.{round_}") == chosen]  # fmt: skip
            if others:
                raise _Twice(block, f"{others[0].label} is the {_MEANINGS[chosen]} already; let it be a variable first.")
            asked.targets[chosen] = number
        else:
            asked.plain.append(number)
    return asked


def _consent(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    given = {name: value_at(form, f"csv.{name}") or "" for name in ("basis", "given", "by", "scrubbed", "proof")}
    scope = value_at(form, "csv.scope") or []
    return given | {"scope": ",".join(scope)} if any(given.values()) or scope else None


def _answer(done: Summary, rejects: _Rejects, notes: Sequence[str]) -> list[Block]:
    """What the import came to, and the rows that were not taken, with line and reason."""
    figures = (("Rows", done.rows), ("New people", done.new), ("Updated", done.updated), ("Enrolled", done.enrolled),
               ("Duplicates skipped", done.duplicates), ("Invalid", done.rejected))  # fmt: skip
    made: list[Block] = [section("", *(f"*{name}*\n{number:,}" for name, number in figures))]
    more = [f"{count(done.opted_out)} entered the suppression list, because the file says so"] if done.opted_out else []
    more += [f"{count(done.left)} left the campaign, because they are not on the list any more"] if done.left else []
    more += [ours(note, 300) for note in notes[:5]]
    if more:
        made.append(context("\n".join(more)))
    if rejects.written:
        reasons = Counter(reject.reason for reject in rejects.kept)
        listed = "\n".join(f"• {number:,} × {ours(reason, 200)}" for reason, number in reasons.most_common(8))
        lines = "\n".join(
            f"line {one.line}: {ours(one.reason, 120)} · {safe(' | '.join(one.raw), 120)}" for one in rejects.kept[:REJECTS]
        )
        made += [section(f"*Not taken*\n{listed}"), section(lines[:2900])]
        if rejects.written > REJECTS:
            made.append(context(f"… and {rejects.written - REJECTS:,} more lines, which come as a file in a direct message. "
                                "Correct them and upload it: nobody is enrolled twice."))  # fmt: skip
    return made


def _shown(place: Place, made: list[Block]) -> Ack:
    view = wizard_view(replace(place, page="imported"), "Import", made, submit="", close="Back")
    return {"response_action": "update", "view": view}


def _errors(block: str, words: str) -> Ack:
    return {"response_action": "errors", "errors": {block: plain(words, 300)}}
