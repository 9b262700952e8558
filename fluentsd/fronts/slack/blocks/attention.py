"""What needs a person, each line with the button that leads to it: the first part of the overview, of the digest and of
the app's home.

What must not live here: the parts of the installation that do not work (`home`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.fronts.slack.blocks import holds as words_of
from fluentsd.fronts.slack.blocks.layout import Block, button, context, section
from fluentsd.fronts.slack.blocks.wording import actor, count, moment, safe
from fluentsd.verbs.answers.campaigns import Counted, Status
from fluentsd.verbs.answers.holds import Hold

#: Lines of each kind.
LINES = 3


def attention(
    holds: Sequence[Hold], found: Sequence[Counted], statuses: Sequence[Status], leads: int, replies: int
) -> list[Block]:
    """The lines. `statuses`: campaigns of which it is known how many attempts have an unknown result."""
    names = {one.ref: one for one in found}
    made = []
    if leads:
        made.append(_line(f"🔥 {count(leads, 'hot lead is', 'hot leads are')} not handled yet", "Hot leads", "leads"))
    if replies:
        made.append(_line(f"💬 {count(replies, 'reply is', 'replies are')} not handled yet", "Replies", "replies"))
    for hold in [one for one in holds if one.scope != "contact"][:LINES]:
        made.append(_held(hold, names.get(hold.target) if hold.scope == "campaign" else None))
    for one in [one for one in found if one.errored][:LINES]:
        words = f"⚠️ *{safe(one.name, 100)}*: {count(one.errored)} in error"
        made.append(_line(words, "Errors", f"errors c{one.id}"))
    for status in [one for one in statuses if one.unknown][:LINES]:
        attempts = count(status.unknown, "attempt", "attempts")
        words = f"❓ *{safe(status.name, 100)}*: {attempts} with an unknown result"
        made.append(_line(words, "Decide", f"unknown c{status.id}"))
    return [*made, *_taken_over([one for one in holds if one.scope == "contact"])]


def _taken_over(held: Sequence[Hold]) -> list[Block]:
    """People whom colleagues have taken over, the longest first, each with the way to give them back. Their names are
    in the history alone, because a digest is read by a whole channel."""
    made = []
    for hold in held[:LINES]:
        words = f"🤝 {actor(hold.by)} has taken a person over, {moment(hold.since_at)}; no campaign contacts them"
        made.append(_line(words, "History", f"person {hold.target}"))
    more = len(held) - len(made)
    return [*made, context(f"… and {count(more)} more taken over")] if more else made


def _held(hold: Hold, campaign: Counted | None) -> Block:
    """A hold with its release; a campaign that is paused as well goes on by its own button."""
    words = words_of.sentence(hold, campaign.name if campaign is not None else "")
    if campaign is not None and campaign.state == "paused":
        return _line(words, "Resume", f"resume c{campaign.id}")
    return section(words, accessory=words_of.release(hold))


def _line(words: str, label: str, command: str) -> Block:
    return section(words, accessory=button(label, f"say:{command.partition(' ')[0]}", {"text": command}))
