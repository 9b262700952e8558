"""Inbound events: finds the attempt of a status, reply or opt-out, and records its outcome.

A status is matched by our token or by the provider's reference; a reply or opt-out without either belongs to the latest
attempt to its address, for any of the people who share it; what a known person writes before any attempt is shown among
the replies. An opt-out from an unknown address goes on the suppression list too. A person who opts in again lifts the
opt-out of the number or address they write from, and of no other.

The provider's id of a message decides whether it is a repetition: each message has its effect once, in the transaction
that remembers its id. The provider's time decides the order, else the time of arrival: an opt-in lifts no opt-out that
was sent after it. An opt-out that is new counts in any case, however late it arrives.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

import trio

from fluentsd.api import DatesMessages, Inbound, Outcome
from fluentsd.domain.contacts.identity import kind_of
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.calls.inbound_calls import record as record_call
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.runtime import Runtime
from fluentsd.error_groups import sole_cause
from fluentsd.store import attempts, contacts, counters, enrollments, inbound_ids, replies, suppression
from fluentsd.store.db import Connection
from fluentsd.store.inbound_ids import Once, digest
from fluentsd.text import LINE_AT_MOST, MESSAGE_AT_MOST, TRANSCRIPT_AT_MOST, clean
from fluentsd.unavailable import StoreClosed, StoreUnavailable

T = TypeVar("T")
#: The channel of calls that people make to us.
CALLS = "phone"
#: Seconds to find out when an opt-in was written, and the age up to which its arrival counts (microseconds).
DATING_PATIENCE, JUST_NOW = 4.0, 5 * SECOND


class Inbox:
    """The only entry for inbound events."""

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self.runtime, self.recorder = runtime, recorder

    async def report(self, report: OutcomeReport) -> None:
        """Record an outcome that the engine itself decided about an attempt."""
        await self.recorder.record(report)

    async def take(
        self, inbound: Inbound, *, proof: str = "", token_is_ours: bool = False, dates: DatesMessages | None = None
    ) -> None:
        """Record one inbound event. Idempotent; events may come in any order and repeatedly. A token that is not known
        to be ours may be a stray quote: if no attempt has it, the sender's address decides.

        `proof` identifies the request of a channel without message ids, so that a START from before a STOP that is
        delivered again does not undo it. `dates` is asked when an opt-in was written that does not say so itself.
        """
        runtime, inbound = self.runtime, cleaned(inbound)
        if inbound.resubscribed and inbound.at is None and inbound.message_ref and dates is not None:
            inbound = replace(inbound, at=await self._said_at(dates, inbound.message_ref))
        now = runtime.clock.now()
        said_at = now if inbound.at is None else min(inbound.at, now)
        effect = "stop" if inbound.outcome == Outcome.opted_out else "start" if inbound.resubscribed else "reply"
        once = _once(inbound, effect, proof)
        attempt_id = inbound.token
        if inbound.called_us:
            await self._retrying(record_call, runtime.plans, CALLS, inbound, now)
            runtime.dispatcher_wakeup.notify()  # a callback may have been promised
        elif attempt_id is None or not (token_is_ours or (inbound.ref is None and inbound.address is None)):
            attempt_id = await self._retrying(_find, attempt_id, inbound)
        if attempt_id is not None:
            await self.recorder.record(_report(attempt_id, inbound, now)._replace(said_at=said_at, once=once))
        elif inbound.outcome == Outcome.opted_out and inbound.address:
            runtime.enrollment_ended(await self._retrying(opt_out, inbound.address, now, said_at, once))
        elif inbound.outcome == Outcome.replied and inbound.address and inbound.text:
            await self._retrying(keep_words, inbound, said_at, once)
        if inbound.resubscribed and inbound.address:
            lift = _once(inbound, "lift", proof)
            lifted = await self._retrying(undo_opt_out, inbound.address, now, proof, said_at, lift)
            if lifted:
                runtime.look_again()

    async def _said_at(self, dates: DatesMessages, message_ref: str) -> int | None:
        """When the person wrote it, by the provider's clock; None if that cannot be told, or if it was just now: two
        clocks differ by seconds, so the time of arrival is the better one then."""
        said_at = None
        try:
            with trio.move_on_after(DATING_PATIENCE):
                said_at = await dates.said_at(message_ref)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
            self.runtime.log.warning("optin.undated", error=type(why).__name__, effect="its arrival counts")
        return said_at if said_at is not None and said_at < self.runtime.clock.now() - JUST_NOW else None

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
            except Exception as group:  # noqa: BLE001 - the guard at the edge of each listener
                why = sole_cause(group)  # a listener may deliver in a nursery of its own
                if isinstance(why, StoreClosed):
                    return  # the daemon is stopping
                self.runtime.log.error(
                    "channel.listener", channel=channel_state.kind, error=f"{type(why).__name__}: {why}"
                )
            pause = SECOND if self.runtime.clock.now() - began > 300 * SECOND else min(pause * 2, 300 * SECOND)
            await self.runtime.clock.sleep_until(self.runtime.clock.now() + pause)


async def _find(conn: Connection, token: str | None, inbound: Inbound) -> str | None:
    """The attempt that an event is about. An opt-out that names only an address ends no call that still rings: the call
    is withdrawn, and its end is what the provider proves."""
    opts_out = inbound.outcome == Outcome.opted_out
    return await attempts.find(conn, token, inbound.ref, inbound.address, no_open_call=opts_out)


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
        disposition=str(inbound.disposition) if inbound.disposition is not None else None,
        summary=inbound.summary,
        callback_at=inbound.callback_at,
        away_until_at=inbound.away_until_at,
        message_ref=inbound.message_ref,
    )


def cleaned(inbound: Inbound) -> Inbound:
    """The event with every text storable and of bounded length: nothing that a stranger writes loses an opt-out."""
    changed: dict[str, Any] = {}
    for name, most in _LENGTHS.items():
        text = getattr(inbound, name)
        if text and (safe := clean(text, most)) != text:
            changed[name] = safe
    for name, largest in _LARGEST.items():
        if (number := getattr(inbound, name)) is not None and not 0 <= number <= largest:
            changed[name] = None
    if (address := changed.get("address", inbound.address)) and (point := point_of(address)) != address:
        changed["address"] = point
    return replace(inbound, **changed) if changed else inbound


_SCHEME = re.compile(r"^(?:whatsapp|tel|sms|rcs|mailto):", re.IGNORECASE)


def point_of(address: str) -> str:
    """A provider's spelling of an address as the store knows it: "whatsapp:+12125550111", "12125550111" and
    "+1 (212) 555-0111" are one number. A short code and what is no address stay."""
    bare = _SCHEME.sub("", address.strip())
    if "@" in bare:
        return bare.lower()
    digits = re.sub(r"[\s().\-]", "", bare)
    if re.fullmatch(r"\+?[0-9]{7,15}", digits) is None:
        return bare
    if digits[0] == "+" or len(digits) > 10:
        return digits if digits[0] == "+" else f"+{digits.removeprefix('00')}"
    return f"+1{digits}" if len(digits) == 10 and digits[0] not in "01" else digits


_LENGTHS = {
    "token": LINE_AT_MOST, "ref": LINE_AT_MOST, "address": LINE_AT_MOST, "message_ref": LINE_AT_MOST,
    "reason": LINE_AT_MOST, "recording": LINE_AT_MOST, "text": MESSAGE_AT_MOST, "summary": MESSAGE_AT_MOST,
    "transcript": TRANSCRIPT_AT_MOST,
}  # fmt: skip
#: The largest numbers that the tables hold.
_LARGEST = {"at": 2**63 - 1, "cost_micros": 2**63 - 1, "away_until_at": 2**63 - 1, "callback_at": 2**63 - 1,
            "duration_s": 2**31 - 1}  # fmt: skip
#: Effects of the same message that make an effect a repetition. One message has one meaning, the first one that was
#: heard; only an opt-out counts also if the message meant something else before.
_ALSO = {"stop": (), "start": ("reply", "stop"), "reply": ("start", "stop"), "lift": ("reply", "stop")}


def _once(inbound: Inbound, effect: str, proof: str) -> Once | None:
    """What makes this effect of a message unique; None for a status, and for a message without an id."""
    ref = inbound.message_ref
    if ref is None and proof and inbound.resubscribed:
        ref = f"request {proof}"
    if ref is None:
        return None
    same = (ref, inbound.token or "", inbound.address or "")
    return Once(digest(effect, *same), tuple(digest(other, *same) for other in _ALSO[effect]))


async def keep_words(conn: Connection, inbound: Inbound, at: int, once: Once | None) -> None:
    """Keep what a known person writes before any attempt to this number or address; nobody else's words are kept, for
    after an attempt they may be an erased person's. Of several who share it, it is the one known for longest."""
    assert inbound.address is not None and inbound.text is not None  # noqa: S101, PT018 - asked by the caller
    speaking = await contacts.who_speaks(conn, inbound.address)
    if not speaking:
        return
    points = (await contacts.points_of(conn, speaking[:1]))[speaking[0]]
    theirs = [point.id for point in points if point.value == inbound.address]
    had_it = {*await contacts.owners(conn, inbound.address)} - {*speaking}  # no erased person: those have no points
    reached = {contact_id for _, contact_id, _, _ in await attempts.touches(conn, theirs, 0)}
    if reached <= had_it and await inbound_ids.first_time(conn, once, at):
        await replies.unasked(conn, speaking[0], inbound.text, inbound.message_ref, at)


async def opt_out(
    conn: Connection, address: str, at: int, said_at: int | None = None, once: Once | None = None
) -> set[int]:
    """Opt out an address without an attempt: all points of its contact, or the address alone if nobody has it or
    several share it. All who share a suppressed point leave. Returns the campaigns in which an enrollment ended."""
    if not await inbound_ids.first_time(conn, once, at):
        return set()
    everybody: Collection[int] = await contacts.owners(conn, address)
    speaking = await contacts.who_speaks(conn, address)
    entry: dict[str, Any] = {"reason": "opted_out", "by": "contact", "at": at, "said_at": said_at}
    if len(speaking) == 1:
        (contact_id,) = speaking
        everybody = await contacts.sharing(conn, contact_id)
        await suppression.add_contact(conn, contact_id, **entry)
    else:
        await suppression.add(conn, [(kind_of(address), address)], **entry)
    deltas = counters.Deltas()
    ended = await exit_everywhere(conn, everybody, "opted_out", at, deltas)
    await counters.add(conn, deltas)
    return ended


async def undo_opt_out(
    conn: Connection, address: str, at: int, proof: str = "", said_at: int | None = None, once: Once | None = None
) -> int:
    """Lift the opt-out that this number or address made itself before, and release its contacts' held enrollments.
    Returns how many entries of the suppression list were lifted."""
    if not await inbound_ids.first_time(conn, once, at):
        return 0
    because = f"wrote so; request {proof}" if proof else "wrote so"
    lifted = await suppression.lift_own(
        conn, kind_of(address), address, at=at, because=because, said_at=at if said_at is None else said_at
    )
    if lifted and (everybody := await contacts.owners(conn, address)):
        await enrollments.release_held(conn, at, contact_ids=everybody)
    return lifted


async def listen_all(inbox: Inbox, runtime: Runtime) -> None:
    """Run every channel's listener, each in its own task."""
    async with trio.open_nursery() as nursery:
        for channel_state in runtime.channels.values():
            nursery.start_soon(inbox.listen, channel_state)
