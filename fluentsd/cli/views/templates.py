"""Prints the answers about templates: changes, the list, one as a file, one as a person receives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.cli.format import people, when
from fluentsd.verbs.answers import templates as answers

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen


def applied(screen: Screen, answer: answers.Applied) -> None:
    """The new or changed templates, and the campaigns that use them."""
    dry = " (dry run: nothing was changed)" if answer.dry_run else ""
    for one in answer.templates:
        if one.created:
            what = f"is new, by {one.channel}"
        elif one.changed:
            what = f"is version {one.version} now: {', '.join(one.changed)} changed"
        else:
            what = "is the same as the file"
        screen.say(f"{one.name} {what}{dry}", "green" if one.changed else "")
    for row in answer.campaigns:
        kept = row.keep_their_flow
        tail = f"; {people(kept)} keep the text they entered with; to move them: fluentsd campaign upgrade {row.ref}"
        screen.say(f"{row.ref}: people who enter from now on get the new text{tail if kept else ''}")


def listed(screen: Screen, answer: answers.Listing) -> None:
    """All templates, one per row."""
    if not answer.templates:
        screen.say("no templates; create one: fluentsd templates apply FILE")
        return
    screen.table(
        ["Template", "Channel", "#Version", "Subject", "Used by", "@Changed", "By"],
        [
            [
                t.name,
                t.channel,
                t.version,
                t.subject,
                t.campaigns,
                when(t.created_at),
                t.created_by,
            ]
            for t in answer.templates
        ],
    )


def shown(screen: Screen, answer: answers.Shown) -> None:
    """The template file, with its versions in comments; the output can be applied again."""
    import tomli_w

    for one in answer.versions:
        here = "  ← shown here" if one.version == answer.version else ""
        screen.say(f"# version {one.version} of {when(one.created_at)}, by {one.created_by}{here}", "dim")
    print(tomli_w.dumps(answer.file, multiline_strings=True), end="")  # noqa: T201 - it is a file


def previewed(screen: Screen, answer: answers.Preview) -> None:
    """The rendered message, then the channel's findings."""
    heads = {"From": answer.sender, "Reply-To": answer.reply_to, "To": answer.to, "Subject": answer.subject}
    for head, value in heads.items():
        if value:
            screen.say(f"{head}: {value}", "dim")
    screen.say(answer.text or "(only HTML)")
    if answer.html:
        screen.say(f"with an HTML part of {len(answer.html):,} characters; to see all of it: --json", "dim")
    for finding in answer.findings:
        fix = f"; {finding.fix}" if finding.fix else ""
        screen.say(f"{finding.what}{fix}", "" if finding.ok else "red")


def removed(screen: Screen, answer: answers.Removed) -> None:
    screen.say(f"{answer.name} is archived; its history stays: fluentsd templates show {answer.name}")
