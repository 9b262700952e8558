"""Reads of attempts. Nothing is changed here, but some rows are locked for who is about to change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, String, and_, bindparam, case, cast, exists, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import kind_of
from fluentsd.domain.reasons import Reason
from fluentsd.domain.state_machines import AttemptState, EnrollmentState
from fluentsd.store.attempts.rows import AttemptRow, OpenNow, OpenRow
from fluentsd.store.contacts import reserve
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import attempt, contact, contact_point, content, enrollment, hold, number, point

#: References of one point that a look-up leaves out.
OTHERS_AT_MOST = 200

#: What the reconciler and the record need of an attempt, its enrollment and its contact.
_WHOSE = select(attempt.c.contact_id).where(among(attempt.c.id, "ids"))
_ROWS = (
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
        enrollment.c.follows,
    )
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .join(contact, contact.c.id == attempt.c.contact_id)
    .where(among(attempt.c.id, "ids"))
    .order_by(attempt.c.id)
    .with_for_update(of=attempt)
)

_TOUCHES = (
    select(attempt.c.point_id, attempt.c.contact_id, attempt.c.claimed_at, attempt.c.channel)
    .where(among(attempt.c.point_id, "ids"), attempt.c.claimed_at > bindparam("since"))
    .where(attempt.c.outcome.is_(None) | (attempt.c.outcome != "not_sent"))
    .order_by(attempt.c.claimed_at)
)


async def touches(conn: AsyncConnection, point_ids: Iterable[int], since_at: int) -> list[tuple[int, int, int, str]]:
    """Attempts to these points over all campaigns, ascending: (point, contact, when, channel). Tries not made do not
    count. Every attempt to a person is one to a point of theirs."""
    rows = (await conn.execute(_TOUCHES, {"ids": json_of(point_ids), "since": since_at})).all()
    return [(point_id, contact_id, at, channel) for point_id, contact_id, at, channel in rows]


def to_contact(contact_id: int) -> ColumnElement[bool]:
    """Attempts to a person, found by their enrollments."""
    mine = select(enrollment.c.id).where(enrollment.c.contact_id == contact_id)
    return attempt.c.enrollment_id.in_(mine)


async def load(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, AttemptRow]:
    """Attempts with where their people stand, locked for the record where the database can: the people first, so that
    no claim and no exit comes between this read and the write that follows it."""
    if conn.dialect.name == "postgresql":
        await reserve(conn, list((await conn.execute(_WHOSE, {"ids": json_of(ids)})).scalars()))
    rows = (await conn.execute(_ROWS, {"ids": json_of(ids)})).all()
    return {row[0]: AttemptRow._make(row) for row in rows}


_OPEN = (
    select(
        attempt.c.id, attempt.c.channel, attempt.c.step, attempt.c.try_no, attempt.c.claimed_at,
        attempt.c.accepted_at, attempt.c.provider_ref, point.c.value.label("to"), number.c.e164.label("sender"),
        attempt.c.point_id,
    )
    .join(point, point.c.id == attempt.c.point_id, isouter=True)
    .join(number, number.c.id == attempt.c.number_id, isouter=True)
    .where(attempt.c.state == AttemptState.open)
)  # fmt: skip
_OVERDUE = (
    _OPEN.add_columns(content.c.text)
    .join(content, (content.c.attempt_id == attempt.c.id) & (content.c.kind == "body"), isouter=True)
    .where(attempt.c.deadline_at <= bindparam("at"))
    .order_by(attempt.c.deadline_at, attempt.c.id)
    .limit(bindparam("most"))
)


async def overdue(conn: AsyncConnection, at: int, most: int) -> list[OpenRow]:
    """Open attempts whose deadline has come, with what a look-up needs; the words as far as they are kept."""
    return [OpenRow._make(row) for row in await conn.execute(_OVERDUE, {"at": at, "most": most})]


async def open_of(conn: AsyncConnection, campaign_id: int | None, channel: str) -> list[OpenRow]:
    """The open attempts of a channel, in one campaign or in all."""
    statement = _OPEN.where(attempt.c.channel == channel)
    if campaign_id is not None:
        statement = statement.where(attempt.c.campaign_id == campaign_id)
    return [OpenRow(*row) for row in await conn.execute(statement)]


async def open_row(conn: AsyncConnection, attempt_id: str) -> OpenRow | None:
    """One open attempt."""
    row = (await conn.execute(_OPEN.where(attempt.c.id == attempt_id))).first()
    return OpenRow(*row) if row is not None else None


async def open_rows(conn: AsyncConnection, ids: Sequence[str]) -> list[OpenRow]:
    """Those of these attempts that are open."""
    return [OpenRow(*row) for row in await conn.execute(_OPEN.where(among(attempt.c.id, "ids")), {"ids": json_of(ids)})]


_HAS_LEFT = enrollment.c.state == EnrollmentState.exited
_IS_HELD = exists().where(
    hold.c.scope == "contact", hold.c.target == literal("#") + cast(attempt.c.contact_id, String),
    hold.c.lifted_at.is_(None),
)  # fmt: skip
_OF_PEOPLE_WHO_LEFT = (
    select(attempt.c.id, case((_HAS_LEFT, enrollment.c.reason), else_=Reason.taken_over.value))
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .where(attempt.c.state == AttemptState.open, attempt.c.channel == bindparam("b_channel"), or_(_HAS_LEFT, _IS_HELD))
)


async def of_people_who_left(conn: AsyncConnection, channel: str) -> list[tuple[str, str]]:
    """Open attempts to people who have exited meanwhile, each with the reason of the exit, or whom a colleague has
    taken over."""
    return [(token, why) for token, why in await conn.execute(_OF_PEOPLE_WHO_LEFT, {"b_channel": channel})]


_NEXT_DEADLINE = select(func.min(attempt.c.deadline_at)).where(attempt.c.state == AttemptState.open)
_OPEN_NOW = (
    select(attempt.c.id, attempt.c.campaign_id, attempt.c.channel, attempt.c.accepted_at.is_not(None))
    .where(attempt.c.state == AttemptState.open)
    .order_by(attempt.c.id)
)


async def next_deadline(conn: AsyncConnection) -> int | None:
    """The earliest moment at which an open attempt has to be asked about."""
    found: int | None = (await conn.execute(_NEXT_DEADLINE)).scalar()
    return found


async def open_now(conn: AsyncConnection) -> list[OpenNow]:
    """Every open attempt, oldest first."""
    return [OpenNow._make(row) for row in await conn.execute(_OPEN_NOW)]


_OWNERS = select(attempt.c.channel, attempt.c.provider_ref, attempt.c.id).where(among(attempt.c.provider_ref, "refs"))


async def owners(conn: AsyncConnection, refs: Iterable[str]) -> dict[tuple[str, str], str]:
    """The attempts that own these references: (channel, reference) → id."""
    rows = await conn.execute(_OWNERS, {"refs": json_of(refs)})
    return {(channel, ref): attempt_id for channel, ref, attempt_id in rows}


async def references_of_others(conn: AsyncConnection, row: OpenRow) -> frozenset[str]:
    """The provider's references of other attempts to the same point on the same channel, the newest ones."""
    mine = (attempt.c.point_id == row.point_id, attempt.c.channel == row.channel, attempt.c.id != row.id)
    statement = select(attempt.c.provider_ref).where(*mine, attempt.c.provider_ref.is_not(None))
    rows = await conn.execute(statement.order_by(attempt.c.id.desc()).limit(OTHERS_AT_MOST))
    return frozenset(rows.scalars())


async def has_rival(conn: AsyncConnection, row: OpenRow) -> bool:
    """Whether another attempt to the same point, without a reference and without an end that proves anything, may own
    what a look-up found by words alone: it has the same text, or nobody knows its text any more."""
    mine = (attempt.c.point_id == row.point_id, attempt.c.channel == row.channel, attempt.c.id != row.id)
    doubt = (attempt.c.provider_ref.is_(None), attempt.c.state.in_((AttemptState.open, AttemptState.unknown)))
    words = (content.c.attempt_id == attempt.c.id) & (content.c.kind == "body")
    any_text = true() if row.text is None else content.c.text.is_(None) | (content.c.text == row.text)
    statement = select(attempt.c.id).join(content, words, isouter=True).where(*mine, *doubt, any_text).limit(1)
    return (await conn.execute(statement)).first() is not None


async def find(
    conn: AsyncConnection, token: str | None, ref: str | None, address: str | None, *, no_open_call: bool = False
) -> str | None:
    """The attempt of that token, else the one a provider's reference means, else the latest one to an address, for any
    of the people who share it; without any, the latest one to these people by another point. Whose former point it
    is counts only while nobody has it now. Attempts to erased people are not found by an address; with
    `no_open_call` neither are calls that have not ended."""
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
    to_it = select(point.c.id).where(point.c.kind == kind_of(address), point.c.value == address)
    ended = (or_(attempt.c.channel != "phone", attempt.c.state != AttemptState.open),) if no_open_call else ()
    latest = await _latest(conn, attempt.c.point_id.in_(to_it), ~_WAS_TO_ANOTHER, *ended)
    if latest is not None:
        return latest
    people = select(contact_point.c.contact_id).where(contact_point.c.point_id.in_(to_it), ~_IS_PASSED_ON)
    theirs = select(enrollment.c.id).where(enrollment.c.contact_id.in_(people))
    return await _latest(conn, attempt.c.enrollment_id.in_(theirs), *ended)


_now = contact_point.alias("now")
#: A person's former point that is another person's now.
_IS_PASSED_ON = and_(
    contact_point.c.former, exists().where(_now.c.point_id == contact_point.c.point_id, _now.c.former.is_(False))
)
#: Attempts to people who had the point before.
_WAS_TO_ANOTHER = exists().where(
    contact_point.c.contact_id == attempt.c.contact_id, contact_point.c.point_id == attempt.c.point_id, _IS_PASSED_ON
)


async def _latest(conn: AsyncConnection, *which: ColumnElement[bool]) -> str | None:
    """The latest of these attempts that was made, or else the latest that was not, to a person who is not erased."""
    made = case((attempt.c.outcome == "not_sent", 1), else_=0)
    statement = (
        select(attempt.c.id)
        .join(contact, contact.c.id == attempt.c.contact_id)
        .where(*which, contact.c.erased_at.is_(None))
        .order_by(made, attempt.c.claimed_at.desc(), attempt.c.id.desc())
        .limit(1)
    )
    found: str | None = (await conn.execute(statement)).scalar()
    return found


async def tries_of(conn: AsyncConnection, enrollment_id: int, step: str) -> int:
    """How many tries of a step an enrollment has, made or not."""
    mine = (attempt.c.enrollment_id == enrollment_id, attempt.c.step == step)
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())
