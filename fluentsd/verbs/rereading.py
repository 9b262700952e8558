"""`contacts reread`: reads stored people by today's rules, and shows the differences or applies them.

What must not live here: the reading and its changes (`engine.ingest.rereading`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from fluentsd.domain.contacts.rereading import Otherwise, What
from fluentsd.engine.ingest import rereading
from fluentsd.engine.ingest.rereading import Page
from fluentsd.engine.runtime import Runtime
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call
from fluentsd.verbs.execute import Answer, change, refusing, repeated


async def reread(runtime: Runtime, call: Call, dry_run: bool, most: int) -> Answer:
    """Read every person and every entry of the suppression list again, and change what is read otherwise today. It can
    be repeated: what is changed is read as it is."""
    if not dry_run and (stored := await repeated(runtime, call)) is not None:
        return stored
    found = _Found(most)
    entries = await _each(runtime, call, rereading.entries, dry_run, found)
    people = await _each(runtime, call, rereading.people, dry_run, found)
    if found.changed:
        runtime.dispatcher_wakeup.notify()
    answer: Answer = {
        "dry_run": dry_run,
        "people": people,
        "entries": entries,
        "counts": {str(what): found.counts[what] for what in What},
        "changed": found.changed,
        "changes": [_shown(one) for one in found.first],
    }
    if dry_run:
        return answer

    async def unit(_: Connection) -> Answer:
        return answer | {"_details": {"counts": answer["counts"]}}

    return await change(runtime, call, "reread", "", unit)


@dataclass(slots=True)
class _Found:
    """What was found so far: counts, and the first `most` readings."""

    most: int
    counts: Counter[str] = field(default_factory=Counter)
    first: list[Otherwise] = field(default_factory=list)
    changed: int = 0

    def add(self, page: Page, changed: int) -> None:
        self.counts.update(one.what for one in page.found)
        self.first += page.found[: self.most - len(self.first)]
        self.changed += changed


async def _each(
    runtime: Runtime, call: Call, read: Callable[[Connection, int], Awaitable[Page]], dry_run: bool, found: _Found
) -> int:
    """Read all pages, each in a transaction of its own, and change what is otherwise unless it is a dry run. Returns
    how many were read."""
    count, after = 0, 0

    async def unit(conn: Connection) -> tuple[Page, int, set[int]]:
        page = await read(conn, after)
        if dry_run or not page.found:
            return page, 0, set()
        return page, *await rereading.apply_changes(conn, page.found, by=call.actor, at=call.at)

    while True:
        page, changed, ended = await refusing(runtime.store.read(unit) if dry_run else runtime.store.run(unit))
        runtime.enrollment_ended(ended)
        found.add(page, changed)
        count += page.read
        if page.next is None:
            return count
        after = page.next
        await trio.lowlevel.checkpoint()


def _shown(one: Otherwise) -> Answer:
    return {
        "what": str(one.what), "person": one.contact_id or None, "source": one.source, "was": one.was,
        "becomes": one.becomes, "because": one.because, "kind": one.kind, "channel": one.channel,
    }  # fmt: skip
