"""Runs alembic on the connection and in the transaction that `store.db.upgrade` hands over, never on its own.

A new migration: change `store.tables`, raise `SCHEMA_VERSION`, run `python -m fluentsd.store.db.migrations.draft`, put
its output into `versions/000N_words.py` and tidy it. A test compares the migrations with the tables.
"""

from __future__ import annotations

from alembic import context

from fluentsd.store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError(
        "Migrations run when the daemon starts; to write one, see python -m fluentsd.store.db.migrations.draft"
    )
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
