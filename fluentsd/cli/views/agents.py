"""Prints the answers about agents: changes, the list, one as a file with what it says first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.cli.format import people, when
from fluentsd.verbs.answers.agents import Applied, Listing, Removed, Shown

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def applied(screen: Screen, answer: Applied) -> None:
    """The new or changed agents, what they say first, and the campaigns that use them."""
    dry = " (dry run: nothing was changed)" if answer.dry_run else ""
    for one in answer.agents:
        if one.created:
            what = f"is new; a call begins with: {one.opening}"
        elif one.changed:
            what = f"is version {one.version} now: {', '.join(one.changed)} changed"
        else:
            what = "is the same as the file"
        screen.say(f"{one.name} {what}{dry}", "green" if one.changed else "")
        if one.live:
            screen.say(f"  for everybody at once, people already enrolled too: {', '.join(one.live)}")
    for row in answer.campaigns:
        kept = row.keep_their_flow
        tail = f"; {people(kept)} keep the agent they entered with; to move them: fluentsd campaign upgrade {row.ref}"
        screen.say(f"{row.ref}: people who enter from now on get the new agent{tail if kept else ''}")


def listed(screen: Screen, answer: Listing) -> None:
    """All agents, one per row."""
    if not answer.agents:
        screen.say("no agents; create one: fluentsd agents apply FILE")
        return
    screen.table(
        ["Agent", "#Version", "Company", "Language", "Skills", "Recording", "Used by", "@Changed", "By"],
        [
            [
                one.name,
                one.version,
                one.company,
                one.language,
                one.skills,
                "yes" if one.recording else "no",
                one.campaigns,
                when(one.created_at),
                one.created_by,
            ]
            for one in answer.agents
        ],
    )


def shown(screen: Screen, answer: Shown) -> None:
    """The agent file, with what it says first and its versions in comments; the output can be applied again."""
    import tomli_w

    screen.say(f"# says first: {answer.opening}", "dim")
    for one in answer.versions:
        here = "  ← shown here" if one.version == answer.version else ""
        screen.say(f"# version {one.version} of {when(one.created_at)}, by {one.created_by}{here}", "dim")
    print(tomli_w.dumps(dict(answer.file), multiline_strings=True), end="")  # noqa: T201 - it is a file


def removed(screen: Screen, answer: Removed) -> None:
    screen.say(f"{answer.name} is archived; its history stays: fluentsd agents show {answer.name}")
