"""The live card of a campaign, and the same facts as the answer of `status`: both are made here, so they agree.

The card is short, because it stays in a channel: how far it is, what came of it, where people are, a line of what else
matters, and at most three buttons; what is rarer, and what ends a campaign, is in a menu. A campaign of a list is a row
with the same menu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.domain.reasons import words_of as words_of_reason
from fluentsd.fronts.slack.blocks import holds as words_of
from fluentsd.fronts.slack.blocks import sync
from fluentsd.fronts.slack.blocks.layout import (
    MENU,
    Block,
    Message,
    actions,
    button,
    context,
    menu,
    message,
    section,
)
from fluentsd.fronts.slack.blocks.wording import actor, count, moment, numbers, ours, safe, word
from fluentsd.verbs.answers.campaigns import ByResult, Campaign, Counted, Report, Status, state_word
from fluentsd.verbs.answers.holds import Hold, hold_of

#: Squares of a bar, and buttons of a card.
BAR, BUTTONS = 10, 3

#: What can be done in each state, in the order of the card.
_DOES: Mapping[str, tuple[str, ...]] = {
    "draft": ("start", "schedule"),
    "scheduled": ("start", "clear"),
    "active": ("pause",),
    "paused": ("resume",),
    "stopped": ("reopen",),
    "completed": ("reopen",),
}
#: Each act: its words, and the command that it is.
_ACTS: Mapping[str, tuple[str, str]] = {
    "start": ("Start…", "start {}"), "schedule": ("Schedule…", "schedule {}"),
    "clear": ("Unschedule", "schedule {} clear"), "pause": ("Pause", "pause {}"), "resume": ("Resume", "resume {}"),
    "reopen": ("Reopen", "reopen {}"), "stop": ("Stop…", "stop {}"), "edit": ("Edit…", "edit {}"),
    "status": ("Open", "status {}"), "report": ("Report", "report {}"), "contacts": ("People", "contacts {}"),
    "calls": ("Attempts", "calls {}"), "forecast": ("Forecast", "forecast {}"), "errors": ("Errors", "errors {}"),
    "unknown": ("Unknown results", "unknown {}"),
}  # fmt: skip
#: People by state, in the order in which they are shown.
_FIGURES = ("queued", "active", "errored", "exited", "completed")
_PRIMARY = ("start", "resume")
_MARKS = {"active": "🟢", "held": "🟠", "paused": "⏸️", "scheduled": "🗓️", "draft": "📝", "stopped": "⏹️",
          "completed": "✅"}  # fmt: skip


def title(one: Campaign, holds: Sequence[Hold] = ()) -> str:
    """`🟢 *Spring fair* · c42 · active`."""
    state = state_word(one, holds)
    return f"{_MARKS.get(state, '•')} *{safe(one.name, 100)}* · c{one.id} · {state}"


def card(found: Status) -> Message:
    """The card. The words of its figures are those of `campaign status`."""
    text = f"{safe(found.name)}: {state_word(found, found.holds)}, {found.completed} of {found.total} completed"
    blocks = [section(f"{title(found, found.holds)}\n{progress(found)}"), *_notes(found)]
    return message(text, *blocks, *buttons(found, found.holds))


def progress(found: Status | Report) -> str:
    """How far it is, in people who have ended, what came of it, and the figures in the words of `campaign status`:
    those of nobody are left out, and why people have exited stands with their number."""
    shown = [f"*Total* {found.total:,}"]
    for state in _FIGURES:
        if people := getattr(found, state):
            why = found.exited_by_reason if state == "exited" else {}
            shown.append(f"*{state.capitalize()}* {people:,}" + (f" ({numbers(why)})" if why else ""))
    came = [results(found.people)] if isinstance(found, Status) and found.people.contacted else []
    return "\n".join([ended(found), *came, " · ".join(shown)])


def results(found: ByResult) -> str:
    """`*Contacted* 44 · *Conversations* 17 (39%): 11 interested, 2 callback · *Opted out* 1`: people, each counted once
    in a figure, as in the report; those of nobody after *Conversations* are left out."""
    came_to = ", ".join(f"{people:,} {word(one)}" for one, people in found.came_to.items() if people)
    talked = f"*Conversations* {found.conversations:,}"
    if found.conversations:
        talked += f" ({share(found.conversations, found.contacted)})" + (f": {came_to}" if came_to else "")
    out = [f"*Opted out* {found.opted_out:,}"] if found.opted_out else []
    return " · ".join([f"*Contacted* {found.contacted:,}", talked, *out])


def ended(found: Counted, *, with_bar: bool = True) -> str:
    """`🟩🟩🟩🟩⬜⬜⬜⬜⬜⬜ 22 of 60 ended (37%)`; people who are completed or have exited."""
    through = found.completed + found.exited
    squares = f"{bar(through, found.total, '🟩', '⬜', BAR)} " if with_bar else ""
    return f"{squares}{through:,} of {found.total:,} ended ({share(through, found.total)})"


def bar(part: int, whole: int, full: str = "█", rest: str = "░", length: int = 16) -> str:
    """A bar of text."""
    filled = min(round(length * part / whole), length) if whole else 0
    return full * filled + rest * (length - filled)


def share(part: int, whole: int) -> str:
    """`37%`; "–" of nothing."""
    return f"{part / whole:.0%}" if whole else "–"


def _notes(found: Status) -> list[Block]:
    lines = [f"*Started on* {moment(found.started_at, found.zone)} · *Owner* {actor(found.owner)}"]
    if found.state == "scheduled":
        lines.append(f"starts {moment(found.starts_at, found.zone)}")
    if found.next_at is not None and state_word(found, found.holds) == "active":
        lines.append(f"next contact due {moment(found.next_at, found.zone)}")
    lines += [words_of.sentence(hold) for hold in found.holds[:3]]
    lines += sync.followed(found.segments)
    lines += [f"{count(people)} wait: {ours(words_of_reason(why), 200)}" for why, people in found.held_people.items()]
    if found.unknown:
        lines.append(f"❓ {count(found.unknown, 'attempt', 'attempts')} with an unknown result")
    return [context("\n".join(lines))]


def buttons(one: Campaign, holds: Sequence[Hold] = ()) -> list[Block]:
    """The three buttons that matter most in the campaign's state, and the menu of the others."""
    acts = _acts(one, holds)
    hold = hold_of(one.ref, holds) if one.state == "active" else None
    made = [words_of.release(hold)] if hold else []
    shown = acts[: BUTTONS - len(made)]
    return [actions(*made, *(_button(one, act) for act in shown), _menu(one, acts[len(shown) :], "say:menu"))]


def _acts(one: Campaign, holds: Sequence[Hold]) -> list[str]:
    """What can be done now, the most important first. To pause a held campaign is in the menu: it is still already."""
    is_held = state_word(one, holds) == "held"
    now = [] if is_held else [*_DOES.get(one.state, ())]
    now += [act for act, figure in (("errors", "errored"), ("unknown", "unknown")) if getattr(one, figure, 0)]
    return [*now, "report", *(["pause"] if is_held else [])]


def _button(one: Campaign, act: str) -> Block:
    words, value = _act(one, act)
    return button(words, f"say:{act}", value, "primary" if act in _PRIMARY else "")


def _act(one: Campaign, act: str) -> tuple[str, dict[str, Any]]:
    words, command = _ACTS[act]
    return words, {"text": command.format(f"c{one.id}")}


def _menu(one: Campaign, first: Sequence[str], action: str) -> Block:
    """A campaign's other commands, as they are typed; one that ends it is the last, and asks first."""
    last = ["stop"] if one.state in ("active", "paused") else []
    acts = [*first, *(act for act in ("edit", "contacts", "calls", "forecast") if act not in first)]
    entries = [(act, *_act(one, act)) for act in [*acts[: MENU - len(last)], *last]]
    return menu(action, *((words, f"say:{act}", value) for act, words, value in entries))


def row(one: Campaign, holds: Sequence[Hold], line: str) -> Block:
    """A campaign in a list, with what can be done at hand: opened, paused or resumed, reported, edited, stopped."""
    first = ["status", *(act for act in _acts(one, holds) if act in ("start", "pause", "resume")), "report", "edit"]
    return section(f"{title(one, holds)}\n{line}", accessory=_menu(one, first, f"say:row:{one.id}"))


def draft_row(ref: str, line: str, *, is_manager: bool, page: str = "name") -> Block:
    """A draft, or changes that are not applied, with the button that goes on at a page of the form."""
    go_on = button("Continue…", "open:edit", {"ref": ref, "page": page}) if is_manager else None
    return section(line, accessory=go_on)


def receipt(found: Campaign, *lines: str) -> Message:
    """The answer to a change of a campaign, with the buttons that are possible now."""
    return message(lines[0], section("\n".join(line for line in lines if line)), *buttons(found))
