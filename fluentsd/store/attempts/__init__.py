"""Attempts, the ledger: one try of one step, committed before the provider is called.

`transitions` changes state, `queries` only reads (both re-exported here, with their rows), `listing` reads for people.
`unknown` are those whose outcome could not be proved. `step_counts` counts outcomes by step, `outcome_stats` by hour
for the breakers, `history` those of every campaign for the forecast.
"""

from __future__ import annotations

from fluentsd.store.attempts.contacted import those_with_attempts
from fluentsd.store.attempts.queries import (
    find,
    has_rival,
    load,
    next_deadline,
    of_people_who_left,
    open_now,
    open_of,
    open_row,
    open_rows,
    overdue,
    owners,
    references_of_others,
    touches,
    tries_of,
)
from fluentsd.store.attempts.rows import (
    Acceptance,
    AttemptRow,
    Content,
    Conversation,
    Improvement,
    OpenAttempt,
    OpenNow,
    OpenRow,
    Postponement,
    Settlement,
)
from fluentsd.store.attempts.transitions import (
    ReferenceTaken,
    accept,
    add,
    give_up,
    hasten,
    improve,
    keep_content,
    keep_conversations,
    new_id,
    postpone,
    settle,
)

__all__ = [
    "Acceptance",
    "AttemptRow",
    "Content",
    "Conversation",
    "Improvement",
    "OpenAttempt",
    "OpenNow",
    "OpenRow",
    "Postponement",
    "ReferenceTaken",
    "Settlement",
    "accept",
    "add",
    "find",
    "give_up",
    "has_rival",
    "hasten",
    "improve",
    "keep_content",
    "keep_conversations",
    "load",
    "new_id",
    "next_deadline",
    "of_people_who_left",
    "open_now",
    "open_of",
    "open_row",
    "open_rows",
    "overdue",
    "owners",
    "postpone",
    "references_of_others",
    "settle",
    "those_with_attempts",
    "touches",
    "tries_of",
]
