"""Caller IDs: the inventory, their tags, and the moment each may be used again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.campaign import Numbers
from fluentsd.domain.pacing import CallerId, credible
from fluentsd.domain.time.durations import Rate
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import hold, number, number_tag

_GRANT = (
    update(number)
    .where(number.c.id == bindparam("b_id"))
    .values(next_slot_at=bindparam("next_slot_at"), used=bindparam("used"))
)

_HELD = (hold.c.scope == "number", hold.c.lifted_at.is_(None))
_RESTED = select(func.max(hold.c.until_at)).where(*_HELD, hold.c.target == number.c.e164).scalar_subquery()


_BY_ID = select(number.c.id, number.c.e164, number.c.label).where(number.c.id == bindparam("b_id"))
_USABLE = (
    select(
        number.c.id,
        number.c.e164,
        number.c.next_slot_at,
        number.c.used,
        number.c.pace,
        number.c.carries,
        _RESTED.label("rested_at"),
    )
    .where(
        among(number.c.e164, "numbers")
        | number.c.id.in_(select(number_tag.c.number_id).where(among(number_tag.c.tag, "tags")))
    )
    .where(
        number.c.retired_at.is_(None),
        number.c.e164.not_in(select(hold.c.target).where(*_HELD, hold.c.until_at.is_(None))),
    )
    .order_by(number.c.id)
)
_USABLE_LOCKED = _USABLE.with_for_update(of=number)


async def by_id(conn: AsyncConnection, number_id: int) -> Any:
    """One caller ID: id, e164, label."""
    return (await conn.execute(_BY_ID, {"b_id": number_id})).one()


async def caller_ids(
    conn: AsyncConnection,
    numbers: Sequence[str],
    tags: Sequence[str],
    pace: Rate | None,
    at: int,
    *,
    lock: bool,
    spacing: int = 0,
) -> list[CallerId]:
    """The caller IDs a campaign may use at `at`: named or tagged, not retired, not held; locked for a claim if asked.
    One that rests (a hold with an end) may be used after it; `spacing` (microseconds) is the least time between two
    uses of any."""
    given = {"numbers": json_of(numbers), "tags": json_of(tags)}
    rows = await conn.execute(_USABLE_LOCKED if lock else _USABLE, given)
    found = []
    for row in rows:
        own = _interval(Rate.parse(row.pace)) if row.pace else 0
        # without a pace of its own, the slot may come from another campaign's pace
        slot_at = credible(row.next_slot_at, max(own, spacing), at) if own else row.next_slot_at
        interval = max(own or _interval(pace), spacing)
        found.append(CallerId(row.id, row.e164, max(slot_at, row.rested_at or 0), row.used, interval, row.carries))
    return found


async def chosen(conn: AsyncConnection, which: Numbers) -> list[str]:
    """The numbers a campaign names or tags, whether they may be used now or not."""
    tagged = select(number_tag.c.number_id).where(number_tag.c.tag.in_(which.tags))
    mine = number.c.e164.in_(which.numbers) | number.c.id.in_(tagged)
    return list((await conn.execute(select(number.c.e164).where(mine).order_by(number.c.e164))).scalars())


def _interval(pace: Rate | None) -> int:
    return pace.interval if pace else 0


async def granted(conn: AsyncConnection, changed: Sequence[CallerId]) -> None:
    """Write the uses a claim has granted."""
    if changed:
        rows = [
            {"b_id": caller_id.id, "next_slot_at": caller_id.next_slot_at, "used": caller_id.used}
            for caller_id in changed
        ]
        await conn.execute(_GRANT, rows)


async def upsert(conn: AsyncConnection, e164: str, *, label: str | None, pace: str | None, tags: Sequence[str]) -> int:
    """Add a number or change its label and pace; tags are added. Returns its id."""
    given = {k: v for k, v in (("label", label), ("pace", pace)) if v is not None}
    found: int | None = (await conn.execute(select(number.c.id).where(number.c.e164 == e164))).scalar()
    if found is None:
        result = await conn.execute(insert(number).values(e164=e164, **given))
        assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
        found = int(result.inserted_primary_key[0])
    else:
        await conn.execute(update(number).where(number.c.id == found).values(retired_at=None, **given))
    have = set((await conn.execute(select(number_tag.c.tag).where(number_tag.c.number_id == found))).scalars())
    fresh = [{"number_id": found, "tag": tag} for tag in dict.fromkeys(tags) if tag not in have]
    if fresh:
        await conn.execute(insert(number_tag), fresh)
    return found


async def in_use(conn: AsyncConnection) -> dict[str, bool]:
    """Every number that was ever added: whether it is used, or was retired."""
    rows = await conn.execute(select(number.c.e164, number.c.retired_at).order_by(number.c.e164))
    return {row.e164: row.retired_at is None for row in rows}


async def add(conn: AsyncConnection, labels: Mapping[str, str]) -> None:
    """Add numbers that were never added before, each with its label."""
    if labels:
        await conn.execute(insert(number), [{"e164": e164, "label": label} for e164, label in labels.items()])


async def note_carries(conn: AsyncConnection, carries: Mapping[str, str]) -> None:
    """What each number can be used for, as its provider says: "phone,sms"."""
    if carries:
        mine = update(number).where(number.c.e164 == bindparam("b_e164")).values(carries=bindparam("b_carries"))
        await conn.execute(mine, [{"b_e164": e164, "b_carries": channels} for e164, channels in carries.items()])


async def tag(conn: AsyncConnection, wanted: Iterable[tuple[str, str]]) -> int:
    """Add tags to numbers, as (number, tag); returns how many were not there before."""
    ids = {row.e164: row.id for row in await conn.execute(select(number.c.e164, number.c.id))}
    have = {(row.number_id, row.tag) for row in await conn.execute(select(number_tag.c.number_id, number_tag.c.tag))}
    fresh = sorted({(ids[e164], tag) for e164, tag in wanted} - have)
    if fresh:
        await conn.execute(insert(number_tag), [{"number_id": i, "tag": tag} for i, tag in fresh])
    return len(fresh)


async def untag(conn: AsyncConnection, e164: str, tags: Sequence[str]) -> int:
    """Take tags off a number; returns how many it had."""
    mine = select(number.c.id).where(number.c.e164 == e164).scalar_subquery()
    statement = delete(number_tag).where(number_tag.c.number_id == mine, number_tag.c.tag.in_(list(tags)))
    return (await conn.execute(statement)).rowcount


async def retire(conn: AsyncConnection, e164: str, at: int) -> bool:
    """Stop using a number; its history stays."""
    statement = update(number).where(number.c.e164 == e164, number.c.retired_at.is_(None)).values(retired_at=at)
    return (await conn.execute(statement)).rowcount == 1


async def inventory(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Every number in use with its tags, by number."""
    rows = await conn.execute(
        select(number, number_tag.c.tag)
        .join(number_tag, number_tag.c.number_id == number.c.id, isouter=True)
        .where(number.c.retired_at.is_(None))
        .order_by(number.c.e164, number_tag.c.tag)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows.mappings():
        entry = found.setdefault(
            row["e164"],
            {
                k: row[k]
                for k in ("e164", "label", "pace", "next_slot_at", "used", "carries", "inbound_agent", "forward_to")
            }
            | {"tags": []},
        )
        if row["tag"]:
            entry["tags"].append(row["tag"])
    return list(found.values())


async def drop_slots_after(conn: AsyncConnection, at: int) -> None:
    """No caller ID waits for a slot after this instant."""
    await conn.execute(update(number).where(number.c.next_slot_at > at).values(next_slot_at=at))
