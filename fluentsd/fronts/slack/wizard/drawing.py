"""Drawing of the wizard's views: reads what a page needs, and draws it into a view that is open.

What must not live here: how a page looks (`view`, `review`), and what is saved (`navigation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fluentsd.fronts.slack.blocks import sync
from fluentsd.fronts.slack.blocks.layout import Block
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.fronts.slack.wizard.followed import key_of, name_of, names_of
from fluentsd.fronts.slack.wizard.review import review_view
from fluentsd.fronts.slack.wizard.view import People, page_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs.answers.edits import Edit

#: Refusals of a view that is closed, or is another one by now.
_GONE = frozenset({"hash_conflict", "not_found", "view_not_found"})


async def drawn(session: Session, place: Place, edit: Edit, notes: Sequence[str] = ()) -> Block:
    """A page's view."""
    if place.page == "review":
        return await review_view(session, place, edit)
    return page_view(place, edit, notes=notes, people=await people_of(session, place, edit))


async def people_of(session: Session, place: Place, edit: Edit) -> People | None:
    """Who is in the campaign, and the sources that there are, for the pages that show them."""
    if place.page not in ("people", "law"):
        return None
    total = (await session.run("campaign status", {"ref": edit.ref})).total if edit.state else 0
    sources = (await session.run("source list", {})).sources
    names, rows = names_of(session), (await session.run("sync status", {})).segments
    called = {key_of(row): replace(row, segment=name_of(row, names)) for row in rows}
    stand = {which: sync.followed([row])[0] for which, row in called.items()}
    bare = {which: sync.follows(name, which.partition(": ")[0]) for which, name in names.items()}
    return People(total, {one.source: one.problem or "" for one in sources}, bare | stand)


async def update(session: Session, view: Mapping[str, Any], new: Block) -> None:
    """Draw a view again; one that is closed, or another one by now, stays as it is."""
    hash_ = {"hash": view["hash"]} if view.get("hash") else {}
    try:
        await session.services.api.call("views.update", view_id=view.get("id"), **hash_, view=new)
    except SlackRefused as why:
        if why.error not in _GONE:
            raise


async def draw_below(session: Session, place: Place, edit: Edit | None = None) -> None:
    """Draw the page below a form again, while the form is still open."""
    edit = edit or await session.run("campaign open-edit", {"ref": place.ref})
    root = {"id": str(session.interaction.view.get("root_view_id") or "")}
    await update(session, root, await drawn(session, place.at(place.page, seen=edit.seen), edit))
