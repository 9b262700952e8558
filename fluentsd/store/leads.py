"""Hot leads: calls after which somebody has to act, open until a person handles them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import (
    after_call,
    attempt,
    campaign,
    contact,
    content,
    enrollment,
    inbound_call,
    point,
    record,
    version,
)

_OPEN = (after_call.c.lead.is_not(None), after_call.c.handled_at.is_(None))


def _latest(call: Table, kind: str) -> Any:
    return (
        select(content.c.text)
        .where(content.c.attempt_id == call.c.id, content.c.kind == kind)
        .order_by(content.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _unhandled(call: Table, step: ColumnElement[str], *, called_us: bool) -> Select[Any]:
    """Open leads of our calls, or of calls to us."""
    return (
        select(
            after_call.c.attempt_id.label("attempt"), campaign.c.ref, campaign.c.name.label("campaign_name"),
            campaign.c.owner, step.label("step"),
            after_call.c.contact_id.label("contact"), point.c.value.label("person"), call.c.outcome,
            after_call.c.lead.label("disposition"), call.c.callback_at, call.c.duration_s,
            func.coalesce(_latest(call, "summary"), "").label("summary"),
            _latest(call, "recording").is_not(None).label("recording"), after_call.c.ended_at.label("created_at"),
            literal(called_us).label("called_us"), func.coalesce(contact.c.zones, "").label("zones"),
        )
        .join(call, call.c.id == after_call.c.attempt_id)
        .join(campaign, campaign.c.id == after_call.c.campaign_id)
        .join(point, point.c.id == call.c.point_id, isouter=True)
        .join(contact, contact.c.id == after_call.c.contact_id, isouter=True)
        .where(*_OPEN)
    )  # fmt: skip


_UNHANDLED = (
    _unhandled(attempt, attempt.c.step, called_us=False),
    _unhandled(inbound_call, literal(""), called_us=True),
)


async def unhandled(
    conn: AsyncConnection, campaign_id: int | None, most: int, call_id: str | None = None,
    contact_ids: Sequence[int] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Open leads, oldest first, of one campaign or of all, one of them, or those of some people: who, what the
    conversation came to, its summary, whether it can be heard, whether the person called us, the zones in which the
    person may be, and the campaign's owner."""
    found: list[dict[str, Any]] = []
    for statement in _UNHANDLED:
        if campaign_id is not None:
            statement = statement.where(after_call.c.campaign_id == campaign_id)
        if call_id is not None:
            statement = statement.where(after_call.c.attempt_id == call_id)
        if contact_ids is not None:
            statement = statement.where(after_call.c.contact_id.in_(contact_ids))
        oldest = statement.order_by(after_call.c.ended_at, after_call.c.attempt_id).limit(most)
        found += [dict(row) for row in (await conn.execute(oldest)).mappings()]
    return sorted(found, key=lambda one: (one["created_at"], one["attempt"]))[:most]


async def latest(conn: AsyncConnection, campaign_id: int, contact_id: int) -> str | None:
    """The step of a person's latest open lead in a campaign; of a call to us, the step where the person was."""
    mine = (*_OPEN, after_call.c.campaign_id == campaign_id, after_call.c.contact_id == contact_id)
    statement = (
        select(func.coalesce(attempt.c.step, enrollment.c.step))
        .select_from(after_call)
        .join(attempt, attempt.c.id == after_call.c.attempt_id, isouter=True)
        .join(inbound_call, inbound_call.c.id == after_call.c.attempt_id, isouter=True)
        .join(enrollment, enrollment.c.id == inbound_call.c.enrollment_id, isouter=True)
        .where(*mine)
    )
    found: str | None = (await conn.execute(statement.order_by(after_call.c.ended_at.desc()).limit(1))).scalar()
    return found


async def handled(conn: AsyncConnection, campaign_id: int, contact_id: int, *, by: str, at: int) -> int:
    """Mark a person's leads in a campaign as handled; returns how many."""
    mine = (*_OPEN, after_call.c.campaign_id == campaign_id, after_call.c.contact_id == contact_id)
    return (await conn.execute(update(after_call).where(*mine).values(handled_at=at, handled_by=by))).rowcount


def _of_person(campaign_id: int, contact_id: int) -> tuple[ColumnElement[bool], ...]:
    about = (after_call.c.campaign_id == campaign_id, after_call.c.contact_id == contact_id)
    return (after_call.c.lead.is_not(None), *about)


async def last_handled(conn: AsyncConnection, campaign_id: int, contact_id: int) -> int | None:
    """When a lead of a person in a campaign was marked as handled the last time."""
    latest = select(func.max(after_call.c.handled_at)).where(*_of_person(campaign_id, contact_id))
    found: int | None = (await conn.execute(latest)).scalar()
    return found


async def reopen(conn: AsyncConnection, campaign_id: int, contact_id: int, handled_at: int) -> int:
    """Open the leads again that were marked as handled at this time; returns how many."""
    whose = (*_of_person(campaign_id, contact_id), after_call.c.handled_at == handled_at)
    return (await conn.execute(update(after_call).where(*whose).values(handled_at=None, handled_by=None))).rowcount


class Handled(NamedTuple):
    """Who saw to a reply or lead, and when (epoch microseconds); of which campaign and person it is."""

    by: str
    at: int
    ref: str = ""
    contact: int | None = None


async def handling(conn: AsyncConnection, attempt_ids: Collection[str]) -> dict[str, Handled]:
    """Those of these attempts whose reply or lead is handled. None is, while one of its replies is open."""
    given = {"ids": json_of(attempt_ids)}
    of_leads = (
        select(after_call.c.attempt_id, after_call.c.handled_by, after_call.c.handled_at, campaign.c.ref,
               after_call.c.contact_id)
        .join(campaign, campaign.c.id == after_call.c.campaign_id, isouter=True)
        .where(among(after_call.c.attempt_id, "ids"), after_call.c.handled_at.is_not(None))
    )  # fmt: skip
    of_replies = (
        select(content.c.attempt_id, content.c.handled_by, content.c.handled_at, campaign.c.ref, content.c.contact_id)
        .join(attempt, attempt.c.id == content.c.attempt_id)
        .join(campaign, campaign.c.id == attempt.c.campaign_id, isouter=True)
        .where(among(content.c.attempt_id, "ids"), content.c.kind == "reply")
    )
    found: dict[str, Handled] = {}
    still_open = set()
    rows = [*await conn.execute(of_leads, given), *await conn.execute(of_replies, given)]
    for attempt_id, by, at, ref, contact_id in rows:
        if at is None:
            still_open.add(attempt_id)
        else:
            found[attempt_id] = Handled(by or "", at, ref or "", contact_id)
    return {attempt_id: one for attempt_id, one in found.items() if attempt_id not in still_open}


async def waiting(conn: AsyncConnection, attempt_ids: Collection[str]) -> set[str]:
    """Those of these attempts that have an open lead or reply."""
    given = {"ids": json_of(attempt_ids)}
    of_leads = select(after_call.c.attempt_id).where(among(after_call.c.attempt_id, "ids"), *_OPEN)
    of_replies = select(content.c.attempt_id).where(
        among(content.c.attempt_id, "ids"), content.c.kind == "reply", content.c.handled_at.is_(None)
    )
    return {*(await conn.execute(of_leads, given)).scalars(), *(await conn.execute(of_replies, given)).scalars()}


async def with_a_call(conn: AsyncConnection, contact_ids: Collection[int]) -> set[tuple[str, int]]:
    """(campaign, contact) of these people whose flow there has a call: they can be promised one."""
    statement = (
        select(campaign.c.ref, enrollment.c.contact_id, enrollment.c.version_id)
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(among(enrollment.c.contact_id, "ids"))
        .order_by(enrollment.c.entry)
    )
    rows = await conn.execute(statement, {"ids": json_of(contact_ids)})
    at = {(ref, int(contact)): int(flow) for ref, contact, flow in rows}  # the latest entry counts
    flows = select(version.c.id, version.c.steps).where(among(version.c.id, "ids"))
    found = await conn.execute(flows, {"ids": json_of(set(at.values()))})
    calls = {id_ for id_, steps in found if any(step["channel"] == "phone" for step in steps)}
    return {person for person, flow in at.items() if flow in calls}


async def addresses(conn: AsyncConnection, contact_ids: Collection[int]) -> dict[int, str]:
    """The addresses of these people in a CRM, as far as one has told it; the newest record counts."""
    statement = (
        select(record.c.contact_id, record.c.url)
        .where(among(record.c.contact_id, "ids"), record.c.url != "")
        .order_by(record.c.seen_at)
    )
    return {int(who): url for who, url in await conn.execute(statement, {"ids": json_of(contact_ids)})}
