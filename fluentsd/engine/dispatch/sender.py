"""One send: calls the channel with a committed attempt, and turns its end into an outcome report.

`Unavailable`, `Rejected` and `NeedsHuman` prove that nothing was accepted; any other end of a begun attempt leaves it
open for the reconciler. Which attempts are sent, and when, is the dispatcher's; what a report changes, the record's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from fluentsd.api import Attempt, NeedsHuman, Outcome, Receipt, Rejected, Unavailable, in_words
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.claim import Claimed
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.suspension import suspend
from fluentsd.engine.runtime import Runtime
from fluentsd.store import holds

#: Seconds without claims after a channel failed before its request left.
NOT_BEGUN_PAUSE = 5.0


class Sender:
    """Sends for the dispatcher; `nursery` outlives the sends and carries a channel's suspension."""

    def __init__(self, runtime: Runtime, nursery: trio.Nursery) -> None:
        self.runtime, self._nursery = runtime, nursery
        self._placing_hold = trio.Lock()

    async def send(self, claimed: Claimed, channel_state: ChannelState) -> OutcomeReport:
        """Call the channel. `Unavailable` and `Rejected` prove that nothing was accepted; any other error leaves the
        attempt open for the reconciler."""
        runtime, token = self.runtime, claimed.token
        attempt = _attempt(claimed, partial(self._begin, claimed, channel_state))
        try:
            if not channel_state.abilities.calls_begin:
                attempt.begin()
            receipt = await channel_state.channel.send(claimed.message, attempt)
            channel_state.unclear.answered()
            return self._accepted(token, channel_state, receipt)
        except Unavailable as why:
            return self._unavailable(token, channel_state, why)
        except Rejected as why:
            channel_state.unclear.answered()
            return OutcomeReport(token, runtime.clock.now(), why.outcome, str(why), dead=why.dead, fault=why.fault)
        except NeedsHuman as why:
            return await self._needs_human(attempt, channel_state, why)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each send: the attempt stays open
            runtime.log.warning("send.unclear", channel=channel_state.kind, attempt=token, error=type(why).__name__)
            reason = in_words(why)
            if not runtime.journal.has(token):
                failed = Unavailable(f"the channel failed before its request left: {reason}", NOT_BEGUN_PAUSE)
                return self._unavailable(token, channel_state, failed)
            self._count_unclear(channel_state, reason)
            return self._unclear(token, channel_state, f"the provider's answer is not known: {reason}")

    def _begin(self, claimed: Claimed, channel_state: ChannelState) -> None:
        """The last look before the request leaves: note that it does, or raise `Unavailable` because it must not."""
        runtime = self.runtime
        if runtime.closing or claimed.campaign_id in runtime.paused:
            raise Unavailable("paused before it began", 0.0, only_this=True)
        if not runtime.may_contact():
            raise Unavailable("the database did not answer for 10 s", 0.0, only_this=True)
        if channel_state.unclear.is_suspended:
            raise Unavailable("the channel is suspended", 0.0, only_this=True)
        runtime.journal.begin(claimed.token)

    def timed_out(self, token: str, channel_state: ChannelState) -> OutcomeReport:
        """The report of a send whose time limit passed."""
        if not self.runtime.journal.has(token):
            return OutcomeReport(token, self.runtime.clock.now(), Outcome.not_sent, "its turn did not come in time")
        why = "the provider did not answer in time"
        self._count_unclear(channel_state, why)
        return self._unclear(token, channel_state, why)

    def _count_unclear(self, channel_state: ChannelState, why: str) -> None:
        """An answer that proves nothing: claim more slowly, and after a few of them suspend the channel."""
        if channel_state.unclear.count(self.runtime.clock.now()):
            self._nursery.start_soon(suspend, self.runtime, channel_state, why)

    def _accepted(self, token: str, channel_state: ChannelState, receipt: Receipt) -> OutcomeReport:
        now = self.runtime.clock.now()
        return OutcomeReport(
            token,
            now,
            receipt.outcome,
            ref=receipt.ref,
            ref_is_proof=True,
            ask_at=None if receipt.outcome else now + channel_state.call_deadline,
            cost_micros=receipt.cost_micros or None,
            currency=receipt.currency,
            duration_s=receipt.duration_s,
            fault=receipt.fault,
        )

    def _unclear(self, token: str, channel_state: ChannelState, why: str) -> OutcomeReport:
        return OutcomeReport(
            token,
            self.runtime.clock.now(),
            reason=why,
            ask_at=self.runtime.clock.now() + channel_state.channel.lookup_after,
        )

    def _unavailable(self, token: str, channel_state: ChannelState, why: Unavailable) -> OutcomeReport:
        now = self.runtime.clock.now()
        until = now + round(why.after * SECOND)
        if why.only_this:
            return OutcomeReport(token, now, Outcome.not_sent, str(why), retry_at=until)
        if channel_state.backs_off_until <= now:
            self.runtime.log.warning(
                "channel.unavailable", channel=channel_state.kind, reason=str(why), seconds=why.after
            )
        channel_state.backs_off_until = max(channel_state.backs_off_until, until)
        return OutcomeReport(token, now, Outcome.not_sent, str(why), retry_at=until)

    async def _needs_human(self, attempt: Attempt, channel_state: ChannelState, why: NeedsHuman) -> OutcomeReport:
        runtime, now = self.runtime, self.runtime.clock.now()
        channel_state.unclear.answered()
        scope, target = "channel", str(channel_state.kind)
        if why.only_sender and attempt.sender is not None:
            scope, target = "number", attempt.sender
        details: dict[str, Any] = {"reason": str(why), "by": "fluentsd", "at": now, "cases": [attempt.token]}
        async with self._placing_hold:  # sends refused at the same time place one hold
            placed = await runtime.store.run(holds.place, scope, target, **details)
        if placed:
            runtime.log.error(f"{scope}.held", channel=channel_state.kind, attempt=attempt.token, reason=str(why))
        return OutcomeReport(attempt.token, now, Outcome.not_sent, str(why))


def _attempt(claimed: Claimed, begin: Callable[[], None]) -> Attempt:
    """The attempt as its channel gets it."""
    message = claimed.message
    return Attempt(
        claimed.token,
        message.kind,
        message.to,
        claimed.claimed_at,
        claimed.caller_id,
        step=claimed.step,
        try_no=claimed.try_no,
        begin=begin,
    )
