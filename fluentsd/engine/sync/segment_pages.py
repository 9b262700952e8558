"""The pages of one source's segments: walks and changes, page by page, and what each leads to.

A page is stored with its place in the walk before the next one is asked for, so a walk goes on after a restart. Leavers
are decided only after a complete walk, or when the source proves that a record has left. What must not live here: the
order of a source's work and its errors (`loop`), the reading of records (`reading`), what a change does (`changes`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence

from fluentsd.api import Malformed, NeedsHuman, Page
from fluentsd.domain.events import SyncFailed, SyncRecovered
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.sync import changes, records, segment_names
from fluentsd.engine.sync.fields import RecordRead
from fluentsd.engine.sync.pauses import Pauses
from fluentsd.engine.sync.reading import Reading
from fluentsd.engine.sync.records import Stored
from fluentsd.engine.sync.state import News
from fluentsd.store import consent as evidence
from fluentsd.store import outbox, segments
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.db import Connection
from fluentsd.store.segments import SegmentRow

NOTHING = News()
#: While steps are in flight, a page is followed by a pause of so many times its own transaction, at most two seconds.
GIVES_WAY = 7


class SegmentPages:
    """Takes the pages of the segments of one source."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._runtime, self._name, self._source = reading.runtime, reading.name, reading.source
        self._state, self._options = reading.state, reading.options
        self._exits_at: dict[int, int] = {}
        self._pauses = Pauses()

    def due_at(self, row: SegmentRow) -> int:
        """When this segment needs something next."""
        paused_until = self._pauses.until(row.id)
        if paused_until is not None:
            return paused_until
        times = [self._walk_at(row)]
        if row.walked_at is not None and row.since is not None:
            times.append((row.read_at or 0) + self._options.every)
        if row.id in self._exits_at:
            times.append(self._exits_at[row.id])
        if row.held and row.released_at is not None:
            times.append(row.released_at)
        return min(times)

    def _walk_at(self, row: SegmentRow) -> int:
        not_before = self._pauses.walks_from(row.id)
        if not_before > self._runtime.clock.now():
            return not_before
        if row.id in self._state.asked or row.walk_began_at is not None or row.walked_at is None:
            return 0
        return row.walked_at + self._options.walk_every

    async def serve(self, row: SegmentRow, now: int) -> None:
        """One page, or what has become due without one."""
        self._pauses.begin(row.id)
        try:
            if not row.ref:
                found = await self._resolve(row, now)
                if found is None:
                    return
                row = found
            if self._is_delta_due(row, now):
                await self._take_changes(row)
            elif self._walk_at(row) <= now:
                await self._take_walk(row, now)
            else:
                await self._apply(row)
        except segment_names.NotFound as why:
            await self._lost(row, why, now)
        except Malformed as why:
            await self._refused(row, str(why), now)
        except NeedsHuman as why:
            if not why.only_this:
                raise
            await self._refused(row, f"needs a person: {why}", now)
        else:
            await self._accepted(row)

    async def _refused(self, row: SegmentRow, why: str, now: int) -> None:
        """This segment alone cannot be read now: nobody leaves, and the others go on."""
        if self._pauses.refused(row.id, why, now):
            self._runtime.log.warning("sync.segment_unavailable", source=self._name, segment=row.key, reason=why[:500])
        await self._note_problem(row, why)

    async def _accepted(self, row: SegmentRow) -> None:
        """The segment answers again: its problem is over, unless it has another one now."""
        why = self._pauses.accepted(row.id)
        if why and (await self._runtime.store.read(segments.get, row.id)).problem == why:
            await self._note_problem(row._replace(problem=why), "")

    async def _note_problem(self, row: SegmentRow, problem: str, **values: object) -> None:
        """Remember why a segment cannot be read, "" if it can; the change is told."""
        at, source = self._runtime.clock.now(), self._name

        async def unit(conn: Connection) -> None:
            await segments.note(conn, row.id, problem=problem, **values)
            if problem and not row.problem:
                await outbox.post(conn, SyncFailed(source=source, name=row.name, because=problem), at=at)
            elif row.problem and not problem:
                await outbox.post(conn, SyncRecovered(source=source, name=row.name), at=at)

        await self._runtime.store.run(unit)

    def _is_delta_due(self, row: SegmentRow, now: int) -> bool:
        """Changes come before the next page of a walk: they are quick, and may bring an opt-out."""
        if row.walked_at is None or row.since is None:
            return False
        return (row.read_at or 0) + self._options.every <= now

    async def _resolve(self, row: SegmentRow, now: int) -> SegmentRow | None:
        """The segment with its id in the CRM; None when no segment has that name now."""
        listed = await self._source.segments()
        try:
            found = segment_names.find_segment(row.key, listed)
        except segment_names.NotFound as why:
            unlisted = getattr(listed, "unlisted", ())
            problem = ". ".join([str(why), *unlisted])
            await self._lost(row, segment_names.NotFound(problem), now)
            return None
        await self._note_problem(row, "", ref=found.id, name=found.name, size=found.size)
        return row._replace(ref=found.id, name=found.name, size=found.size, problem="")

    async def _lost(self, row: SegmentRow, why: Exception, now: int) -> None:
        """The source does not have this segment: nobody leaves, and it is looked for again."""
        problem = str(why.args[0]) if why.args else "the source does not have this segment"
        if problem != row.problem:
            self._runtime.log.warning("sync.no_segment", source=self._name, segment=row.key, reason=problem)
        await self._note_problem(row, problem, ref="")
        self._pauses.unknown(row.id, now)

    async def _take_walk(self, row: SegmentRow, now: int) -> None:
        """The next page of a complete walk."""
        store, began = self._runtime.store, row.walk_began_at or now
        try:
            page = await _of_segment(self._source.walk(row.ref, row.walk_cursor))
        except ValueError as why:
            if row.walk_cursor is None:
                raise
            self._runtime.log.info("sync.walk_begins_again", source=self._name, segment=row.key, reason=str(why)[:200])
            await store.run(segments.note, row.id, walk_cursor=None, walk_began_at=None)
            self._state.asked.add(row.id)
            self._pauses.walk_restarted(row.id, now)
            return
        read = await self._reading.page(page, now)
        values: dict[str, object] = {"walk_cursor": page.next, "walk_began_at": began}
        if page.next is None:
            values = {"walk_cursor": None, "walk_began_at": None, "since": page.since, "read_at": page.as_of or now}
            if page.complete:
                values |= {"walked_at": began, "problem": ""}
            else:
                values |= {"problem": "the source could not name every record, so nobody leaves", "walked_at": began}
        await self._store(row, page, read, now, began, values)
        if page.next is None:
            self._state.asked.discard(row.id)
            self._pauses.walked(row.id)
            await self._apply(row)

    async def _take_changes(self, row: SegmentRow) -> None:
        """All pages of what has changed."""
        began = now = self._runtime.clock.now()
        cursor, is_news = row.since, False
        while True:
            try:
                page = await _of_segment(self._source.changes(row.ref, cursor))
            except ValueError as why:
                await self._walk_instead(row, str(why), now)
                return
            read = await self._reading.page(page, now)
            values: dict[str, object] = {"since": page.next or page.since or cursor}
            if page.next is None:
                values |= {"read_at": max(page.as_of, began)}
            is_news = is_news or bool(read or page.gone)
            await self._store(row, page, read, now, began, values)
            if page.walk_again:
                self._state.asked.add(row.id)
            if page.next is None:
                self._pauses.changes_told(row.id)
                break
            cursor, now = page.next, self._runtime.clock.now()
        if is_news or row.held or row.released_at is not None:
            await self._apply(row)

    async def _walk_instead(self, row: SegmentRow, why: str, now: int) -> None:
        """Only a walk can tell what has changed: the first time at once, then after pauses that double, up to the usual
        time between two walks."""
        times, pause = self._pauses.walk_instead(row.id, now, self._options.walk_every)
        self._runtime.log.info(
            "sync.walk_instead", source=self._name, segment=row.key, times=times, seconds=pause // SECOND,
            reason=why[:200],
        )  # fmt: skip
        await self._runtime.store.run(segments.note, row.id, since=None)
        self._state.asked.add(row.id)

    async def _store(
        self,
        row: SegmentRow,
        page: Page,
        read: Sequence[RecordRead],
        at: int,
        seen_at: int,
        values: Mapping[str, object],
    ) -> None:
        """Store one page with the state of its walk, in one transaction."""
        runtime, refs = self._runtime, set(page.refs)
        named = [one.record.id for one in read if one.record.id in refs or refs.intersection(one.record.aliases)]

        async def store_page(conn: Connection) -> Stored:
            attested = await _attested(conn, row.id) if read else None
            stored = await records.store(
                conn, runtime, self._reading.ref, read, at=at, attested=attested, looked_up=page.records is None
            )
            ids = [stored.ids[key].id for key in named if key in stored.ids and key not in stored.rejected]
            stored.joined = await segments.name_members(conn, row.id, ids, at, seen_at)
            if page.gone:
                gone = await segments.known(conn, self._reading.ref.id, list(page.gone))
                stored.left += await segments.miss(conn, row.id, [one.id for one in gone.values()], at)
            if values.get("walked_at") is not None and page.complete:
                stored.left += await segments.miss_unnamed(conn, row.id, seen_at, at)
            await segments.note(conn, row.id, **values)
            return stored

        began = runtime.clock.now()
        stored = await runtime.store.run(store_page)
        self._reading.heed(stored)
        self._state.pages += 1
        if (stored.joined or stored.left) and row.walked_at is not None:
            before = self._state.news.get(row.id, NOTHING)
            if before.began_at != seen_at:
                before = NOTHING
            self._state.news[row.id] = News(seen_at, before.joined + stored.joined, before.left + stored.left)
        if len(runtime.in_flight):  # steps go first: a walk takes an eighth of the store's time at most
            took = runtime.clock.now() - began
            await runtime.clock.sleep_until(runtime.clock.now() + min(GIVES_WAY * took, 2 * SECOND))

    async def _apply(self, before: SegmentRow) -> None:
        """Enroll and exit people; `before`: the segment as it was before this page."""
        runtime = self._runtime
        now, row = runtime.clock.now(), await runtime.store.read(segments.get, before.id)
        row = row._replace(walked_at=before.walked_at)
        await changes.apply(runtime, row, self._reading.ref.actor, now, self._options.share)
        exits_at = None if row.held else await changes.next_exit(runtime, row.id)
        self._exits_at.pop(row.id, None)
        if exits_at is not None:
            self._exits_at[row.id] = max(exits_at, now + SECOND)


async def _of_segment(question: Awaitable[Page]) -> Page:
    """The source's answer. A segment that it does not have is `segment_names.NotFound`, and a cursor that is not good
    any more a ValueError. A KeyError or IndexError is a LookupError too, and text that cannot be decoded a ValueError,
    but they are bugs of the plugin."""
    try:
        return await question
    except (KeyError, IndexError):
        raise
    except (json.JSONDecodeError, UnicodeError) as why:
        raise RuntimeError(f"{type(why).__name__}: {why}") from why
    except LookupError as why:
        raise segment_names.NotFound(*why.args) from why


async def _attested(conn: Connection, segment_id: int) -> Attested | None:
    """The evidence of consent that the people of a segment get."""
    links = await segments.links_of(conn, segment_id)
    ids = [link.attestation_id for link in links if link.attestation_id is not None]
    return await evidence.attested(conn, ids[-1]) if ids else None
