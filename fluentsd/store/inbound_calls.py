"""Calls that people make to us: begun at the pick-up, ended once, with their words when the person is known."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.attempts import Content, keep_content
from fluentsd.store.attempts.transitions import new_id
from fluentsd.store.tables import (
    after_call,
    attempt,
    campaign,
    contact,
    content,
    enrollment,
    inbound_call,
    number,
    point,
)


class Answering(NamedTuple):
    """How a call to one of our numbers is answered: by an agent, by a colleague at another number, or neither."""

    number_id: int | None
    agent: str
    forward_to: str


class Beginning(NamedTuple):
    """One call at its pick-up. `answered_by`: agent, forward or announcement."""

    channel: str
    provider_ref: str
    point_id: int | None
    contact_id: int | None
    number_id: int | None
    enrollment_id: int | None
    agent: str
    answered_by: str


class Ended(NamedTuple):
    """A call that has ended, as its row says now. `contact_id` is None for several people who share the number, and for
    an unknown caller (`is_known` is false); `campaign`, `campaign_id` and `version_id` are of the enrollment that it
    belongs to: "", 0 and None without one."""

    id: str
    contact_id: int | None
    is_known: bool
    agent: str
    answered_by: str
    outcome: str
    disposition: str
    callback_at: int | None
    campaign: str
    campaign_id: int
    version_id: int | None


class News(NamedTuple):
    """What a report of a call's end changed. `is_first`: no report before had an outcome; `is_promise`: none before had
    the time of a callback; `is_recorded`: its recording was not known before."""

    call_id: str
    is_first: bool
    is_promise: bool
    is_recorded: bool


class End(NamedTuple):
    """What a call came to; None leaves what is known."""

    outcome: str | None
    reason: str
    disposition: str | None
    callback_at: int | None
    duration_s: int | None
    cost_micros: int | None
    words: tuple[tuple[str, str], ...]  #: kind and text, of a person who is known


async def answering(conn: AsyncConnection, e164: str) -> Answering:
    """How a call to this number is answered."""
    mine = (number.c.e164 == e164, number.c.retired_at.is_(None))
    row = (await conn.execute(select(number.c.id, number.c.inbound_agent, number.c.forward_to).where(*mine))).first()
    return (
        Answering(row.id, row.inbound_agent or "", row.forward_to or "") if row is not None else Answering(None, "", "")
    )


async def set_answering(conn: AsyncConnection, e164: str, agent: str | None, forward_to: str | None) -> bool:
    """Say how calls to a number of ours are answered; False when it is none."""
    mine = (number.c.e164 == e164, number.c.retired_at.is_(None))
    statement = update(number).where(*mine).values(inbound_agent=agent, forward_to=forward_to)
    return (await conn.execute(statement)).rowcount == 1


async def point_id(conn: AsyncConnection, value: str) -> int | None:
    """The point of a caller's number."""
    found: int | None = (await conn.execute(select(point.c.id).where(point.c.value == value))).scalar()
    return found


async def begin(conn: AsyncConnection, call: Beginning, at: int) -> bool:
    """Note a call; False when it is known already, because the provider asks again."""
    mine = (inbound_call.c.provider_ref == call.provider_ref, inbound_call.c.channel == call.channel)
    if (await conn.execute(select(inbound_call.c.id).where(*mine))).first() is not None:
        return False
    await conn.execute(insert(inbound_call).values(id=new_id(at), began_at=at, **call._asdict()))
    return True


async def end(conn: AsyncConnection, channel: str, ref: str, end: End, at: int) -> News | None:
    """Note what a call came to; a later report adds to an earlier one, and an outcome stays, but an opt-out. Words of
    each kind are kept once. None when the call is not known."""
    mine = (inbound_call.c.provider_ref == ref, inbound_call.c.channel == channel)
    columns = ("id", "contact_id", "ended_at", "callback_at")
    row = (await conn.execute(select(*(inbound_call.c[name] for name in columns)).where(*mine))).first()
    if row is None:
        return None
    stays = {"outcome": end.outcome, "disposition": end.disposition, "duration_s": end.duration_s,
             "callback_at": end.callback_at}  # fmt: skip
    values: dict[str, Any] = {name: func.coalesce(inbound_call.c[name], value) for name, value in stays.items()}
    if end.outcome == "opted_out":
        values["outcome"] = end.outcome
    if end.reason:
        values["reason"] = end.reason
    if end.cost_micros is not None:
        values["cost_micros"] = end.cost_micros
    if end.outcome is not None:
        values["ended_at"] = func.coalesce(inbound_call.c.ended_at, at)
    await conn.execute(update(inbound_call).where(inbound_call.c.id == row.id).values(**values))
    new: dict[str, str] = {}
    if row.contact_id is not None:
        had = set((await conn.execute(select(content.c.kind).where(content.c.attempt_id == row.id))).scalars())
        new = {kind: text for kind, text in end.words if kind not in had}
        await keep_content(conn, [Content(row.contact_id, row.id, kind, text, at) for kind, text in new.items()])
    is_first = end.outcome is not None and row.ended_at is None
    is_promise = row.callback_at is None and end.callback_at is not None
    return News(row.id, is_first, is_promise, "recording" in new)


async def ended(conn: AsyncConnection, call_id: str) -> Ended:
    """A call, as its row says now."""
    statement = (
        select(
            inbound_call.c.id, inbound_call.c.contact_id, inbound_call.c.point_id.is_not(None), inbound_call.c.agent,
            inbound_call.c.answered_by, func.coalesce(inbound_call.c.outcome, ""),
            func.coalesce(inbound_call.c.disposition, ""), inbound_call.c.callback_at,
            func.coalesce(campaign.c.ref, ""), func.coalesce(campaign.c.id, 0), enrollment.c.version_id,
        )
        .join(enrollment, enrollment.c.id == inbound_call.c.enrollment_id, isouter=True)
        .join(campaign, campaign.c.id == enrollment.c.campaign_id, isouter=True)
        .where(inbound_call.c.id == call_id)
    )  # fmt: skip
    return Ended._make((await conn.execute(statement)).one())


async def belongs_to(conn: AsyncConnection, contact_id: int, number_id: int | None) -> int | None:
    """The enrollment that a person's call belongs to: that of the latest attempt from the number that they called, else
    of the latest attempt, else the newest one; None for somebody who never was in a campaign. A follow-up counts as the
    enrollment that it follows."""
    own = func.coalesce(enrollment.c.follows, enrollment.c.id)
    theirs = enrollment.c.contact_id == contact_id
    is_from = func.coalesce(attempt.c.number_id, 0) == (number_id or -1)
    tried = select(own).join(attempt, attempt.c.enrollment_id == enrollment.c.id).where(theirs)
    found: int | None = (await conn.execute(tried.order_by(is_from.desc(), attempt.c.id.desc()).limit(1))).scalar()
    if found is None:
        found = (await conn.execute(select(own).where(theirs).order_by(enrollment.c.id.desc()).limit(1))).scalar()
    return found


async def judge(conn: AsyncConnection, call_id: str, disposition: str) -> None:
    """Note what an analysis says that a conversation came to."""
    await conn.execute(update(inbound_call).where(inbound_call.c.id == call_id).values(disposition=disposition))


async def called_back(conn: AsyncConnection, contact_ids: Collection[int], at: int) -> None:
    """Note that these people have called: their next steps are held (`Reason.called_back`)."""
    await conn.execute(update(contact).where(contact.c.id.in_(list(contact_ids))).values(called_back_at=at))


async def go_on(conn: AsyncConnection, contact_id: int) -> bool:
    """Forget that a person has called; whether they had."""
    mine = (contact.c.id == contact_id, contact.c.called_back_at.is_not(None))
    return (await conn.execute(update(contact).where(*mine).values(called_back_at=None))).rowcount == 1


def _latest(kind: str) -> Any:
    return (
        select(content.c.text)
        .where(content.c.attempt_id == inbound_call.c.id, content.c.kind == kind)
        .order_by(content.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label(kind)
    )


async def listing(
    conn: AsyncConnection,
    *,
    most: int,
    contact_ids: Collection[int] | None = None,
    outcome: str | None = None,
    disposition: str | None = None,
    since: int | None = None,
    call_id: str | None = None,
    campaign_id: int | None = None,
) -> list[dict[str, Any]]:
    """Calls to us, newest first, with the columns of `attempts.listing`."""
    statement = (
        select(
            inbound_call.c.id, inbound_call.c.channel, inbound_call.c.contact_id.label("contact"),
            point.c.value.label("to"), number.c.e164.label("sender"),
            inbound_call.c.agent, inbound_call.c.answered_by, inbound_call.c.outcome, inbound_call.c.reason,
            inbound_call.c.disposition, inbound_call.c.duration_s, inbound_call.c.cost_micros, inbound_call.c.currency,
            inbound_call.c.began_at.label("claimed_at"), inbound_call.c.ended_at.label("settled_at"),
            literal("settled").label("state"), inbound_call.c.provider_ref, _latest("reply"), _latest("transcript"),
            _latest("recording"), _latest("summary"), _latest("analysis"), inbound_call.c.callback_at,
            func.coalesce(campaign.c.ref, "").label("ref"), after_call.c.state.label("analysis_state"),
            after_call.c.problem.label("analysis_problem"),
        )
        .join(after_call, after_call.c.attempt_id == inbound_call.c.id, isouter=True)
        .join(enrollment, enrollment.c.id == inbound_call.c.enrollment_id, isouter=True)
        .join(campaign, campaign.c.id == enrollment.c.campaign_id, isouter=True)
        .join(point, point.c.id == inbound_call.c.point_id, isouter=True)
        .join(number, number.c.id == inbound_call.c.number_id, isouter=True)
        .order_by(inbound_call.c.id.desc())
        .limit(most)
    )  # fmt: skip
    if contact_ids is not None:
        statement = statement.where(inbound_call.c.contact_id.in_(list(contact_ids)))
    filters = (
        (inbound_call.c.outcome, outcome),
        (inbound_call.c.disposition, disposition),
        (inbound_call.c.id, call_id),
        (enrollment.c.campaign_id, campaign_id),
    )
    statement = statement.where(*(column == wanted for column, wanted in filters if wanted is not None))
    if since is not None:
        statement = statement.where(inbound_call.c.began_at >= since)
    none = {"step": "", "try_no": 0, "direction": "in"}
    rows = (await conn.execute(statement)).mappings()
    return [none | dict(row) | {"analysis": json.loads(row["analysis"] or "{}").get("fields", {})} for row in rows]
