"""Prints the answers about caller IDs: the list, and the differences to the providers' lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluentsd.cli.format import when
from fluentsd.verbs.answers import numbers as answers

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def listing(screen: Screen, answer: answers.Listing) -> None:
    if not answer.numbers:
        screen.say("no caller IDs; add one: fluentsd numbers add +12125550123 --tag sales-us")
        return
    screen.table(
        ["Number", "Label", "Tags", "Pace", "Carries", "#Used", "@Next use", "Held", "Calls to it"],
        [[n.e164, n.label, n.tags, n.pace or "campaign's", n.carries.replace(",", ", "), n.used,
          when(max(n.next_slot_at, n.held_until_at or 0) or None), _held(n),
          n.inbound_agent or n.forward_to] for n in answer.numbers],
    )  # fmt: skip


def changed(screen: Screen, answer: answers.Changed) -> None:
    """One caller ID, and what became of it."""
    number = answer.number
    if answer.removed:
        sentence = f"{number} is no caller ID any more"
    elif answer.rests:
        until = f" until {when(answer.until_at)}" if answer.until_at else ""
        sentence = (
            f"{number} rests{until}: no call or text comes from it; to use it again: fluentsd release number {number}"
        )
    elif answer.untagged:
        sentence = f"{number} has lost the tag {', '.join(answer.untagged)}"
    elif answer.answered_by:
        sentence = f"a call to {number} is answered by: {answer.answered_by}"
    else:
        tags = f" with the tag {', '.join(answer.tags)}" if answer.tags else ""
        sentence = f"{number} is a caller ID{tags}"
    screen.say(sentence, "green")


def _held(number: answers.CallerId) -> str:
    if number.held and number.held_until_at:
        return f"cooling down: {number.held}"
    return str(number.held)


def synced(screen: Screen, answer: answers.Synced) -> None:
    counts = answer.counts
    screen.table(["#Added", "#Known", "#Missing", "#Left out"],
                 [[counts.get(k, 0) for k in ("added", "known", "missing", "left_out")]])  # fmt: skip
    if answer.added:
        rows = [[one.number, one.label, one.tags, one.carries] for one in answer.added]
        screen.table(["New", "Label", "Tags", "Carries"], rows)
    if answer.tagged:
        screen.say(f"tags added: {answer.tagged}")
    _some(screen, "no provider has these now; to stop using them: fluentsd numbers remove", answer.missing)
    _some(screen, "removed here earlier and not added again; to add one: fluentsd numbers add", answer.retired)
    for one in answer.left_out:
        screen.say(f"left out: {one.number} {one.why}", "yellow")
    for kind, why in answer.failed.items():
        screen.say(f"{kind} could not be queried, so missing numbers are not listed: {why}", "red")
    if answer.dry_run:
        screen.say("dry run: nothing was changed", "dim")


def _some(screen: Screen, what: str, found: Sequence[str]) -> None:
    if found:
        screen.say(f"{what}: {', '.join(found)}", "yellow")
