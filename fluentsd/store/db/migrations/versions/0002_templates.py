"""Messages kept under a name, people who are away, what breakers look at, words by their age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "template",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name="pk_template"),
    )
    op.create_index("ix_content_kind", "content", ["kind", "created_at"])
    detailed, delivered = sa.text("details IS NOT NULL OR answer IS NOT NULL"), sa.text("delivered_at IS NOT NULL")
    op.create_index("ix_audit_detailed", "audit", ["at"], sqlite_where=detailed, postgresql_where=detailed)
    op.create_index("ix_outbox_delivered", "outbox", ["delivered_at"], sqlite_where=delivered,
                    postgresql_where=delivered)  # fmt: skip
    op.add_column("contact", sa.Column("away_until_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "tally",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("target", ID, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "target", "channel", "hour", "figure", name="pk_tally"),
        sqlite_with_rowid=False,
    )
    op.add_column("attempt", sa.Column("counted", sa.String(length=16), nullable=True))
    op.add_column("attempt", sa.Column("dismissed_at", sa.BigInteger(), nullable=True))
    op.add_column("number", sa.Column("carries", sa.String(length=16), nullable=False, server_default=""))
    op.add_column("campaign", sa.Column("resumed_at", sa.BigInteger(), nullable=True))
    op.add_column("content", sa.Column("provider_ref", sa.Text(), nullable=True))
    op.add_column("hold", sa.Column("cases", sa.JSON(), nullable=True))
