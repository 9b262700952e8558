"""People in lists: those who are found, and those who wrote or were interested and wait for an answer. Below each list
a select opens the history of one of them.

What must not live here: one person (`person`), and one conversation (`conversations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fluentsd.fronts.slack.blocks.conversations import IN_CRM, who_of
from fluentsd.fronts.slack.blocks.layout import Block, Message, context, message, paragraphs, pick
from fluentsd.fronts.slack.blocks.paging import IN_ORDER, OLDEST_FIRST, Page, Part
from fluentsd.fronts.slack.blocks.wording import (
    YOUR_ZONE,
    actor,
    contact_by,
    count,
    inert,
    link,
    masked,
    moment,
    point,
    points_of,
    safe,
    word,
)
from fluentsd.verbs.answers.people import Lead, Person, Place, Reply
from fluentsd.verbs.contact_lookup import called

#: Replies or leads on a page: each has what was said.
CONVERSATIONS = 10


def to_choose(found: Iterable[tuple[int | None, str]]) -> list[Block]:
    """A select that opens the history of one of some people: id and words of each."""
    options = {f"#{contact}": words for contact, words in found if contact}
    made = [(words, {"text": f"person {ref}"}) for ref, words in options.items()]
    return [pick("say:person", "History of a person…", made)] if made else []


def people(found: Sequence[Person], words: str, page: Page, names: Mapping[str, str], *, hidden: bool) -> Message:
    """`contacts find`. `names`: of campaigns, by ref; `hidden`: others can read along, so numbers and addresses are
    masked."""
    if not found:
        return message(f"nobody is found by {safe(words)}")
    part = page.of(found, lambda one: one.id)
    lines = []
    for one in part.shown:
        points = points_of(one.points, one.former, hidden=hidden)
        where = ", ".join(_place(place, names) for place in one.campaigns[:3])
        more = f" and {len(one.campaigns) - 3} more" if len(one.campaigns) > 3 else ""
        record = f" · {link(one.record, IN_CRM)}" if one.record else ""
        who = safe(called(one.fields, "no name is known"), 60)
        lines.append(f"👤 *{who}* · {points} · {where or 'in no campaign'}{more}{record}")
    chosen = to_choose((one.id, _option(called(one.fields, "–"), *one.points[:1])) for one in part.shown)
    return message(f"{count(len(found))} found", *paragraphs(lines), *part.buttons(IN_ORDER, *chosen))


def _option(name: str, to: str = "") -> str:
    """A person in a select: `India Elm ••• 0102`."""
    return f"{inert(name)} {point(to) if to else ''}".strip()


def _place(one: Place, names: Mapping[str, str]) -> str:
    """`Autumn fair (exited: answered)`."""
    why = f": {word(one.reason)}" if one.reason else ""
    return f"{safe(names.get(one.ref, one.ref), 40)} ({one.state}{why})"


def replies(found: Sequence[Reply], page: Page) -> Message:
    """`replies`: those that are not handled yet, oldest first."""
    if not found:
        return message("every reply is handled")
    part = page.of(found, lambda one: one.id, CONVERSATIONS)
    lines = [
        f"{moment(one.created_at)} · *{safe(one.campaign_name or one.ref or 'before any attempt')}* · "
        f"{f'{contact_by(one.channel)} from ' if one.channel else ''}{who_of(one)}: "
        f"{masked(one.text or '', 200)}{_of_person(one)}"
        for one in part.shown
    ]
    return message(f"{count(len(found), 'reply', 'replies')} not handled yet", *_listed(lines, part))


def leads(found: Sequence[Lead], page: Page) -> Message:
    """`leads`: hot leads that are not handled yet, oldest first."""
    if not found:
        return message("every hot lead is handled")
    part = page.of(found, lambda one: one.attempt, CONVERSATIONS)
    lines = [
        f"{moment(one.created_at)} · *{safe(one.campaign_name or one.ref)}* · {word(one.disposition)} · "
        f"{who_of(one)}: {masked(one.summary or 'no summary', 200)}{_of_person(one)}"
        for one in part.shown
    ]
    return message(f"{count(len(found), 'hot lead', 'hot leads')} not handled yet", *_listed(lines, part))


def _of_person(one: Reply | Lead) -> str:
    record = f" · {link(one.record, IN_CRM)}" if one.record else ""
    return record + (f" · 🤝 {actor(one.taken_over_by)}" if one.taken_over_by else "")


def _listed(lines: Sequence[str], part: Part[Reply] | Part[Lead]) -> list[Block]:
    """A page of conversations, and the select that opens the history of one of the people."""
    chosen = to_choose((one.contact, _option(one.name, one.person or "")) for one in part.shown)
    return [*paragraphs(lines), context(YOUR_ZONE), *part.buttons(OLDEST_FIRST, *chosen)]
