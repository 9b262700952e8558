"""The outbox: one row per event, one delivery per event and target.

What is not delivered yet goes to the operator's webhook (the log came first and has it), a provider's task to the
daemon itself. Ids stay, and are never used for another event.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outbox_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_event"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox_delivery",
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["outbox_event.id"], name="fk_outbox_delivery_event_id"),
        sa.PrimaryKeyConstraint("event_id", "target", name="pk_outbox_delivery"),
        sqlite_with_rowid=False,
    )
    for name, columns, where in (
        ("due", ["target", "due_at", "event_id"], "due_at IS NOT NULL"),
        ("open", ["target", "key", "event_id"], "ended_at IS NULL"),
        ("behind", ["target", "key", "event_id"], "due_at IS NULL AND ended_at IS NULL"),
        ("ended", ["state", "ended_at"], "ended_at IS NOT NULL"),
    ):
        these = sa.text(where)
        op.create_index(f"ix_outbox_delivery_{name}", "outbox_delivery", columns, sqlite_where=these,
                        postgresql_where=these)  # fmt: skip
    _move_rows()
    op.drop_table("outbox")


def _move_rows() -> None:
    op.execute(
        "INSERT INTO outbox_event (id, topic, key, payload, created_at)"
        " SELECT id, CASE topic WHEN 'forget' THEN 'task.forget' ELSE topic END, key, payload, created_at"
        " FROM outbox WHERE delivered_at IS NULL ORDER BY id"
    )
    op.execute(
        "INSERT INTO outbox_delivery (event_id, target, key, state, due_at, tries, problem)"
        " SELECT id, CASE topic WHEN 'forget' THEN 'tasks' ELSE 'webhook' END, key, 'due', created_at, 0, problem"
        " FROM outbox WHERE delivered_at IS NULL ORDER BY id"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval('outbox_event_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM outbox), false)")
    else:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox_event'")
        op.execute("INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_event', COALESCE(MAX(id), 0) FROM outbox")
