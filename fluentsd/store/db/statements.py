"""Statements for many rows, compiled once.

SQLAlchemy builds the parameters of an executemany row by row, through dictionaries and type processors; on the hot
path that costs more than SQLite does. `Prepared` compiles the same Core statement once per dialect and hands the
driver plain tuples. Values must be what the driver takes as it is: int, str, None (no JSON, no enum class to convert).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import BindParameter, Integer, Text, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

Row = TypeVar("Row", bound=tuple[Any, ...])


def field(name: str) -> BindParameter[Any]:
    """The place of a row's field in a `Prepared` statement."""
    return bindparam(f"b_{name}")


class Prepared(Generic[Row]):
    """One statement, the fields of the rows it takes, and per dialect its text and the order of its parameters."""

    __slots__ = ("_compiled", "_fields", "_statement")

    def __init__(self, fields: Sequence[str], statement: ClauseElement) -> None:
        self._fields, self._statement = tuple(fields), statement
        self._compiled: dict[str, tuple[str, Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]] = {}

    async def many(self, conn: AsyncConnection, rows: Sequence[Row]) -> None:
        """Run it for every row; nothing happens for none. A field that the statement does not use is passed over."""
        if rows:
            sql, pick, fixed = self._for(conn.dialect)
            await conn.exec_driver_sql(sql, [pick(row + fixed) for row in rows] if fixed else list(map(pick, rows)))

    def _for(self, dialect: Dialect) -> tuple[str, Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect)
            names = list(compiled.positiontup or ())  # type: ignore[attr-defined]  # SQLCompiler has it
            constants = [name for name in dict.fromkeys(names) if name not in {f"b_{field}" for field in self._fields}]
            order = {f"b_{field}": place for place, field in enumerate(self._fields)}
            order |= {name: place for place, name in enumerate(constants, len(self._fields))}
            places = [order[name] for name in names]
            pick = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
            fixed = tuple(compiled.params[name] for name in constants)
            known = self._compiled[dialect.name] = (str(compiled), pick, fixed)
        return known


class among(ColumnElement[bool]):
    """`column` is one of many values, given as one JSON parameter (`json_of(values)`), so that the statement and its
    compiled form stay the same however many there are."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - the shape SQLAlchemy asks for
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values = bindparam(name, type_=Text())


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled names and placeholders only


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    kind = "bigint" if isinstance(element.column.type, Integer) else "text"
    rows = f"json_array_elements_text(CAST({values} AS json))"
    return f"{column} = ANY (ARRAY(SELECT value::{kind} FROM {rows}))"  # noqa: S608 - as above


def json_of(values: Iterable[Any]) -> str:
    """The parameter of `among`."""
    return json.dumps(list(values))
