"""How answers about templates look: what became of them, which there are, one as a file, one as a person gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import people, when

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

Answer = Mapping[str, Any]


def applied(screen: Screen, answer: Answer) -> None:
    """What became of each, and for which campaigns."""
    dry = " (dry run: nothing was changed)" if answer["dry_run"] else ""
    for one in answer["templates"]:
        if one["created"]:
            what = f"is new, by {one['channel']}"
        elif one["changed"]:
            what = f"is version {one['version']} now: {', '.join(one['changed'])} changed"
        else:
            what = "says that already"
        screen.say(f"{one['name']} {what}{dry}", "green" if one["changed"] else "")
    for row in answer["campaigns"]:
        kept = row["keep_their_flow"]
        tail = (
            f"; {people(kept)} keep the words they entered with; to move them: fluentsd campaign upgrade {row['ref']}"
        )
        screen.say(f"{row['ref']}: people who enter from now on get the new words{tail if kept else ''}")


def listed(screen: Screen, answer: Answer) -> None:
    """All of them."""
    if not answer["templates"]:
        screen.say("no templates; keep one: fluentsd templates apply FILE")
        return
    screen.table(
        ["Template", "Channel", "#Version", "Subject", "Used by", "Changed", "By"],
        [
            [
                t["name"],
                t["channel"],
                t["version"],
                t["subject"],
                t["campaigns"],
                when(t["created_at"]),
                t["created_by"],
            ]
            for t in answer["templates"]
        ],
    )


def shown(screen: Screen, answer: Answer) -> None:
    """The file, with its history in comments: what is printed can be applied."""
    import tomli_w

    for one in answer["versions"]:
        here = "  ← this one" if one["version"] == answer["version"] else ""
        screen.say(f"# version {one['version']} of {when(one['created_at'])}, by {one['created_by']}{here}", "dim")
    print(tomli_w.dumps(answer["file"], multiline_strings=True), end="")  # noqa: T201 - it is a file


def previewed(screen: Screen, answer: Answer) -> None:
    """The message as it would arrive, then what its channel says of it."""
    heads = {"From": answer["sender"], "Reply-To": answer["reply_to"], "To": answer["to"], "Subject": answer["subject"]}
    for head, value in heads.items():
        if value:
            screen.say(f"{head}: {value}", "dim")
    screen.say(answer["text"] or "(only HTML)")
    if answer["html"]:
        screen.say(f"with an HTML part of {len(answer['html']):,} characters; see it whole: --json", "dim")
    for remark in answer["remarks"]:
        fix = f"; {remark['fix']}" if remark["fix"] else ""
        screen.say(f"{remark['what']}{fix}", "" if remark["ok"] else "red")


def removed(screen: Screen, answer: Answer) -> None:
    screen.say(f"{answer['name']} is not offered any more; its history stays: fluentsd templates show {answer['name']}")
