"""The launch card: what a start would do, before it does it; its buttons start the campaign as it was shown.

What prevents the start comes first, else the line that decides: who, when, what it costs; then whom something keeps,
samples, and what the law asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fluentsd.domain.reasons import WORDS, Reason
from fluentsd.fronts.slack.blocks.duties import summary
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, confirm, context, message, section
from fluentsd.fronts.slack.blocks.wording import (
    contacts,
    count,
    masked,
    moment,
    money,
    ours,
    point,
    safe,
    span,
    without_points,
)
from fluentsd.verbs.answers.campaigns import Campaign, Status
from fluentsd.verbs.answers.explain import Ahead, Check

#: Samples of messages, and lines of each list.
SAMPLES, LINES = 3, 8
#: People of a start that is held after a few.
FEW = 50


def launch(check: Check, when: str = "", text: str = "", first: int | None = None, *, reader: str = "") -> Message:
    """The card of a `campaign check`. `when` is the shown moment of a scheduled start, `text` the command that
    schedules; `first`: hold the campaign after this many people; `reader`: the zone of the one who reads."""
    ref, people, ready = f"c{check.id}", check.people, check.ready
    name = safe(check.name, 100)
    verb = f"Schedule *{name}* for {when}" if when else f"Start *{name}*"
    blocks = [section(_counts(check)), *_ahead(check, reader), *_lists(check), *_samples(check), *summary(check)]
    if check.errors:
        stops = f"⛔ *{name}* cannot start; nothing was changed. *What to put right:*\n{_bullets(check.errors)}"
        return message(f"{name} cannot start", section(stops), *blocks)
    blocks.insert(0, section(f"{verb}?"))
    yes = f"{verb} → {count(ready)} of {people:,} will be contacted."
    yes += f" {count(len(check.warnings), 'warning stays', 'warnings stay')} open." if check.warnings else ""
    yes += f" After {count(first)} it is held until you press Contact the others." if first else ""
    dialog = confirm("Schedule it?" if when else "Start now?", yes, "Schedule" if when else "Start")
    few = f" first {first}" if first else ""
    go = {"text": text or f"start {ref}{few} yes", "revision": check.revision}
    made = [button("Schedule" if when else "Start", "say:go", go, "primary", dialog)]
    if not when and not first and ready > FEW:
        made.append(button(f"Only the first {FEW}…", "say:first", {"text": f"start {ref} first {FEW}"}))
    made.append(button("Cancel", "close", {}))
    return message(f"{name}: {count(ready)} of {people:,} would be contacted", *blocks, actions(*made))


def approval(found: Status, requester: str, approvers: str) -> Message:
    """The question to a second person; the button approves what is shown, and nothing newer."""
    name, ref = safe(found.name, 100), f"c{found.id}"
    dialog = confirm(
        "Approve this start?",
        f"<@{requester}> may then start *{name}* for {count(found.queued)}. An edit makes the approval void.",
        "Approve",
    )
    return message(
        f"{name} needs an approval",
        section(
            f"<@{requester}> wants to start *{name}* ({ref}) for *{count(found.queued)}*. {approvers}: do you agree?"
        ),
        actions(
            button("Approve", "say:approve", {"text": f"approve {ref}", "revision": found.revision}, "primary", dialog),
            button("Look", "say:look", {"text": f"start {ref}"}),
        ),
    )


def approved(found: Campaign, by: str) -> Message:
    """A second person agreed; the start itself is the requester's."""
    name, ref = safe(found.name, 100), f"c{found.id}"
    go = {"text": f"start {ref} yes", "revision": found.revision}
    return message(
        f"{name} is approved",
        section(f"✅ <@{by}> approves the start of *{name}* as it is now."),
        actions(button("Start", "say:go", go, "primary", confirm("Start now?", f"*{name}* starts.", "Start"))),
    )


def _counts(check: Check) -> str:
    """Who would be contacted, who not, and who of the others skips a step or is held at it."""
    lines = [f"*{count(check.ready)}* of {check.people:,} would be contacted."]
    lines += [f"• {count(out.people)} not: {safe(out.sentence)}" for out in check.out[:LINES]]
    listed = Counter[str]()
    for out in check.out:
        listed[out.reason] += out.people
    holds = {(one.step, one.reason) for one in check.held}
    for step in check.steps if not check.errors else ():
        kept = {reason: people - listed[reason] for reason, people in step.people.items() if reason != "ready"}
        parts = [f"{people:,} {'held there' if (step.step, reason) in holds else 'left out'} ({_words(reason)})"
                for reason, people in kept.items() if people > 0]  # fmt: skip
        if parts:
            lines.append(f"• step *{safe(step.step, 40)}*: {count(step.people.get('ready', 0))}; {', '.join(parts)}")
    return "\n".join(lines[: LINES * 2])


def _words(reason: str) -> str:
    return WORDS[Reason(reason)] if reason in Reason.__members__ else safe(reason.replace("_", " "))


def _lists(check: Check) -> list[Block]:
    blocks = []
    if check.warnings:
        blocks.append(section(f"⚠️ *Look at this before you start it*\n{_bullets(check.warnings)}"))
    if check.notes:
        blocks.append(context(_bullets(check.notes)))
    return blocks


def _samples(check: Check) -> list[Block]:
    blocks = []
    for step, sample in list(check.samples.items())[:SAMPLES]:
        text = sample.text or (f"a call by the agent {sample.agent}" if sample.agent else "–")
        subject = f"*{masked(sample.subject, 100)}*\n" if sample.subject else ""
        blocks.append(section(f"*{safe(step, 40)}* to {point(sample.to)}\n{subject}>{masked(text, 500)}"))
    return blocks


def _ahead(check: Check, reader: str) -> list[Block]:
    return [section(forecast_line(check.forecast, reader))] if check.forecast else []


def forecast_line(ahead: Ahead, reader: str = "") -> str:
    """When it begins, when it would be done, what it would cost, and how many contacts that is."""
    early, late, zone = ahead.finish_early_at, ahead.finish_late_at, ahead.zone
    parts = [f"*First contact* {moment(ahead.first_at, zone, reader)}"] if ahead.first_at else []
    parts.append(f"*Done* {span(early, late or early, zone, reader) if early else 'no end in sight'}")
    costs = Counter[str]()
    for one in ahead.channels:
        costs[one.currency] += one.money_micros or 0
    shown = [money(micros, currency) for currency, micros in costs.items() if micros]
    made = ", ".join(contacts(one.contacts, one.channel) for one in ahead.channels)
    parts.append(f"*Cost* {' + '.join(shown) or 'not priced'}")
    return "\n".join([" · ".join(parts), f"Forecast: {made or 'no contacts'}"])


def _bullets(lines: Sequence[str]) -> str:
    shown = [f"• {ours(without_points(line), 300)}" for line in lines[:LINES]]
    return "\n".join(shown + ([f"… and {len(lines) - LINES} more"] if len(lines) > LINES else []))
