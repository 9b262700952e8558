"""Reads stored people, or entries of the suppression list, again: one page in one transaction.

The suppression list only grows: an opt-out that an earlier reading left out is added, with the words as evidence, and
nothing is lifted. A doubtful point is shown and left to a person. What must not live here: the comparison
(`domain.contacts.rereading`), SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluentsd.domain.contacts import rereading
from fluentsd.domain.contacts.rereading import Otherwise, What
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.store import contacts, counters, enrollments, suppression
from fluentsd.store import rereading as kept
from fluentsd.store.db import Connection

#: People, or entries of the suppression list, in one transaction.
PAGE = 200


@dataclass(frozen=True, slots=True)
class Page:
    """What one page came to: how many were read, those that are read otherwise today, and where the next one begins
    (None: this was the last)."""

    read: int
    found: Sequence[Otherwise]
    next: int | None


async def entries(conn: Connection, after: int) -> Page:
    """The suppression list's entries after an id."""
    rows = await conn.run_sync(kept.entries, after, PAGE)
    found = [one for _, *entry in rows if (one := rereading.of_entry(*map(str, entry))) is not None]
    if found:
        there = await conn.run_sync(kept.ever_listed, [one.becomes for one in found])
        found = [one for one in found if not {(one.becomes, one.channel), (one.becomes, "*")} & there]
    return Page(len(rows), found, rows[-1][0] if len(rows) == PAGE else None)


async def people(conn: Connection, after: int) -> Page:
    """The people after an id."""
    rows = await conn.run_sync(kept.people, after, PAGE)
    found = [one for row in rows for one in rereading.of_person(row)]
    return Page(len(rows), found, rows[-1].contact_id if len(rows) == PAGE else None)


async def apply_changes(conn: Connection, found: Sequence[Otherwise], *, by: str, at: int) -> tuple[int, set[int]]:
    """Change what is kept to what is read today. Returns how many changes that were, and the campaigns in which
    enrollments ended. The opt-outs come first."""
    stopped, done = set[int](), 0
    for one in found:
        if one.what is What.suppression:
            reason = f"{suppression.BY_LIST}{one.source}" if one.contact_id else one.source
            evidence = {"said": one.because, "source": one.source, "reread_from": one.was}
            point = [(one.kind, one.becomes)]
            await suppression.add(conn, point, reason=reason, by=by, at=at, channel=one.channel, evidence=evidence)
            if one.channel == "*":
                stopped |= {one.contact_id} - {0} | set(await contacts.owners(conn, one.becomes))
            done += 1
    for one in found:
        if one.what is What.point:
            await kept.move_point(conn, one.kind, one.was, one.becomes, one.extension)
            done += 1
        elif one.what is What.place and one.place is not None:
            await kept.move(conn, one.contact_id, one.place, at)
            done += 1
    moved = sorted({one.contact_id for one in found if one.what in (What.point, What.place)})
    if moved:
        await enrollments.release_held(conn, at, contact_ids=moved, most=len(moved) * 10)
    if not stopped:
        return done, set()
    deltas = counters.Deltas()
    ended = await exit_everywhere(conn, stopped, "opted_out", at, deltas)
    await counters.add(conn, deltas)
    return done, ended
