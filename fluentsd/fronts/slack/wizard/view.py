"""The views of the wizard's pages as Block Kit, from an edit. Pure.

What must not live here: the review (`review`), uploads (`csv`), and what a click does (`navigation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.fronts.slack.blocks.layout import (
    Block,
    actions,
    button,
    context,
    modal,
    option,
    packed,
    plain_text,
    section,
)
from fluentsd.fronts.slack.blocks.wording import contact_by, count, ours, plain, safe, word
from fluentsd.fronts.slack.forms.fields import Answers, blocks, filled
from fluentsd.fronts.slack.forms.kinds import outcomes_in
from fluentsd.fronts.slack.wizard.pages import BY_KEY, PAGES, fields_of
from fluentsd.fronts.slack.wizard.steps_and_segments import entries, entry_form
from fluentsd.fronts.slack.wizard.view_state import PREFIX, Place
from fluentsd.verbs.answers.edits import Edit
from fluentsd.verbs.presets import Preset

_KEPT = "What you had entered here is shown again; it is saved when you go on."


@dataclass(frozen=True, slots=True)
class People:
    """Who is in the campaign, for the page of contacts. `sources`: name → why it cannot be read, "" if it can."""

    total: int = 0
    sources: Mapping[str, str] | None = None


def wizard_view(
    place: Place,
    title: str,
    made: Sequence[Block],
    submit: str = "Next",
    close: str = "Close",
    notes: Sequence[str] = (),
) -> Block:
    """A view of the wizard; `notes` stand above the rest."""
    above = [section("\n".join(f"⚠️ {ours(note, 400)}" for note in notes))] if notes else []
    view = modal(title, f"{PREFIX}{place.page}", place.as_json(), [*above, *made], submit, close)
    return view | {"notify_on_close": True}


def waiting(place: Place, words: str = "One moment…") -> Block:
    """What is shown while something takes longer than Slack waits."""
    return wizard_view(place, "One moment", [section(words)], submit="")


def new_view(presets: Sequence[Preset], name: str, chosen: str = "simple-call") -> Block:
    """The first page of a new campaign."""
    made = [option(one.title, one.name, one.summary) for one in presets]
    start = next((one for one in made if one["value"] == chosen), made[0])
    select = {"type": "static_select", "options": made, "initial_option": start, "action_id": "preset"}
    pattern: Block = {"type": "input", "block_id": "preset", "label": plain_text("Start from", 75), "element": select}
    listed = "\n".join(f"• *{safe(one.title, 60)}*: {safe(one.summary, 200)}" for one in presets)
    page = BY_KEY["name"]
    made_blocks = [*blocks(page.fields, {"name": plain(name, 120)} if name else {}), pattern, context(listed)]
    return wizard_view(Place("name"), "New campaign", [where("name", ""), *made_blocks])


def page_view(
    place: Place, edit: Edit, *, answers: Answers | None = None, notes: Sequence[str] = (), people: People | None = None
) -> Block:
    """A page with what the edit has; `answers` of a form that was not saved are shown in place of it."""
    page = BY_KEY[place.page]
    if answers is None and (kept := edit.typed) and kept.get("page") == page.key:
        answers, notes = kept.get("answers") or {}, [*notes, _KEPT]
    file = filled(page.fields, edit.file, answers or {})
    made: list[Block] = [where(page.key, edit.name), section(f"*{page.words}*"), *blocks(page.fields, file)]
    if page.key == "flow":
        made += _flow(edit.file)
    elif page.key == "numbers":
        made.append(actions(button("Add a number, or tag one…", "number:add", {})))
    elif page.key == "people":
        made += _people(edit, people or People())
    return wizard_view(place, page.title, [*made, ways(page.key)], notes=notes)


def entry_view(place: Place, edit: Edit, answers: Answers | None = None) -> Block:
    """The form of one step or segment, on top of its list."""
    page, form = BY_KEY[place.page], entry_form(edit.file, place)
    kept, notes = edit.typed or {}, []
    if answers is None and all(kept.get(name) == getattr(place, name) for name in ("page", "nth", "new")):
        answers, notes = kept.get("answers") or {}, [_KEPT]
    channel = str((form.get("step") or {}).get("channel", ""))
    shown = fields_of(page, channel, is_new=bool(place.new))
    made = [*blocks(shown, filled(shown, form, answers or {}))]
    if channel in ("sms", "email"):
        made.append(actions(button("Save a new text…", "text:new", {"channel": channel})))
    if channel == "phone":
        made.append(actions(button("New agent…", "agent:new", {})))
    title = contact_by(channel).capitalize() if channel else page.title
    return wizard_view(place, title, made, "Save", "Back", notes)


def where(key: str, name: str) -> Block:
    """Where one is: the pages with the present one in bold."""
    pages = " › ".join(f"*{page.title}*" if page.key == key else page.title for page in PAGES)
    return context(*([f"*{safe(name, 100)}*"] if name else []), pages)


def ways(key: str) -> Block:
    """Back, and any other page."""
    at = next(n for n, page in enumerate(PAGES) if page.key == key)
    back = [button("Back", "wizard:back", {"page": PAGES[at - 1].key})] if at else []
    others = [option(page.title, page.key) for page in PAGES if page.key != key]
    select: Block = {"type": "static_select", "action_id": "wizard:goto", "options": others,
                     "placeholder": plain_text("Go to…", 75)}  # fmt: skip
    return actions(*back, select)


def _flow(file: Mapping[str, Any]) -> list[Block]:
    steps = entries(file, "step")
    made = [_step(step, nth, len(steps)) for nth, step in enumerate(steps)]
    add = [button(f"Add {words}…", f"step:add:{channel}", {"channel": channel}) for channel, words in
           (("phone", "a call"), ("sms", "a text"), ("email", "an e-mail"))]  # fmt: skip
    return [*(made or [section("There is no step yet.")]), *([actions(*add)] if len(steps) < 50 else [])]


def _step(step: Mapping[str, Any], nth: int, count_of_steps: int) -> Block:
    id_, channel = safe(step.get("id"), 63), str(step.get("channel", ""))
    says = {
        "phone": f"agent {safe(step.get('agent') or '–', 60)}",
        "sms": safe(step.get("template") or step.get("text") or "–", 120),
        "email": safe(step.get("template") or step.get("subject") or "–", 120),
    }.get(channel, "–")
    when = f"{safe(step['before'], 40)} before {safe(step.get('of'), 40)}" if step.get("before") else _after(step, nth)
    lines = [f"*{nth + 1}. {contact_by(channel).capitalize()}* `{id_}` · {when}", says]
    if isinstance(step.get("retry"), Mapping):
        tries = ", ".join(f"{word(k)} {safe(v, 30)}" for k, v in step["retry"].items())
        lines.append(f"retries: {tries}")
    if step.get("after_call"):
        lines[0] = f"*{nth + 1}. {contact_by(channel).capitalize()}* `{id_}` · follows a call · {_after(step, nth)}"
        asked = step["after_call"]
        lines.append(f"if the call came to {safe(', '.join(asked) if isinstance(asked, list) else asked, 200)}")
    if step.get("when"):
        lines.append(_condition(str(step["when"])))
    return section("\n".join(lines), accessory=_overflow("step", nth, count_of_steps))


def _condition(when: str) -> str:
    """A condition in words, if it only names outcomes of the step before; else as it is written."""
    names = outcomes_in(when)
    if not names:
        return f"only if {safe(when, 200)}"
    return f"only after: {safe(', '.join(names[:-1]) + ' or ' + names[-1] if names[1:] else names[0], 200)}"


def _after(step: Mapping[str, Any], nth: int) -> str:
    after = str(step.get("after") or "0")
    return f"after {safe(after, 40)}" if after != "0" else "at once" if nth == 0 else "directly after"


def _overflow(kind: str, nth: int, count_of_entries: int) -> Block:
    does = ["edit", *(["up"] if nth else []), *(["down"] if nth + 1 < count_of_entries else []), "remove"]
    words = {"edit": "Edit…", "up": "Move up", "down": "Move down", "remove": "Remove"}
    made = [option(words[do], packed({"do": do, "nth": nth})) for do in does]
    return {"type": "overflow", "action_id": f"{kind}:entry:{nth}", "options": made}


def _people(edit: Edit, people: People) -> list[Block]:
    segments = entries(edit.file, "segment")
    made = [section(f"{count(people.total)} enrolled so far." if edit.state else
                    "People can be added as soon as the pages before are complete.")]  # fmt: skip
    for nth, one in enumerate(segments):
        words = f"follows *{safe(one.get('segment'), 120)}* of {safe(one.get('source'), 60)}"
        made.append(section(words, accessory=_overflow("segment", nth, 1)))
    add = [button("Upload a CSV…", "csv:upload", {}, "primary")] if edit.state else []
    sources = people.sources or {}
    if sources:
        add.append(button("Follow a CRM segment…", "segment:add", {}))
    if edit.state:
        add.append(button("Pick known people…", "people:known", {}))
    if people.total:
        add.append(button("Attest consent…", "people:attest", {}))
    if add:
        made.append(actions(*add))
    if not sources:
        made.append(context("No CRM is connected. An admin connects one in fluentsd.toml with `[source.hubspot]`, then "
                            "starts fluentsd again; credentials are never entered in Slack."))  # fmt: skip
    made += [
        context(f"{safe(name, 60)} cannot be read: {ours(why, 300)}. An admin looks with: fluentsd source check "
                f"{safe(name, 60)}") for name, why in sources.items() if why
    ]  # fmt: skip
    return made
