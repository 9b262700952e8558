"""Closed attempts counted by step and outcome, and indexes for people who left and attempts that are unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "step_count",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("step", sa.String(length=63), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "step", "outcome", name="pk_step_count"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO step_count (campaign_id, step, outcome, count)"
        " SELECT campaign_id, step, outcome, count(*) FROM attempt WHERE state <> 'open' AND outcome IS NOT NULL"
        " GROUP BY campaign_id, step, outcome"
    )
    op.create_index(
        "ix_attempt_unknown",
        "attempt",
        ["campaign_id"],
        unique=False,
        sqlite_where=sa.text("state = 'unknown'"),
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "ix_enrollment_exited",
        "enrollment",
        ["campaign_id", "reason"],
        unique=False,
        sqlite_where=sa.text("state = 'exited'"),
        postgresql_where=sa.text("state = 'exited'"),
    )
