"""Outcome events: posts new outcomes and replies to the outbox, in the transaction that records them.

Without a subscribed target nothing is put together here. What an outcome changes is decided in `outcomes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fluentsd.api import Outcome
from fluentsd.domain.events import AttemptRecorded, Event, ReplyReceived
from fluentsd.store import outbox
from fluentsd.store.attempts import AttemptRow
from fluentsd.store.db import Connection

_REPLIES = (Outcome.replied.value, Outcome.opted_out.value)


class ChangedOutcome(NamedTuple):
    """An attempt whose outcome is new or clearer. `campaign`: its ref; `at`: epoch microseconds of the news."""

    row: AttemptRow
    outcome: str
    campaign: str
    at: int


async def post_outcomes(conn: Connection, changed: Sequence[ChangedOutcome]) -> None:
    """Post `attempt.recorded` for each, and `reply.received` for those in which the person answered in words."""
    attempts, replies = outbox.is_wanted(conn, AttemptRecorded.topic), outbox.is_wanted(conn, ReplyReceived.topic)
    if not changed or not (attempts or replies):
        return
    events: list[Event] = []
    for row, outcome, campaign, _ in changed:
        if attempts:
            events.append(
                AttemptRecorded(
                    enrollment=row.enrollment_id, contact=row.contact_id, campaign=campaign, attempt=row.id,
                    channel=row.channel, step=row.step, try_no=row.try_no, outcome=outcome,
                )
            )  # fmt: skip
        if replies and outcome in _REPLIES:
            events.append(
                ReplyReceived(
                    enrollment=row.enrollment_id, contact=row.contact_id, campaign=campaign, attempt=row.id,
                    channel=row.channel, outcome=outcome,
                )
            )  # fmt: skip
    await outbox.post(conn, *events, at=max(one.at for one in changed))
