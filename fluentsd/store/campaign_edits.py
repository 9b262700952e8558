"""Edits of campaigns that are not applied yet: at most one for each campaign, or for one that does not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import campaign_edit


@dataclass(frozen=True, slots=True)
class EditRow:
    """One edit. `file`: the campaign file as it would be, perhaps with mistakes; `base`: the revision of the campaign
    that it changes, 0 before there is a campaign; `revision`: raised by each save, 0 when nothing waits; `typed`:
    person → answers of a form that was not submitted yet. `saved_at` is epoch microseconds."""

    ref: str
    file: Mapping[str, Any]
    base: int
    revision: int
    typed: Mapping[str, Any] | None
    owner: str
    saved_by: str
    saved_at: int


async def find(conn: AsyncConnection, ref: str, *, lock: bool = False) -> EditRow | None:
    """The edit of a campaign; with `lock` it stays as it is until the transaction ends."""
    mine = select(campaign_edit).where(campaign_edit.c.ref == ref)
    row = (await conn.execute(mine.with_for_update() if lock else mine)).mappings().first()
    return None if row is None else EditRow(**row)


async def listing(conn: AsyncConnection) -> list[EditRow]:
    """Every edit, the last saved first."""
    rows = await conn.execute(select(campaign_edit).order_by(campaign_edit.c.saved_at.desc(), campaign_edit.c.ref))
    return [EditRow(**row) for row in rows.mappings()]


async def put(conn: AsyncConnection, row: EditRow) -> None:
    """Keep an edit in place of the campaign's earlier one."""
    values = asdict(row)
    mine = update(campaign_edit).where(campaign_edit.c.ref == row.ref)
    if (await conn.execute(mine.values(**values))).rowcount == 0:
        await conn.execute(insert(campaign_edit).values(**values))


async def drop(conn: AsyncConnection, ref: str) -> bool:
    """Forget an edit; whether there was one."""
    return (await conn.execute(delete(campaign_edit).where(campaign_edit.c.ref == ref))).rowcount > 0
