"""Who did what, when: one entry per act, and the answer it got, so that a double click is one act."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import audit

#: In place of what an erasure removed.
ERASED = "(erased)"


class RequestReused(Exception):
    """A request id was used before, for another act or so long ago that its answer was deleted; nothing was changed."""


async def answered(
    conn: AsyncConnection, request_id: str | None, verb: str = "", target: str = "", digest: str | None = None
) -> Any:
    """The answer this request already got; None if it is new. A request is its id, verb, target and arguments, of which
    `digest` is the hash: `RequestReused` if the id stands for another act."""
    if not request_id:
        return None
    known = select(audit.c.verb, audit.c.target, audit.c.request_digest, audit.c.answer, audit.c.at)
    row = (await conn.execute(known.where(audit.c.request_id == request_id))).first()
    if row is None:
        return None
    if row.request_digest is not None and digest is not None:
        same = row.request_digest == digest
    else:  # the entry is older than digests, or an erasure removed its digest
        same = row.verb == verb and row.target in (target, ERASED)
    if not same:
        raise RequestReused(
            f"the request id {request_id!r} was used for another act ({row.verb}); nothing was changed. Give each "
            "request an id of its own"
        )
    if row.answer is None:
        raise RequestReused(
            f"this request was carried out before, and its answer is no longer kept; nothing was changed. To repeat "
            f"the act ({row.verb}), send it with a new request id"
        )
    return row.answer


_NOTE = insert(audit)


async def note(
    conn: AsyncConnection,
    *,
    at: int,
    actor: str,
    verb: str,
    target: str = "",
    request_id: str | None = None,
    digest: str | None = None,
    details: Any = None,
    answer: Any = None,
) -> None:
    """Write the entry in the act's own transaction. `details` hold ids and settings, never personal data."""
    await conn.execute(
        _NOTE,
        {
            "at": at,
            "actor": actor,
            "verb": verb,
            "target": target,
            "request_id": request_id,
            "request_digest": digest,
            "details": details,
            "answer": answer,
        },
    )


async def latest(conn: AsyncConnection, verb: str, target: str) -> dict[str, Any] | None:
    """The newest entry of one verb about one target."""
    mine = (audit.c.verb == verb, audit.c.target == target)
    statement = select(audit.c.at, audit.c.actor, audit.c.details).where(*mine)
    found = (await conn.execute(statement.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(1))).mappings().first()
    return None if found is None else dict(found)


async def entries(conn: AsyncConnection, target: str | None, most: int) -> list[dict[str, Any]]:
    """The newest entries, of one target or of all."""
    statement = select(audit.c.at, audit.c.actor, audit.c.verb, audit.c.target, audit.c.details)
    if target is not None:
        statement = statement.where(audit.c.target == target)
    rows = await conn.execute(statement.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(most))
    return [dict(row) for row in rows.mappings()]
