"""Inbound messages that were taken: a message that is delivered again has no second effect, after a restart either.

A key is a digest of the provider's message id, so a row holds no personal data and outlives an erasure. A replay of an
erased person's message is still a replay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import inbound_message


@dataclass(frozen=True, slots=True)
class Once:
    """One effect of one message. `also`: effects of the same message that make this one a repetition too."""

    key: str
    also: tuple[str, ...] = ()


class Repeatable(Protocol):
    """A report with the effect of its message; None: it may be taken any number of times."""

    @property
    def once(self) -> Once | None: ...


R = TypeVar("R", bound=Repeatable)


def digest(*parts: str) -> str:
    """The key of an effect of a message."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


async def first_time(conn: AsyncConnection, once: Once | None, at: int) -> bool:
    """Whether this effect is new, and from now on it is not; a concurrent transaction with the same key waits."""
    if once is None:
        return True
    if once.also:
        also = select(inbound_message.c.digest).where(among(inbound_message.c.digest, "keys"))
        if (await conn.execute(also, {"keys": json_of(once.also)})).first() is not None:
            return False
    made: Any = insert_postgresql if conn.dialect.name == "postgresql" else insert_sqlite
    statement = made(inbound_message).values(digest=once.key, at=at).on_conflict_do_nothing()
    return bool((await conn.execute(statement.returning(inbound_message.c.digest))).first())


async def new_ones(conn: AsyncConnection, reports: Sequence[R], at: int) -> list[R]:
    """The reports that are no repetitions, in their order."""
    return [one for one in reports if one.once is None or await first_time(conn, one.once, at)]
