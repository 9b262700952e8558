"""Cancellation: withdraws calls that are not answered yet, when a user or a breaker halts a campaign."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio

from fluentsd.api import Attempt, Cancelled, Outcome
from fluentsd.engine.dispatch.outcomes import OutcomeReport
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts
from fluentsd.unavailable import StoreClosed


async def withdraw(runtime: Runtime, campaign_id: int, at: int) -> int:
    """Ask the providers to cancel calls that are not answered yet; returns how many were cancelled."""
    withdrawn = 0

    async def cancel(row: Any) -> None:
        nonlocal withdrawn
        channel_state = runtime.channels.get(row.channel)
        if channel_state is None or runtime.report is None:
            return
        about = Attempt(
            row.id, channel_state.kind, row.to or "", row.claimed_at, row.sender, row.provider_ref, row.step, row.try_no
        )
        try:
            cancelled = await channel_state.channel.cancel(about)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
            runtime.log.warning("cancel.failed", channel=row.channel, attempt=row.id, error=type(why).__name__)
            return
        if cancelled:
            withdrawn += 1
            # A phone that may have rung is a call: it counts for caps, gaps and tries, and is not made again at once.
            queued = cancelled is Cancelled.before_ringing
            outcome, when = (Outcome.not_sent, "before it rang") if queued else (Outcome.no_answer, "it may have rung")
            report = OutcomeReport(row.id, at, outcome, f"withdrawn by a pause; {when}", fault="message")
            with suppress(StoreClosed):  # the daemon is stopping; the next one looks the call up
                await runtime.report(report)

    rows = await runtime.store.read(attempts.accepted_open, campaign_id, "phone")
    async with trio.open_nursery() as nursery:
        for row in rows:
            nursery.start_soon(cancel, row)
    return withdrawn
