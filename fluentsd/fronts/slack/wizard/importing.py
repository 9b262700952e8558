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
    again,
    dates_in,
    errors,
    flow_of,
    meaning_of,
    need_of_flow,
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
#: Columns that were read with a doubt, of which the answer tells.
DOUBTS = 8


async def submitted(session: Session, place: Place) -> Ack:
    """Import the file as the form says."""
    form = filled(READING + TAKING, {}, session.interaction.answers)
    try:
        upload = await session.services.wizard.uploads.get(session.services.api, place.file)
        flow = await flow_of(session, place.ref)
        need = need_of_flow(flow)
        with session.services.runtime.clock.busy():
            file = await trio.to_thread.run_sync(opened, upload, form)
    except (CsvError, Refused) as why:
        return await _wrong(session, place, "csv.header", str(why))
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
            return await _wrong(session, place, "csv.header", f"Name the column of the {words} above; nothing was "
                                "imported.")  # fmt: skip
        except CsvError as why:
            return await _wrong(session, place, "csv.header", str(why))
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
            named = next((one for one in ("given", "scrubbed", "scope", "by") if f"{one}:" in str(why)), "header")
            return await _wrong(session, place, f"csv.{named}", str(why))
    session.services.wizard.uploads.forget(upload.id)
    if rejects.written > REJECTS:
        session.services.jobs.later(partial(_send_rejects, session, upload.name, file.header or (), rejects))
    await draw_below(session, place.at("people"))
    lacks = flow.lacks(value_at(form, "csv")) if done.enrolled else ""
    doubts = [f"{one.label}: {one.doubt}" for one in mapping.columns if one.doubt]
    return _shown(place, _answer(done, rejects, [*file.notes[:5], *doubts[:DOUBTS]], lacks))


async def done(session: Session, place: Place) -> Ack:
    """The answer was read: the page of contacts is below."""
    return None


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
        api, body = session.services.api, message(f"{words}: {why}").body()
        with suppress(SlackRefused, Unavailable):
            await api.call("chat.postMessage", channel=session.person.id, **body)


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


def _answer(done: Summary, rejects: _Rejects, notes: Sequence[str], lacks: str) -> list[Block]:
    """What the import came to: the verdict, what is missing, and the rows that were not taken, with line and reason.
    `lacks`: what happens without the consent that the flow needs."""
    made: list[Block] = [section(_verdict(done, rejects))]
    if lacks:
        made.append(section(f"⚠️ {lacks}"))
    more = [f"{done.new:,} new, {done.updated:,} known before · {done.rows:,} rows"]
    if done.opted_out:
        more.append(f"{count(done.opted_out)} entered the suppression list, because the file says so")
    more += [f"{count(done.left)} left the campaign, because they are not on the list any more"] if done.left else []
    more += [ours(note, 300) for note in notes]
    made.append(context("\n".join(more)))
    if rejects.written:
        reasons = Counter(reject.reason for reject in rejects.kept)
        listed = "\n".join(f"• {number:,} × {ours(reason, 200)}" for reason, number in reasons.most_common(8))
        if len(reasons) > 1:
            made.append(section(f"*Left out*\n{listed}"))
        lines = "\n".join(
            f"line {one.line}: {f'{ours(one.reason, 120)} · ' if len(reasons) > 1 else ''}"
            f"{safe(', '.join(filter(None, one.raw)), 120)}"
            for one in rejects.kept[:REJECTS]
        )
        made.append(section(lines[:2900]))
        if rejects.written > REJECTS:
            made.append(context(f"… and {rejects.written - REJECTS:,} more lines, which come as a file in a direct "
                                "message. Correct them and upload it: nobody is enrolled twice."))  # fmt: skip
    return made


def _verdict(done: Summary, rejects: _Rejects) -> str:
    """`✅ 39 of 40 people added · 1 left out: neither a phone number nor an e-mail address (line 41)`."""
    parts = [f"{'✅' if done.enrolled else '⚠️'} *{done.enrolled:,} of {count(done.rows)} added*"]
    if done.rejected:
        reasons = list(done.rejected_because)
        first = next((one.line for one in rejects.kept if one.reason in reasons), 0)
        where = f" (line {first})" if done.rejected == 1 else f" (from line {first} on)"
        why = f": {ours(reasons[0], 200)}{where}" if len(reasons) == 1 else ", see below"
        parts.append(f"{done.rejected:,} left out{why}")
    if done.duplicates:
        parts.append(f"{count(done.duplicates, 'row', 'rows')} about somebody who is in the file already")
    if there := done.new + done.updated - done.enrolled:
        parts.append(f"{there:,} are or were in the campaign already")
    return " · ".join(parts)


def _shown(place: Place, made: list[Block]) -> Ack:
    view = wizard_view(replace(place, page="imported"), "Import", made, submit="Done", close="Close")
    return {"response_action": "update", "view": view}


async def _wrong(session: Session, place: Place, block: str, words: str) -> Ack:
    """A mistake beside its input, or above the form again with all of its fields, if the input is not shown."""
    if any(one.get("block_id") == block for one in session.interaction.view.get("blocks") or ()):
        return errors(block, words)
    return {"response_action": "update", "view": await again(session, replace(place, more=True), [words])}
