"""SQLite's driver with one crossing between threads per statement.

aiosqlite runs each call of a cursor in its own thread. SQLAlchemy makes four for a statement (open, execute, fetch all,
close), and each wakes one thread and then another; that was a third of the time of a small unit of work. Here the four
are one function in aiosqlite's thread. What must not live here: statements, transactions, settings of a connection.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util import EMPTY_DICT


class _Finished(NamedTuple):
    """What is left of a cursor that has been read to its end and closed."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1

    def close(self) -> None:
        """It is closed."""


def _execute(conn: sqlite3.Connection, statement: str, parameters: Any) -> tuple[_Finished, list[Any]]:
    """In aiosqlite's thread."""
    cursor = conn.cursor()
    try:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return _Finished(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


def _execute_many(conn: sqlite3.Connection, statement: str, parameters: Any) -> _Finished:
    """In aiosqlite's thread."""
    cursor = conn.cursor()
    try:
        cursor.executemany(statement, parameters)
        return _Finished(cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Statements whose rows are all read at once, as SQLAlchemy's own cursor does it."""

    __slots__ = ()
    _awaitable_cursor_close = False
    _cursor: Any

    def __init__(self, adapt_connection: Any) -> None:  # not the one above, which opens a cursor
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor = _Finished()
        self._soft_closed_memoized = EMPTY_DICT
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._cursor, rows = await driver._execute(_execute, driver._conn, operation, parameters or ())
        self._rows = deque(rows)
        return self

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._cursor = await driver._execute(_execute_many, driver._conn, operation, seq_of_parameters)
        return self


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, path: str, *, before_open: Callable[[], str], **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        """`before_open` returns SQLite's mode of opening ("rw", or "rwc" to make the file), or raises an error of the
        driver, which also says why a file that was there a moment ago cannot be opened."""
        address = f"{Path(path).absolute().as_uri()}?mode={before_open()}"
        try:
            return _Connection(self, super().connect(address, uri=True, **kw)._connection)
        except sqlite3.OperationalError:
            before_open()
            raise


#: For `create_async_engine(module=…)`.
DRIVER = _Driver(aiosqlite, sqlite3)
