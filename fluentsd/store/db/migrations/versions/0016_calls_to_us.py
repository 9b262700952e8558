"""Which enrollment a call to us belongs to, and the time for which a callback was promised in it.

The work after a call to us is that after any call: tasks that are not done yet become tasks of that kind.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_event = sa.table("outbox_event", sa.column("id"), sa.column("topic"), sa.column("payload", sa.JSON))


#: Work without a campaign, unless the call has an analysis already.
_BEGIN = (
    "INSERT INTO after_call (attempt_id, campaign_id, contact_id, state, began_at)"
    " SELECT id, 0, contact_id, 'pending', coalesce(ended_at, began_at) FROM inbound_call"
    " WHERE id = :call AND contact_id IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM content WHERE attempt_id = inbound_call.id AND kind = 'analysis')"
    " AND NOT EXISTS (SELECT 1 FROM after_call WHERE after_call.attempt_id = inbound_call.id)"
)


def upgrade() -> None:
    op.add_column("inbound_call", sa.Column("enrollment_id", ID, nullable=True))
    op.add_column("inbound_call", sa.Column("callback_at", sa.BigInteger(), nullable=True))
    for event_id, topic, payload in (
        op.get_bind()
        .execute(sa.select(_event).where(_event.c.topic.in_(["task.after_call", "task.received_call"])))
        .all()
    ):
        call = payload.get("attempt") or payload["call"]
        now = {"call": call, "is_told": payload.get("is_told", False)}
        op.execute(_event.update().where(_event.c.id == event_id).values(topic="task.after_call", payload=now))
        if topic == "task.received_call":
            op.execute(sa.text(_BEGIN).bindparams(call=call))
