"""Windows of time in SOQL. Pure.

A window is open at its end, so that what has just happened is read. The next one counts from a minute before
Salesforce's clock, because a transaction that is under way commits with an earlier stamp, and begins `overlap` before
that. Inside a window rows are ordered by id, so that any number of equal stamps costs nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

#: Rows in one query, Salesforce's largest page.
ROWS = 2000
#: How long before now the next window counts from, in microseconds.
SETTLED = 60 * 1_000_000


def literal(at: int) -> str:
    """An instant (epoch microseconds) as SOQL writes it."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at // 1000 % 1000:03d}Z"


def window(begin: int, end: int | None, stamp: str = "SystemModstamp") -> str:
    """The condition of a window; without `end` it is open."""
    until = f" AND {stamp} < {literal(end)}" if end is not None else ""
    return f"{stamp} >= {literal(begin)}{until}"


def after(last: str, condition: str = "") -> str:
    """WHERE, ORDER BY and LIMIT of a page of rows after an id ("": from the beginning)."""
    parts = [one for one in (f"({condition})" if condition else "", f"Id > '{last}'" if last else "") if one]
    where = f"WHERE {' AND '.join(parts)} " if parts else ""
    return f"{where}ORDER BY Id LIMIT {ROWS}"
