"""Erasure of a person: the rows deleted, the words blanked, and the hashes that stay.

Of each number and address a keyed hash is kept (`erased_point`), because two facts must outlive the person: their
opt-out, and the campaigns they were in. The key lies beside the database and never in it, so that a copy of the
database alone does not reveal whose hash it is. Entries of the suppression list stay, under the hash; when an import
brings the number again they get their value back (`recall`), so no other reader of the list needs to know of hashes. A
point that others share stays with them, and so do its entries; its hash is made of the point and the person's name, so
that it means none of the others. Which enrollments end, and the files beside the database, belong to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import Name, identities
from fluentsd.domain.gate import Point
from fluentsd.domain.state_machines import ATTEMPT, AttemptState, EnrollmentState
from fluentsd.store.attempts import step_counts
from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.attempts.transitions import new_id
from fluentsd.store.contacts import names_of as names_in
from fluentsd.store.contacts import points_of
from fluentsd.store.db.state_columns import transition
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.erasure.blanking import ERASED, blanked
from fluentsd.store.holds import CONTACT
from fluentsd.store.holds import person as held_person
from fluentsd.store.tables import (
    after_call,
    attempt,
    campaign,
    contact,
    contact_point,
    content,
    enrollment,
    erased_point,
    hold,
    inbound_call,
    membership,
    point,
    record,
    record_alias,
    suppression,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fluentsd.api import Kind

Hash = Callable[[str], str]
#: Prefix of a hash in the value column of the suppression list.
HIDDEN = "erased:"

_KNOWN = select(erased_point).where(among(erased_point.c.hash, "hashes"))


class Gone(NamedTuple):
    """A number or address of an erased person. `stopped`: suppressed channels, "*" for all; `campaigns`: refs of those
    that do not enroll it again."""

    hash: str
    kind: str
    stopped: tuple[str, ...]
    campaigns: tuple[str, ...]
    at: int


def _gone(row: Any) -> Gone:
    stopped = tuple(filter(None, row.stopped.split(",")))
    return Gone(row.hash, row.kind, stopped, tuple(json.loads(row.campaigns)), row.at)


# ── return ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def is_any(conn: AsyncConnection) -> bool:
    """Whether any person was ever erased."""
    return bool((await conn.execute(select(select(true()).select_from(erased_point).exists()))).scalar())


async def everybody(conn: AsyncConnection) -> list[Gone]:
    """Every hash that is kept."""
    return [_gone(row) for row in await conn.execute(select(erased_point))]


async def names_of(conn: AsyncConnection, hashed: Hash, value: str) -> list[str]:
    """The values under which the suppression list may hold a number or address: itself; after an erasure, its hash."""
    return [value, HIDDEN + hashed(value)] if await is_any(conn) else [value]


async def lift_suppression(conn: AsyncConnection, names: Sequence[str]) -> None:
    """Their suppression entries were lifted, so the hashes keep no suppression either."""
    hashes = [name.removeprefix(HIDDEN) for name in names if name.startswith(HIDDEN)]
    await conn.execute(update(erased_point).where(erased_point.c.hash.in_(hashes)).values(stopped=""))


async def recall(conn: AsyncConnection, hashed: Hash, contact_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Contacts that an import brings: their suppression entries get their values back. Returns, for those who were
    erased before, the refs of the campaigns they were in."""
    if not contact_ids or not await is_any(conn):
        return {}
    had: dict[int, frozenset[str]] = {}
    known = await _hashes_of(conn, hashed, contact_ids)
    for row in (await conn.execute(_KNOWN, {"hashes": json_of(known)})).all():
        gone = _gone(row)
        for who, value in known[gone.hash]:
            hidden = suppression.c.value == HIDDEN + gone.hash
            await conn.execute(update(suppression).where(hidden).values(value=value))
            had[who] = had.get(who, frozenset()) | frozenset(gone.campaigns)
    return had


async def _hashes_of(
    conn: AsyncConnection, hashed: Hash, contact_ids: Sequence[int]
) -> dict[str, list[tuple[int, str]]]:
    """Every hash under which one of these contacts may be kept, with the contact and the point."""
    found, names = await points_of(conn, contact_ids), await names_in(conn, contact_ids)
    known: dict[str, list[tuple[int, str]]] = {}
    for who, points in found.items():
        for value, texts in identities([p.value for p in points], names.get(who, ())).items():
            for text in {value, *texts}:
                known.setdefault(hashed(text), []).append((who, value))
    return known


async def remember(conn: AsyncConnection, rows: Iterable[Gone], *, by: str) -> None:
    """Keep hashes, joined with what was kept before, and suppress them as they say."""
    for row in rows:
        before = (await conn.execute(_KNOWN, {"hashes": json_of([row.hash])})).first()
        old = _gone(before) if before else Gone(row.hash, row.kind, (), (), row.at)
        await conn.execute(delete(erased_point).where(erased_point.c.hash == row.hash))
        await conn.execute(
            insert(erased_point).values(
                hash=row.hash,
                kind=row.kind,
                stopped=",".join(sorted({*old.stopped, *row.stopped})),
                campaigns=json.dumps(sorted({*old.campaigns, *row.campaigns})),
                at=max(old.at, row.at),
            )
        )
        mine = (suppression.c.value == HIDDEN + row.hash, suppression.c.lifted_at.is_(None))
        there = set((await conn.execute(select(suppression.c.channel).where(*mine))).scalars())
        for channel in sorted({*row.stopped} - there):
            entry = {"kind": row.kind, "value": HIDDEN + row.hash, "channel": channel, "reason": "erased", "by": by}
            await conn.execute(insert(suppression).values(**entry, at=row.at))


async def some_people(
    conn: AsyncConnection, hashed: Hash, since: int, most: int
) -> tuple[dict[str, list[tuple[int, str]]], int | None]:
    """The hashes of some contacts in the order of their ids, from one on, and the id to go on with (None: no more)."""
    statement = select(contact.c.id).where(contact.c.id >= since).order_by(contact.c.id).limit(most)
    ids = list((await conn.execute(statement)).scalars())
    return (await _hashes_of(conn, hashed, ids), ids[-1] + 1) if ids else ({}, None)


async def points_and_shared(conn: AsyncConnection, contact_id: int) -> tuple[list[Point], set[str]]:
    """A person's points, and the values of those that belong to others too."""
    points = (await points_of(conn, [contact_id])).get(contact_id, [])
    theirs = (among(contact_point.c.point_id, "ids"), contact_point.c.contact_id != contact_id)
    rows = await conn.execute(select(contact_point.c.point_id).where(*theirs), {"ids": json_of(p.id for p in points)})
    others = set(rows.scalars())
    return points, {p.value for p in points if p.id in others}


def kept_as(points: Sequence[Point], shared: Collection[str], names: Iterable[Name]) -> list[tuple[str, Point]]:
    """The texts whose hashes are kept of a person, each with its point: a point of their own by its value, a shared one
    with the person's name."""
    own = [(p.value, p) for p in points if p.value not in shared]
    names = [name for name in names if name]
    by_text = identities([p.value for p in points], names)
    if names or not own:
        own += [(text, p) for p in points if p.value in shared for text in by_text[p.value]]
    return own


# ── deletion ───────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def overwriting(conn: AsyncConnection) -> AsyncIterator[None]:
    """What is deleted meanwhile is overwritten in a SQLite file; a server's vacuum is its operator's."""
    if conn.dialect.name != "sqlite":
        yield
        return
    before = (await conn.exec_driver_sql("PRAGMA secure_delete")).scalar()
    await conn.exec_driver_sql("PRAGMA secure_delete=ON")
    yield
    await conn.exec_driver_sql(f"PRAGMA secure_delete={int(before or 0)}")


async def is_busy(conn: AsyncConnection, contact_id: int) -> bool:
    """Whether a contact with this person is in progress, or its outcome is not known yet."""
    going = select(attempt.c.id).where(to_contact(contact_id), attempt.c.state == AttemptState.open)
    active = select(enrollment.c.id).where(
        enrollment.c.contact_id == contact_id, enrollment.c.state == EnrollmentState.active
    )
    return bool((await conn.execute(select(or_(going.exists(), active.exists())))).scalar())


async def give_up(conn: AsyncConnection, contact_id: int, at: int) -> None:
    """open → unknown: no provider is asked any more about attempts to an erased person."""
    values = {"outcome": "unknown", "reason": ERASED, "settled_at": at, "deadline_at": None}
    given_up = transition(attempt, ATTEMPT, "give up", to_contact(contact_id), **values)
    deltas = step_counts.Deltas()
    for campaign_id, step in await conn.execute(given_up.returning(attempt.c.campaign_id, attempt.c.step)):
        step_counts.move(deltas, campaign_id, step, None, "unknown")
    await step_counts.add(conn, deltas)


class ProviderCopy(NamedTuple):
    """What finds an attempt, or what came in after one, at its provider: our token ("" for what came in), the
    provider's reference if there is one, its moment."""

    channel: Kind
    token: str
    ref: str | None
    claimed_at: int


async def at_providers(conn: AsyncConnection, contact_id: int, but: Iterable[Kind]) -> list[ProviderCopy]:
    """Attempts to somebody, and what they wrote, as far as providers may have a memory of them; those of `but` have
    none."""
    reached = attempt.c.outcome.is_distinct_from("not_sent")
    mine = (to_contact(contact_id), reached, attempt.c.channel.not_in(list(but)))
    statement = select(attempt.c.channel, attempt.c.id, attempt.c.provider_ref, attempt.c.claimed_at)
    sent = [ProviderCopy(*row) for row in await conn.execute(statement.where(*mine).order_by(attempt.c.id))]
    came = (
        select(attempt.c.channel, content.c.provider_ref, content.c.created_at)
        .join(attempt, attempt.c.id == content.c.attempt_id)
        .where(content.c.contact_id == contact_id, content.c.provider_ref.is_not(None))
        .where(attempt.c.channel.not_in(list(but)))
        .order_by(content.c.id)
    )
    calls = select(inbound_call.c.channel, inbound_call.c.provider_ref, inbound_call.c.began_at).where(
        inbound_call.c.contact_id == contact_id, inbound_call.c.channel.not_in(list(but))
    )
    came_in = [*await conn.execute(came), *await conn.execute(calls.order_by(inbound_call.c.id))]
    return sent + [ProviderCopy(channel, "", ref, at) for channel, ref, at in came_in]


async def rename_attempts(conn: AsyncConnection, contact_id: int) -> dict[str, str]:
    """Give the person's attempts ids that no provider knows, of the same moment. So what a provider still holds of the
    person leads nowhere here, and texts that come late are not kept. Returns the new ids by the old."""
    mine = select(attempt.c.id).where(to_contact(contact_id))
    names = {old: new_id(int(old[:12], 16) * 1000) for old in (await conn.execute(mine)).scalars()}
    for old, new in names.items():
        await conn.execute(update(attempt).where(attempt.c.id == old).values(id=new, provider_ref=None))
    return names


async def words_of(conn: AsyncConnection, contact_id: int) -> tuple[list[str], list[str]]:
    """A person's numbers and addresses, and every other text of three letters or more their sources say of them."""
    points = [p.value for p in (await points_of(conn, [contact_id])).get(contact_id, [])]
    rows = (await conn.execute(select(record.c.fields).where(record.c.contact_id == contact_id))).scalars()
    texts = {str(text).strip() for fields in rows for text in json.loads(fields).values()}
    return points, sorted(text for text in texts if len(text) > 2)


async def campaigns_of(conn: AsyncConnection, contact_id: int) -> list[str]:
    """Refs of the campaigns a person is or was in."""
    statement = select(campaign.c.ref).join(enrollment, enrollment.c.campaign_id == campaign.c.id)
    rows = await conn.execute(statement.where(enrollment.c.contact_id == contact_id).distinct())
    return sorted(rows.scalars())


async def hide_stops(
    conn: AsyncConnection, hashed: Hash, values: Sequence[str], names: Mapping[str, str]
) -> dict[str, set[str]]:
    """Suppression entries of these values move under their hashes, without personal words; returns the suppressed
    channels by value. Of the evidence stays which attempt it was (by its new name, see `untie`), of a
    lifting which request."""
    stopped: dict[str, set[str]] = {}
    for row in (await conn.execute(select(suppression).where(suppression.c.value.in_(values)))).all():
        if row.lifted_at is None:
            stopped.setdefault(row.value, set()).add(row.channel)
        kept = {name: names.get(word, word) for name, word in (row.evidence or {}).items() if name == "attempt"}
        because = row.lifted_because if row.lifted_by == "contact" else row.lifted_because and ERASED
        changed = {"value": HIDDEN + hashed(row.value), "evidence": kept or None, "lifted_because": because}
        await conn.execute(update(suppression).where(suppression.c.id == row.id).values(**changed))
    return stopped


async def blank_shared_stops(
    conn: AsyncConnection, values: Collection[str], names: Mapping[str, str], words: Sequence[str]
) -> None:
    """Suppression entries of points that others share stay, without the person's words and attempts."""
    for row in (await conn.execute(select(suppression).where(suppression.c.value.in_(list(values))))).all():
        evidence = {name: names.get(word, word) for name, word in (row.evidence or {}).items()}
        changed = {"evidence": blanked(evidence, words) or None, "lifted_because": blanked(row.lifted_because, words)}
        await conn.execute(update(suppression).where(suppression.c.id == row.id).values(**changed))


async def delete_person(
    conn: AsyncConnection, contact_id: int, values: Sequence[str], shared: Collection[str], at: int
) -> dict[str, int]:
    """Points that nobody else has, records, memberships and words are deleted; the contact stays as an empty row that
    attempts and enrollments can point at. Returns how many rows of each went, shared points included."""
    records = select(record.c.id).where(record.c.contact_id == contact_id)
    await conn.execute(delete(membership).where(membership.c.record_id.in_(records)))
    await conn.execute(delete(record_alias).where(record_alias.c.record_id.in_(records)))
    merged = (record_alias.c.object == "contact", record_alias.c.key == str(contact_id))
    await conn.execute(delete(record_alias).where(*merged))
    own = select(point.c.id).where(point.c.value.in_([value for value in values if value not in shared]))
    ids = list((await conn.execute(own)).scalars())
    went = {}
    for name, table in (("points", contact_point), ("records", record), ("texts", content)):
        went[name] = (await conn.execute(delete(table).where(table.c.contact_id == contact_id))).rowcount
    await conn.execute(update(attempt).where(attempt.c.point_id.in_(ids)).values(point_id=None))
    await conn.execute(delete(after_call).where(after_call.c.contact_id == contact_id))
    theirs = or_(inbound_call.c.contact_id == contact_id, inbound_call.c.point_id.in_(ids))
    anonymous = {"contact_id": None, "point_id": None, "enrollment_id": None, "provider_ref": None, "reason": ""}
    await conn.execute(update(inbound_call).where(theirs).values(**anonymous))
    await conn.execute(delete(point).where(point.c.id.in_(ids)))
    of_person = update(hold).where(hold.c.scope == CONTACT, hold.c.target == held_person(contact_id))
    await conn.execute(of_person.values(reason=ERASED, lifted_at=func.coalesce(hold.c.lifted_at, at)))
    blank = {"zones": "", "zone_basis": "none", "conflict": False, "states": "", "consent": "", "language": ""}
    empty = update(contact).where(contact.c.id == contact_id)
    await conn.execute(
        empty.values(**blank, scrubbed_at=None, away_until_at=None, called_back_at=None, updated_at=at, erased_at=at)
    )
    return went
