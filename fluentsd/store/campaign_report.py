"""The results of a campaign's attempts: people contacted, conversations, interest, opt-outs and cost, as a whole and by
channel, step, agent, number and source. People are counted once in each row, so rows of different numbers do not add
up; an opt-out counts where it was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Disposition, Outcome
from fluentsd.domain.state_machines import AfterCallState
from fluentsd.domain.time.durations import SECOND
from fluentsd.store.tables import after_call, attempt, content, enrollment, number, record, source

By = Literal["", "channel", "step", "version", "number", "source"]
#: A conversation: the person answered the call, wrote back, or said something whose meaning was noted.
CONVERSATION = attempt.c.outcome.in_((Outcome.answered.value, Outcome.replied.value)) | attempt.c.disposition.is_not(
    None
)


@dataclass(slots=True)
class Results:
    """The results of one part of a campaign. `costs`: currency → micros."""

    attempts: int = 0
    contacted: int = 0
    conversations: int = 0
    interested: int = 0
    opted_out: int = 0
    costs: dict[str, int] = field(default_factory=dict)


def _source_of() -> ColumnElement[Any]:
    """The first source that named the person."""
    theirs = select(func.min(record.c.source_id)).where(record.c.contact_id == attempt.c.contact_id)
    return theirs.correlate(attempt).scalar_subquery()


def _parts(by: By) -> Sequence[ColumnElement[Any]]:
    match by:
        case "channel":
            return [attempt.c.channel]
        case "step":
            return [attempt.c.step]
        case "version":
            return [attempt.c.step, enrollment.c.version_id]
        case "number":
            return [attempt.c.number_id]
        case "source":
            return [_source_of()]
    return [literal("")]


def _people(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(func.distinct(case((condition, attempt.c.contact_id))))


def _opted_out() -> ColumnElement[bool]:
    """The attempt that the person opted out of; of those who opted out by other ways, the latest before it."""
    other = attempt.alias()
    theirs = other.c.enrollment_id == attempt.c.enrollment_id
    reported = select(other.c.id).where(theirs, other.c.outcome == Outcome.opted_out.value).correlate(attempt).exists()
    latest = select(func.max(other.c.id)).where(theirs).correlate(attempt).scalar_subquery()
    elsewhere = (enrollment.c.reason == Outcome.opted_out.value) & ~reported & (attempt.c.id == latest)
    return (attempt.c.outcome == Outcome.opted_out.value) | elsewhere


def _mine(campaign_id: int, since: int | None) -> list[ColumnElement[bool]]:
    made = attempt.c.outcome.is_(None) | (attempt.c.outcome != Outcome.not_sent.value)
    later = [attempt.c.claimed_at >= since] if since is not None else []
    return [attempt.c.campaign_id == campaign_id, made, *later]


async def results(
    conn: AsyncConnection, campaign_id: int, by: By, since: int | None = None
) -> dict[tuple[Any, ...], Results]:
    """Results by channel, step, (step, flow version), id of the number or id of the source; of attempts made since an
    instant."""
    parts = [column.label(f"part_{n}") for n, column in enumerate(_parts(by))]
    joined = attempt.join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    mine = _mine(campaign_id, since)
    counted = select(
        *parts,
        func.count(),
        func.count(func.distinct(attempt.c.contact_id)),
        _people(CONVERSATION),
        _people(attempt.c.disposition == Disposition.interested.value),
        _people(_opted_out()),
    )
    width = len(parts)
    found: dict[tuple[Any, ...], Results] = {}
    for row in await conn.execute(counted.select_from(joined).where(*mine).group_by(*parts)):
        attempts, contacted, conversations, interested, opted_out = map(int, row[width:])
        found[tuple(row[:width])] = Results(attempts, contacted, conversations, interested, opted_out)
    priced = select(*parts, attempt.c.currency, func.sum(attempt.c.cost_micros)).select_from(joined)
    priced = priced.where(*mine, attempt.c.cost_micros > 0).group_by(*parts, attempt.c.currency)
    for row in await conn.execute(priced):
        found[tuple(row[:width])].costs[row[width]] = int(row[width + 1])
    return found


async def by_hour(conn: AsyncConnection, campaign_id: int, since: int | None) -> list[tuple[int, int, int]]:
    """Attempts and conversations of each hour in which there were any: (seconds since 1970, attempts,
    conversations)."""
    hour = attempt.c.claimed_at // (3600 * SECOND)
    conversations = func.sum(case((CONVERSATION, 1), else_=0))
    statement = select(hour, func.count(), conversations).where(*_mine(campaign_id, since))
    rows = await conn.execute(statement.group_by(hour))
    return [(int(at) * 3600, int(made), int(spoken)) for at, made, spoken in rows]


async def names(conn: AsyncConnection) -> tuple[dict[int, str], dict[int, str]]:
    """Numbers and sources by id."""
    numbers = await conn.execute(select(number.c.id, number.c.e164))
    sources = await conn.execute(select(source.c.id, source.c.name))
    return {int(id_): e164 for id_, e164 in numbers}, {int(id_): name for id_, name in sources}


@dataclass(slots=True)
class Calls:
    """Phone calls by outcome ("open": none yet); those that were a conversation by what they came to ("": nothing that
    is known); conversations whose analysis is done, and those whose analysis has failed."""

    made: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    conversations: int = 0
    dispositions: dict[str, int] = field(default_factory=dict)
    analysed: int = 0
    failed: int = 0


async def calls(conn: AsyncConnection, campaign_id: int, since: int | None) -> Calls:
    """The calls of a campaign, made since an instant."""
    is_phone = (*_mine(campaign_id, since), attempt.c.channel == "phone")
    outcome = func.coalesce(attempt.c.outcome, "open")
    by_outcome = select(outcome, func.count()).where(*is_phone).group_by(outcome).order_by(func.count().desc(), outcome)
    found = Calls(outcomes={word: int(count) for word, count in await conn.execute(by_outcome)})
    found.made = sum(found.outcomes.values())
    came_to = func.coalesce(attempt.c.disposition, "")
    by_result = select(came_to, func.count()).where(*is_phone, CONVERSATION).group_by(came_to)
    rows = await conn.execute(by_result.order_by(func.count().desc(), came_to))
    found.dispositions = {word: int(count) for word, count in rows}
    found.conversations = sum(found.dispositions.values())
    with_analysis = exists().where(content.c.attempt_id == attempt.c.id, content.c.kind == "summary")
    by_state = (
        select(after_call.c.state, func.count())
        .join(attempt, attempt.c.id == after_call.c.attempt_id)
        .where(*is_phone, CONVERSATION, (after_call.c.state == AfterCallState.failed) | with_analysis)
        .group_by(after_call.c.state)
    )
    states = {state: int(count) for state, count in await conn.execute(by_state)}
    found.analysed, found.failed = states.get(AfterCallState.done, 0), states.get(AfterCallState.failed, 0)
    return found
