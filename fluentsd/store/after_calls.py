"""The work after calls, ours and those that people make to us: begun with a call's outcome, finished once. One named
function per transition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import AFTER_CALL, AfterCallState
from fluentsd.store.db.state_columns import transition
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import after_call, attempt, campaign, contact, content, enrollment, inbound_call, point


class NewCall(NamedTuple):
    """A call that has something to follow. `campaign_id`: 0 for a call to us by a person who is in no campaign."""

    attempt_id: str
    campaign_id: int
    contact_id: int


class Entry(NamedTuple):
    """The enrollment that a call belongs to, as what follows the call needs it."""

    id: int
    campaign_id: int
    campaign: str
    campaign_state: str
    version_id: int
    step: str
    outcomes: str
    last_outcome: str
    unreached: int
    sender_id: int | None
    zones: str
    states: str


class CallDone(NamedTuple):
    """A call, as the work after it needs it. `began_at` (epoch microseconds): when the work began. `agent`, `address`
    and `ref` are of a call that the person made to us, "" in a call of ours."""

    id: str
    contact_id: int
    outcome: str
    disposition: str | None
    began_at: int
    transcript: str
    called_us: bool
    agent: str
    address: str
    ref: str
    entry: Entry | None


def _transcript(call_id: ColumnElement[str]) -> ColumnElement[str]:
    latest = (
        select(content.c.text)
        .where(content.c.attempt_id == call_id, content.c.kind == "transcript")
        .order_by(content.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(latest, "")


def _columns(step: ColumnElement[str], number_id: ColumnElement[int]) -> tuple[ColumnElement[Any], ...]:
    """The columns of `Entry`. What follows comes from the caller ID of the call."""
    return (
        enrollment.c.id, enrollment.c.campaign_id, campaign.c.ref, campaign.c.state, enrollment.c.version_id, step,
        enrollment.c.outcomes, enrollment.c.last_outcome, enrollment.c.unreached,
        func.coalesce(number_id, enrollment.c.sender_id), contact.c.zones, contact.c.states,
    )  # fmt: skip


_KNOWN = select(after_call.c.attempt_id).where(among(after_call.c.attempt_id, "ids"))
_NONE = literal("")
_OURS = (
    select(
        attempt.c.id, attempt.c.contact_id, attempt.c.outcome, attempt.c.disposition, after_call.c.began_at,
        _transcript(attempt.c.id), literal(False), _NONE, _NONE, _NONE,
        *_columns(attempt.c.step, attempt.c.number_id),
    )
    .join(after_call, after_call.c.attempt_id == attempt.c.id)
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .join(campaign, campaign.c.id == enrollment.c.campaign_id)
    .join(contact, contact.c.id == attempt.c.contact_id)
)  # fmt: skip
_RECEIVED = (
    select(
        inbound_call.c.id, inbound_call.c.contact_id, inbound_call.c.outcome, inbound_call.c.disposition,
        after_call.c.began_at, _transcript(inbound_call.c.id), literal(True), inbound_call.c.agent, point.c.value,
        inbound_call.c.provider_ref, *_columns(enrollment.c.step, inbound_call.c.number_id),
    )
    .join(after_call, after_call.c.attempt_id == inbound_call.c.id)
    .join(contact, contact.c.id == inbound_call.c.contact_id)
    .join(point, point.c.id == inbound_call.c.point_id)
    .join(enrollment, enrollment.c.id == inbound_call.c.enrollment_id, isouter=True)
    .join(campaign, campaign.c.id == enrollment.c.campaign_id, isouter=True)
)  # fmt: skip
_IN_A_CALL = len(CallDone._fields) - 1


async def begin(conn: AsyncConnection, calls: Sequence[NewCall], at: int) -> list[str]:
    """→ pending, once for each call; returns the attempts that are new."""
    if not calls:
        return []
    known = set((await conn.execute(_KNOWN, {"ids": json_of(call.attempt_id for call in calls)})).scalars())
    new = {call.attempt_id: call for call in calls if call.attempt_id not in known}
    if new:
        first = insert(after_call).values(state=AfterCallState.pending, began_at=at)
        await conn.execute(first, [call._asdict() for call in new.values()])
    return list(new)


async def pending(conn: AsyncConnection, call_id: str, *, lock: bool = False) -> CallDone | None:
    """The call, while its work is to be done; None when it is done, or when the person was erased."""
    mine = (after_call.c.attempt_id == call_id, after_call.c.state == AfterCallState.pending)
    statement: Select[Any]
    for statement in (_OURS, _RECEIVED):
        found = statement.where(*mine)
        row = (await conn.execute(found.with_for_update(of=after_call) if lock else found)).first()
        if row is not None:
            entry = Entry._make(row[_IN_A_CALL:])
            return CallDone._make((*row[:_IN_A_CALL], entry if entry.id is not None else None))
    return None


async def finish(conn: AsyncConnection, attempt_id: str, at: int, lead: str | None = None) -> bool:
    """pending → done; whether it was pending. `lead`: what made the call a hot lead."""
    return await _move(conn, "finish", attempt_id, ended_at=at, lead=lead)


async def fail(conn: AsyncConnection, attempt_id: str, problem: str, at: int, lead: str | None = None) -> bool:
    """pending → failed; whether it was pending. `lead`: what made the call a hot lead."""
    return await _move(conn, "fail", attempt_id, problem=problem, ended_at=at, lead=lead)


async def repeat(conn: AsyncConnection, attempt_id: str, at: int) -> bool:
    """failed → pending; whether it had failed."""
    return await _move(conn, "repeat", attempt_id, problem="", began_at=at, ended_at=None)


async def _move(conn: AsyncConnection, event: str, attempt_id: str, **values: Any) -> bool:
    mine = after_call.c.attempt_id == attempt_id
    return (await conn.execute(transition(after_call, AFTER_CALL, event, mine, **values))).rowcount == 1


async def is_pending(conn: AsyncConnection, campaign_id: int) -> bool:
    """Whether a call of the campaign has work to follow."""
    mine = (after_call.c.campaign_id == campaign_id, after_call.c.state == AfterCallState.pending)
    return (await conn.execute(select(after_call.c.attempt_id).where(*mine).limit(1))).first() is not None


class Failed(NamedTuple):
    """An analysis that has failed."""

    attempt: str
    problem: str
    ended_at: int


async def failed(conn: AsyncConnection, campaign_id: int, most: int = 1000) -> list[Failed]:
    """The failed analyses of a campaign, newest first."""
    statement = (
        select(after_call.c.attempt_id, after_call.c.problem, after_call.c.ended_at)
        .where(after_call.c.campaign_id == campaign_id, after_call.c.state == AfterCallState.failed)
        .order_by(after_call.c.attempt_id.desc())
        .limit(most)
    )
    return [Failed._make(row) for row in await conn.execute(statement)]


async def follow_ups_of(conn: AsyncConnection, enrollment_id: int) -> set[str]:
    """The follow-ups that an enrollment has had already."""
    rows = await conn.execute(select(enrollment.c.step).where(enrollment.c.follows == enrollment_id))
    return set(rows.scalars())
