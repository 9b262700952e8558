"""Attempts: the ledger. A row is committed before the provider is called, and closed only by proof or by giving up.

An id is a moment and 80 random bits: rows written together lie together, and nobody can guess one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.domain.states import AttemptState
from fluentsd.store.contacts import reserve
from fluentsd.store.db.statements import Prepared, among, json_of
from fluentsd.store.tables import attempt, contact, content, enrollment, number, point

_INTENT = (
    "id", "enrollment_id", "campaign_id", "contact_id", "step", "try_no", "channel", "point_id", "number_id",
    "state", "claimed_at", "deadline_at", "cost_micros", "currency",
)  # fmt: skip
_INTEND = Prepared(insert(attempt).values({column: bindparam(column) for column in _INTENT}))
_WORDS = ("contact_id", "attempt_id", "kind", "text", "created_at", "provider_ref")
_KEEP = Prepared(insert(content).values({column: bindparam(column) for column in _WORDS}))
_SETTLE = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state == AttemptState.open)
    .values(
        state=bindparam("b_state"),
        outcome=bindparam("b_outcome"),
        reason=bindparam("b_reason"),
        provider_ref=func.coalesce(bindparam("b_ref"), attempt.c.provider_ref),
        accepted_at=func.coalesce(attempt.c.accepted_at, bindparam("b_accepted")),
        settled_at=bindparam("b_at"),
        deadline_at=None,
        duration_s=bindparam("b_duration"),
        cost_micros=bindparam("b_cost"),
        currency=bindparam("b_currency"),
        counted=bindparam("b_counted"),
    )
)
_ACCEPT = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state == AttemptState.open)
    .values(provider_ref=bindparam("b_ref"), accepted_at=bindparam("b_at"), deadline_at=bindparam("b_deadline"))
)
_DEADLINE = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state == AttemptState.open)
    .values(deadline_at=bindparam("b_deadline"), reason=bindparam("b_reason"))
)
_IMPROVE = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state != AttemptState.open)
    .values(
        state=AttemptState.settled,
        outcome=bindparam("b_outcome"),
        reason=func.coalesce(bindparam("b_reason"), attempt.c.reason),
        counted=bindparam("b_counted"),
    )
)

#: What the reconciler and the record need of an attempt, its enrollment and its contact.
_WHOSE = select(attempt.c.contact_id).where(among(attempt.c.id, "ids"))
_WHOLE = (
    select(
        attempt.c.id,
        attempt.c.enrollment_id,
        attempt.c.campaign_id,
        attempt.c.contact_id,
        attempt.c.step,
        attempt.c.try_no,
        attempt.c.channel,
        attempt.c.point_id,
        attempt.c.state,
        attempt.c.outcome,
        attempt.c.cost_micros,
        attempt.c.claimed_at,
        attempt.c.number_id,
        attempt.c.counted,
        enrollment.c.version_id,
        enrollment.c.state.label("enrollment_state"),
        enrollment.c.step.label("at_step"),
        enrollment.c.try_no.label("at_try"),
        enrollment.c.retries,
        enrollment.c.unreached,
        enrollment.c.outcomes,
        enrollment.c.last_outcome,
        contact.c.zones,
        contact.c.states,
    )
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .join(contact, contact.c.id == attempt.c.contact_id)
    .where(among(attempt.c.id, "ids"))
    .order_by(attempt.c.id)
    .with_for_update(of=attempt)
)

_TOUCHES = (
    select(attempt.c.contact_id, attempt.c.claimed_at, attempt.c.channel)
    .where(among(attempt.c.contact_id, "ids"), attempt.c.claimed_at > bindparam("since"))
    .where(attempt.c.outcome.is_(None) | (attempt.c.outcome != "not_sent"))
    .order_by(attempt.c.claimed_at)
)


def new_id(at: int) -> str:
    """A fresh attempt id: 12 hex digits of milliseconds, 20 of chance."""
    return f"{at // 1000:012x}{secrets.token_hex(10)}"


async def add(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """The commit point: the intents, before any provider is called."""
    if rows:
        await _INTEND.many(conn, rows)


async def keep_content(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Words of or to a person: contact_id, attempt_id, kind, text, created_at, provider_ref."""
    if rows:
        await _KEEP.many(conn, rows)


async def touches(conn: AsyncConnection, contact_ids: Sequence[int], since_at: int) -> dict[int, list[tuple[int, str]]]:
    """When each contact was last contacted and how, over all campaigns, ascending; tries not made do not count."""
    found: dict[int, list[tuple[int, str]]] = {}
    given = {"ids": json_of(contact_ids), "since": since_at}
    for contact_id, claimed_at, channel in await conn.execute(_TOUCHES, given):
        found.setdefault(contact_id, []).append((claimed_at, channel))
    return found


class AttemptRow(NamedTuple):
    """An attempt, where its person stands, and in which zones: what the record decides by."""

    id: str
    enrollment_id: int
    campaign_id: int
    contact_id: int
    step: str
    try_no: int
    channel: str
    point_id: int | None
    state: str
    outcome: str | None
    cost_micros: int
    claimed_at: int
    number_id: int | None
    counted: str | None
    version_id: int
    enrollment_state: str
    at_step: str
    at_try: int
    retries: int
    unreached: int
    outcomes: str
    last_outcome: str
    zones: str
    states: str


async def load(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, AttemptRow]:
    """Attempts with where their people stand, locked for the record where the database can: the people first, so that
    nobody is marked or taken out of the campaign between this look and what is made of it."""
    if conn.dialect.name == "postgresql":
        await reserve(conn, list((await conn.execute(_WHOSE, {"ids": json_of(ids)})).scalars()))
    return {row[0]: AttemptRow._make(row) for row in await conn.execute(_WHOLE, {"ids": json_of(ids)})}


async def settle(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """open → settled or unknown."""
    if rows:
        await _SETTLE.many(conn, rows)


async def accept(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Still open, but the provider has it: `b_id`, `b_ref`, `b_at`, `b_deadline`."""
    if rows:
        await _ACCEPT.many(conn, rows)


async def put_off(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Still open; ask the provider at `b_deadline`: `b_id`, `b_reason`."""
    if rows:
        await _DEADLINE.many(conn, rows)


async def improve(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Later evidence about a closed attempt: `b_id`, `b_outcome`, `b_reason` (None leaves it), `b_counted`."""
    if rows:
        await _IMPROVE.many(conn, rows)


async def overdue(conn: AsyncConnection, at: int, most: int) -> list[Any]:
    """Open attempts whose deadline has come, with what a look-up needs; the words as far as they are kept."""
    statement = (
        select(
            attempt.c.id, attempt.c.channel, attempt.c.step, attempt.c.try_no, attempt.c.claimed_at,
            attempt.c.accepted_at, attempt.c.provider_ref, point.c.value.label("to"), number.c.e164.label("sender"),
            content.c.text,
        )
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .join(number, number.c.id == attempt.c.number_id, isouter=True)
        .join(content, (content.c.attempt_id == attempt.c.id) & (content.c.kind == "body"), isouter=True)
        .where(attempt.c.state == AttemptState.open, attempt.c.deadline_at <= at)
        .order_by(attempt.c.deadline_at, attempt.c.id)
        .limit(most)
    )  # fmt: skip
    return list((await conn.execute(statement)).all())


async def accepted_open(conn: AsyncConnection, campaign_id: int, channel: str) -> list[Any]:
    """What the provider has and has not ended: calls that may still ring."""
    statement = (
        select(
            attempt.c.id, attempt.c.channel, attempt.c.step, attempt.c.try_no, attempt.c.claimed_at,
            attempt.c.provider_ref, point.c.value.label("to"), number.c.e164.label("sender"),
        )
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .join(number, number.c.id == attempt.c.number_id, isouter=True)
        .where(attempt.c.state == AttemptState.open, attempt.c.campaign_id == campaign_id, attempt.c.channel == channel)
        .where(attempt.c.accepted_at.is_not(None))
    )  # fmt: skip
    return list((await conn.execute(statement)).all())


async def next_deadline(conn: AsyncConnection) -> int | None:
    """The earliest moment at which an open attempt has to be asked about."""
    found: int | None = (
        await conn.execute(select(func.min(attempt.c.deadline_at)).where(attempt.c.state == AttemptState.open))
    ).scalar()
    return found


async def hasten(conn: AsyncConnection, channel: str, at: int) -> int:
    """Ask about everything of a channel that is open and not known to be accepted at `at`, if not before."""
    mine = (attempt.c.state == AttemptState.open, attempt.c.accepted_at.is_(None), attempt.c.channel == channel)
    statement = update(attempt).where(*mine, attempt.c.deadline_at > at).values(deadline_at=at)
    return (await conn.execute(statement)).rowcount


async def open_now(conn: AsyncConnection) -> list[tuple[str, int, Kind]]:
    """Every open attempt: id, campaign, channel."""
    statement = select(attempt.c.id, attempt.c.campaign_id, attempt.c.channel).where(
        attempt.c.state == AttemptState.open
    )
    return [(row.id, row.campaign_id, row.channel) for row in await conn.execute(statement)]


async def find(conn: AsyncConnection, token: str | None, ref: str | None, address: str | None) -> str | None:
    """The attempt of that token, else the one a provider's reference means, else the latest one to an address."""
    if token is not None:
        named: str | None = (await conn.execute(select(attempt.c.id).where(attempt.c.id == token))).scalar()
        if named is not None:
            return named
    if ref is not None:
        found: str | None = (await conn.execute(select(attempt.c.id).where(attempt.c.provider_ref == ref))).scalar()
        if found is not None:
            return found
    if address is None:
        return None
    latest = (
        select(attempt.c.id).join(point, point.c.contact_id == attempt.c.contact_id).where(point.c.value == address)
    )
    newest: str | None = (await conn.execute(latest.order_by(attempt.c.claimed_at.desc()).limit(1))).scalar()
    return newest


async def tries_of(conn: AsyncConnection, enrollment_id: int, step: str) -> int:
    """How many tries of a step were marked for somebody, made or not."""
    mine = (attempt.c.enrollment_id == enrollment_id, attempt.c.step == step)
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())
