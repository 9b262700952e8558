"""Applies the changes of a segment to its campaigns: members are enrolled, leavers exit when their grace is over.

A change that is too large for one sync is held and shown until a person releases it; until the first complete walk of a
segment everything is its first content, which the launch approves. What must not live here: requests to a source.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.domain.events import SyncHeld
from fluentsd.domain.membership import Change
from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.ingest.enrolling import enroll
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contact_upserts, counters, outbox, segments
from fluentsd.store.db import Connection
from fluentsd.store.erasure import erase as erasure
from fluentsd.store.segments import Link, SegmentRow

#: People enrolled, and people who exit, in one transaction.
ENROLLED, EXITED = 250, 250
LEFT = "left_segment"


@dataclass(slots=True)
class Applied:
    """What was done: people enrolled and exited, and the change that is held instead ("" when none is)."""

    enrolled: int = 0
    exited: int = 0
    held: str = ""


async def apply(runtime: Runtime, row: SegmentRow, actor: str, at: int, share: float) -> Applied:
    """Carry out what is due for a segment as the store has it."""
    applied = Applied()
    links = await runtime.store.read(segments.links_of, row.id)
    applied.held = await _hold(runtime, row, links, actor, at, share)
    if applied.held:
        return applied
    for link in links:
        applied.enrolled += await _enroll_all(runtime, row.id, link, actor, at)
        if link.leaves_after is not None:
            applied.exited += await _exit_all(runtime, row.id, link, at)
    graces = [link.leaves_after for link in links]
    known = [grace for grace in graces if grace is not None]
    if known and None not in graces:
        await runtime.store.run(segments.leave_missing, row.id, at - max(known), at)
    if applied.enrolled:
        runtime.dispatcher_wakeup.notify()
    return applied


async def _hold(runtime: Runtime, row: SegmentRow, links: list[Link], actor: str, at: int, share: float) -> str:
    """The change in words if it is too large, remembered; else "". What a person has allowed is in no later change: who
    joins enters at once, and who was missing then may leave when the grace is over."""
    started = [link for link in links if link.started]
    change, allowed_at = "", None
    if started and row.walked_at is not None:
        present, missing = await runtime.store.read(segments.count_members, row.id)
        leaves = await runtime.store.read(segments.count_missing_after, row.id, row.released_at or 0)
        joins = max([await runtime.store.read(segments.count_to_enroll, row.id, link.campaign_id) for link in started])
        is_allowed_now = bool(row.held) and row.released_at is not None
        change = Change(0 if is_allowed_now else joins, leaves, present - joins + missing).too_much(share)
        if not change and leaves < missing:
            allowed_at = row.released_at
    if (change, allowed_at) != (row.held, row.released_at):
        await runtime.store.run(_note_hold, row, change, allowed_at, actor, at)
    return change


async def _note_hold(
    conn: Connection, row: SegmentRow, change: str, allowed_at: int | None, actor: str, at: int
) -> None:
    await segments.note(conn, row.id, held=change, released_at=allowed_at)
    if change and not row.held:
        await outbox.post(conn, SyncHeld(segment=row.id, source=actor, name=row.name, change=change), at=at)


async def _enroll_all(runtime: Runtime, segment_id: int, link: Link, actor: str, at: int) -> int:
    count, after = 0, 0
    while True:
        part, after = await runtime.store.run(_enroll_some, runtime, segment_id, link, after, actor, at)
        count += part
        if not after:
            return count


async def _enroll_some(
    conn: Connection, runtime: Runtime, segment_id: int, link: Link, after: int, actor: str, at: int
) -> tuple[int, int]:
    """Enroll the next members; returns how many, and the record after which to go on (0: nobody is left)."""
    members = await segments.some_to_enroll(conn, segment_id, link.campaign_id, after, ENROLLED)
    if not members or not await campaigns.exists(conn, link.campaign_id):
        return 0, 0
    results = [contact_upserts.UpsertResult(member.contact_id, False, False) for member in members]
    places = [
        ContactUpsert(
            "",
            (),
            zones=tuple(filter(None, member.zones.split(","))),
            states=tuple(filter(None, member.states.split(","))),
            conflict=member.conflict,
        )
        for member in members
    ]
    had = await erasure.recall(conn, runtime.erasure_ledger.hashed, [member.contact_id for member in members])
    entered = {"at": at, "actor": actor, "reenter": link.reenter}
    count = await enroll(conn, runtime.plans, link.campaign_id, results, places, had, **entered)  # type: ignore[arg-type]
    return count, members[-1].record_id if len(members) == ENROLLED else 0


async def _exit_all(runtime: Runtime, segment_id: int, link: Link, at: int) -> int:
    assert link.leaves_after is not None  # noqa: S101 - the caller has looked
    count = 0
    while part := await runtime.store.run(_exit_some, segment_id, link, at):
        count += part
    if count:
        runtime.enrollment_ended({link.campaign_id})
    return count


async def _exit_some(conn: Connection, segment_id: int, link: Link, at: int) -> int:
    plan_row = await campaigns.by_id(conn, link.campaign_id)
    if LEFT not in plan_row.spec.exit.on:
        return 0
    assert link.leaves_after is not None  # noqa: S101 - the caller has looked
    gone = await segments.some_to_exit(conn, segment_id, link.campaign_id, at - link.leaves_after, EXITED)
    deltas = counters.Deltas()
    await leave(conn, gone, LEFT, at, deltas)
    await counters.add(conn, deltas)
    return len(gone)


async def next_exit(runtime: Runtime, segment_id: int) -> int | None:
    """When the next person's grace is over."""
    since = await runtime.store.read(segments.first_missing, segment_id)
    links = await runtime.store.read(segments.links_of, segment_id)
    graces = [link.leaves_after for link in links if link.leaves_after is not None]
    return None if since is None or not graces else since + min(graces)
