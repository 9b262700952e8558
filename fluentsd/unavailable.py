"""`StoreUnavailable` and its subclasses: the database cannot work now. One class for each decision of a caller.

A front answers "try again", a loop waits, a verb reports it. `store.db.errors` maps a driver's errors to these classes.
"""

from __future__ import annotations


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
