"""What comes back: find the attempt it speaks of, and record what it proves.

A status goes by our token or by the provider's reference; a reply or an opt-out that quotes neither belongs to the
latest attempt to that address. An opt-out from somebody we never wrote to is put on the stop list all the same. Who
takes an opt-out back does so for the number or address they write from, and for no other.
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
    """The one way in for everything that comes back."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher) -> None:
        self.runtime, self.dispatcher = runtime, dispatcher

    async def take(self, inbound: Inbound, *, proof: str = "", token_is_ours: bool = False) -> None:
        """Record one inbound; idempotent, in any order, however often it comes. A token that is not known to be ours
        may be quoted from anywhere: if it is none, whoever wrote decides.

        `proof` is what a request is known by when it comes again: a START from before a STOP must not undo it.
        """
        runtime = self.runtime
        attempt_id = inbound.token
        if attempt_id is None or not (token_is_ours or (inbound.ref is None and inbound.address is None)):
            attempt_id = await self._patiently(attempts.find, attempt_id, inbound.ref, inbound.address)
        if attempt_id is not None:
            await self.dispatcher.report(_report(attempt_id, inbound, runtime.clock.now()))
        elif inbound.outcome == Outcome.opted_out and inbound.address:
            runtime.enrollment_ended(await self._patiently(opt_out, inbound.address, runtime.clock.now()))
        if inbound.resubscribed and inbound.address:
            lifted = await self._patiently(take_back, inbound.address, runtime.clock.now(), proof)
            if lifted:
                runtime.look_again()

    async def _patiently(self, unit: Callable[..., Awaitable[T]], *args: Any) -> T:
        """A unit of work, however long the database needs to come back."""
        while True:
            try:
                return await self.runtime.store.run(unit, *args)
            except StoreUnavailable:
                await self.runtime.clock.sleep_until(self.runtime.clock.now() + SECOND)

    async def listen(self, channel_state: ChannelState) -> None:
        """Run a channel's listener; one that breaks is said once and started anew, with a growing pause."""
        pause = SECOND
        while True:
            began = self.runtime.clock.now()
            try:
                await channel_state.channel.listen(self.take)
                return
            except StoreClosed:
                return  # the daemon is leaving
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
    """Somebody we have not written to asks to be left alone: every point of theirs, or the address of a stranger.
    Returns the campaigns in which that ended a course."""
    contact_id = await contacts.by_point(conn, address)
    if contact_id is None:
        await suppression.add(conn, [(_kind(address), address)], reason="opted_out", by="contact", at=at)
        return set()
    await suppression.add_contact(conn, contact_id, reason="opted_out", by="contact", at=at)
    deltas = counters.Deltas()
    ended = await exit_everywhere(conn, contact_id, "opted_out", at, deltas)
    await counters.add(conn, deltas)
    return ended


async def take_back(conn: Connection, address: str, at: int, proof: str = "") -> int:
    """Somebody takes back what this number or address asked for by itself; people who were held are judged anew.
    Returns how many entries of the stop list were lifted."""
    because = f"wrote so; request {proof}" if proof else "wrote so"
    lifted = await suppression.lift_own(conn, _kind(address), address, at=at, because=because, once=bool(proof))
    contact_id = await contacts.by_point(conn, address) if lifted else None
    if contact_id is not None:
        await enrollments.release_held(conn, at, contact_ids=[contact_id])
    return lifted


def _kind(address: str) -> str:
    return "email" if "@" in address else "phone"


async def listen_all(inbox: Inbox, runtime: Runtime) -> None:
    """Every channel's listener, each on its own."""
    async with trio.open_nursery() as nursery:
        for channel_state in runtime.channels.values():
            nursery.start_soon(inbox.listen, channel_state)
