"""Writes rows by the hundred thousand: the statement, and the settings of its connection.

`Insert` is one statement for many rows that are tuples from the start: a dictionary for each would cost as much as
SQLite does. `prepare` is for a process that has the file to itself and ends when it is done. Numbers and keys come in
no order, so each row touches pages all over two indexes; with more of them kept, and the log copied back less often, a
page that many rows touch is read and written once. Durability stays what it is, and a daemon keeps its small caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.ext.asyncio import AsyncConnection

CACHE_KIB: Final = 65_536
#: Pages of 4 KiB in the log before it is copied back.
CHECKPOINT_PAGES: Final = 16_000


class Insert:
    """One INSERT for many rows, each a tuple of the columns named, in their order. Values must be what the driver takes
    as it is: int, str, bool, None. `then` says what becomes of a row that is there already."""

    __slots__ = ("_columns", "_compiled", "_table", "_then")

    def __init__(self, table: Table, *columns: str, then: str = "") -> None:
        self._table, self._columns, self._then = table, columns, then
        self._compiled: dict[str, str] = {}

    async def many(self, conn: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write the rows; nothing happens for none."""
        if rows:
            await conn.exec_driver_sql(self._for(conn), list(rows))

    def _for(self, conn: AsyncConnection) -> str:
        known = self._compiled.get(conn.dialect.name)
        if known is None:
            statement = insert(self._table).inline().values({name: bindparam(name) for name in self._columns})
            compiled = statement.compile(dialect=conn.dialect)
            if list(compiled.positiontup or ()) != list(self._columns):
                raise TypeError(f"the columns of {self._table.name} are not named in the table's order")
            known = self._compiled[conn.dialect.name] = f"{compiled} {self._then}".strip()
        return known


async def prepare(conn: AsyncConnection) -> None:
    """Set this connection to a SQLite file for bulk work, until it is closed."""
    await conn.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
    await conn.exec_driver_sql(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
