"""Prints the answers about the suppression list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.cli.format import campaigns, when
from fluentsd.verbs.answers.suppression import Added, History, Lifted, Listing, Taken, Undone

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

#: Unreadable entries of an import printed one by one.
BAD_SHOWN = 10


def listing(screen: Screen, answer: Listing | History) -> None:
    """The entries, with the evidence of each."""
    if isinstance(answer, History):
        screen.say(answer.sentence)
    if not answer.entries:
        screen.say("no entries")
        return
    screen.table(
        ["Number or address", "Channel", "Reason", "By", "@Since", "@Lifted", "Because"],
        [
            [
                e.value, "every" if e.channel == "*" else e.channel, e.reason, e.by, when(e.at),
                when(e.lifted_at), e.lifted_because or (e.evidence or {}).get("said", ""),
            ]
            for e in answer.entries
        ],
    )  # fmt: skip


def added(screen: Screen, answer: Added) -> None:
    """One new entry, and the campaigns that the person left because of it."""
    left = f"; the person left {campaigns(len(answer.campaigns))}" if answer.campaigns else ""
    screen.say(f"{answer.point} is on the suppression list{left}")
    screen.say(f'a mistake? fluentsd suppression undo {answer.point} --because "…"', "dim")


def lifted(screen: Screen, answer: Lifted) -> None:
    """One lifted entry."""
    screen.say(f"{answer.point} may be contacted again; the entry and your reason stay on record")


def undone(screen: Screen, answer: Undone) -> None:
    """An entry that was a mistake."""
    screen.say(f"the entry of {answer.point} is taken back; it and your reason stay on record", "green")
    screen.say(answer.sentence, "yellow" if answer.still else "")
    for sentence in answer.notes:
        screen.say(sentence, "yellow")


def imported(screen: Screen, answer: Taken) -> None:
    """The counts of an import, and the first entries that could not be read."""
    screen.say(f"{answer.added} added, {answer.known} already on the suppression list")
    for bad in answer.bad[:BAD_SHOWN]:
        screen.say(f"  not read: {bad.text!r}: {bad.reason}", "yellow")
    if len(answer.bad) > BAD_SHOWN:
        screen.say(f"  and {len(answer.bad) - BAD_SHOWN} more", "yellow")
