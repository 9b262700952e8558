"""The inbox, for as long as the daemon runs: look, read, hand over, wait for more; come back after every failure.

Mail is handed over before the watermark moves: a crash repeats some, and the house takes a repetition for what it is.
No thread waits here. IDLE is begun by one and its socket is watched by Trio, with a look at every `poll` in any case,
for a server may forget to tell. A mail that cannot be read is counted, said without its content, and passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import trio

from fluentsd.api import Inbound, NeedsHuman, Tools, Unavailable
from fluentsd_channel_email.inbound import Arrival, Reader, Sort
from fluentsd_channel_email.mailbox import Mailbox, Spoilt
from fluentsd_channel_email.settings import InboxSettings
from fluentsd_channel_email.watermark import Watermark, WatermarkFile

T = TypeVar("T")
Deliver = Callable[[Inbound], Awaitable[None]]
SECOND = 1_000_000
#: Pauses between attempts to come back, in seconds: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 1, 300
#: How precisely the time of the last look is kept, in microseconds.
LOOKED_EVERY = 3600 * SECOND
#: Mails fetched together.
BATCH = 25


class Listener:
    """Reads one inbox and hands over what it says."""

    def __init__(self, settings: InboxSettings, reader: Reader, tools: Tools) -> None:
        self.settings, self.reader, self.tools = settings, reader, tools
        self.sorts: Counter[Sort] = Counter()  #: mails read so far
        self._file = WatermarkFile(tools.folder)
        self._mailbox = Mailbox(settings)
        self._batch = BATCH
        self._trouble = ""

    async def run(self, deliver: Deliver) -> None:
        """Until cancelled. Trouble with the server is said when it begins and when it ends."""
        pause = FIRST_PAUSE
        mark = await self._first_mark()
        try:
            while True:
                try:
                    await self._in_thread(self._mailbox.open)
                    self._say_well()
                    while True:
                        mark = await self._look(mark, deliver)
                        pause = FIRST_PAUSE
                        await self._wait()
                except Spoilt:
                    self._batch = 1  # the next look finds out which mail it was
                except (Unavailable, NeedsHuman) as why:
                    self._say_trouble(str(why))
                    await self._sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                mark = await self._in_thread(self._file.read, mark.of, mark.looked_at)
        finally:
            self._mailbox.close()

    async def _first_mark(self) -> Watermark:
        """Where to go on; written at once, so that what comes before the first look is not passed over."""
        settings = self.settings
        of = f"{settings.username}@{settings.host}:{settings.port}/{settings.folder}"
        mark: Watermark = await self._in_thread(self._file.read, of, self.tools.clock.now())
        await self._in_thread(self._file.write, mark)
        return mark

    async def _look(self, mark: Watermark, deliver: Deliver) -> Watermark:
        """Read everything that is new."""
        box, began = self._mailbox, self.tools.clock.now()
        known = mark.validity == box.validity and mark.uid > 0
        search, start = (box.newer_than, mark.uid) if known else (box.since, mark.since_at)
        uids: list[int] = await self._in_thread(search, start)
        while uids:
            some, uids = uids[: self._batch], uids[self._batch :]
            await self._take(some, deliver)
            mark = mark.read_up_to(box.validity, some[-1])
            await self._in_thread(self._keep, mark, some)
        if began - mark.looked_at > LOOKED_EVERY:
            mark = replace(mark, looked_at=began)
            await self._in_thread(self._file.write, mark)
        return mark

    async def _take(self, uids: list[int], deliver: Deliver) -> None:
        """Hand over what a few mails say."""
        try:
            arrivals: list[tuple[int, Arrival]] = await self._in_thread(self._read, uids)
        except Spoilt:
            if len(uids) > 1:
                raise
            self._note(Sort.unreadable, uids[0])
            await self._in_thread(self._mailbox.open)
            self._batch = BATCH
            return
        for uid, arrival in arrivals:
            for inbound in arrival.inbounds:
                await deliver(inbound)
            self._note(arrival.sort, uid)

    def _read(self, uids: list[int]) -> list[tuple[int, Arrival]]:
        """Fetch and understand; both take their time with a hostile mail, and the daemon goes on meanwhile."""
        return [(uid, self.reader.read(raw)) for uid, raw in self._mailbox.read(uids).items()]

    def _keep(self, mark: Watermark, uids: list[int]) -> None:
        self._file.write(mark)
        self._mailbox.file_away(uids)

    def _note(self, sort: Sort, uid: int) -> None:
        self.sorts[sort] += 1
        if sort in (Sort.unreadable, Sort.traceless):
            say = self.tools.log.warning if sort == Sort.unreadable else self.tools.log.info
            say("email.passed_over", sort=sort.value, uid=uid, so_far=self.sorts[sort])

    # Waiting

    async def _wait(self) -> None:
        """Until the server tells of something, at most `poll`."""
        sock = await self._in_thread(self._mailbox.start_waiting)
        if sock is None:
            await self._sleep(self.settings.poll)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_due, nursery.cancel_scope)
            await trio.lowlevel.wait_readable(sock)
            nursery.cancel_scope.cancel()
        await self._in_thread(self._mailbox.stop_waiting)

    async def _until_due(self, scope: trio.CancelScope) -> None:
        await self._sleep(self.settings.poll)
        scope.cancel()

    async def _sleep(self, seconds: float) -> None:
        clock = self.tools.clock
        await clock.sleep_until(clock.now() + round(seconds * SECOND))

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run blocking work; when cancelled, cut the connection so that the thread ends."""
        result: list[T] = []
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cut_when_cancelled, guard := trio.Event())
            try:
                result.append(await self.tools.run_sync(work, *args))
            except Exception as why:  # noqa: BLE001 - raised again outside the nursery, not in a group
                failure = why
            guard.set()
        if failure is not None:
            raise failure
        return result[0]

    async def _cut_when_cancelled(self, over: trio.Event) -> None:
        try:
            await over.wait()
        except trio.Cancelled:
            self._mailbox.cut()
            raise

    # Saying

    def _say_trouble(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            self.tools.log.error("email.inbox_unavailable", why=why, effect="bounces and replies wait in the mailbox")

    def _say_well(self) -> None:
        if self._trouble:
            self._trouble = ""
            self.tools.log.info("email.inbox_recovered")
