"""X"""

from __future__ import annotations

from fluentsd.store.attempts.transitions import (
    AttemptRow,
    accept,
    accepted_open,
    add,
    find,
    hasten,
    improve,
    keep_content,
    load,
    new_id,
    next_deadline,
    open_now,
    overdue,
    put_off,
    settle,
    touches,
    tries_of,
)

__all__ = [
    "AttemptRow",
    "accept",
    "accepted_open",
    "add",
    "find",
    "hasten",
    "improve",
    "keep_content",
    "load",
    "new_id",
    "next_deadline",
    "open_now",
    "overdue",
    "put_off",
    "settle",
    "touches",
    "tries_of",
]
