"""Prints the outbox: its targets, and the deliveries that are not done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.cli.format import when
from fluentsd.verbs.answers.outbox import Dropped, Listing, Retried, Target

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def listing(screen: Screen, answer: Listing) -> None:
    screen.table(["Target", "Waiting", "Dead", "State"], [_target(one) for one in answer.targets])
    rows = answer.deliveries
    if not rows:
        screen.say("every event is delivered", "green")
        return
    screen.table(
        ["Id", "Target", "Topic", "Key", "State", "Tries", "@Next try", "Problem"],
        [
            [str(d.id), d.target, d.topic, d.key, d.state, str(d.tries), when(d.next_at),
             d.problem]
            for d in rows
        ],
    )  # fmt: skip
    if any(d.state == "dead" for d in rows):
        screen.say("send dead letters again: fluentsd outbox retry --target NAME", "dim")


def _target(one: Target) -> list[str]:
    state = f"down, next probe {when(one.down_until)}" if one.down_until else "ok"
    return [one.target, str(one.waiting), str(one.dead), state if one.configured else "not configured"]


def retried(screen: Screen, answer: Retried) -> None:
    screen.say(f"{answer.retried} dead letters are due again", "green")


def dropped(screen: Screen, answer: Dropped) -> None:
    screen.say(f"{answer.dropped} deliveries deleted", "green")
