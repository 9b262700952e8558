"""Append-only versions under a name: the store of templates and of agents.

A name that is removed keeps its history, and goes on where it was. What must not live here: when two versions say the
same (`templates`, `agents`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Select, Table, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of


class Version(Protocol):
    """A stored version: a dataclass whose fields are columns of its table."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def version(self) -> int:
        """1 for the first, without gaps."""


Kept = TypeVar("Kept", bound=Version)


class Versions(Generic[Kept]):
    """The versions in one table, read as `kept`."""

    def __init__(self, table: Table, kept: type[Kept]) -> None:
        self._table, self._kept = table, kept
        self._columns = [field.name for field in fields(kept)]  # type: ignore[arg-type]  # a dataclass, as `Version` says
        self._all = select(*(table.c[name] for name in self._columns))
        self._newest = {
            (removed, named): self._newest_of(removed=removed, named=named)
            for removed in (False, True)
            for named in (False, True)
        }

    def _newest_of(self, *, removed: bool, named: bool) -> Select[Any]:
        """The newest version of each name, perhaps of a removed one, perhaps only of the `names`."""
        table = self._table
        newest = select(table.c.name, func.max(table.c.version).label("version")).group_by(table.c.name)
        if not removed:
            newest = newest.where(table.c.removed_at.is_(None))
        if named:
            newest = newest.where(among(table.c.name, "names"))
        latest = newest.subquery()
        its = (table.c.name == latest.c.name) & (table.c.version == latest.c.version)
        return self._all.join(latest, its).order_by(table.c.name)

    async def current(
        self, conn: AsyncConnection, names: Iterable[str] | None = None, *, removed: bool = False
    ) -> dict[str, Kept]:
        """The newest version of each name, of all or of those given; removed ones only with `removed`."""
        given = {} if names is None else {"names": json_of(names)}
        rows = await conn.execute(self._newest[removed, names is not None], given)
        return {row.name: self._kept(*row) for row in rows}

    async def versions(self, conn: AsyncConnection, wanted: Collection[tuple[str, int]]) -> list[Kept]:
        """These versions, those that exist."""
        if not wanted:
            return []
        columns = tuple_(self._table.c.name, self._table.c.version)
        rows = await conn.execute(self._all.where(columns.in_(list(wanted))))
        return [self._kept(*row) for row in rows]

    async def history(self, conn: AsyncConnection, name: str) -> list[Kept]:
        """Every version there ever was under a name, newest first."""
        table = self._table
        rows = await conn.execute(self._all.where(table.c.name == name).order_by(table.c.version.desc()))
        return [self._kept(*row) for row in rows]

    async def next_version(self, conn: AsyncConnection, name: str) -> int:
        """The number of the next version under a name."""
        before = await self.history(conn, name)
        return before[0].version + 1 if before else 1

    async def append(self, conn: AsyncConnection, new: Kept) -> Kept:
        """Store a version; a name that was removed is there again."""
        await conn.execute(update(self._table).where(self._table.c.name == new.name).values(removed_at=None))
        await conn.execute(insert(self._table).values({name: getattr(new, name) for name in self._columns}))
        return new

    async def remove(self, conn: AsyncConnection, name: str, at: int) -> bool:
        """Archive a name; an enrollment whose flow has it still gets it."""
        its = (self._table.c.name == name, self._table.c.removed_at.is_(None))
        return (await conn.execute(update(self._table).where(*its).values(removed_at=at))).rowcount > 0
