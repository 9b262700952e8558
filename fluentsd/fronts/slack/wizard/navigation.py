"""What submits and clicks of the wizard do: each saves the page that is left, and shows another one.

A submit is answered in its acknowledgement, with mistakes beside their inputs; a click is answered with `views.update`,
which Slack refuses when the view is another one by then. What must not live here: how a page looks (`view`, `review`,
`csv`), and what a save checks (`verbs.edits`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fluentsd.domain.campaign import read_campaign
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import plain, safe
from fluentsd.fronts.slack.forms.fields import filled
from fluentsd.fronts.slack.forms.problems import placed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import (
    agents,
    csv,
    importing,
    known_people,
    numbers_and_texts,
    review,
    steps_and_segments,
)
from fluentsd.fronts.slack.wizard.drawing import draw_below, drawn, people_of, update
from fluentsd.fronts.slack.wizard.pages import ALIASES, BY_KEY, PAGES, fields_of
from fluentsd.fronts.slack.wizard.view import entry_view, new_view, page_view, waiting
from fluentsd.fronts.slack.wizard.view_state import Place, place_in
from fluentsd.validation import Problems
from fluentsd.verbs import Refused, presets
from fluentsd.verbs.answers.edits import Edit

Ack = Mapping[str, Any] | None
_ENTRIES = ("step", "segment")


class _Conflict(Exception):
    """Somebody else has saved since the view was drawn; `edit` is what there is now."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self.edit = edit


# ── ways in ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def begin(session: Session, name: str = "") -> None:
    """Open the first page of a new campaign."""
    await _open(session, new_view([presets.preset(one) for one in presets.names()], name))


async def resume(session: Session, ref: str, part: str = "") -> None:
    """Open a campaign at one of its pages; first a waiting view, because the trigger lives for three seconds."""
    word = part.casefold().split()[0] if part.strip() else ""  # "window to 9-5" opens the page
    page = ALIASES.get(word, word) or "name"
    if page not in {one.key for one in PAGES}:
        parts = ", ".join("contacts" if one.key == "people" else one.key for one in PAGES)
        raise Refused(f"a campaign has no part {part[:40]!r}; there are: {parts}")
    opened = await _open(session, waiting(Place("name", ref)))
    edit = await session.run("campaign open-edit", {"ref": ref})
    await update(session, opened, await drawn(session, Place(page, ref, edit.seen), edit))


async def open_number(session: Session) -> None:
    """Open the form of a caller ID."""
    await _open(session, numbers_and_texts.number_view(Place("number")))


async def open_text(session: Session, channel: str, name: str = "") -> None:
    """Open the form of a new text, or of the next version of one."""
    place = Place("text", new="email" if channel == "email" else "sms")
    opened = await _open(session, numbers_and_texts.text_view(place) if not name else waiting(place))
    if name:
        file = (await session.run("templates show", {"name": name})).file["template"][0]
        await update(session, opened, numbers_and_texts.text_view(place, file))


async def open_agent(session: Session, name: str = "") -> None:
    """Open the form of a new agent, or of the next version of one."""
    opened = await _open(session, agents.agent_view(Place("agent")) if not name else waiting(Place("agent", new=name)))
    if name:
        file, version = await agents.kept_file(session, name)
        await update(session, opened, agents.agent_view(Place("agent", new=name, seen=version), file))


async def _open(session: Session, view: Block) -> dict[str, Any]:
    answer = await session.services.api.call("views.open", trigger_id=session.interaction.trigger_id, view=view)
    return dict(answer.get("view") or {})


# ── submits ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def submitted(session: Session) -> Ack:
    """The acknowledgement of a submitted view."""
    place = place_in(session.interaction.view, session.interaction.value)
    session.services.wizard.typing.forget(str(session.interaction.view.get("id", "")))
    if (making_one := _OTHERS.get(place.page)) is not None:
        return await making_one(session, place)
    if place.page in _ENTRIES:
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
        return _errors(wrong)
    try:
        edit = await _save(session, place, edit, file)
    except _Conflict as why:
        return _shown(await _conflict(session, place, why.edit))
    following = PAGES[PAGES.index(page) + 1]
    return _shown(await drawn(session, replace(place, page=following.key, seen=edit.seen), edit))


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
    form = steps_and_segments.entry_form(edit.file, place)
    shown = _entry_fields(place, form)
    entered = filled(shown, form, session.interaction.answers)
    file, nth = (
        steps_and_segments.with_entry(edit.file, place, entered),
        steps_and_segments.place_in_list(edit.file, place, entered),
    )
    if edit.seen != place.seen and file != edit.file:
        raise Refused(f"{await _who(session, place.ref)} has changed this campaign since you opened this form; nothing "
                      "of yours was saved. Go back, look, and enter it again")  # fmt: skip
    if wrong := placed(_mistakes(file), [field.path for field in shown], [place.page], nth):
        return _errors(wrong)
    edit = await session.again("save").run("campaign save-edit", {"ref": place.ref, "file": file, "seen": place.seen})
    below = "flow" if place.page == "step" else "people"
    await draw_below(session, place.at(below), edit)
    return None


def _mistakes(file: Mapping[str, Any]) -> list[str]:
    """The mistakes of a file: `path: words`."""
    try:
        read_campaign(file)
    except Problems as why:
        return why.lines
    return []


def _entry_fields(place: Place, form: Mapping[str, Any]) -> Any:
    channel = str((form.get("step") or {}).get("channel", ""))
    return fields_of(BY_KEY[place.page], channel, is_new=bool(place.new))


#: Views whose submit makes something else than a page of the campaign.
_OTHERS: Mapping[str, Callable[[Session, Place], Awaitable[Ack]]] = {
    "upload": csv.uploaded, "columns": importing.submitted,
    "number": numbers_and_texts.number, "text": numbers_and_texts.text,
    "agent": agents.agent, "existing": known_people.enrolled, "attest": known_people.attested,
}  # fmt: skip


# ── clicks ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def clicked(session: Session) -> Message | None:
    """Carry out a click in a view of the wizard."""
    interaction = session.interaction
    place, name = place_in(interaction.view, interaction.value_of_view), interaction.name
    if name.startswith("wizard:"):
        await _turned(session, place, str(interaction.value.get("page") or interaction.chosen))
    elif name.startswith("step:add:"):
        channel = str(interaction.value.get("channel", ""))
        await _push(session, entry_view(*await _entry_of(session, place.at("step", new=channel))))
    elif name == "segment:add":
        await _push(session, entry_view(*await _entry_of(session, place.at("segment", new="segment"))))
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
    await update(session, session.interaction.view, await drawn(session, place.at(page, seen=edit.seen), edit))


async def _entry_of(session: Session, place: Place) -> tuple[Place, Edit]:
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    return replace(place, seen=edit.seen), edit


async def _entry_clicked(session: Session, place: Place, kind: str) -> None:
    """The menu of a step or segment: edit, move, remove."""
    value = session.interaction.value
    do, nth = value.get("do"), value.get("nth")
    if not isinstance(nth, int):
        return
    if do == "edit":
        return await _push(session, entry_view(*await _entry_of(session, place.at(kind, nth=nth))))
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    if do == "remove":
        file = steps_and_segments.without(edit.file, kind, nth)
    else:
        file = steps_and_segments.moved(edit.file, kind, nth, -1 if do == "up" else 1)
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

    session.services.wizard.typing.note(str(session.interaction.view.get("id", "")), save)


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
        actions(button("Continue", "open:edit", {"ref": place.ref, "page": place.page}, "primary")),
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
    entries = (await session.run("log", {"target": ref, "most": 1})).entries
    actor = edit.saved_by or (entries[0].actor if entries else "somebody")
    return plain(actor.partition(" ")[2] or actor, 60)


def _errors(wrong: Mapping[str, str]) -> Ack:
    return {"response_action": "errors", "errors": {id_: plain(words, 300) for id_, words in wrong.items()}}


def _shown(view: Block) -> Ack:
    return {"response_action": "update", "view": view}
