"""Reads of enrollments: of a contact, of a campaign, and rival campaigns. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.db.state_columns import state_is
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.enrollments.rows import DUE_COLUMNS, ENROLLMENT_COLUMNS, Due, EnrollmentRow
from fluentsd.store.tables import campaign, contact, enrollment


class UnderWay(NamedTuple):
    """An enrollment that is queued or active: as a claim would read it."""

    due: Due
    wanted_at: int | None
    is_active: bool


#: What is known of a person's place and consent.
_OF_PERSON = ("zones", "zone_basis", "states", "conflict", "consent", "scrubbed_at", "away_until_at",
              "called_back_at")  # fmt: skip


async def of_contact(conn: AsyncConnection, contact_id: int) -> list[Any]:
    """Every entry of a person in any campaign, newest first, with the person's zones."""
    statement = (
        select(enrollment, *(contact.c[name] for name in _OF_PERSON))
        .join(contact, contact.c.id == enrollment.c.contact_id)
        .where(enrollment.c.contact_id == contact_id)
        .order_by(enrollment.c.id.desc())
    )
    return list((await conn.execute(statement)).all())


async def of_contacts(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Where each of these people is or was: campaign, state, reason, step and due time of every entry, oldest first."""
    statement = (
        select(
            enrollment.c.contact_id, campaign.c.ref, enrollment.c.state, enrollment.c.reason,
            enrollment.c.step, enrollment.c.due_at,
        )
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(enrollment.c.contact_id.in_(list(contact_ids)))
        .order_by(enrollment.c.id)
    )  # fmt: skip
    found: dict[int, list[dict[str, Any]]] = {}
    for row in (await conn.execute(statement)).mappings():
        facts = dict(row)
        found.setdefault(facts.pop("contact_id"), []).append(facts)
    return found


def as_due(row: Any, at: int) -> Due:
    """One of `of_contact` as a claim would read it; without a moment of its own it is due at `at`."""
    return Due._make(getattr(row, name) for name in Due._fields)._replace(due_at=row.due_at or at)


async def open_of(conn: AsyncConnection, contact_ids: Collection[int]) -> list[EnrollmentRow]:
    """Where these people are queued, active or errored now, in all campaigns."""
    states = (EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored)
    statement = select(*ENROLLMENT_COLUMNS).where(among(enrollment.c.contact_id, "ids"), enrollment.c.state.in_(states))
    rows = await conn.execute(statement.order_by(enrollment.c.id).with_for_update(), {"ids": json_of(contact_ids)})
    return [EnrollmentRow._make(row) for row in rows]


async def count_exits(conn: AsyncConnection, contact_ids: Collection[int], reason: str, at: Collection[int]) -> int:
    """How many enrollments of these people have ended for this reason at one of these times."""
    theirs = (among(enrollment.c.contact_id, "ids"), among(enrollment.c.ended_at, "times"))
    ended = (enrollment.c.state == EnrollmentState.exited, enrollment.c.reason == reason)
    statement = select(func.count()).select_from(enrollment).where(*theirs, *ended)
    return int((await conn.execute(statement, {"ids": json_of(contact_ids), "times": json_of(at)})).scalar_one())


_RIVAL = (
    campaign.c.exclusive,
    campaign.c.state.in_(("active", "paused")),
    campaign.c.id != bindparam("campaign"),
    (campaign.c.priority > bindparam("priority"))
    | ((campaign.c.priority == bindparam("priority")) & (campaign.c.id < bindparam("campaign"))),
)


_ANY_RIVAL = select(campaign.c.id).where(*_RIVAL).limit(1)


_WANTED = (
    select(enrollment.c.contact_id, campaign.c.ref)
    .join(campaign, campaign.c.id == enrollment.c.campaign_id)
    .where(among(enrollment.c.contact_id, "ids"), *_RIVAL)
    .where(state_is(enrollment, EnrollmentState.queued, EnrollmentState.active))
    .order_by(campaign.c.priority, campaign.c.id.desc())
)


async def in_exclusive_campaigns(
    conn: AsyncConnection, campaign_id: int, priority: int, contact_ids: Sequence[int]
) -> dict[int, str]:
    """Which of these contacts are in an exclusive campaign of higher priority, and in which (its ref)."""
    mine = {"campaign": campaign_id, "priority": priority}
    if (await conn.execute(_ANY_RIVAL, mine)).first() is None:
        return {}
    rows = await conn.execute(_WANTED, {**mine, "ids": json_of(contact_ids)})
    return {int(contact_id): ref for contact_id, ref in rows}


_UNDER_WAY = (
    select(
        enrollment.c.id, enrollment.c.rank, enrollment.c.due_at, *DUE_COLUMNS, enrollment.c.wanted_at,
        (enrollment.c.state == EnrollmentState.active).label("is_active"), enrollment.c.touched_at,
    )
    .join(contact, contact.c.id == enrollment.c.contact_id)
    .where(
        enrollment.c.campaign_id == bindparam("campaign"),
        enrollment.c.id > bindparam("after"),
        state_is(enrollment, EnrollmentState.queued, EnrollmentState.active),
    )
    .order_by(enrollment.c.id)
    .limit(bindparam("most"))
)  # fmt: skip


async def under_way(conn: AsyncConnection, campaign_id: int, after: int, most: int, at: int) -> list[UnderWay]:
    """Enrollments that are queued, held or not, or active, by id. `due_at` of a held one is `at`, of an active one the
    start of its contact."""
    found = []
    given = {"campaign": campaign_id, "after": after, "most": most}
    for *row, wanted_at, is_active, touched_at in await conn.execute(_UNDER_WAY, given):
        person = Due._make(row)
        moment = touched_at if is_active else person.due_at
        found.append(UnderWay(person._replace(due_at=at if moment is None else moment), wanted_at, is_active))
    return found


async def in_other_campaigns(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """How many of a campaign's people are queued or active in other running campaigns, by campaign."""
    mine, other = enrollment.alias("mine"), enrollment.alias("other")
    statement = (
        select(campaign.c.ref, func.count())
        .select_from(mine)
        .join(other, other.c.contact_id == mine.c.contact_id)
        .join(campaign, campaign.c.id == other.c.campaign_id)
        .where(mine.c.campaign_id == campaign_id, other.c.campaign_id != campaign_id)
        .where(
            mine.c.state == EnrollmentState.queued, other.c.state.in_((EnrollmentState.queued, EnrollmentState.active))
        )
        .where(campaign.c.state.in_(("active", "scheduled", "paused")))
        .group_by(campaign.c.ref)
        .order_by(campaign.c.ref)
    )
    return {ref: int(count) for ref, count in await conn.execute(statement)}
