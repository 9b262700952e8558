"""Ids of inbound messages, the time of an opt-out by its provider, and the request that an audit entry answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "inbound_message",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_inbound_message"),
        sqlite_with_rowid=False,
    )
    op.add_column("suppression", sa.Column("said_at", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("request_digest", sa.String(length=32), nullable=True))
