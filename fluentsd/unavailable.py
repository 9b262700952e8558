"""`StoreUnavailable` and its kinds: the database cannot work now. One class for each decision of a caller.

A front answers it with "try again", a loop waits, a verb tells the person. Which of a driver's errors means which is
in `store.db.errors`.
"""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The database cannot work now. Nothing was written, unless `in_doubt`: the server was lost during COMMIT."""

    says = "The database cannot work now"

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class StoreBusy(StoreUnavailable):
    """The database stayed locked past the timeout, or a deadlock was broken. The same unit may run again."""

    says = "The database is locked by another program: stop it or let it finish, then the same work can run again"


class StoreFull(StoreUnavailable):
    """The database cannot write: the disk is full, fails, or is read-only."""

    says = "The database cannot write: make room on its disk, or make it writable"


class StoreGone(StoreUnavailable):
    """The database cannot be reached: the server is lost or refuses, or the file cannot be opened."""

    says = "The database cannot be reached: start it, or correct its address and permissions"


class StoreClosed(StoreUnavailable):
    """The store or the batcher has closed: the unit did not run, or was stopped and rolled back."""
