"""Transitions of attempts, the ledger: a row is committed before the provider is called, and closed only by proof or by
giving up. The legal from-states come from the table in `domain.state_machines`.

An id is a moment and 80 random bits: rows written together lie together, and nobody can guess one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import ATTEMPT, AttemptState
from fluentsd.store.attempts.rows import (
    Acceptance,
    Content,
    Conversation,
    Improvement,
    OpenAttempt,
    Postponement,
    Settlement,
)
from fluentsd.store.db.state_columns import transition
from fluentsd.store.db.statements import Prepared, field
from fluentsd.store.nodes import Writer, grant
from fluentsd.store.tables import attempt, content

_ID = attempt.c.id == field("id")
_OPEN = (_ID, attempt.c.state == AttemptState.open)
_ADDED = (*OpenAttempt._fields, "epoch")
_ADD = Prepared[tuple[Any, ...]](
    _ADDED, insert(attempt).values({name: field(name) for name in _ADDED} | {"state": AttemptState.open})
)
_KEEP = Prepared[Content](Content._fields, insert(content).values({name: field(name) for name in Content._fields}))


def _close(event: str) -> Prepared[Settlement]:
    values: dict[str, Any] = {
        name: field(name) for name in ("outcome", "reason", "duration_s", "cost_micros", "currency", "counted")
    }
    values |= {
        "provider_ref": func.coalesce(field("ref"), attempt.c.provider_ref),
        "accepted_at": func.coalesce(attempt.c.accepted_at, field("accepted_at")),
        "settled_at": field("at"),
        "deadline_at": None,
    }
    return Prepared(Settlement._fields, transition(attempt, ATTEMPT, event, _ID, **values))


_SETTLE, _GIVE_UP = _close("settle"), _close("give up")
_ACCEPT = Prepared[Acceptance](
    Acceptance._fields,
    update(attempt)
    .where(*_OPEN)
    .values(provider_ref=field("ref"), accepted_at=field("at"), deadline_at=field("deadline_at")),
)
_POSTPONE = Prepared[Postponement](
    Postponement._fields,
    update(attempt).where(*_OPEN).values(deadline_at=field("deadline_at"), reason=field("reason")),
)
_IMPROVE = Prepared[Improvement](
    Improvement._fields,
    transition(
        attempt,
        ATTEMPT,
        "improve",
        _ID,
        outcome=field("outcome"),
        reason=func.coalesce(field("reason"), attempt.c.reason),
        counted=field("counted"),
    ),
)


_CONVERSATION = Prepared[Conversation](
    Conversation._fields,
    update(attempt)
    .where(_ID)
    .values({name: func.coalesce(field(name), attempt.c[name]) for name in Conversation._fields[1:]}),
)


def new_id(at: int) -> str:
    """A fresh attempt id: 12 hex digits of milliseconds, 20 of chance."""
    return f"{at // 1000:012x}{secrets.token_hex(10)}"


async def add(conn: AsyncConnection, rows: Sequence[OpenAttempt], writer: Writer) -> int:
    """The commit point: open attempts, before any provider is called. Returns the number of this claim (0: no rows),
    for the high-water mark. Raises `Fenced` or `InstallationHeld`: this is the only way to insert an attempt."""
    if not rows:
        return 0
    number = await grant(conn, writer)
    await _ADD.many(conn, [(*row, writer.epoch) for row in rows])
    return number


async def keep_content(conn: AsyncConnection, rows: Sequence[Content]) -> None:
    """Keep words to or of a person."""
    await _KEEP.many(conn, rows)


class ReferenceTaken(Exception):
    """A provider's reference belongs to another attempt; nothing of the transaction is written."""


@contextmanager
def _one_owner() -> Iterator[None]:
    """The only constraint that a change of an attempt can break is the one on references."""
    try:
        yield
    except IntegrityError as why:
        raise ReferenceTaken from why


async def settle(conn: AsyncConnection, rows: Sequence[Settlement]) -> None:
    """open → settled."""
    with _one_owner():
        await _SETTLE.many(conn, rows)


async def give_up(conn: AsyncConnection, rows: Sequence[Settlement]) -> None:
    """open → unknown: the outcome cannot be proved."""
    with _one_owner():
        await _GIVE_UP.many(conn, rows)


async def accept(conn: AsyncConnection, rows: Sequence[Acceptance]) -> None:
    """Still open, but the provider has it."""
    with _one_owner():
        await _ACCEPT.many(conn, rows)


async def postpone(conn: AsyncConnection, rows: Sequence[Postponement]) -> None:
    """Still open; the provider is asked later."""
    await _POSTPONE.many(conn, rows)


async def improve(conn: AsyncConnection, rows: Sequence[Improvement]) -> None:
    """settled or unknown → settled with a clearer outcome."""
    await _IMPROVE.many(conn, rows)


async def keep_conversations(conn: AsyncConnection, rows: Sequence[Conversation]) -> None:
    """Keep what conversations came to, beside the outcome."""
    await _CONVERSATION.many(conn, rows)


_HASTEN = (
    update(attempt)
    .where(attempt.c.state == AttemptState.open, attempt.c.accepted_at.is_(None))
    .where(attempt.c.channel == field("channel"), attempt.c.deadline_at > field("at"))
    .values(deadline_at=field("at"))
)


async def hasten(conn: AsyncConnection, channel: str, at: int) -> int:
    """Ask about everything of a channel that is open and not known to be accepted at `at`, if not before."""
    return (await conn.execute(_HASTEN, {"b_channel": channel, "b_at": at})).rowcount
