"""The outbox: events written in the transaction of what happened, and their deliveries to the subscribed targets.

The subscriptions come with the connection (`Store.subscribe`), so a unit of work posts an event without knowing who
receives it. Each target is served alone: every query here names it, and reads as many rows as it returns, however many
wait. Who delivers, and when a refused event is tried again, is decided in `engine.outbox`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import Event
from fluentsd.domain.state_machines import DELIVERY, DeliveryState
from fluentsd.domain.subscriptions import NOBODY, Subscriptions
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.db.state_columns import transition
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.db.unit_of_work import POSTED
from fluentsd.store.tables import outbox_delivery as delivery
from fluentsd.store.tables import outbox_event as event

#: Deliveries behind one key that come back at once when an earlier one has ended.
UNPARKED_AT_ONCE = 100
_POST = Insert(event, "id", "topic", "key", "payload", "created_at")
_DELIVER = Insert(delivery, "event_id", "target", "key", "state", "due_at")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def is_wanted(conn: AsyncConnection, topic: str) -> bool:
    """Whether any target subscribes to this topic; without one, an event need not even be put together."""
    return bool(_subscriptions(conn).targets(topic))


async def post(conn: AsyncConnection, *events: Event, at: int) -> int:
    """Post events to the targets of their topics; those with the same key are delivered in this order. Returns how
    many have a target; the others leave no row."""
    targets = _subscriptions(conn).targets
    wanted = [(one, to) for one in events if (to := targets(one.topic))]
    if wanted:
        ids = await _reserve_ids(conn, len(wanted))
        numbered = [(id_, one, to) for id_, (one, to) in zip(ids, wanted, strict=True)]
        await _POST.many(conn, [(id_, one.topic, one.key, one.as_json(), at) for id_, one, _ in numbered])
        due = DeliveryState.due.value
        await _DELIVER.many(conn, [(id_, name, one.key, due, at) for id_, one, to in numbered for name in to])
        conn.info.setdefault(POSTED, set()).update(name for _, _, to in numbered for name in to)
    return len(wanted)


async def _reserve_ids(conn: AsyncConnection, count: int) -> Sequence[int]:
    """Ids in ascending order that no event ever had. SQLite has one writer, and its inserts raise the last id."""
    if conn.dialect.name == "sqlite":
        last = (await conn.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'outbox_event'")).scalar() or 0
        return range(last + 1, last + 1 + count)
    reserve = "SELECT nextval('outbox_event_id_seq') FROM generate_series(1, $1)"
    return sorted((await conn.exec_driver_sql(reserve, (count,))).scalars())


def _subscriptions(conn: AsyncConnection) -> Subscriptions:
    assert conn.sync_connection is not None  # noqa: S101 - a unit's connection is open
    return cast("Subscriptions", conn.sync_connection.get_execution_options().get("subscriptions", NOBODY))


# ── delivering ───────────────────────────────────────────────────────────────────────────────────────────────────


class Waiting(NamedTuple):
    """A due delivery with its event. `before`: the open delivery of the same target and key just before it, if any."""

    event_id: int
    topic: str
    key: str
    payload: dict[str, Any]
    created_at: int
    tries: int
    refusals: int
    before: int | None


class Postponed(NamedTuple):
    """A delivery that failed: it is tried again at `due_at`, or with `due_at` None never. `refused`: by the target, so
    that it counts towards a dead letter."""

    event_id: int
    key: str
    due_at: int | None
    problem: str
    refused: bool


class _Row(NamedTuple):
    event_id: int
    target: str
    key: str
    at: int
    due_at: int | None
    problem: str
    refused: int = 0


_earlier = delivery.alias("earlier")
_BEFORE = (
    select(func.max(_earlier.c.event_id))
    .where(
        _earlier.c.target == delivery.c.target,
        _earlier.c.key == delivery.c.key,
        _earlier.c.ended_at.is_(None),
        _earlier.c.event_id < delivery.c.event_id,
    )
    .scalar_subquery()
)
_DUE = (
    select(
        delivery.c.event_id, event.c.topic, delivery.c.key, event.c.payload, event.c.created_at, delivery.c.tries,
        delivery.c.refusals, _BEFORE.label("before"),
    )
    .join(event, event.c.id == delivery.c.event_id)
    .where(delivery.c.target == bindparam("to"), delivery.c.due_at <= bindparam("at"))
    .order_by(delivery.c.due_at, delivery.c.event_id)
    .limit(bindparam("most"))
)  # fmt: skip
_MINE = (delivery.c.event_id == field("event_id"), delivery.c.target == field("target"))


def _move(name: str, **values: Any) -> Prepared[_Row]:
    return Prepared(_Row._fields, transition(delivery, DELIVERY, name, *_MINE, **values))


_COUNTED = {"tries": delivery.c.tries + 1, "refusals": delivery.c.refusals + field("refused")}
_DELIVERED = _move("deliver", due_at=None, ended_at=field("at"), problem="")
_POSTPONED = _move("postpone", due_at=field("due_at"), problem=field("problem"), **_COUNTED)
_BURIED = _move("bury", due_at=None, ended_at=field("at"), problem=field("problem"), **_COUNTED)
_PARKED = _move("park", due_at=None)
_behind = delivery.alias("behind")
_NEXT_BEHIND = (
    select(_behind.c.event_id)
    .where(
        _behind.c.target == field("target"),
        _behind.c.key == field("key"),
        _behind.c.due_at.is_(None),
        _behind.c.ended_at.is_(None),
    )
    .order_by(_behind.c.event_id)
    .limit(UNPARKED_AT_ONCE)
)
_UNPARKED = Prepared[_Row](
    _Row._fields,
    transition(
        delivery,
        DELIVERY,
        "unpark",
        delivery.c.event_id.in_(_NEXT_BEHIND.scalar_subquery()),
        delivery.c.target == field("target"),
        due_at=field("at"),
    ),
)
_KEYS_BEHIND = (
    select(delivery.c.key)
    .where(delivery.c.target == bindparam("to"), delivery.c.due_at.is_(None), delivery.c.ended_at.is_(None))
    .where(among(delivery.c.key, "keys"))
    .distinct()
)
_FORGET = Prepared[_Row](_Row._fields, delete(delivery).where(*_MINE))
_FORGET_EVENT = Prepared[_Row](
    _Row._fields,
    delete(event).where(
        event.c.id == field("event_id"),
        ~select(delivery.c.event_id).where(delivery.c.event_id == field("event_id")).exists(),
    ),
)


async def due(conn: AsyncConnection, target: str, at: int, most: int) -> list[Waiting]:
    """Due deliveries of a target, the longest due first."""
    return [Waiting._make(row) for row in await conn.execute(_DUE, {"to": target, "at": at, "most": most})]


async def overdue_since(conn: AsyncConnection) -> int | None:
    """The earliest due moment of all targets that are subscribed now."""
    moments = [await next_due(conn, target) for target in _subscriptions(conn).names]
    return min((at for at in moments if at is not None), default=None)


_NEXT_DUE = (
    select(delivery.c.due_at)
    .where(delivery.c.target == bindparam("b_target"), delivery.c.due_at.is_not(None))
    .order_by(delivery.c.due_at)
    .limit(1)
)


async def next_due(conn: AsyncConnection, target: str) -> int | None:
    """The earliest due moment of a target's deliveries."""
    found: int | None = (await conn.execute(_NEXT_DUE, {"b_target": target})).scalar()
    return found


async def park(conn: AsyncConnection, target: str, waiting: Sequence[Waiting]) -> None:
    """Take deliveries out of the due ones until an earlier one of their key has ended."""
    await _PARKED.many(conn, [_Row(one.event_id, target, one.key, 0, None, "") for one in waiting])


async def note(
    conn: AsyncConnection,
    target: str,
    delivered: Sequence[Waiting],
    postponed: Sequence[Postponed],
    at: int,
    *,
    keep: bool = True,
) -> None:
    """Write the results of a batch. Without `keep` a delivered event leaves no row."""
    done = [_Row(one.event_id, target, one.key, at, None, "") for one in delivered]
    failed = [_Row(one.event_id, target, one.key, at, one.due_at, one.problem, one.refused) for one in postponed]
    dead = [row for row in failed if row.due_at is None]
    if keep:
        await _DELIVERED.many(conn, done)
    else:
        await _forget(conn, done)
    await _POSTPONED.many(conn, [row for row in failed if row.due_at is not None])
    await _BURIED.many(conn, dead)
    await _unpark(conn, target, done + dead, at)


async def _unpark(conn: AsyncConnection, target: str, ended: Sequence[_Row], at: int) -> None:
    """The deliveries behind those that have ended are due."""
    if ended:
        keys = json_of(sorted({row.key for row in ended}))
        found = (await conn.execute(_KEYS_BEHIND, {"to": target, "keys": keys})).scalars()
        await _UNPARKED.many(conn, [_Row(0, target, key, at, None, "") for key in found])


async def _forget(conn: AsyncConnection, rows: Sequence[_Row]) -> None:
    """Delete deliveries, and the events that have no other."""
    await _FORGET.many(conn, rows)
    await _FORGET_EVENT.many(conn, rows)


# ── retention ────────────────────────────────────────────────────────────────────────────────────────────────────

_DELIVERED_ROWS = (delivery.c.state == DeliveryState.delivered, delivery.c.ended_at.is_not(None))


async def delete_delivered(conn: AsyncConnection, before: int, most: int) -> int:
    """Delete deliveries that ended before this moment, oldest first, with the events that have no other; returns how
    many deliveries. Dead letters stay until a person decides."""
    statement = _whole(*_DELIVERED_ROWS, delivery.c.ended_at < before).order_by(delivery.c.ended_at).limit(most)
    rows = [_Row(id_, target, key, 0, None, "") for id_, target, key in await conn.execute(statement)]
    await _forget(conn, rows)
    return len(rows)


async def oldest_delivered(conn: AsyncConnection) -> int | None:
    """When the oldest delivery ended that is still there."""
    found: int | None = (await conn.execute(select(func.min(delivery.c.ended_at)).where(*_DELIVERED_ROWS))).scalar()
    return found


def _whole(*which: Any) -> Select[Any]:
    return select(delivery.c.event_id, delivery.c.target, delivery.c.key).where(*which)


# ── a person's view ──────────────────────────────────────────────────────────────────────────────────────────────

_DEAD = (delivery.c.state == DeliveryState.dead, delivery.c.ended_at.is_not(None))
_OPEN = delivery.c.ended_at.is_(None)
_RETRIED = _move("retry", due_at=field("at"), ended_at=None, tries=0, refusals=0)


async def listing(conn: AsyncConnection, target: str | None, most: int) -> list[dict[str, Any]]:
    """Deliveries that are not done: dead letters first, then those that wait, the oldest first in each."""
    columns = (
        delivery.c.event_id.label("id"), delivery.c.target, event.c.topic, delivery.c.key, delivery.c.state,
        delivery.c.tries, delivery.c.problem, event.c.created_at, delivery.c.due_at,
    )  # fmt: skip
    found: list[dict[str, Any]] = []
    for which in (_DEAD, (_OPEN,)):
        statement = select(*columns).join(event, event.c.id == delivery.c.event_id).where(*which)
        if target is not None:
            statement = statement.where(delivery.c.target == target)
        rows = await conn.execute(statement.order_by(delivery.c.event_id).limit(most - len(found)))
        found += [dict(row) for row in rows.mappings()]
    return found


async def counts(conn: AsyncConnection) -> dict[tuple[str, str], int]:
    """The number of deliveries that are not done, by (target, `waiting` or `dead`)."""
    found: dict[tuple[str, str], int] = {}
    for name, which in (("waiting", (_OPEN,)), ("dead", _DEAD)):
        rows = await conn.execute(select(delivery.c.target, func.count()).where(*which).group_by(delivery.c.target))
        found |= {(str(target), name): int(count) for target, count in rows}
    return found


async def retry_dead(conn: AsyncConnection, target: str | None, event_id: int | None, at: int, most: int) -> int:
    """dead → due, with all its tries again; returns how many, at most `most`."""
    rows = await _some(conn, _DEAD, target, event_id, most, at)
    await _RETRIED.many(conn, rows)
    return len(rows)


async def drop(
    conn: AsyncConnection, target: str | None, event_id: int | None, at: int, most: int, *, waiting: bool
) -> int:
    """Delete dead letters, and with `waiting` deliveries that wait; returns how many, at most `most`."""
    rows = await _some(conn, _DEAD, target, event_id, most, at)
    if waiting:
        rows += await _some(conn, (_OPEN,), target, event_id, most - len(rows), at)
    await _forget(conn, rows)
    for name in {row.target for row in rows}:
        await _unpark(conn, name, [row for row in rows if row.target == name], at)
    return len(rows)


async def _some(
    conn: AsyncConnection, which: Iterable[Any], target: str | None, event_id: int | None, most: int, at: int
) -> list[_Row]:
    statement = _whole(*which)
    if target is not None:
        statement = statement.where(delivery.c.target == target)
    if event_id is not None:
        statement = statement.where(delivery.c.event_id == event_id)
    found = await conn.execute(statement.order_by(delivery.c.event_id).limit(most))
    return [_Row(id_, target, key, at, None, "") for id_, target, key in found]
