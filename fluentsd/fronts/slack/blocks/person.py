"""Everything about one person: who it is, where they are in each campaign, every attempt, and who deals with them.

What must not live here: one conversation (`conversations`), and the search for people (`lists`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.fronts.slack.blocks.attempts import attempt
from fluentsd.fronts.slack.blocks.conversations import IN_CRM, ways
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, context, message, paragraphs, section
from fluentsd.fronts.slack.blocks.paging import NEWEST_FIRST, Page
from fluentsd.fronts.slack.blocks.wording import (
    YOUR_ZONE,
    actor,
    clock,
    count,
    link,
    masked,
    moment,
    ours,
    plain,
    point,
    points_of,
    safe,
)
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.explain import Explained, Why
from fluentsd.verbs.answers.people import Lead, Reply

#: Attempts of a page, and campaigns that are shown.
ATTEMPTS, CAMPAIGNS = 12, 8


def history_of(found: Why, waiting: Sequence[Lead | Reply], page: Page, *, hidden: bool) -> Message:
    """The answer to `person`. `waiting`: what of the person is not handled yet; `hidden`: others can read along, so
    numbers and addresses are masked."""
    points = points_of(found.points or (), found.former or (), hidden=hidden)
    head = f"👤 *{safe(found.name or 'no name is known', 60)}* · {points}"
    places = [_place(one) for one in found.campaigns[:CAMPAIGNS]] or [ours(found.sentence or "in no campaign")]
    made = [section("\n".join([head, *places])), context(" · ".join(_about(found)))]
    attempts = list(reversed(found.attempts or ()))
    if attempts:
        part = page.of(attempts, lambda one: one.id, ATTEMPTS)
        names = {one.campaign: one.name for one in found.campaigns}
        lines = [_attempt(one, names.get(one.ref) or one.ref) for one in part.shown]
        made += paragraphs([f"*{count(len(attempts), 'attempt', 'attempts')}, newest first*", *lines])
        made += part.buttons(NEWEST_FIRST)
    return message(f"{plain(found.name or found.person, 60)}", *made, actions(*_buttons(found, waiting)))


def why_of(found: Why, person: str) -> Message:
    """`why`: one sentence per campaign, as in the history, and the way to it."""
    shown = point(person) if is_point(person) else safe(person)
    if not found.campaigns:
        return message(f"{shown}: {ours(found.sentence or '')}")
    lines = [f"👤 *{shown}*", *map(_place, found.campaigns[:CAMPAIGNS])]
    more = [f"… and {len(found.campaigns) - CAMPAIGNS} more campaigns"] if len(found.campaigns) > CAMPAIGNS else []
    history = button("History", "say:person", {"text": f"person #{found.contact}"})
    return message(f"why {shown}", section("\n".join([*lines, *more]), accessory=history),
                   context(" · ".join(_about(found))))  # fmt: skip


def _place(one: Explained) -> str:
    """`*Autumn fair* (paused) · queued: the next contact is due · Nov 23, 10:02 AM (Mon 9:02 AM Chicago time)`."""
    at = one.next_at or one.at
    when = f" · {moment(at, one.zones[0] if one.zones else '')}" if at else ""
    stopped = f" ({one.campaign_state})" if one.campaign_state not in ("", "active") else ""
    state = "" if one.state == "exited" else f"{one.state}: "  # the sentence says that they left
    return f"*{safe(one.name or one.campaign, 60)}*{stopped} · {state}{ours(one.sentence, 300)}{when}"


def _about(found: Why) -> list[str]:
    """Their time, their record, and who deals with them."""
    zones = found.campaigns[0].zones if found.campaigns else ()
    facts = [f"For this person it is {clock(found.now, zones[0])}"] if len(zones) == 1 else []
    if found.record:
        facts.append(link(found.record, IN_CRM))
    if found.taken_over_by:
        facts.append(f"🤝 taken over by {actor(found.taken_over_by)}; no campaign contacts this person")
    return [*facts, YOUR_ZONE]


def _attempt(one: Attempt, campaign: str) -> str:
    words = one.reply or one.summary
    where = f" · {safe(campaign, 60)}" if campaign else ""
    return f"{attempt(one)}{where}" + (f"\n>{masked(words, 200)}" if words else "")


def _buttons(found: Why, waiting: Sequence[Lead | Reply]) -> list[Block]:
    """What can be done: the answers of the newest reply or hot lead that is not handled yet, as on its card."""
    about = {"person": f"#{found.contact}"}
    if waiting:
        newest = max(waiting, key=lambda one: one.created_at or 0)
        return ways(newest)
    if found.taken_over_by:
        return [button("Go on", "person:resume", about)]
    return [button("Take over", "person:take", about)]
