"""Points that a newer one has replaced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("contact_point", sa.Column("former", sa.Boolean(), nullable=False, server_default=sa.text("false")))
