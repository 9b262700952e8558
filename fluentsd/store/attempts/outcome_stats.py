"""Outcome counts for breakers: attempts by outcome, for each campaign and number, channel and hour.

Deltas are written in the transaction of the outcome report and summed when read: every committed snapshot is exact.
Each attempt with a known end is in exactly one figure (`attempt.counted`), of its campaign and of its number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import Prepared, field
from fluentsd.store.tables import attempt, outcome_count

#: (scope, target, channel)
Key = tuple[str, int, str]
#: (scope, target, channel, hour, figure)
Deltas = Counter[tuple[str, int, str, int, str]]

_COLUMNS = ("scope", "target", "channel", "hour", "figure", "count")
_ADD = Prepared[tuple[str, int, str, int, str, int]](
    _COLUMNS,
    text(
        "INSERT INTO outcome_count (scope, target, channel, hour, figure, count)"
        " VALUES (:b_scope, :b_target, :b_channel, :b_hour, :b_figure, :b_count)"
        " ON CONFLICT (scope, target, channel, hour, figure) DO UPDATE SET count = outcome_count.count + excluded.count"
    ).bindparams(*(field(column) for column in _COLUMNS)),
)


def move(deltas: Deltas, key: Key, hour: int, before: str | None, after: str | None) -> None:
    """Note that one attempt changes from one figure to another; None is no figure."""
    if before is not None:
        deltas[*key, hour, before] -= 1
    if after is not None:
        deltas[*key, hour, after] += 1


async def add(conn: AsyncConnection, deltas: Deltas) -> None:
    """Write the deltas of one transaction; rows in one order, so that writers never lock crosswise."""
    await _ADD.many(conn, [(*key, count) for key, count in sorted(deltas.items()) if count])


async def sums(conn: AsyncConnection, key: Key, after: int, since: int) -> dict[str, int]:
    """The figures of one campaign or number on one channel, of hours that began after `after`, and not before
    `since`."""
    return await _sums(conn, _SUMS, key, after, since)


async def others(conn: AsyncConnection, key: Key, after: int) -> dict[str, int]:
    """The same of all the others of that scope together."""
    return await _sums(conn, _SUMS_OF_OTHERS, key, after, 0)


_IN_SCOPE = (
    select(outcome_count.c.figure, func.sum(outcome_count.c.count))
    .where(outcome_count.c.scope == field("scope"), outcome_count.c.channel == field("channel"))
    .where(outcome_count.c.hour > field("after"), outcome_count.c.hour >= field("since"))
    .group_by(outcome_count.c.figure)
)
_SUMS = _IN_SCOPE.where(outcome_count.c.target == field("target"))
_SUMS_OF_OTHERS = _IN_SCOPE.where(outcome_count.c.target != field("target"))


async def _sums(conn: AsyncConnection, statement: Select[Any], key: Key, after: int, since: int) -> dict[str, int]:
    scope, target, channel = key
    given = {"b_scope": scope, "b_target": target, "b_channel": channel, "b_after": after, "b_since": since}
    return {figure: int(count) for figure, count in await conn.execute(statement, given)}


async def cases(conn: AsyncConnection, key: Key, figures: Iterable[str], since: int, most: int) -> list[str]:
    """The newest attempts that count as one of these figures. An id begins with its moment, so this walks the newest
    end of the primary key."""
    scope, target, channel = key
    whose = attempt.c.campaign_id if scope == "campaign" else attempt.c.number_id
    statement = (
        select(attempt.c.id)
        .where(attempt.c.id >= f"{since // 1000:012x}", whose == target, attempt.c.channel == channel)
        .where(attempt.c.counted.in_(sorted(figures)))
        .order_by(attempt.c.id.desc())
        .limit(most)
    )
    return list((await conn.execute(statement)).scalars())


async def prune(conn: AsyncConnection, before: int) -> None:
    """Forget hours that began before an instant."""
    await conn.execute(delete(outcome_count).where(outcome_count.c.hour < before))
