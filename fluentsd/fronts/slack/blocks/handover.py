"""The summary for the new owner of a campaign."""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.card import buttons, title
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, moment, ours, plain, safe
from fluentsd.verbs.answers.campaigns import Status


def summary(found: Status, replies: int, leads: int, has_edit: bool, by: str) -> Message:
    """How a campaign stands, and what waits for its owner: replies, hot leads, changes that are not applied."""
    lines = [
        f"{title(found)} is yours now, given by {actor(by)}.",
        f"{found.total:,} people: {found.queued:,} queued, {found.active:,} active, {found.errored:,} in error, "
        f"{found.exited:,} exited, {found.completed:,} completed.",
    ]
    if found.next_at is not None and found.state == "active":
        lines.append(f"The next contact is due {moment(found.next_at)}.")
    if found.state == "scheduled":
        lines.append(f"It starts {moment(found.starts_at)}.")
    lines += [f"Held: {ours(hold.reason, 200)}" for hold in found.holds[:3]]
    waits = [count(replies, "reply", "replies")] * bool(replies) + [count(leads, "hot lead", "hot leads")] * bool(leads)
    lines.append(f"{' and '.join(waits)} wait for you." if waits else "No reply and no hot lead waits.")
    more = []
    if replies or leads:
        more.append(button("What waits", "say:replies", {"text": f"replies {found.ref}"}))
    if has_edit:
        lines.append("It has changes that are not applied yet.")
        more.append(button("Continue the changes", "open:edit", {"ref": found.ref, "page": "review"}))
    blocks = [section("\n".join(lines)), *buttons(found), *([actions(*more)] if more else [])]
    return message(f"{plain(safe(found.name), 100)} is yours now", *blocks)
