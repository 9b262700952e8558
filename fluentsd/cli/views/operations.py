"""Prints the answers about the installation: `check`, `log`, and any answer without a view of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import cell, when
from fluentsd.verbs.answers.acts import sentence
from fluentsd.verbs.answers.holds import Log
from fluentsd.verbs.answers.outbox import Reloaded

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

Answer = Mapping[str, Any]


def check(screen: Screen, answer: Answer) -> None:
    """The effective settings, then each finding with its fix."""
    import tomli_w

    screen.say(tomli_w.dumps(answer["settings"]), "dim")
    for finding in answer["findings"]:
        screen.say(f"{'ok  ' if finding['ok'] else 'FAIL'} {finding['what']}", "green" if finding["ok"] else "red")
        if finding["fix"] and not finding["ok"]:
            screen.say(f"      fix: {finding['fix']}")


def log(screen: Screen, answer: Log) -> None:
    """The audit log, one act per row, as a sentence."""
    if not answer.entries:
        screen.say("no entries; without a word the whole log is shown: fluentsd log")
        return
    screen.table(
        ["@When", "Who", "Did"],
        [[when(e.at), e.actor, sentence(e.verb, e.target, e.details)] for e in answer.entries],
    )


def reloaded(screen: Screen, answer: Reloaded) -> None:
    screen.say("the daemon takes in its settings now; calls and messages in progress end first", "green")


def plain(screen: Screen, answer: Answer) -> None:
    """An answer without a view of its own, one line per key."""
    for key, value in answer.items():
        screen.say(f"{key}: {cell(value)}")
