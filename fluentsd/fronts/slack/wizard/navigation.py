"""What submits and clicks of the wizard do: each saves the page that is left, and shows another one.

A submit is answered in its acknowledgement, with mistakes beside their inputs; a click is answered with `views.update`,
which Slack refuses when the view is another one by then. What must not live here: how a form is opened (`opening`), how
a page looks (`view`, `review`, `csv`), and what a save checks (`verbs.edits`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fluentsd.domain.campaign import read_campaign
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import plain, safe
from fluentsd.fronts.slack.forms import conditions
from fluentsd.fronts.slack.forms.fields import Answers, Field, filled
from fluentsd.fronts.slack.forms.paths import value_at, with_value
from fluentsd.fronts.slack.forms.problems import placed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import (
    agents,
    csv,
    entries,
    importing,
    known_people,
    numbers_and_texts,
    review,
    samples,
)
from fluentsd.fronts.slack.wizard.drawing import draw_below, drawn, people_of, update
from fluentsd.fronts.slack.wizard.followed import segment_names
from fluentsd.fronts.slack.wizard.pages import BY_KEY, PAGES, Page, pages_of
from fluentsd.fronts.slack.wizard.view import entry_file, entry_view, page_view
from fluentsd.fronts.slack.wizard.view_state import Place, place_in
from fluentsd.validation import Problems
from fluentsd.verbs import Refused, presets
from fluentsd.verbs.answers.edits import Edit

Ack = Mapping[str, Any] | None


class _Conflict(Exception):
    """Somebody else has saved since the view was drawn; `edit` is what there is now."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self.edit = edit


# ── submits ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def submitted(session: Session) -> Ack:
    """The acknowledgement of a submitted view."""
    place = place_in(session.interaction.view, session.interaction.value)
    session.services.wizard.typing.forget(str(session.interaction.view.get("id", "")))
    if (making_one := _OTHERS.get(place.page)) is not None:
        return await making_one(session, place)
    if place.page in BY_KEY and BY_KEY[place.page].entries:
        return await _entry_submitted(session, place)
    if not place.ref:
        return await _begun(session)
    if place.page == "review":
        return await review.done(session, place)
    page = BY_KEY[place.page]
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    file = filled(page.fields, edit.file, session.interaction.answers)
    if wrong := placed(_mistakes(file), [field.path for field in page.fields], page.prefixes):
        _note_typing(session, place)  # a view with mistakes stays open, and what it has seen stays as it is
        return await _wrong(session, place, wrong, page.fields, file)
    try:
        edit = await _save(session, place, edit, file)
    except _Conflict as why:
        return _shown(await _conflict(session, place, why.edit))
    following = next(one for one in pages_of(edit.file) if PAGES.index(one) > PAGES.index(page))
    notes = _of_an_older_form(session, page)
    place = place.at(page.key if notes else following.key, seen=edit.seen)
    return _shown(await drawn(session, place, edit, notes))


async def _wrong(
    session: Session, place: Place, wrong: Mapping[str, str], fields: Sequence[Field], file: Mapping[str, Any]
) -> Ack:
    """Mistakes beside their inputs; if one of them is not shown, the form again with all of its fields and the mistakes
    above it. `wrong`: path → words."""
    shown = {str(block.get("block_id")) for block in session.interaction.view.get("blocks") or ()}
    beside: dict[str, str] = {}
    for path, words in wrong.items():
        inputs = [one for one in fields if one.path == path and one.id in shown]
        if inputs:
            beside[next((one for one in reversed(inputs) if one.is_set(file)), inputs[0]).id] = words
    if len(beside) == len(wrong):
        return _errors(beside)
    labels = {one.path: one.label for one in fields}
    notes = [f"{labels.get(path, path)}: {words}" for path, words in wrong.items()]
    return _shown(await _again(session, replace(place, more=True), notes))


def _of_an_older_form(session: Session, page: Page) -> list[str]:
    """What to say about inputs of a form that was opened before fluentsd was updated, and are elsewhere now."""
    known = {field.id for field in page.fields}
    inputs = [one for one in session.interaction.view.get("blocks") or () if one.get("type") == "input"]
    gone = [str((one.get("label") or {}).get("text")) for one in inputs if one.get("block_id") not in known]
    if not gone:
        return []
    labels = " and ".join(f"“{plain(one, 80)}”" for one in gone)
    return [f"This form was opened before fluentsd was updated. It is saved, but for what stood under {labels}: that "
            "is entered in another way now, here or on another page. Look before you go on"]  # fmt: skip


async def _begun(session: Session) -> Ack:
    """The first page of a new campaign: keep it, and go on."""
    answers = session.interaction.answers
    given = filled(BY_KEY["name"].fields, {}, answers)
    chosen = str(session.interaction.state("preset") or "")
    if chosen not in presets.names():
        raise Refused(f"there is no preset {chosen!r}; choose one of the list")
    file = presets.preset(chosen).file | {name: value for name, value in given.items() if name != "name"}
    name = str(given.get("name") or "")
    if len(name) > 120 or not name:
        return {"response_action": "errors", "errors": {"name": "Write a name of at most 120 characters."}}
    edit = await session.again("begin").run("campaign begin", {"name": name, "file": file})
    return _shown(await drawn(session, Place("window", edit.ref, edit.seen), edit))


async def _entry_submitted(session: Session, place: Place) -> Ack:
    """A step or segment: saved, or its mistakes beside the inputs; then its list is drawn below it."""
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    form, page = entries.entry_form(edit.file, place), BY_KEY[place.page]
    entered = filled(page.fields, form, session.interaction.answers)
    file, nth = entries.with_entry(edit.file, place, entered), entries.place_in_list(edit.file, place, entered)
    if edit.seen != place.seen and file != edit.file:
        raise Refused(f"{await _who(session, place.ref)} has changed this campaign since you opened this form; nothing "
                      "of yours was saved. Go back, look, and enter it again")  # fmt: skip
    shown = entries.entry_fields(edit.file, place, entered)
    if wrong := placed(_mistakes(file), [field.path for field in shown], [page.entries], nth):
        return await _wrong(session, place, wrong, shown, entered)
    edit = await session.again("save").run("campaign save-edit", {"ref": place.ref, "file": file, "seen": place.seen})
    await draw_below(session, place.at(page.below), edit)
    return None


def _mistakes(file: Mapping[str, Any]) -> list[str]:
    """The mistakes of a file: `path: words`."""
    try:
        read_campaign(file)
    except Problems as why:
        return why.lines
    return []


#: Views whose submit makes something else than a page of the campaign.
_OTHERS: Mapping[str, Callable[[Session, Place], Awaitable[Ack]]] = {
    "upload": csv.uploaded, "columns": importing.submitted, "imported": importing.done,
    "number": numbers_and_texts.number, "text": numbers_and_texts.text,
    "agent": agents.agent, "existing": known_people.enrolled, "attest": known_people.attested,
}  # fmt: skip


# ── clicks ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def clicked(session: Session) -> Message | None:
    """Carry out a click in a view of the wizard."""
    interaction = session.interaction
    place, name = place_in(interaction.view, interaction.value_of_view), interaction.name
    if name == "wizard:more":
        await update(session, interaction.view, await _again(session, replace(place, more=True)))
    elif name == "step:preview":
        await update(session, interaction.view, await _again(session, place))
    elif name.startswith("date:"):
        date = str(interaction.value.get("date") or interaction.chosen)
        await _dated(session, place, date, is_added=name.startswith("date:add:"))
    elif name.startswith("wizard:"):
        await _turned(session, place, str(interaction.value.get("page") or interaction.chosen))
    elif name.startswith("step:add:"):
        channel = str(interaction.value.get("channel", ""))
        await _push(session, await _entry(session, place.at("step", new=channel)))
    elif name in ("segment:add", "waiver:add"):
        page = name.partition(":")[0]
        await _push(session, await _entry(session, place.at(page, new=page)))
    elif ":entry:" in name:
        await _entry_clicked(session, place, name.partition(":")[0])
    elif name == "number:add":
        await _push(session, numbers_and_texts.number_view(place.at("number")))
    elif name == "text:new":
        await _push(
            session, numbers_and_texts.text_view(place.at("text", new=str(interaction.value.get("channel", ""))))
        )
    elif name == "agent:new":
        await _push(session, agents.agent_view(place.at("agent")))
    elif name == "people:known":
        await _push(session, known_people.existing_view(place.at("existing")))
    elif name == "people:attest":
        await _push(session, known_people.attest_view(place.at("attest")))
    elif name == "csv:upload":
        await _push(session, csv.upload_view(place.at("upload")))
    elif name == "edit:discard":
        await session.run("campaign discard-edit", {"ref": place.ref})
        edit = await session.run("campaign open-edit", {"ref": place.ref})
        await update(session, interaction.view, await drawn(session, replace(place, seen=edit.seen), edit))
    elif place.page == "columns":
        await csv.changed(session, place)
    elif place.ref and interaction.answers and place.page in BY_KEY:
        _note_typing(session, place)
    return None


async def _turned(session: Session, place: Place, page: str) -> None:
    """Back, or to another page: save this one with whatever mistakes, then show that."""
    if page not in BY_KEY or not place.ref:
        return
    session.services.wizard.typing.forget(str(session.interaction.view.get("id", "")))
    try:
        edit = await _saved(session, place)
    except _Conflict as why:
        await update(session, session.interaction.view, await _conflict(session, place, why.edit))
        return
    notes = _of_an_older_form(session, BY_KEY[place.page])
    await update(session, session.interaction.view, await drawn(session, place.at(page, seen=edit.seen), edit, notes))


async def _again(session: Session, place: Place, notes: Sequence[str] = ()) -> Block:
    """The form that is open with what was entered into it, which is not saved."""
    answers = session.interaction.answers
    if place.page == "columns":
        return await csv.again(session, place)
    if place.page == "agent":
        return await agents.again(session, place)
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    if BY_KEY[place.page].entries:
        preview = await _preview(session, place, edit, answers)
        return entry_view(place, edit, answers, notes, preview, await _names(session, place))
    return page_view(place, edit, answers=answers, notes=notes, people=await people_of(session, place, edit))


async def _dated(session: Session, place: Place, date: str, *, is_added: bool) -> None:
    """Add a date without contact, or take one away, and save the page with it."""
    if not conditions.is_date(date):
        return
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    file = filled(BY_KEY[place.page].fields, edit.file, session.interaction.answers)
    dates = [str(one) for one in value_at(file, "window.blackout") or () if str(one) != date]
    file = with_value(file, "window.blackout", [*dates, *([date] if is_added else [])] or None)
    await _saved_and_drawn(session, place, edit, file)


async def _entry(session: Session, place: Place) -> Block:
    """The form of an entry as it is kept."""
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    preview = await _preview(session, place, edit, None)
    names = await _names(session, place)
    return entry_view(replace(place, seen=edit.seen), edit, preview=preview, names=names)


async def _names(session: Session, place: Place) -> dict[str, str]:
    """What is picked in the form of an entry is called so."""
    return await segment_names(session) if place.page == "segment" else {}


async def _preview(session: Session, place: Place, edit: Edit, answers: Answers | None) -> list[Block]:
    """The message of a step, as its form has it."""
    if place.page != "step":
        return []
    return await samples.of_step(session, place.ref, entry_file(place, edit, answers).get("step") or {})


async def _entry_clicked(session: Session, place: Place, kind: str) -> None:
    """The menu of a step or segment: edit, move, remove."""
    value = session.interaction.value
    do, nth = value.get("do"), value.get("nth")
    if not isinstance(nth, int):
        return
    if do == "edit":
        return await _push(session, await _entry(session, place.at(kind, nth=nth)))
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    path = BY_KEY[kind].entries
    if do == "remove":
        file = entries.without(edit.file, path, nth)
    else:
        file = entries.moved(edit.file, path, nth, -1 if do == "up" else 1)
    await _saved_and_drawn(session, place, edit, file)


async def _saved_and_drawn(session: Session, place: Place, edit: Edit, file: Mapping[str, Any]) -> None:
    """Save a page, and draw it again."""
    try:
        edit = await _save(session, place, edit, file)
    except _Conflict as why:
        await update(session, session.interaction.view, await _conflict(session, place, why.edit))
        return
    await update(session, session.interaction.view, await drawn(session, replace(place, seen=edit.seen), edit))


async def _push(session: Session, view: Block) -> None:
    await session.services.api.call("views.push", trigger_id=session.interaction.trigger_id, view=view)


def _note_typing(session: Session, place: Place) -> None:
    """Keep what is typed in a form that is not submitted yet."""
    typed = {"page": place.page, "nth": place.nth, "new": place.new, "answers": session.interaction.answers}

    async def save() -> None:
        with suppress(Refused):
            await session.run("campaign keep-edit", {"ref": place.ref, "typed": typed})

    interaction = session.interaction
    session.services.wizard.typing.note(str(interaction.view.get("id", "")), save, interaction.acted_at)


async def closed(session: Session) -> Message | None:
    """A view was closed: keep its answers, and say how to go on with a draft."""
    interaction = session.interaction
    place = place_in(interaction.view, interaction.value)
    if not place.ref or place.page not in {page.key for page in PAGES}:
        return None
    if interaction.answers:
        _note_typing(session, place)
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    if edit.state not in ("", "draft") and not edit.is_pending:
        return None
    words = "is a draft" if edit.state in ("", "draft") else "has changes that are not applied yet"
    return message(
        f"{plain(edit.name, 100)} {words}",
        section(f"*{safe(edit.name, 100)}* {words}; everything that you entered is kept."),
        actions(button("Continue…", "open:edit", {"ref": place.ref, "page": place.page}, "primary")),
    )


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _saved(session: Session, place: Place) -> Edit:
    """The edit with the answers of the page that is left. Raises `_Conflict`."""
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    return await _save(session, place, edit, filled(BY_KEY[place.page].fields, edit.file, session.interaction.answers))


async def _save(session: Session, place: Place, edit: Edit, file: Mapping[str, Any]) -> Edit:
    if file == edit.file and not edit.is_pending and not edit.typed:
        return edit
    if edit.seen != place.seen and file != edit.file:
        raise _Conflict(edit)
    answer: Edit = await session.again("save").run(
        "campaign save-edit", {"ref": place.ref, "file": file, "seen": edit.seen}
    )
    return answer


async def _conflict(session: Session, place: Place, edit: Edit) -> Block:
    """The page as it is now, with what was entered here, which is not saved yet."""
    who = await _who(session, place.ref)
    note = (f"{who} has changed this campaign while you had it open, and nothing of yours was saved. It is shown as it "
            "is now, with what you entered on this page; press Next to save that")  # fmt: skip
    place = replace(place, seen=edit.seen)
    return page_view(
        place, edit, answers=session.interaction.answers, notes=[note], people=await people_of(session, place, edit)
    )


async def _who(session: Session, ref: str) -> str:
    """Who changed a campaign last."""
    edit = await session.run("campaign open-edit", {"ref": ref})
    logged = (await session.run("log", {"target": ref, "most": 1})).entries
    actor = edit.saved_by or (logged[0].actor if logged else "somebody")
    return plain(actor.partition(" ")[2] or actor, 60)


def _errors(wrong: Mapping[str, str]) -> Ack:
    return {"response_action": "errors", "errors": {id_: plain(words, 300) for id_, words in wrong.items()}}


def _shown(view: Block) -> Ack:
    return {"response_action": "update", "view": view}
