"""Prints what today's rules read otherwise in stored people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.verbs.answers.rereading import Change, Reread

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

_NOUNS = {"point": "points", "place": "places", "suppression": "opt-outs", "doubt": "doubtful points"}


def reread(screen: Screen, answer: Reread) -> None:
    """The changes, then their counts and what to do."""
    if answer.changes:
        screen.table(
            ["Person", "What", "Was", "Today", "Because", "Read from"],
            [[f"#{one.person}" if one.person else "", _what(one), one.was, one.becomes, one.because, one.source]
             for one in answer.changes],
        )  # fmt: skip
    read = f"{answer.people:,} people and {answer.entries:,} entries of the suppression list were read"
    counted = ", ".join(f"{count:,} {_NOUNS.get(what, what)}" for what, count in answer.counts.items() if count)
    if not counted:
        screen.say(f"{read}; all of them are read today as they are kept", "green")
        return
    if answer.dry_run:
        screen.say(f"{read}; read otherwise today: {counted}; nothing was changed", "yellow")
        screen.say("to change them: fluentsd contacts reread")
        if answer.counts.get("suppression"):
            screen.say("a column that means no opt-out: import its file again with --only-a-field COLUMN first", "dim")
    else:
        screen.say(f"{read}; changed: {answer.changed:,} of {counted}", "green")
    if answer.counts.get("doubt"):
        screen.say("a doubtful point stays; correct it in its source and import that again", "dim")


def _what(one: Change) -> str:
    return f"add to the suppression list ({one.channel})" if one.what == "suppression" else one.what
