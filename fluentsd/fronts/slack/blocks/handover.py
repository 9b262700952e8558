"""The summary for the new owner of a campaign."""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.card import buttons, title
from fluentsd.fronts.slack.blocks.holds import sentence
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, moment, plain, safe
from fluentsd.verbs.answers.campaigns import Status, state_word


def summary(found: Status, replies: int, leads: int, has_edit: bool, by: str) -> Message:
    """How a campaign stands, and what waits for its owner: replies, hot leads, changes that are not applied."""
    lines = [
        f"{title(found, found.holds)} is yours now, given by {actor(by)}.",
        f"{found.total:,} people: {found.queued:,} queued, {found.active:,} active, {found.errored:,} in error, "
        f"{found.exited:,} exited, {found.completed:,} completed.",
    ]
    if found.next_at is not None and state_word(found, found.holds) == "active":
        lines.append(f"The next contact is due {moment(found.next_at, found.zone)}.")
    if found.state == "scheduled":
        lines.append(f"It starts {moment(found.starts_at, found.zone)}.")
    lines += [sentence(hold) for hold in found.holds[:3]]
    waits = [one for one in ((leads, "hot lead", "hot leads"), (replies, "reply", "replies")) if one[0]]
    waiting = " and ".join(count(*one) for one in waits)
    lines.append(f"Not handled yet: {waiting}." if waiting else "Every reply and hot lead is handled.")
    more = [button(words.capitalize(), f"say:{command}", {"text": f"{command} {found.ref}"})
            for _, _, words in waits for command in [words.split()[-1]]]  # fmt: skip
    if has_edit:
        lines.append("It has changes that are not applied yet.")
        more.append(button("Continue the changes…", "open:edit", {"ref": found.ref, "page": "review"}))
    blocks = [section("\n".join(lines)), *buttons(found, found.holds), *([actions(*more)] if more else [])]
    return message(f"{plain(safe(found.name), 100)} is yours now", *blocks)
