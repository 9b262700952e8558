"""People of a campaign by what came of the attempts to reach them, for a card that is read every few seconds: the
report's figures of the whole campaign and its definitions (`campaign_report`), from a counter and indexes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Outcome
from fluentsd.store import counters
from fluentsd.store.campaign_report import CONVERSATION
from fluentsd.store.tables import TALKED, attempt, enrollment


@dataclass(slots=True)
class People:
    """`came_to`: disposition → people with a conversation that came to it, each once in each."""

    contacted: int = 0
    conversations: int = 0
    came_to: dict[str, int] = field(default_factory=dict)
    opted_out: int = 0


_MADE = attempt.c.outcome.is_(None) | (attempt.c.outcome != Outcome.not_sent.value)
_MINE = (attempt.c.campaign_id == bindparam("campaign"), text(f"({TALKED})"), _MADE)
_PEOPLE = func.count(func.distinct(attempt.c.contact_id))
_TALKED = select(_PEOPLE).where(*_MINE, CONVERSATION)
_CAME_TO = (
    select(attempt.c.disposition, _PEOPLE)
    .where(*_MINE, attempt.c.disposition.is_not(None))
    .group_by(attempt.c.disposition)
    .order_by(_PEOPLE.desc(), attempt.c.disposition)
)
#: Who opted out in an attempt, and who left by another opt-out after one.
_other = attempt.alias("other")
_LATEST = select(func.max(_other.c.id)).where(_other.c.enrollment_id == enrollment.c.id).scalar_subquery()
_SAID = select(attempt.c.contact_id).where(*_MINE, attempt.c.outcome == Outcome.opted_out.value)
_ELSEWHERE = (
    select(enrollment.c.contact_id)
    .select_from(enrollment.join(attempt, attempt.c.id == _LATEST))
    .where(enrollment.c.campaign_id == bindparam("campaign"), text("enrollment.state = 'exited'"))
    .where(enrollment.c.reason == Outcome.opted_out.value, _MADE)
)
_OPTED_OUT = select(func.count()).select_from(union(_SAID, _ELSEWHERE).subquery())

#: The reads of a card beside its counter: each is of an index, and none reads all attempts of a campaign.
QUESTIONS = (_TALKED, _CAME_TO, _OPTED_OUT)


async def of_campaign(conn: AsyncConnection, campaign_id: int) -> People:
    """The people of a campaign."""
    mine = {"campaign": campaign_id}
    return People(
        await counters.contacted(conn, campaign_id),
        int((await conn.execute(_TALKED, mine)).scalar_one()),
        {word: int(people) for word, people in await conn.execute(_CAME_TO, mine)},
        int((await conn.execute(_OPTED_OUT, mine)).scalar_one()),
    )
