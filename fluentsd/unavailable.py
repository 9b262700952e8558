"""`StoreUnavailable` and its subclasses: the database cannot work now. One class for each decision of a caller.

A front answers "try again", a loop waits, a verb reports it. `store.db.errors` maps a driver's errors to these classes.
"""

from __future__ import annotations

import sqlite3


class StoreUnavailable(Exception):
    """The database cannot work now. Nothing was written, unless `in_doubt`: the server was lost during COMMIT."""

    says = "The database cannot work now"

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class StoreBusy(StoreUnavailable):
    """The database stayed locked past the timeout, or a deadlock was broken. The same unit of work may run again."""

    says = "The database is locked by another program: stop it or let it finish, then try again"


class StoreFull(StoreUnavailable):
    """The database cannot write: the disk is full, broken or read-only."""

    says = "The database cannot write: free space on its disk, or make it writable"


class StoreGone(StoreUnavailable):
    """The database cannot be reached: the server is lost or refuses, or the file cannot be opened."""

    says = "The database cannot be reached: start it, or correct its address and permissions"


class StoreClosed(StoreUnavailable):
    """The store or the batcher is closed: the unit of work did not run, or was rolled back."""


def damage_of(error: BaseException) -> str | None:
    """What a person reads if this error says that the database's file is damaged; None for any other error."""
    cause = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    if not isinstance(cause, sqlite3.DatabaseError) or code is None:
        return None
    if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return None
    return (
        f"the database is damaged ({cause}); nothing was changed. Keep the file and replace it with the newest copy "
        "from the backups folder; `fluentsd check` shows where both are"
    )
