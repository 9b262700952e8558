"""Reads for fronts that are not verbs: health, metrics, and tokens in links. Nothing is written here.

Fronts never read the store directly. Every function is one read with its own connection, raises `StoreUnavailable`, and
returns nothing that identifies a person, beyond our own ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fluentsd.domain.campaign import contact_window
from fluentsd.domain.time.durations import SECOND
from fluentsd.domain.time.windows import calendar
from fluentsd.engine import held_start
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts, campaigns, holds, lanes, leads, outbox, public_reads
from fluentsd.store.db import Connection
from fluentsd.store.lanes import LaneDue
from fluentsd.store.leads import Handled

__all__ = [
    "Backlog", "Figures", "Handled", "LaneDue", "backlog", "business_hour_after", "campaign_name", "channels_of",
    "figures", "settled",
]  # fmt: skip

HOUR = 3600 * SECOND
Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Due times of each part of the engine in epoch microseconds, None where nothing is due; the held channels; and why
    everything is held, "" when it is not."""

    lanes: list[LaneDue]
    reconciler_at: int | None
    outbox_at: int | None
    held_channels: frozenset[str]
    all_held_because: str


async def backlog(runtime: Runtime, now: int) -> Backlog:
    """Due times, and the held channels."""

    async def unit(conn: Connection) -> Backlog:
        held = frozenset(hold["target"] for hold in await holds.open_holds(conn, now) if hold["scope"] == "channel")
        agenda, because = await lanes.agenda(conn), await held_start.held_because(conn, now)
        return Backlog(agenda, await attempts.next_deadline(conn), await outbox.overdue_since(conn), held, because)

    return await runtime.store.read(unit)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts for monitoring: attempts by (channel, outcome), people by (campaign, state), tripped breakers by scope,
    deliveries of the outbox by (target, `waiting` or `dead`)."""

    attempts: Counts
    people: Counts
    tripped: Mapping[str, int]
    deliveries: Counts


async def figures(runtime: Runtime, since: int, now: int) -> Figures:
    """Attempts claimed since `since`, people of every campaign, and the holds that breakers placed."""

    async def unit(conn: Connection) -> Figures:
        tripped = Counter(hold["scope"] for hold in await holds.open_holds(conn, now) if hold["by"] == "fluentsd")
        attempts_by, people_by = await public_reads.attempts_since(conn, since), await public_reads.people(conn)
        return Figures(attempts_by, people_by, tripped, await outbox.counts(conn))

    return await runtime.store.read(unit)


async def channels_of(runtime: Runtime, tokens: Sequence[str]) -> dict[str, str]:
    """The channel of each token that belongs to an attempt."""
    return await runtime.store.read(public_reads.channels_of, tokens)


async def campaign_name(runtime: Runtime, token: str) -> str | None:
    """The name of the campaign of an attempt; None for an unknown token."""
    return await runtime.store.read(public_reads.campaign_name, token)


async def business_hour_after(runtime: Runtime, ref: str, at: int) -> int | None:
    """The instant at which a campaign's contact window, in the campaign's zone, has been open for an hour since `at`;
    None if there is no such campaign or hour."""

    async def unit(conn: Connection) -> int | None:
        try:
            row = await campaigns.get(conn, ref)
        except campaigns.NoSuchCampaign:
            return None
        return calendar(contact_window(row.spec.window), (row.spec.zone,)).after_open(at, HOUR)

    return await runtime.store.read(unit)


async def settled(runtime: Runtime, attempts_: Collection[str]) -> dict[str, Handled | None]:
    """Those of these attempts that wait for nobody any more, each with who handled its reply or lead; None when its
    words are not kept any more, because the person was erased or retention has deleted them."""

    async def unit(conn: Connection) -> dict[str, Handled | None]:
        handled, waiting = await leads.handling(conn, attempts_), await leads.waiting(conn, attempts_)
        gone: dict[str, Handled | None] = dict.fromkeys(set(attempts_) - waiting - handled.keys())
        return gone | handled

    return await runtime.store.read(unit)
