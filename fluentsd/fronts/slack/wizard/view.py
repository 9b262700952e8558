"""The views of the wizard's pages as Block Kit, from an edit. Pure.

What must not live here: the review (`review`), uploads (`csv`), and what a click does (`navigation`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from fluentsd.fronts.slack.blocks.sync import CONNECT, follows
from fluentsd.fronts.slack.blocks.wording import contact_by, count, ours, plain, safe, with_names, word
from fluentsd.fronts.slack.forms.conditions import CameTo, outcome_words, own_dates
from fluentsd.fronts.slack.forms.fields import Answers, Field, blocks, filled
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.wizard.consent import Flow
from fluentsd.fronts.slack.wizard.entries import entries, entry_fields, entry_form
from fluentsd.fronts.slack.wizard.pages import BY_KEY, RESULTS, Page, pages_of
from fluentsd.fronts.slack.wizard.view_state import PREFIX, Place
from fluentsd.verbs.answers.edits import Edit
from fluentsd.verbs.presets import Preset

_KEPT = "What you had entered here is shown again; it is saved when you go on."
#: Values of the other fields that are named beside their button, and waivers of a page, which Slack limits.
_NAMED, _WAIVERS, _DATES = 6, 60, 40


@dataclass(frozen=True, slots=True)
class People:
    """Who is in the campaign, for the page of contacts. `sources`: name → why it cannot be read, "" if it can;
    `segments`: what those that are followed are called and how they stand, by `source: id`."""

    total: int = 0
    sources: Mapping[str, str] | None = None
    segments: Mapping[str, str] = field(default_factory=dict)


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
    return wizard_view(Place("name"), "New campaign", [where("name", None), *made_blocks])


def page_view(
    place: Place, edit: Edit, *, answers: Answers | None = None, notes: Sequence[str] = (), people: People | None = None
) -> Block:
    """A page with what the edit has; `answers` of a form that was not saved are shown in place of it."""
    page = BY_KEY[place.page]
    if answers is None and (kept := edit.typed) and kept.get("page") == page.key:
        answers, notes = kept.get("answers") or {}, [*notes, _KEPT]
    file = filled(page.fields, edit.file, answers or {})
    made: list[Block] = [where(page.key, edit), section(f"*{page.words}*"), *usual(page.fields, file)]
    buttons: list[Block] = []
    if page.key == "flow":
        made += _flow(edit.file)
    elif page.key == "window":
        made += _own_dates(file)
    elif page.key == "numbers":
        buttons.append(button("Add a number, or tag one…", "number:add", {}))
    elif page.key == "people":
        made += _people(edit, people or People())
    elif page.key == "law":
        made += _waivers(edit.file, people or People())
    place = opened(place, page.fields, answers)
    made += further(place, page.further, page.fields, file, *buttons)
    return wizard_view(place, page.title, [*made, ways(page.key, edit.file)], notes=notes)


def _kept(place: Place, edit: Edit) -> Answers | None:
    """What was typed into the form of this entry, and not saved."""
    typed = edit.typed or {}
    is_it = all(typed.get(name) == getattr(place, name) for name in ("page", "nth", "new"))
    return (typed.get("answers") or {}) if is_it else None


def entry_file(place: Place, edit: Edit, answers: Answers | None) -> dict[str, Any]:
    """What the form of an entry holds: `{"step": {…}}`."""
    entered = answers if answers is not None else _kept(place, edit)
    return filled(BY_KEY[place.page].fields, entry_form(edit.file, place), entered or {})


def entry_view(
    place: Place, edit: Edit, answers: Answers | None = None, notes: Sequence[str] = (), preview: Sequence[Block] = (),
    names: Mapping[str, str] | None = None,
) -> Block:  # fmt: skip
    """The form of one entry of a list, on top of the list. `preview`: of a step's message, below its usual inputs;
    `names`: what picked values are called."""
    page, form = BY_KEY[place.page], entry_form(edit.file, place)
    if answers is None and (kept := _kept(place, edit)) is not None:
        answers, notes = kept, [*notes, _KEPT]
    file, shown = filled(page.fields, form, answers or {}), entry_fields(edit.file, place, form)
    channel = str(value_at(form, "step.channel") or "")
    title = contact_by(channel).capitalize() if channel else page.title
    made: list[Block] = [where(page.below, edit, _which(place, page, title)), *_above(page), *usual(shown, file)]
    place = opened(place, shown, answers)
    if page.key == "segment" and (lacks := Flow.of(edit.file).lacks(value_at(file, "segment.consent"))):
        made.append(section(f"⚠️ {lacks}"))
    made += preview
    made += further(place, page.further, shown, file, *_makes(channel))
    return wizard_view(place, title, _called(made, names or {}), "Save", "Back", notes)


def _called(made: Sequence[Block], names: Mapping[str, str]) -> list[Block]:
    """The blocks with the name of what is picked, in place of its id."""

    def called(block: Block) -> Block:
        element = block.get("element") or {}
        picked = str((element.get("initial_option") or {}).get("value", ""))
        if picked not in names:
            return block
        return {**block, "element": {**element, "initial_option": option(plain(names[picked], 75), picked)}}

    return [called(block) for block in made]


def _makes(channel: str) -> list[Block]:
    """The button of what a step on a channel may need first."""
    if channel == "phone":
        return [button("New agent…", "agent:new", {})]
    if not channel:
        return []
    return [button("Preview", "step:preview", {}), button("Save a new text…", "text:new", {"channel": channel})]


def _which(place: Place, page: Page, title: str) -> str:
    what = title if place.new else page.title
    what = what if what[:2].isupper() else what[:1].lower() + what[1:]
    return f"new {what}" if place.new else f"{what} {place.nth + 1}"


def _above(page: Page) -> list[Block]:
    """What a waiver means."""
    words = f"⚠️ *{page.words}* The person named answers for it; it is kept for audits, with who entered it and when."
    return [section(words)] if page.key == "waiver" else []


def usual(fields: Sequence[Field], file: Mapping[str, Any]) -> list[Block]:
    """The inputs that most people change."""
    return blocks([one for one in fields if not one.more], file)


def further(place: Place, words: str, fields: Sequence[Field], file: Mapping[str, Any], *buttons: Block) -> list[Block]:
    """The other inputs; while they are not shown, their button with what is set there. `buttons` stand beside it."""
    rest = [one for one in fields if one.more]
    if not rest or place.more:
        more = [section(f"*{words}*"), *blocks(rest, file)] if rest else []
        return [actions(*buttons), *more] if buttons else more
    found = [safe(one.words(file), 120) for one in rest if one.is_set(file)]
    label = f"{words} · {len(found)} set" if found else words
    named = found[:_NAMED] + ([f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else [])
    return [actions(*buttons, button(label, "wizard:more", {})), *([context(" · ".join(named))] if named else [])]


def opened(place: Place, fields: Sequence[Field], answers: Answers | None) -> Place:
    """The place with the other inputs shown, if something was entered there that is not saved yet."""
    ids = {one.id for one in fields if one.more}
    return replace(place, more=place.more or not ids.isdisjoint(answers or {}))


def where(key: str, edit: Edit | None, within: str = "") -> Block:
    """Where one is, and that nothing gets lost: `2 of 9 · Contact window`, `Spring fair · draft saved`."""
    pages = pages_of(edit.file if edit else {}, key)
    at = next(n for n, page in enumerate(pages) if page.key == key)
    step = f"{at + 1} of {len(pages)} · *{BY_KEY[key].title}*" + (f" · {safe(within, 60)}" if within else "")
    if edit is None:
        return context(step, "saved as a draft when you press Next")
    return context(step, f"{safe(edit.name, 100)} · {_saved(edit)}")


def _saved(edit: Edit) -> str:
    if edit.state in ("", "draft"):
        return "draft saved"
    return "changes are kept, and not applied yet" if edit.is_pending else f"{word(edit.state)}, no changes yet"


def ways(key: str, file: Mapping[str, Any]) -> Block:
    """Back, and any other page."""
    pages = pages_of(file, key)
    at = next(n for n, page in enumerate(pages) if page.key == key)
    back = [button("Back", "wizard:back", {"page": pages[at - 1].key})] if at else []
    others = [option(page.title, page.key) for page in pages if page.key != key]
    select: Block = {"type": "static_select", "action_id": "wizard:goto", "options": others,
                     "placeholder": plain_text("Go to…", 75)}  # fmt: skip
    return actions(*back, select)


def _own_dates(file: Mapping[str, Any]) -> list[Block]:
    """Single dates without contact: a row for each with its own *Remove*, and a picker that adds one."""
    there = list(dict.fromkeys(own_dates(value_at(file, "window.blackout"))))
    rows = [
        section(f"{dt.date.fromisoformat(one):%a %b %-d, %Y}",
                accessory=button("Remove", f"date:remove:{one}", {"date": one}))
        for one in there[:_DATES]
    ]  # fmt: skip
    more = [context(f"… and {len(there) - _DATES} more; the campaign's file has them")] if there[_DATES:] else []
    # Slack shows a picker without its last choice only under another id
    add: Block = {"type": "datepicker", "action_id": f"date:add:{len(there)}",
                  "placeholder": plain_text("Add a date…", 75)}  # fmt: skip
    words = "*No contact on these dates*" + ("" if there else "\nnone")
    return [section(words), *rows, *more, actions(add)]


def _waivers(file: Mapping[str, Any], people: People) -> list[Block]:
    """The rules that a campaign does not follow, with who answers for each."""
    made = [
        section(f"*{safe(one.get('rule'), 80)}* is waived: {safe(one.get('because'), 400)}\n{safe(one.get('by'), 120)} "
                "answers for it.", accessory=_overflow("waiver", nth, 1))
        for nth, one in enumerate(entries(file, "law.waive")[:_WAIVERS])
    ]  # fmt: skip
    return [
        section("*Rules of law that do not apply*"),
        *(made or [context("None is waived: every rule of a person's place is kept.")]),
        actions(button("Waive a rule…", "waiver:add", {})),
        section(
            "*Consent of the people*\nIt is confirmed for each list when it comes in, at the import of a CSV or "
            "with a segment. For all people who are in the campaign now, a named person can confirm it here."
        ),
        *([actions(button("Attest consent…", "people:attest", {}))] if people.total else []),
    ]


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
        "sms": safe(with_names(str(step.get("template") or step.get("text") or "–")), 120),
        "email": safe(with_names(str(step.get("template") or step.get("subject") or "–")), 120),
    }.get(channel, "–")
    when = f"{safe(step['before'], 40)} before {safe(step.get('of'), 40)}" if step.get("before") else _after(step, nth)
    lines = [f"*{nth + 1}. {contact_by(channel).capitalize()}* `{id_}` · {when}", says]
    if isinstance(step.get("retry"), Mapping):
        tries = ", ".join(f"{word(k)} {safe(v, 30)}" for k, v in step["retry"].items())
        lines.append(f"retries: {tries}")
    if step.get("after_call"):
        lines[0] = f"*{nth + 1}. {contact_by(channel).capitalize()}* `{id_}` · follows a call · {_after(step, nth)}"
        results = " or ".join(word(one) for one in CameTo(RESULTS).apart(step["after_call"]))
        lines.append(f"if the call came to {results}" if results else f"if {safe(step['after_call'], 200)}")
    if step.get("when"):
        lines.append(_condition(str(step["when"])))
    return section("\n".join(lines), accessory=_overflow("step", nth, count_of_steps))


def _condition(when: str) -> str:
    """A condition in words, if it only names outcomes of the step before; else as it is written."""
    words = outcome_words(when)
    return f"only after: {safe(words, 200)}" if words else f"only if {safe(when, 200)}"


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
        which = f"{one.get('source')}: {one.get('segment')}"
        words = people.segments.get(which) or follows(str(one.get("segment")), str(one.get("source")))
        made.append(section(words, accessory=_overflow("segment", nth, 1)))
    add = [button("Upload a CSV…", "csv:upload", {})] if edit.state else []
    sources = people.sources or {}
    if sources:
        add.append(button("Follow a CRM segment…", "segment:add", {}))
    if edit.state:
        add.append(button("Pick known people…", "people:known", {}))
    if add:
        made.append(actions(*add))
    if not sources:
        made.append(context(f"No CRM is connected. {CONNECT}"))
    made += [
        context(f"{safe(name, 60)} cannot be read: {ours(why, 300)}. An admin looks with: fluentsd source check "
                f"{safe(name, 60)}") for name, why in sources.items() if why
    ]  # fmt: skip
    return made
