"""A provider's reference belongs to one attempt of its channel: the oldest keeps it where several have the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        "UPDATE attempt SET provider_ref = NULL WHERE provider_ref IS NOT NULL AND EXISTS (SELECT 1 FROM attempt other"
        " WHERE other.provider_ref = attempt.provider_ref AND other.channel = attempt.channel"
        " AND other.id < attempt.id)"
    )
    op.drop_index("ix_attempt_ref", "attempt")
    known = sa.text("provider_ref IS NOT NULL")
    op.create_index("ix_attempt_ref", "attempt", ["provider_ref", "channel"], unique=True, sqlite_where=known,
                    postgresql_where=known)  # fmt: skip
