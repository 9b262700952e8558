"""The live card of a campaign, and the same facts as the answer of `status`: both are made here, so they agree.

The card is short, because it stays in a channel: one line of figures, one of what else matters, and the two buttons
that are pressed most; the others, and what ends a campaign, are in a menu.
"""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    actions,
    button,
    context,
    message,
    option,
    packed,
    section,
)
from fluentsd.fronts.slack.blocks.wording import actor, count, held, moment, numbers, ours, safe
from fluentsd.verbs.answers.campaigns import Campaign, Counted, Status
from fluentsd.verbs.answers.holds import Hold

#: Characters of a bar.
BAR = 16

#: What a button does in each state, in the order of the card.
_BUTTONS: dict[str, tuple[str, ...]] = {
    "draft": ("start", "schedule"),
    "scheduled": ("start", "schedule clear"),
    "active": ("pause",),
    "paused": ("resume",),
    "stopped": ("reopen",),
    "completed": ("reopen",),
}
_MARKS = {"active": "🟢", "paused": "⏸️", "scheduled": "🗓️", "draft": "📝", "stopped": "⏹️", "completed": "✅"}


def title(one: Campaign) -> str:
    """`🟢 *Spring fair* · c42 · active`."""
    return f"{_MARKS.get(one.state, '•')} *{safe(one.name, 100)}* · c{one.id} · {one.state}"


def card(found: Status) -> Message:
    """The card. The words of its figures are those of `campaign status`."""
    text = f"{safe(found.name)}: {found.state}, {found.completed} of {found.total} completed"
    blocks = [section(f"{title(found)}\n{progress(found)}"), *_notes(found)]
    return message(text, *blocks, *buttons(found))


def progress(found: Counted) -> str:
    """How far it is, in people who have ended, and the figures in the words of `campaign status`."""
    ended = found.completed + found.exited
    words = (f"*Total* {found.total:,} · *Queued* {found.queued:,} · *Active* {found.active:,} · *Errored* "
             f"{found.errored:,} · *Exited* {found.exited:,} · *Completed* {found.completed:,}")  # fmt: skip
    return f"`{bar(ended, found.total)}` {ended:,} of {found.total:,} ended ({share(ended, found.total)})\n{words}"


def bar(part: int, whole: int) -> str:
    """A bar of text."""
    full = round(BAR * part / whole) if whole else 0
    return "█" * min(full, BAR) + "░" * (BAR - min(full, BAR))


def share(part: int, whole: int) -> str:
    """`37%`; "–" of nothing."""
    return f"{part / whole:.0%}" if whole else "–"


def _notes(found: Status) -> list[Block]:
    lines = [f"*Started on* {moment(found.started_at)} · *Owner* {actor(found.owner)}"]
    if found.state == "scheduled":
        lines.append(f"starts {moment(found.starts_at)}")
    if found.next_at is not None and found.state == "active":
        lines.append(f"next contact due {moment(found.next_at)}")
    if found.exited_by_reason:
        lines.append(f"exited: {numbers(found.exited_by_reason)}")
    lines += [f"⚠️ On hold{_what(hold)}: {ours(hold.reason, 200)}" for hold in found.holds[:3]]
    if found.held_people:
        lines.append(f"waiting for a fact: {numbers(found.held_people)}")
    if found.unknown:
        lines.append(f"❓ {count(found.unknown, 'attempt', 'attempts')} with an unknown result")
    return [context("\n".join(lines))]


def _what(hold: Hold) -> str:
    """What a hold stops, on the card of its campaign."""
    return "" if hold.scope == "campaign" else f" ({held(hold.scope, hold.target)})"


def buttons(one: Campaign) -> list[Block]:
    """The buttons that are possible in the campaign's state."""
    made = [_button(one, word) for word in _BUTTONS.get(one.state, ())]
    made.append(button("Report", "say:report", {"text": f"report c{one.id}"}))
    if getattr(one, "errored", 0):
        made.append(button("Errors", "say:errors", {"text": f"errors c{one.id}"}))
    if getattr(one, "unknown", 0):
        made.append(button("Unknown", "say:unknown", {"text": f"unknown c{one.id}"}))
    return [actions(*made, _menu(one))]


def _menu(one: Campaign) -> Block:
    """The other commands of a campaign, as they are typed. One that ends it asks first."""
    says = [("Edit…", "edit"), ("People", "contacts"), ("Attempts", "calls"), ("Forecast", "forecast")]
    says += [("Stop…", "stop")] if one.state in ("active", "paused") else []
    made = [option(words, packed({"text": f"{command} c{one.id}"})) for words, command in says]
    return {"type": "overflow", "action_id": "say:menu", "options": made}


def _button(one: Campaign, word: str) -> Block:
    ref = f"c{one.id}"
    match word:
        case "start":
            return button("Start…", "say:start", {"text": f"start {ref}"}, "primary")
        case "schedule":
            return button("Schedule…", "say:schedule", {"text": f"schedule {ref}"})
        case "schedule clear":
            return button("Unschedule", "say:clear", {"text": f"schedule {ref} clear"})
        case "pause":
            return button("Pause", "say:pause", {"text": f"pause {ref}"})
        case "resume":
            return button("Resume", "say:resume", {"text": f"resume {ref}"}, "primary")
        case "reopen":
            return button("Reopen", "say:reopen", {"text": f"reopen {ref}"})
    raise AssertionError(word)


def receipt(found: Campaign, *lines: str) -> Message:
    """The answer to a change of a campaign, with the buttons that are possible now."""
    return message(lines[0], section("\n".join(line for line in lines if line)), *buttons(found))
