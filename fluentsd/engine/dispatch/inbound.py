"""Inbound events: finds the attempt of a status, reply or opt-out, and records its outcome.

A status is matched by our token or by the provider's reference; a reply or opt-out without either belongs to the latest
attempt to its address. An opt-out from an unknown address goes on the suppression list too. A person who opts in again
lifts the opt-out of the number or address they write from, and of no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio

from fluentsd.api import Inbound, Outcome
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.engine.dispatch.dispatcher import Dispatcher
from fluentsd.engine.dispatch.outcomes import OutcomeReport
from fluentsd.engine.runtime import ChannelState, Runtime
from fluentsd.store import attempts, contacts, counters, enrollments, suppression
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreClosed, StoreUnavailable

T = TypeVar("T")


class Inbox:
    """The only entry for inbound events."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher) -> None:
        self.runtime, self.dispatcher = runtime, dispatcher

    async def take(self, inbound: Inbound, *, proof: str = "", token_is_ours: bool = False) -> None:
        """Record one inbound event. Idempotent; events may come in any order and repeatedly. A token that is not known
        to be ours may be a stray quote: if no attempt has it, the sender's address decides.

        `proof` identifies a request when it is delivered again: a START from before a STOP must not undo it.
        """
        runtime = self.runtime
        attempt_id = inbound.token
        if attempt_id is None or not (token_is_ours or (inbound.ref is None and inbound.address is None)):
            attempt_id = await self._retrying(attempts.find, attempt_id, inbound.ref, inbound.address)
        if attempt_id is not None:
            await self.dispatcher.report(_report(attempt_id, inbound, runtime.clock.now()))
        elif inbound.outcome == Outcome.opted_out and inbound.address:
            runtime.enrollment_ended(await self._retrying(opt_out, inbound.address, runtime.clock.now()))
        if inbound.resubscribed and inbound.address:
            lifted = await self._retrying(undo_opt_out, inbound.address, runtime.clock.now(), proof)
            if lifted:
                runtime.look_again()

    async def _retrying(self, unit: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a unit of work; retried while the database is unavailable."""
        while True:
            try:
                return await self.runtime.store.run(unit, *args)
            except StoreUnavailable:
                await self.runtime.clock.sleep_until(self.runtime.clock.now() + SECOND)

    async def listen(self, channel_state: ChannelState) -> None:
        """Run a channel's listener; a failure is logged and the listener restarted after a growing pause."""
        pause = SECOND
        while True:
            began = self.runtime.clock.now()
            try:
                await channel_state.channel.listen(self.take)
                return
            except StoreClosed:
                return  # the daemon is stopping
            except Exception as why:  # noqa: BLE001 - the guard at the edge of each listener
                self.runtime.log.error(
                    "channel.listener", channel=channel_state.kind, error=f"{type(why).__name__}: {why}"
                )
            pause = SECOND if self.runtime.clock.now() - began > 300 * SECOND else min(pause * 2, 300 * SECOND)
            await self.runtime.clock.sleep_until(self.runtime.clock.now() + pause)


def _report(attempt_id: str, inbound: Inbound, now: int) -> OutcomeReport:
    return OutcomeReport(
        attempt_id,
        now,
        inbound.outcome,
        inbound.reason,
        ref=inbound.ref,
        cost_micros=inbound.cost_micros,
        duration_s=inbound.duration_s,
        dead=inbound.dead,
        fault=inbound.fault,
        text=inbound.text,
        transcript=inbound.transcript,
        recording=inbound.recording,
        away_until_at=inbound.away_until_at,
        message_ref=inbound.message_ref,
    )


async def opt_out(conn: Connection, address: str, at: int) -> set[int]:
    """Opt out an address without an attempt: all points of its contact, or the address alone if nobody has it. Returns
    the campaigns in which an enrollment ended."""
    contact_id = await contacts.by_point(conn, address)
    if contact_id is None:
        await suppression.add(conn, [(_kind(address), address)], reason="opted_out", by="contact", at=at)
        return set()
    await suppression.add_contact(conn, contact_id, reason="opted_out", by="contact", at=at)
    deltas = counters.Deltas()
    ended = await exit_everywhere(conn, contact_id, "opted_out", at, deltas)
    await counters.add(conn, deltas)
    return ended


async def undo_opt_out(conn: Connection, address: str, at: int, proof: str = "") -> int:
    """Lift the opt-out that this number or address made itself, and release its contact's held enrollments. Returns
    how many entries of the suppression list were lifted."""
    because = f"wrote so; request {proof}" if proof else "wrote so"
    lifted = await suppression.lift_own(conn, _kind(address), address, at=at, because=because, once=bool(proof))
    contact_id = await contacts.by_point(conn, address) if lifted else None
    if contact_id is not None:
        await enrollments.release_held(conn, at, contact_ids=[contact_id])
    return lifted


def _kind(address: str) -> str:
    return "email" if "@" in address else "phone"


async def listen_all(inbox: Inbox, runtime: Runtime) -> None:
    """Run every channel's listener, each in its own task."""
    async with trio.open_nursery() as nursery:
        for channel_state in runtime.channels.values():
            nursery.start_soon(inbox.listen, channel_state)
