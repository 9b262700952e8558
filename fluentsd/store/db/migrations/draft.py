"""Print the operations that lead from the newest migration to today's `store.tables`: the draft of the next migration.

A changed default is not seen here (SQLite's cannot be compared); the tests see it.

`python -m fluentsd.store.db.migrations.draft` · with `--whole`, from nothing: the first migration.
"""

from __future__ import annotations

import re
import sys

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fluentsd.store.db.migrate import migrate
from fluentsd.store.tables import metadata


def draft(*, whole: bool) -> str:
    """The body of `upgrade()`, with names as they are in the database."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    with create_engine("sqlite://", poolclass=NullPool).connect() as conn:
        if not whole:
            migrate(conn)
        context = MigrationContext.configure(conn, opts={"target_metadata": metadata})
        steps = produce_migrations(context, metadata).upgrade_ops
        code = render_python_code(steps) if steps is not None else "pass"
    code = code.replace("sa.BigInteger().with_variant(sa.Integer(), 'sqlite')", "ID")
    code = re.sub(r"op\.f\(('[^']+')\)", r"\1", code)
    return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))


if __name__ == "__main__":
    print(draft(whole="--whole" in sys.argv))  # noqa: T201 - its whole purpose
