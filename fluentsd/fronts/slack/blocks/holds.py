"""Holds in words, each with the button that lifts it: on a card, in its thread, in the overview and at home.

What must not live here: campaigns that are paused by a person (`card`).
"""

from __future__ import annotations

from fluentsd.engine.dispatch.claim import FIRST_DONE
from fluentsd.fronts.slack.blocks.layout import Block, button, confirm
from fluentsd.fronts.slack.blocks.wording import actor, held, ours, safe, yours
from fluentsd.verbs.answers.holds import Hold


def is_first(hold: Hold) -> bool:
    """Whether it waits for a person to look at the results of the first people."""
    return hold.scope == "campaign" and hold.reason == FIRST_DONE


def sentence(hold: Hold, name: str = "") -> str:
    """What is held, by whom and why. `name`: of the campaign that is held."""
    if is_first(hold):
        who = f"The first people of *{safe(name)}*" if name else "The first people"
        return f"✋ {who} were contacted. Look at the results, then press *Contact the others*."
    until = f" until {yours(hold.until_at)}" if hold.until_at else ""
    what = f"the campaign {safe(name or hold.target)}" if hold.scope == "campaign" else held(hold.scope, hold.target)
    return f"⚠️ On hold{until}: {what}, by {actor(hold.by)} ({ours(hold.reason, 300)})"


def release(hold: Hold) -> Block:
    """The button that lifts a hold, after a question."""
    value = {"scope": hold.scope, "target": hold.target}
    if hold.scope == "source":
        sure = confirm("Go on?", "It is read again, and its changes are applied.", "Go on")
        return button("Release…", "sync:release", {"source": hold.target}, "primary", sure)
    if is_first(hold):
        sure = confirm("Contact the others?", "Everybody who waits is contacted from now on.", "Contact them")
        return button("Contact the others…", "release", value, "primary", sure)
    return button("Release…", "release", value, "primary",
                  confirm("Release it?", "Contacts continue at once.", "Release"))  # fmt: skip
