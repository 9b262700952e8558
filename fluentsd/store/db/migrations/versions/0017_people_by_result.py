"""A counter of the people whom each campaign contacted, and an index of attempts that came to a conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

TALKED = "outcome = 'answered' OR outcome = 'replied' OR outcome = 'opted_out' OR disposition IS NOT NULL"


def upgrade() -> None:
    op.execute(
        "INSERT INTO counter (campaign_id, state, node, count)"
        " SELECT campaign_id, 'contacted', '', count(DISTINCT contact_id) FROM attempt"
        " WHERE outcome IS NULL OR outcome <> 'not_sent' GROUP BY campaign_id"
    )
    op.create_index(
        "ix_attempt_talked",
        "attempt",
        ["campaign_id", "contact_id", "outcome", "disposition"],
        unique=False,
        sqlite_where=sa.text(TALKED),
        postgresql_where=sa.text(TALKED),
    )
