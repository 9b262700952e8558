"""Which enrollment a call to us belongs to, and the time for which a callback was promised in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("inbound_call", sa.Column("enrollment_id", ID, nullable=True))
    op.add_column("inbound_call", sa.Column("callback_at", sa.BigInteger(), nullable=True))
