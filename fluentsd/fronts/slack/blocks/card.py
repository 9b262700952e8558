"""The live card of a campaign, and the same facts as the answer of `status`: both are made here, so they agree."""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, confirm, context, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, held, moment, numbers, ours, safe
from fluentsd.verbs.answers.campaigns import Campaign, Status

#: What a button does in each state, in the order of the card.
_BUTTONS: dict[str, tuple[str, ...]] = {
    "draft": ("start", "schedule"),
    "scheduled": ("start", "schedule clear"),
    "active": ("pause", "stop"),
    "paused": ("resume", "stop"),
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
    figures = [
        f"*Total*\n{found.total:,}",
        f"*Queued*\n{found.queued:,}",
        f"*Active*\n{found.active:,}",
        f"*Errored*\n{found.errored:,}",
        f"*Exited*\n{found.exited:,}",
        f"*Completed*\n{found.completed:,}",
        f"*Started on*\n{moment(found.started_at)}",
        f"*Owner*\n{actor(found.owner)}",
    ]
    blocks = [section(title(found)), section("", *figures), *_notes(found)]
    return message(text, *blocks, *buttons(found))


def _notes(found: Status) -> list[Block]:
    lines = []
    if found.state == "scheduled":
        lines.append(f"starts {moment(found.starts_at)}")
    if found.next_at is not None and found.state == "active":
        lines.append(f"next contact due {moment(found.next_at)}")
    if found.exited_by_reason:
        lines.append(f"exited: {numbers(found.exited_by_reason)}")
    lines += [f"⚠️ On hold: {held(hold.scope, hold.target)}. {ours(hold.reason, 200)}" for hold in found.holds[:3]]
    if found.held_people:
        lines.append(f"waiting for a fact: {numbers(found.held_people)}")
    if found.unknown:
        lines.append(f"❓ {count(found.unknown, 'attempt', 'attempts')} with an unknown result")
    return [context("\n".join(lines))] if lines else []


def buttons(one: Campaign) -> list[Block]:
    """The buttons that are possible in the campaign's state."""
    made = [_button(one, word) for word in _BUTTONS.get(one.state, ())]
    made.append(button("Details", "say:report", {"text": f"report c{one.id}"}))
    if getattr(one, "errored", 0):
        made.append(button("Errors", "say:errors", {"text": f"errors c{one.id}"}))
    if getattr(one, "unknown", 0):
        made.append(button("Unknown", "say:unknown", {"text": f"unknown c{one.id}"}))
    return [actions(*made)]


def _button(one: Campaign, word: str) -> Block:
    name, ref = safe(one.name, 60), f"c{one.id}"
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
    dialog = confirm(
        "Stop this campaign?",
        f"*{name}* makes no more contacts. People keep their progress, and it can be reopened.",
        "Stop it",
        danger=True,
    )
    return button("Stop", "say:stop", {"text": f"stop {ref} yes"}, "danger", dialog)


def receipt(found: Campaign, *lines: str) -> Message:
    """The answer to a change of a campaign, with the buttons that are possible now."""
    return message(lines[0], section("\n".join(line for line in lines if line)), *buttons(found))
