"""The table of nodes: the processes that may insert attempts, one row per installation folder."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from fluentsd.store.tables.metadata import metadata

node = Table(
    "node",
    metadata,
    Column("id", String(80), primary_key=True),  # host and a hash of the installation's folder
    Column("epoch", Integer, nullable=False, server_default="0"),  # of the process that may claim; 0: none may
    Column("claims", BigInteger, nullable=False, server_default="0"),  # claims committed in this database so far
    Column("beat_at", BigInteger, nullable=False, server_default="0"),  # by the database's clock; 0: it ended in order
)
