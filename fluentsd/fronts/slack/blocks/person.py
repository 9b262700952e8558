"""Everything about one person: who it is, where they are in each campaign, every attempt, and who deals with them.

What must not live here: one conversation (`conversations`), and the search for people (`lists`).
"""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.conversations import IN_CRM
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, context, message, section
from fluentsd.fronts.slack.blocks.lists import attempt
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
    safe,
)
from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.explain import Explained, Why

#: Attempts and campaigns that are shown.
ATTEMPTS, CAMPAIGNS = 12, 8


def history_of(found: Why, *, hidden: bool) -> Message:
    """The answer to `person`. `hidden`: others can read along, so numbers and addresses are masked."""
    points = ", ".join(point(one) if hidden else safe(one) for one in (found.points or ())[:3])
    head = f"👤 *{safe(found.name or 'no name is known', 60)}* · #{found.contact} · {points or 'no number or address'}"
    places = [_place(one) for one in found.campaigns[:CAMPAIGNS]] or [ours(found.sentence or "in no campaign")]
    made = [section("\n".join([head, *places])), context(" · ".join(_about(found)))]
    attempts = list(reversed(found.attempts or ()))
    if attempts:
        more = f"\n… and {len(attempts) - ATTEMPTS} more" if len(attempts) > ATTEMPTS else ""
        names = {one.campaign: one.name for one in found.campaigns}
        lines = "\n".join(_attempt(one, names.get(one.ref) or one.ref) for one in attempts[:ATTEMPTS])
        made.append(section(f"*{count(len(attempts), 'attempt', 'attempts')}, newest first*\n{lines}{more}"))
    return message(f"{plain(found.name or found.person, 60)}", *made, actions(*_buttons(found)))


def _place(one: Explained) -> str:
    when = f" · {moment(one.next_at, one.zones[0] if one.zones else '')}" if one.next_at else ""
    return f"*{safe(one.name or one.campaign, 60)}* · {one.state}: {ours(one.sentence, 300)}{when}"


def _about(found: Why) -> list[str]:
    """Their time, their record, and who deals with them."""
    zones = found.campaigns[0].zones if found.campaigns else ()
    told = [f"For this person it is {clock(found.now, zones[0])}"] if len(zones) == 1 else []
    if found.record:
        told.append(link(found.record, IN_CRM))
    if found.taken_over_by:
        told.append(f"🤝 taken over by {actor(found.taken_over_by)}; no campaign contacts this person")
    return [*told, YOUR_ZONE]


def _attempt(one: Attempt, campaign: str) -> str:
    said = one.reply or one.summary
    where = f" · {safe(campaign, 60)}" if campaign else ""
    return f"{attempt(one)}{where}" + (f"\n>{masked(said, 200)}" if said else "")


def _buttons(found: Why) -> list[Block]:
    about = {"person": f"#{found.contact}"}
    if found.taken_over_by:
        return [button("Go on", "person:resume", about)]
    return [button("Take over", "person:take", about)]
