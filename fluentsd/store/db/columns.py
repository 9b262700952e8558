"""Compares the columns that a database really has with those of its schema version.

A version number alone proves little. A database made by a development version between two releases carries the number
of one and the columns of neither. It passes a check of the number, and fails later with SQL. Both databases are
compared by table and column names; types are the migrations' business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, MetaData, create_engine, text
from sqlalchemy.pool import NullPool

from fluentsd.store.db.migrate import migrate

Columns = Mapping[str, frozenset[str]]
_QUERY = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    " AND m.name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()",
}


def columns_of(conn: Connection) -> Columns:
    """Every table of the database with its columns."""
    found = defaultdict(set)
    for table, column in conn.execute(text(_QUERY[conn.dialect.name])):
        found[str(table)].add(str(column))
    return {table: frozenset(columns) for table, columns in found.items()}


def columns_in(metadata: MetaData) -> Columns:
    """Every table of the metadata with its columns."""
    return {table.name: frozenset(column.name for column in table.c) for table in metadata.tables.values()}


def columns_at(version: int) -> Columns:
    """What the migrations up to `version` come to. Loads alembic; for a database that is about to be upgraded."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as conn, conn.begin():
        migrate(conn, f"{version:04d}")
        return {table: columns for table, columns in columns_of(conn).items() if table != "alembic_version"}


def difference(found: Columns, expected: Columns) -> str:
    """What is missing or too much, in words; "" when the database has every expected column. Tables that are not
    expected are passed over: an operator may keep views and notes of their own."""
    missing = [f"{table}" for table in sorted(expected) if table not in found]
    missing += [
        f"{table}.{column}"
        for table in sorted(expected.keys() & found.keys())
        for column in sorted(expected[table] - found[table])
    ]
    surplus = [
        f"{table}.{column}"
        for table in sorted(expected.keys() & found.keys())
        for column in sorted(found[table] - expected[table])
    ]
    parts = [f"lacks {', '.join(missing[:5])}"] if missing else []
    parts += [f"has {', '.join(surplus[:5])} besides"] if surplus else []
    return " and ".join(parts)
