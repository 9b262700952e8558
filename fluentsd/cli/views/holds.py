"""Prints holds: scope, reason, the command that lifts each, and the attempts that caused it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluentsd.cli.format import when
from fluentsd.cli.suggestions import command
from fluentsd.verbs.answers.holds import Hold, Holds, Released

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def listing(screen: Screen, answer: Holds) -> None:
    if not answer.holds:
        screen.say("nothing is held", "green")
        return
    screen.table(
        ["Scope", "Target", "Reason", "By", "@Since", "@Until"],
        [[h.scope, h.target, h.reason, h.by, when(h.since_at), when(h.until_at)] for h in answer.holds],
    )
    for hold in answer.holds:
        if hold.scope == "installation":
            screen.say(f"to release the installation: {_lift(hold)}", "yellow")
        if hold.scope == "contact":
            screen.say(f"to go on with the person {hold.target}: {_lift(hold)}", "yellow")
    _cases(screen, answer.holds)


def released(screen: Screen, answer: Released) -> None:
    screen.say(f"the {answer.scope} {answer.target}".rstrip() + " is not held any more", "green")


def lines(screen: Screen, holds: Sequence[Hold], *, is_paused: bool = True) -> None:
    """One line per hold, with the command that lifts it. `is_paused`: whether the campaign is paused too."""
    for hold in holds:
        until = f" until {when(hold.until_at)}" if hold.until_at else ""
        screen.say(
            f"held: {hold.scope} {hold.target}, by {hold.by} since {when(hold.since_at)}{until}: "
            f"{hold.reason}  (lift it: {_lift(hold, is_paused=is_paused)})",
            "yellow",
        )
    _cases(screen, holds)


def _lift(hold: Hold, *, is_paused: bool = True) -> str:
    if hold.scope == "campaign" and is_paused:  # a breaker paused the campaign
        return command("campaign resume", {"ref": hold.target})
    if hold.scope == "contact":
        return command("contacts resume", {"person": hold.target})
    return command("release", {"scope": hold.scope, "target": hold.target})


def _cases(screen: Screen, holds: Sequence[Hold]) -> None:
    rows = [
        [f"{hold.scope} {hold.target}", case.to, case.ref, case.step, when(case.claimed_at),
         case.outcome, case.reason]
        for hold in holds for case in hold.cases
    ]  # fmt: skip
    if rows:
        screen.table(["Held", "Contacted", "Campaign", "Step", "@When", "Outcome", "Reason"], rows)
