"""The last page: of a draft, what its launch check says; of a campaign that has started, what would change and whom it
concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.fronts.slack.blocks.card import buttons
from fluentsd.fronts.slack.blocks.launch import launch
from fluentsd.fronts.slack.blocks.layout import (
    OPTION_VALUE,
    Block,
    actions,
    button,
    confirm,
    context,
    modal,
    section,
    without_close,
)
from fluentsd.fronts.slack.blocks.wording import count, ours, safe
from fluentsd.fronts.slack.forms.fields import Field
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import segment_changes
from fluentsd.fronts.slack.wizard.followed import segment_names
from fluentsd.fronts.slack.wizard.pages import PAGES, REVIEW, STEP, Page, pages_of
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
        made = [kept for block in launch(check, reader=session.person.zone).blocks if (kept := without_close(block))]
        if not check.errors:
            later = button("Schedule…", "open:schedule", {"ref": f"c{edit.id}", "name": edit.name})
            made[-1] = actions(*made[-1]["elements"], later)
        made.append(context("Nobody is contacted before you start it. The draft is kept when you close this form."))
        return wizard_view(place, REVIEW.title, [*above, *made, below], submit="")
    if not edit.is_pending:
        words = section("Nothing has been changed.")
        return wizard_view(place, REVIEW.title, [*above, words, below], submit="")
    shown = await session.run("campaign apply-edit", {"ref": edit.ref, "seen": edit.seen, "dry_run": True})
    sure = confirm("Discard the changes?", "What was entered is forgotten; the campaign stays as it is.", "Discard",
                   danger=True)  # fmt: skip
    names = await segment_names(session)
    rows = (await session.run("sync status", {})).segments
    of_segments = segment_changes.lines(shown.changes, edit.file, rows, names)
    made = [
        *_changes(shown, of_segments),
        actions(button("Discard the changes…", "edit:discard", {"ref": edit.ref}, confirm=sure)),
    ]
    return wizard_view(place, REVIEW.title, [*above, *made, below], "Apply")


def _pages(edit: Edit) -> str:
    return "What you entered is kept. Pages: " + " · ".join(page.title for page in pages_of(edit.file))


def _changes(found: Applied, of_segments: Sequence[str] = ()) -> list[Block]:
    """What would change; `of_segments`: the lines about segments."""
    others = [one for one in found.changes if not segment_changes.is_of_segment(one)]
    lines = [f"• {line}" for line in of_segments] + [
        f"• {_name(one.path)}: {_value(one.path, one.old)} → {_value(one.path, one.new)} · for {safe(one.counts_for)}"
        for one in others
    ]
    more = [f"… and {len(lines) - CHANGES} more"] if len(lines) > CHANGES else []
    heading = f"*{count(len(lines), 'change', 'changes')}*"
    made = [section("\n".join([heading, *lines[:CHANGES], *more])[:2900])]
    concerned = []
    if found.keep_their_flow:
        concerned.append(f"{count(found.keep_their_flow)} keep the flow that they entered with")
    if found.retimed:
        concerned.append(f"{count(found.retimed)} get a new time")
    if found.people_at_steps:
        waiting = ", ".join(f"`{safe(step, 40)}` {number:,}" for step, number in found.people_at_steps.items())
        concerned.append(f"people at each step: {waiting}")
    return [*made, context("\n".join(concerned))] if concerned else made


#: Inputs by the path of their value.
_INPUTS: Mapping[str, tuple[Page, Field]] = {
    field.path: (page, field) for page in reversed((*PAGES, STEP)) for field in reversed(page.fields)
}


def _input(path: str) -> tuple[str, str]:
    """The id of the step, "" for none, and the path of the input of a changed value: `step.call.hours`."""
    kind, _, rest = path.partition(".")
    id_, _, part = rest.partition(".")
    return (id_, f"step.{part}") if kind == "step" else ("", path)


def _name(path: str) -> str:
    """What a changed value is called: `*Contact window · Hours*`."""
    step, at = _input(path)
    if path == "step.order":
        return "*The order of the steps*"
    if at not in _INPUTS:
        return f"`{safe(path, 80)}`"
    page, field = _INPUTS[at]
    return f"*{safe(step, 63) if step else page.title} · {field.label}*"


def _value(path: str, value: Any) -> str:
    """A value as its input shows it; one of a list of tables in the words of the file."""
    found = _INPUTS.get(_input(path)[1])
    if found and not found[1].kind.instead(value) and not (isinstance(value, str) and len(value) > OPTION_VALUE):
        return safe(found[1].kind.shown(value), 120)
    if value in (None, []):
        return "–"
    rows = value if isinstance(value, list) else [value]
    return safe(", ".join(" ".join(map(str, one.values())) if isinstance(one, dict) else str(one) for one in rows), 120)


async def done(session: Session, place: Place) -> Mapping[str, Any]:
    """Apply the changes of a campaign that has started. A draft is saved already; its form had a submit once."""
    edit = await session.run("campaign open-edit", {"ref": place.ref})
    words = f"*{safe(edit.name, 100)}* is a draft: c{edit.id}, `{safe(edit.ref)}`."
    if edit.is_pending and edit.state not in ("", "draft"):
        found = await session.again("apply").run("campaign apply-edit", {"ref": place.ref, "seen": place.seen})
        others = [one for one in found.changes if not segment_changes.is_of_segment(one)]
        made = len(others) + len(segment_changes.lines(found.changes, edit.file, (), {}))
        words = f"{count(made, 'change is', 'changes are')} applied to *{safe(edit.name, 100)}*."
    status = await session.run("campaign status", {"ref": place.ref})
    view = modal("Saved", "shown", {}, [section(words), *buttons(status)], close="Close")
    return {"response_action": "update", "view": view}
