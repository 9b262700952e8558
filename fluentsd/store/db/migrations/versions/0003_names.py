"""Rename tables and columns to the field's words; no row is lost.

stop → suppression, forgotten → erased_point, tally → outcome_count; attempt.marked_at → claimed_at, lane.room_at and
number.room_at → next_slot_at, campaign.retime_from → recompute_from, segment.mark → cursor; the reason
stopped_channel → suppressed_channel.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = (
    ("attempt", "marked_at", "claimed_at"),
    ("lane", "room_at", "next_slot_at"),
    ("number", "room_at", "next_slot_at"),
    ("campaign", "retime_from", "recompute_from"),
    ("segment", "mark", "cursor"),
)
NULLABLE = {("campaign", "retime_from"), ("segment", "mark")}


def upgrade() -> None:
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
        if (table, before) not in NULLABLE:
            _rename_not_null(table, before, after)
    op.execute("UPDATE enrollment SET reason = 'suppressed_channel' WHERE reason = 'stopped_channel'")
    # A renamed table would keep the old names of its keys and sequences: create it and move the rows.
    op.create_table(
        "suppression",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=8), server_default="*", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_suppression"),
    )
    _move("stop", "suppression", "id, kind, value, channel, reason, evidence, by, at, lifted_at, lifted_by,"
          " lifted_because")  # fmt: skip
    op.create_index("ix_suppression_value", "suppression", ["value", "kind"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval('suppression_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM suppression), false)")
    op.create_table(
        "erased_point",
        sa.Column("hash", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("stopped", sa.Text(), server_default="", nullable=False),
        sa.Column("campaigns", sa.Text(), server_default="[]", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_erased_point"),
        sqlite_with_rowid=False,
    )
    _move("forgotten", "erased_point", "hash, kind, stopped, campaigns, at")
    op.create_table(
        "outcome_count",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("target", ID, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "target", "channel", "hour", "figure", name="pk_outcome_count"),
        sqlite_with_rowid=False,
    )
    _move("tally", "outcome_count", "scope, target, channel, hour, figure, count")


def _rename_not_null(table: str, before: str, after: str) -> None:
    """PostgreSQL 18 gives NOT NULL a name after its column."""
    conn, name = op.get_bind(), f"{table}_{before}_not_null"
    known = "SELECT 1 FROM pg_constraint WHERE conname = :name AND conrelid = CAST(:table AS regclass)"
    if conn.dialect.name == "postgresql" and conn.execute(sa.text(known), {"name": name, "table": table}).first():
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {table}_{after}_not_null")


def _move(before: str, after: str, columns: str) -> None:
    op.execute(f"INSERT INTO {after} ({columns}) SELECT {columns} FROM {before}")  # noqa: S608 - names of ours
    op.drop_table(before)
