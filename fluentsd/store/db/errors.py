"""Which of a driver's errors means that the database cannot work now, and how.

Here live the two tables that translate result codes of SQLite and SQLSTATEs of PostgreSQL into the kinds of
`StoreUnavailable` (`fluentsd.unavailable`). What must not live here: connections, units, retries. An error that is not
in a table is the unit's own mistake and passes unchanged, because waiting would not mend it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from fluentsd.unavailable import StoreBusy, StoreFull, StoreGone, StoreUnavailable


class BadStoreURL(ValueError):
    """The database's address is not one the store can open."""


def unavailable(kind: type[StoreUnavailable], error: BaseException, *, in_doubt: bool) -> StoreUnavailable:
    """The driver's error as the engine knows it, with the outcome of its transaction."""
    outcome = "It is not known whether the last transaction was committed." if in_doubt else "Nothing was written."
    cause = error.orig if isinstance(error, DBAPIError) else error
    ours = kind(f"{kind.says} ({cause or type(cause).__name__}). {outcome}", in_doubt=in_doubt)
    ours.__cause__ = error
    return ours


# https://www.sqlite.org/rescode.html
_SQLITE_ERRORS: Final[dict[int, type[StoreUnavailable]]] = {
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR: StoreFull,
    sqlite3.SQLITE_READONLY: StoreFull,
    sqlite3.SQLITE_CANTOPEN: StoreGone,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_ERRORS: Final[dict[str, type[StoreUnavailable]]] = {
    "55P03": StoreBusy,  # lock_not_available
    "40P01": StoreBusy,  # deadlock_detected
    "53100": StoreFull,  # disk_full
    "53200": StoreFull,  # out_of_memory
    "58030": StoreFull,  # io_error
    "25006": StoreFull,  # read_only_sql_transaction: the server became a standby
    "53300": StoreGone,  # too_many_connections
    "57P01": StoreGone,  # admin_shutdown
    "57P02": StoreGone,  # crash_shutdown
    "57P03": StoreGone,  # cannot_connect_now
}


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code, from an error as the driver or SQLAlchemy raises it."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None) if isinstance(origin, sqlite3.Error) else None
    return None if code is None else code & 0xFF


def sqlite_kind(error: BaseException) -> type[StoreUnavailable] | None:
    """What an error of SQLite says of the database; None when it is the unit's own."""
    code = sqlite_code(error)
    return None if code is None else _SQLITE_ERRORS.get(code)


def is_refused_write(error: BaseException) -> bool:
    """Whether the database refused to write because it may only read here."""
    if sqlite_code(error) == sqlite3.SQLITE_READONLY:
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == "25006"


def postgresql_kind(error: BaseException, *, in_unit: bool) -> type[StoreUnavailable] | None:
    """What an error of PostgreSQL says of the database; None when it is the unit's own."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        lost = StoreGone if error.connection_invalidated or state.startswith("08") else None
        return _PG_ERRORS.get(state, lost)
    # The driver raises plain socket errors while it connects; in a unit only a lost connection is the database's.
    lost_by = ConnectionError if in_unit else OSError
    return StoreGone if isinstance(error, lost_by) else None
