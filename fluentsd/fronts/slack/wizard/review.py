"""The last page: of a draft, what its launch check says; of a campaign that has started, what would change and whom it
concerns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.card import buttons
from fluentsd.fronts.slack.blocks.launch import launch
from fluentsd.fronts.slack.blocks.layout import Block, actions, button, context, modal, section, without_close
from fluentsd.fronts.slack.blocks.wording import count, ours, safe
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.pages import REVIEW, pages_of
from fluentsd.fronts.slack.wizard.view import ways, where, wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs.answers.campaigns import Applied
from fluentsd.verbs.answers.edits import Edit

#: Changes that are shown one by one.
CHANGES = 30


async def review_view(session: Session, place: Place, edit: Edit) -> Block:
    """The page, with a submit if there is something to do."""
    above, below = [where(REVIEW.key, edit)], ways(REVIEW.key, edit.file)
    if edit.problems or not edit.state:
        made = [
            section("*This is missing or wrong*\n" + "\n".join(f"• {ours(one, 300)}" for one in edit.problems[:20]))
        ]
        return wizard_view(place, REVIEW.title, [*above, *made, context(_pages(edit)), below], submit="")
    if edit.state == "draft":
        check = await session.run("campaign check", {"ref": edit.ref})
        made = [kept for block in launch(check).blocks if (kept := without_close(block))]
        if not check.errors:
            later = button("Schedule…", "open:schedule", {"ref": f"c{edit.id}", "name": edit.name})
            made[-1] = actions(*made[-1]["elements"], later)
        made.append(context("Nobody is contacted before you start it. The draft is kept when you close this form."))
        return wizard_view(place, REVIEW.title, [*above, *made, below], submit="")
    if not edit.is_pending:
        words = section("Nothing has been changed.")
        return wizard_view(place, REVIEW.title, [*above, words, below], submit="")
    shown = await session.run("campaign apply-edit", {"ref": edit.ref, "seen": edit.seen, "dry_run": True})
    made = [*_changes(shown), actions(button("Discard the changes", "edit:discard", {"ref": edit.ref}, "danger"))]
    return wizard_view(place, REVIEW.title, [*above, *made, below], "Apply")


def _pages(edit: Edit) -> str:
    return "What you entered is kept. Pages: " + " · ".join(page.title for page in pages_of(edit.file))


def _changes(found: Applied) -> list[Block]:
    lines = [f"• `{safe(one.path, 80)}`: {_value(one.old)} → {_value(one.new)} · for {safe(one.counts_for)}"
             for one in found.changes[:CHANGES]]  # fmt: skip
    if len(found.changes) > CHANGES:
        lines.append(f"… and {len(found.changes) - CHANGES} more")
    made = [section(f"*{count(len(found.changes), 'change', 'changes')}*\n" + "\n".join(lines)[:2800])]
    concerned = []
    if found.keep_their_flow:
        concerned.append(f"{count(found.keep_their_flow)} keep the flow that they entered with")
    if found.retimed:
        concerned.append(f"{count(found.retimed)} get a new time")
    if found.people_at_steps:
        waiting = ", ".join(f"`{safe(step, 40)}` {number:,}" for step, number in found.people_at_steps.items())
        concerned.append(f"people at each step: {waiting}")
    return [*made, context("\n".join(concerned))] if concerned else made


def _value(value: Any) -> str:
    return "–" if value is None else safe(", ".join(map(str, value)) if isinstance(value, list) else value, 120)


async def done(session: Session, place: Place) -> Mapping[str, Any]:
    """Apply the changes of a campaign that has started. A draft is saved already; its form had a submit once."""
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    words = f"*{safe(edit.name, 100)}* is a draft: c{edit.id}, `{safe(edit.ref)}`."
    if edit.is_pending and edit.state not in ("", "draft"):
        found = await session.again("apply").run("campaign apply-edit", {"ref": place.ref, "seen": place.seen})
        words = f"{count(len(found.changes), 'change is', 'changes are')} applied to *{safe(edit.name, 100)}*."
    status = await session.run("campaign status", {"ref": place.ref})
    view = modal("Saved", "shown", {}, [section(words), *buttons(status)], close="Close")
    return {"response_action": "update", "view": view}
