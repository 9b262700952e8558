"""X"""

from __future__ import annotations

from fluentsd.store.attempts.transitions import (
    Whole,
    accept,
    accepted_open,
    find,
    hasten,
    improve,
    keep_content,
    mark,
    new_id,
    next_deadline,
    open_now,
    overdue,
    put_off,
    settle,
    touches,
    tries_of,
    whole,
)

__all__ = [
    "Whole",
    "accept",
    "accepted_open",
    "find",
    "hasten",
    "improve",
    "keep_content",
    "mark",
    "new_id",
    "next_deadline",
    "open_now",
    "overdue",
    "put_off",
    "settle",
    "touches",
    "tries_of",
    "whole",
]
