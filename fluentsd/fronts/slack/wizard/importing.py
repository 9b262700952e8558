"""The import of an upload of the wizard, and what it came to: the counts, and the rows that were not taken with line
and reason. The import itself is `engine.ingest.file_import` through the import verbs, as on the shell."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import trio

from fluentsd.api import Unavailable
from fluentsd.csv_output import SafeWriter
from fluentsd.domain.contacts.mapping import CsvError, NoPoints
from fluentsd.domain.contacts.reader import Reject
from fluentsd.domain.time.dates import Order
from fluentsd.engine.ingest.batches import batches, mapping_of
from fluentsd.engine.ingest.csv_file import CsvFile
from fluentsd.engine.ingest.file_import import SLICE_S, FileImport, Options, Summary, read_in_slices
from fluentsd.fronts.slack.blocks.layout import Block, context, message, section
from fluentsd.fronts.slack.blocks.wording import count, ours, plain, safe
from fluentsd.fronts.slack.files import send_to_person
from fluentsd.fronts.slack.forms.fields import filled
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.fronts.slack.wizard.csv import (
    COLUMNS_SHOWN,
    MEANINGS,
    READING,
    TAKING,
    Ack,
    dates_in,
    errors,
    meaning_of,
    need_of_campaign,
    opened,
    region_in,
    suggested,
)
from fluentsd.fronts.slack.wizard.drawing import draw_below
from fluentsd.fronts.slack.wizard.view import wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.codec import encode
from fluentsd.verbs.file_ingest import VerbIngest

#: Rejected rows that are shown, and that are kept for the file.
REJECTS, REJECTS_KEPT = 20, 2_000


async def submitted(session: Session, place: Place) -> Ack:
    """Import the file as the form says."""
    form = filled(READING + TAKING, {}, session.interaction.answers)
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, place.file)
        need = await need_of_campaign(session, place.ref)
        with session.services.runtime.clock.busy():
            file = await trio.to_thread.run_sync(opened, upload, form)
    except (CsvError, Refused) as why:
        return errors("csv.header", str(why))
    with file:
        try:
            asked = _asked(session, file, region_in(form), place.round, dates_in(form))
            mapping = mapping_of(
                file,
                asked.targets,
                region_in(form),
                need,
                ignored=asked.ignored,
                only_fields=asked.plain,
                dates=dates_in(form),
            )
        except _Twice as why:
            return errors(why.block, str(why))
        except NoPoints:
            words = "numbers" if need == "phone" else "numbers or addresses"
            return errors("csv.header", f"Name the column of the {words} above; nothing was imported.")
        except CsvError as why:
            return errors("csv.header", str(why))
        rejects = _Rejects()
        options = Options(value_at(form, "csv.keep_duplicates") == "last", value_at(form, "csv.whole") is True,
                          value_at(form, "csv.yes") is True)  # fmt: skip
        ingest = VerbIngest(_performing(session), upload.name, place.ref, _consent(form))
        reading = read_in_slices(batches(file, mapping, region_in(form), need, slice_s=SLICE_S))
        try:
            done = await FileImport(upload.name, reading, ingest, rejects, options).carry_out()
        except CsvError as why:
            return _shown(place, [section(f"🚫 {ours(str(why))}")])
        except Refused as why:
            return errors("csv.header", str(why))
    session.services.wizard.uploads.forget(upload.id)
    if rejects.written > REJECTS:
        session.services.jobs.later(partial(_send_rejects, session, upload.name, file.header or (), rejects))
    await draw_below(session, place.at("people"))
    return _shown(place, _answer(done, rejects, file.notes))


def _performing(session: Session) -> Any:
    """Runs the verbs of an import. Only the first is bound to the request, so that a repetition imports nothing twice;
    batches have no request of their own."""

    async def perform(verb: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await session.again(verb).run(verb, arguments, repeatable=verb != "contacts take")
        answer: Mapping[str, Any] = encode(found)
        return answer

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
    """All rejected rows as a file in a direct message, to be corrected and uploaded again; why not, if that fails."""
    out = io.StringIO()
    rows = SafeWriter(out)
    rows.writerow(("line", "reason", *header))
    for one in rejects.kept:
        rows.writerow((one.line, one.reason, *one.raw))
    words = f"{count(rejects.written, 'row was', 'rows were')} not taken of {plain(name, 100)}"
    stem = name.rpartition(".")[0] or name
    content = io.BytesIO(out.getvalue().encode("utf-8-sig"))
    try:
        await send_to_person(session, f"{stem}.rejects.csv", content, words)
    except Refused as why:
        api, said = session.services.api, message(f"{words}: {why}").body()
        with suppress(SlackRefused, Unavailable):
            await api.call("chat.postMessage", channel=session.person.id, **said)


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


def _asked(session: Session, file: CsvFile, region: str, round_: int, dates: Order) -> _Asked:
    """What the form's selects change of the suggestion. Raises `_Twice`."""
    found = suggested(file, region, dates)
    asked = _Asked()
    for column in found.columns[:COLUMNS_SHOWN]:
        block = f"column.{column.index}.{round_}"
        chosen, number = session.interaction.state(block), str(column.index + 1)
        if chosen is None or chosen == meaning_of(column):
            continue
        if chosen == "ignore":
            asked.ignored.append(number)
        elif chosen in MEANINGS:
            others = [one for one in found.columns[:COLUMNS_SHOWN] if one.index != column.index
                      and session.interaction.state(f"column.{one.index}.{round_}") == chosen]  # fmt: skip
            if others:
                raise _Twice(block, f"{others[0].label} is the {MEANINGS[chosen]} already; let it be a variable first.")
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
            f"line {one.line}: {ours(one.reason, 120)} · {safe(' | '.join(one.raw), 120)}"
            for one in rejects.kept[:REJECTS]
        )
        made += [section(f"*Not taken*\n{listed}"), section(lines[:2900])]
        if rejects.written > REJECTS:
            made.append(context(f"… and {rejects.written - REJECTS:,} more lines, which come as a file in a direct "
                                "message. Correct them and upload it: nobody is enrolled twice."))  # fmt: skip
    return made


def _shown(place: Place, made: list[Block]) -> Ack:
    view = wizard_view(replace(place, page="imported"), "Import", made, submit="", close="Back")
    return {"response_action": "update", "view": view}
