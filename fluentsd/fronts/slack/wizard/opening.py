"""Ways into the wizard: a new campaign, one of its pages, and the forms of numbers, texts and agents.

A trigger lives for three seconds, so a form whose content has to be read opens as a waiting view first. What must not
live here: what a form's submit does (`navigation`).
"""

from __future__ import annotations

from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import agents, numbers_and_texts
from fluentsd.fronts.slack.wizard.drawing import drawn, update
from fluentsd.fronts.slack.wizard.pages import ALIASES, PAGES
from fluentsd.fronts.slack.wizard.view import new_view, waiting
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs import Refused, presets


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
