"""One page of records in one transaction: contacts, records, opt-outs, merged records, memberships.

A CRM's own opt-out enters the suppression list with its evidence. It is entered when the record begins to say so, and
never taken off here: only a person lifts it. What must not live here: who joins or leaves a campaign (`changes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fluentsd.engine.ingest import service
from fluentsd.engine.ingest.import_run import Run
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.fields import RecordRead, channels_of, words_of
from fluentsd.engine.sync.merges import merge_aliases
from fluentsd.store import former_points, segments, suppression
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.db import Connection
from fluentsd.store.segments import Known


@dataclass(frozen=True, slots=True)
class SourceRef:
    """A source by its name and its id in the store."""

    name: str
    id: int

    @property
    def actor(self) -> str:
        """As the audit log and the evidence name it."""
        return f"{suppression.FROM_SOURCE}{self.name}"


@dataclass(slots=True)
class Stored:
    """What storing a page came to: records by key, people who are new to the installation, records that are no
    person by reason, people who came back to the queue, new opt-outs, members who joined and left."""

    ids: dict[str, Known] = field(default_factory=dict)
    new: int = 0
    back: int = 0
    opt_outs: int = 0
    joined: int = 0
    left: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)  #: campaigns in which an enrollment ended


async def store(
    conn: Connection,
    runtime: Runtime,
    source: SourceRef,
    read: Sequence[RecordRead],
    *,
    at: int,
    attested: Attested | None = None,
    looked_up: bool = True,
) -> Stored:
    """Store records that were read from the source at `at`. `looked_up`: each was asked for by its id, which reads all
    that can be read; a walk may leave fields out."""
    if not read:
        return Stored()
    stored = Stored(rejected={one.record.id: one.reason for one in read if one.person is None and one.reason})
    people = [one.person for one in read if one.person is not None]
    run = Run(source.name, source.id, at, attestation=attested)
    before = await segments.known(conn, source.id, [one.record.id for one in read])
    cleared = [(before[one.record.id], one.without) for one in read if one.without and one.record.id in before]
    if cleared:
        await former_points.withdraw(conn, {row.id: (row.contact_id, kinds) for row, kinds in cleared})
    taken = await service.take(conn, runtime, run, people, keep_duplicates=True, by=source.actor, at=at)
    stored.new, stored.back = taken.new, taken.back
    stored.ids = await segments.known(conn, source.id, [one.record.id for one in read])
    await segments.note_addresses(conn, _moved(read, stored.ids))
    for one in read:
        now = stored.ids.get(one.record.id)
        if now is None:
            continue
        known = before.get(one.record.id)
        if one.person is None:  # a person before, and not any more: their place in the flow stays, their data too
            await segments.looked_up(conn, [now.id], at)
        stored.opt_outs += await _opt_outs(conn, source, one, now, known, at, looked_up=looked_up)
        if one.record.aliases:
            stored.ended |= await merge_aliases(conn, source.id, now, one.record.aliases, at)
    return stored


def _moved(read: Sequence[RecordRead], known: Mapping[str, Known]) -> dict[int, str]:
    """The records whose address in the CRM is new or another one. Only an address of the web is one."""
    urls = {one.record.id: one.record.url[:2000] for one in read if one.record.url.startswith(("https://", "http://"))}
    return {now.id: urls[key] for key, now in known.items() if key in urls and urls[key] != now.url}


async def _opt_outs(
    conn: Connection,
    source: SourceRef,
    one: RecordRead,
    now: Known,
    before: Known | None,
    at: int,
    *,
    looked_up: bool,
) -> int:
    """Enter the opt-outs that the record did not say before; returns how many."""
    earlier = set(before.opted_out.split(",")) if before is not None and before.opted_out else set()
    fresh = one.opted_out - earlier
    opted_out, unreadable = words_of(one.opted_out), words_of(one.unreadable)
    if unreadable and not looked_up:
        unreadable = f"{segments.TO_LOOK_UP}{unreadable}"
        opted_out = words_of(one.opted_out | (earlier & one.unreadable))  # not said this time, and not taken back
    if one.record.unread:  # it says nothing, so that what it said holds
        opted_out = words_of(earlier)
    if (opted_out, unreadable) != (now.opted_out, now.unreadable):
        await segments.note_opt_outs(conn, now.id, opted_out, unreadable)
    for channel in channels_of(fresh) if fresh else ():
        await suppression.add_contact(
            conn,
            now.contact_id,
            reason=f"opted out in {source.name}",
            by=source.actor,
            at=at,
            channel=channel,
            evidence={"source": source.name, "record": one.record.id, "fields": sorted(fresh)},
        )
    return len(fresh)
