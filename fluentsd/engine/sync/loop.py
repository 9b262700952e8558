"""The loop of one source: asks it for changes and complete walks, page by page, and stores what it says.

A page is stored with its place in the walk before the next one is asked for, so a walk goes on after a restart. Leavers
are decided only after a complete walk, or when the source proves that a record has left. One guard turns every error of
a plugin into a pause of this source; others go on. What must not live here: the reading of records (`fields`), what a
change does (`changes`), limits of requests (the plugin's).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import get_args

import trio

from fluentsd.api import Kind, Malformed, NeedsHuman, Page, Record, Source, Unavailable
from fluentsd.domain.gate import Reason
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import STORE_PAUSE, Runtime
from fluentsd.engine.sync import changes, records, segment_names
from fluentsd.engine.sync.fields import Fields, RecordRead
from fluentsd.engine.sync.pauses import Pauses
from fluentsd.engine.sync.records import SourceRef, Stored
from fluentsd.engine.sync.state import News
from fluentsd.store import consent as evidence
from fluentsd.store import contacts, enrollments, holds, segments, source_facts
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.db import Connection
from fluentsd.store.segments import SegmentRow
from fluentsd.unavailable import StoreUnavailable

#: Pause after an error that a person has to correct, and the longest after any other.
PAUSE_AT_MOST = 600 * SECOND
#: First pause after an unexpected error; it doubles.
FIRST_PAUSE = 30 * SECOND
#: The catalogue of fields is read again after this time.
CATALOGUE_AGE = 24 * 3600 * SECOND
#: How much longer opt-outs wait after a failure than all else.
CONSENT_PAUSE = 30 * SECOND
NOTHING = News()
_UNEXPECTED = "the source {} could not read an answer (sync.error in the log); nobody leaves, and it is tried again"
KINDS: tuple[Kind, ...] = get_args(Kind)
#: While steps are in flight, a page is followed by a pause of so many times its own transaction, at most two seconds.
GIVES_WAY = 7
#: Records read between two checkpoints, about 2 ms.
AT_ONCE = 25


class SourceSync:
    """Follows the segments of one source."""

    def __init__(self, runtime: Runtime, name: str, source: Source) -> None:
        self._runtime, self._name, self._source = runtime, name, source
        self._state = runtime.syncs[name]
        self._options = self._state.options
        self._fields: Fields | None = None
        self._fields_at = 0
        self._pause = FIRST_PAUSE
        self._ref = SourceRef(name, 0)
        self._exits_at: dict[int, int] = {}
        self._pauses = Pauses()
        self._consent_at = 0  #: when opt-outs may be read again after they could not be

    async def run(self) -> None:
        """Run until cancelled."""
        runtime = self._runtime
        while True:
            try:
                until = await self._guarded_turn()
            except StoreUnavailable as why:
                runtime.store_state.lost(str(why))
                until = runtime.clock.now() + STORE_PAUSE
            if until is None or until > runtime.clock.now():
                await self._runtime.sync_wakeups[self._name].wait_until(runtime.clock, until)
            else:
                await trio.lowlevel.checkpoint()

    async def _guarded_turn(self) -> int | None:
        """One piece of work; returns when the next is due (None: at the next wake-up). While the source rests after a
        failure, the opt-outs of people who are due are still read: a quota that is used up for walks may have some."""
        clock, state = self._runtime.clock, self._state
        rests = state.again_at > clock.now()
        try:
            until = await (self._turn_at_rest() if rests else self._turn())
        except StoreUnavailable:
            raise
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin
            return self._failed(*self._meaning_of(why), rests=rests)
        if rests:
            return until
        if state.problem:
            self._runtime.log.info("sync.recovered", source=self._name)
        state.problem, state.problem_since, self._pause = "", None, FIRST_PAUSE
        return until

    def _meaning_of(self, error: Exception) -> tuple[str, int]:
        """An error for people, and the pause after it."""
        if isinstance(error, Unavailable):
            return str(error), max(round(error.after * SECOND), SECOND)
        if isinstance(error, NeedsHuman):
            return f"needs a person: {error}", PAUSE_AT_MOST
        self._runtime.log.error("sync.error", source=self._name, error=repr(error)[:500])
        pause, self._pause = self._pause, min(2 * self._pause, PAUSE_AT_MOST)
        return _UNEXPECTED.format(self._name), pause

    def _failed(self, why: str, pause: int, *, rests: bool) -> int:
        """Remember why the source cannot be reached, and when the next try is."""
        state, now = self._state, self._runtime.clock.now()
        if rests:
            return min(state.again_at, max(self._consent_at, now + SECOND))
        if not state.problem:
            self._runtime.log.warning("sync.unavailable", source=self._name, reason=why[:500])
            state.problem_since = now
        state.problem, state.again_at = why, now + pause
        return state.again_at

    async def _turn_at_rest(self) -> int:
        """Read the opt-outs of people who are due, and nothing else."""
        runtime, again_at = self._runtime, self._state.again_at
        now = runtime.clock.now()
        if self._consent_at > now:
            return min(again_at, self._consent_at)
        if not self._ref.id:
            return again_at
        is_held, stale, _ = await runtime.store.read(self._look, now)
        if is_held or not stale:
            return again_at
        await self._try_to_freshen(stale, now)
        return now

    async def _turn(self) -> int | None:
        runtime, now = self._runtime, self._runtime.clock.now()
        if not self._ref.id:
            await self._begin(now)
        is_held, stale, rows = await runtime.store.read(self._look, now)
        if is_held:
            return None
        if stale and self._consent_at <= now:
            await self._try_to_freshen(stale, now)
            return now
        due = sorted((self._due_at(row), row.id, row) for row in rows)
        if not due or due[0][0] > now:
            times = [due[0][0]] if due else []
            return min([*times, self._consent_at] if stale else times, default=None)
        await self._serve(due[0][2], now)
        return now

    async def _look(self, conn: Connection, now: int) -> tuple[bool, dict[str, int], list[SegmentRow]]:
        """Whether the source is held; some records, by key, that have to be read again for people who are due; the
        segments that are followed."""
        is_held = await holds.is_held(conn, "source", self._name, now)
        before, most = now - self._options.consent_max_age, max(1, self._source.limits.refresh)
        stale = await source_facts.some_stale(conn, self._ref.id, Reason.source_stale, before, most)
        return is_held, stale, await segments.followed(conn, self._name)

    async def _begin(self, now: int) -> None:
        source_id = await self._runtime.store.run(contacts.source_id, "crm", self._name, now)
        self._ref = SourceRef(self._name, source_id)
        self._runtime.plans.fresh_within[source_id] = self._options.consent_max_age

    def _due_at(self, row: SegmentRow) -> int:
        """When this segment needs something next."""
        paused_until = self._pauses.until(row.id)
        if paused_until is not None:
            return paused_until
        times = [self._walk_at(row)]
        if row.walked_at is not None and row.since is not None:
            times.append((row.read_at or 0) + self._options.every)
        if row.id in self._exits_at:
            times.append(self._exits_at[row.id])
        if row.released_at is not None:
            times.append(row.released_at)
        return min(times)

    def _walk_at(self, row: SegmentRow) -> int:
        not_before = self._pauses.walks_from(row.id)
        if not_before > self._runtime.clock.now():
            return not_before
        if row.id in self._state.asked or row.walk_began_at is not None or row.walked_at is None:
            return 0
        return row.walked_at + self._options.walk_every

    async def _serve(self, row: SegmentRow, now: int) -> None:
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
        await self._runtime.store.run(segments.note, row.id, problem=why)

    async def _accepted(self, row: SegmentRow) -> None:
        """The segment answers again: its problem is over, unless it has another one now."""
        why = self._pauses.accepted(row.id)
        if why and (await self._runtime.store.read(segments.get, row.id)).problem == why:
            await self._runtime.store.run(segments.note, row.id, problem="")

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
            said = ". ".join([str(why), *unlisted])
            await self._lost(row, segment_names.NotFound(said), now)
            return None
        about = {"ref": found.id, "name": found.name, "size": found.size}
        await self._runtime.store.run(segments.note, row.id, **about, problem="")
        return row._replace(ref=found.id, name=found.name, size=found.size, problem="")

    async def _lost(self, row: SegmentRow, why: Exception, now: int) -> None:
        """The source does not have this segment: nobody leaves, and it is looked for again."""
        said = str(why.args[0]) if why.args else "the source does not have this segment"
        if said != row.problem:
            self._runtime.log.warning("sync.no_segment", source=self._name, segment=row.key, reason=said)
        await self._runtime.store.run(segments.note, row.id, ref="", problem=said)
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
        read = await self._read(page, now)
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
            read = await self._read(page, now)
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

    async def _read(self, page: Page, at: int) -> list[RecordRead]:
        """The records of a page, fetched when the page has only their ids, and read by the fields."""
        found: Sequence[Record] | None = page.records
        if found is None:
            found = await self._fetch(list(page.refs))
        fields = await self._known_fields(at)
        read = []
        for place, record in enumerate(found):
            read.append(fields.read(record))
            if place % AT_ONCE == AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
        return read

    async def _fetch(self, ids: list[str]) -> list[Record]:
        most = max(1, self._source.limits.refresh)
        found: list[Record] = []
        for start in range(0, len(ids), most):
            found += await self._source.refresh(ids[start : start + most])
        return found

    async def _known_fields(self, at: int) -> Fields:
        if self._fields is None or at - self._fields_at > CATALOGUE_AGE:
            options = self._options
            self._fields = Fields(await self._source.catalogue(), options.meanings, options.region)
            self._fields_at = at
            self._state.mapping = self._fields.mapping
            self._state.protected = frozenset(kind for kind in KINDS if self._fields.protects(kind))
            for name in self._fields.unknown:
                self._runtime.log.warning("sync.unknown_field", source=self._name, field=name)
        return self._fields

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
                conn, runtime, self._ref, read, at=at, attested=attested, looked_up=page.records is None
            )
            ids = [stored.ids[key].id for key in named if key in stored.ids and key not in stored.rejected]
            stored.joined = await segments.name_members(conn, row.id, ids, at, seen_at)
            if page.gone:
                gone = await segments.known(conn, self._ref.id, list(page.gone))
                stored.left += await segments.miss(conn, row.id, [one.id for one in gone.values()], at)
            if values.get("walked_at") is not None and page.complete:
                stored.left += await segments.miss_unnamed(conn, row.id, seen_at, at)
            await segments.note(conn, row.id, **values)
            return stored

        began = runtime.clock.now()
        stored = await runtime.store.run(store_page)
        self._heed(stored)
        self._state.pages += 1
        if (stored.joined or stored.left) and row.walked_at is not None:
            before = self._state.news.get(row.id, NOTHING)
            if before.began_at != seen_at:
                before = NOTHING
            self._state.news[row.id] = News(seen_at, before.joined + stored.joined, before.left + stored.left)
        if len(runtime.in_flight):  # steps go first: a walk takes an eighth of the store's time at most
            took = runtime.clock.now() - began
            await runtime.clock.sleep_until(runtime.clock.now() + min(GIVES_WAY * took, 2 * SECOND))

    def _heed(self, stored: Stored) -> None:
        """Wake up whom a page concerns."""
        runtime = self._runtime
        if stored.back or stored.opt_outs:
            runtime.dispatcher_wakeup.notify()
        if stored.opt_outs:
            runtime.cancellation_wakeup.notify()
        if stored.ended:
            runtime.enrollment_ended(stored.ended)

    async def _apply(self, before: SegmentRow) -> None:
        """Enroll and exit people; `before`: the segment as it was before this page."""
        runtime = self._runtime
        now, row = runtime.clock.now(), await runtime.store.read(segments.get, before.id)
        row = row._replace(walked_at=before.walked_at)
        await changes.apply(runtime, row, self._ref.actor, now, self._options.share)
        exits_at = None if row.held else await changes.next_exit(runtime, row.id)
        self._exits_at.pop(row.id, None)
        if exits_at is not None:
            self._exits_at[row.id] = max(exits_at, now + SECOND)

    async def _try_to_freshen(self, stale: Mapping[str, int], now: int) -> None:
        """Read opt-outs again; after a failure only when the pause that the source asks for is over, and other work
        has had its turn."""
        try:
            await self._freshen(stale, now)
        except StoreUnavailable:
            raise
        except Exception as why:
            pause = round(why.after * SECOND) if isinstance(why, Unavailable) else PAUSE_AT_MOST
            self._consent_at = now + pause + CONSENT_PAUSE
            raise
        self._consent_at = 0

    async def _freshen(self, stale: Mapping[str, int], now: int) -> None:
        """Read these records again; the people who were held for them go on."""
        found = await self._source.refresh(list(stale))
        fields = await self._known_fields(now)
        read = [fields.read(record) for record in found]
        answered = {record.id for record in found} | {key for record in found for key in record.aliases}

        async def store_fresh(conn: Connection) -> Stored:
            stored = await records.store(conn, self._runtime, self._ref, read, at=now)
            gone = [record_id for key, record_id in stale.items() if key not in answered]
            await segments.miss_everywhere(conn, gone, now)
            await segments.looked_up(conn, list(stale.values()), now)
            known = await segments.known(conn, self._ref.id, list(stale))
            people = [one.contact_id for one in known.values()]
            await enrollments.release_held(conn, now, contact_ids=people, reason=Reason.source_stale, most=10_000)
            return stored

        self._heed(await self._runtime.store.run(store_fresh))
        self._runtime.dispatcher_wakeup.notify()


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
