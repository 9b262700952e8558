"""A point may belong to several contacts: ownership is a table of its own.

Attempts are found by their point, because caps count for the point; those of a contact are found by its enrollments.
A row without an id of its own is known by its contact instead of by its first point, which others may share: the
newest such record of each source and contact gets the new key, older ones stay as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # PostgreSQL keeps the place of a dropped column, and SQLite cannot drop a foreign key: move the rows instead.
    op.execute("CREATE TABLE point_before AS SELECT id, contact_id, kind, value, position, dead_on FROM point")
    op.drop_table("point")
    op.create_table(
        "point",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("dead_on", sa.String(length=32), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_point"),
        sa.UniqueConstraint("kind", "value", name="uq_point_kind"),
    )
    op.create_table(
        "contact_point",
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("point_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="fk_contact_point_contact_id"),
        sa.ForeignKeyConstraint(["point_id"], ["point.id"], name="fk_contact_point_point_id"),
        sa.PrimaryKeyConstraint("contact_id", "point_id", name="pk_contact_point"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO point (id, kind, value, dead_on) SELECT id, kind, value, dead_on FROM point_before"
               " ORDER BY id")  # fmt: skip
    op.execute("INSERT INTO contact_point (contact_id, point_id, position)"
               " SELECT contact_id, id, position FROM point_before ORDER BY contact_id, id")  # fmt: skip
    op.drop_table("point_before")
    op.create_index("ix_contact_point_point_id", "contact_point", ["point_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval('point_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM point), false)")
    op.drop_index("ix_attempt_contact", "attempt")
    op.create_index("ix_attempt_point", "attempt", ["point_id", "claimed_at"], unique=False)
    op.execute(
        "UPDATE record SET object = 'contact', key = CAST(contact_id AS TEXT) WHERE id IN (SELECT id FROM (SELECT id,"
        " row_number() OVER (PARTITION BY source_id, contact_id ORDER BY seen_at DESC, id DESC) AS nth FROM record"
        " WHERE object = 'row' AND (key LIKE 'phone:+%' OR key LIKE 'email:%@%')) AS by_point WHERE nth = 1)"
    )
