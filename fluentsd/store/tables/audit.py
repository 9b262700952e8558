"""Tables of acts: meta, audit."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table, Text, text

from fluentsd.store.tables.metadata import Id, metadata

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", String(40), nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("request_id", String(64), unique=True),  # a double click is one act
    Column("details", JSON),
    Column("answer", JSON),
    Column("request_digest", String(32)),  # of the verb and arguments that `request_id` stands for
    Index("ix_audit_target", "target", "at"),
    Index("ix_audit_detailed", "at",
          sqlite_where=text("details IS NOT NULL OR answer IS NOT NULL"),
          postgresql_where=text("details IS NOT NULL OR answer IS NOT NULL")),
)  # fmt: skip
