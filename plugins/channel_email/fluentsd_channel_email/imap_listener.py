"""The inbox listener: search, read, deliver, wait for more; reconnects after every failure.

Mail is delivered before the watermark moves: after a crash some is delivered again, and the engine ignores repetitions.
No thread waits here. A thread starts IDLE and Trio watches its socket; a search also runs every `poll`, because a
server may miss a notification. An unreadable mail is counted, logged without its content, and skipped; one that the
server refuses to hand out is asked for again first, because a busy server refuses every mail, opt-outs among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import trio

from fluentsd.api import Inbound, NeedsHuman, Tools, Unavailable
from fluentsd_channel_email.inbound import Arrival, Reader, Sort
from fluentsd_channel_email.mailbox import BadAnswer, Mailbox, NotHandedOut
from fluentsd_channel_email.settings import InboxSettings
from fluentsd_channel_email.watermark import Watermark, WatermarkFile

T = TypeVar("T")
Deliver = Callable[[Inbound], Awaitable[None]]
SECOND = 1_000_000
#: Pauses between reconnects, in seconds: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 1, 300
#: The precision of the stored time of the last search, in microseconds.
LOOKED_EVERY = 3600 * SECOND
#: Mails fetched together.
BATCH = 25
#: Refusals of one mail, each after a longer pause, until it counts as damaged: 8 minutes. A large service that slows
#: its clients down refuses for up to 5.
REFUSALS_AT_MOST = 10


class Listener:
    """Reads one inbox and delivers its events."""

    def __init__(self, settings: InboxSettings, reader: Reader, tools: Tools) -> None:
        self.settings, self.reader, self.tools = settings, reader, tools
        self.sorts: Counter[Sort] = Counter()  #: mails read so far
        self._file = WatermarkFile(tools.folder)
        self._mailbox = Mailbox(settings)
        self._batch = BATCH
        self._refusals: Counter[int] = Counter()  #: by UID
        self._trouble: type[Unavailable | NeedsHuman] | None = None

    async def run(self, deliver: Deliver) -> None:
        """Run until cancelled. Server trouble is logged when it begins and when it ends."""
        pause = FIRST_PAUSE
        watermark = await self._first_watermark()
        try:
            while True:
                try:
                    await self._in_thread(self._mailbox.open)
                    while True:
                        watermark = await self._look(watermark, deliver)
                        self._log_recovery()
                        pause = FIRST_PAUSE
                        await self._wait()
                except BadAnswer:
                    self._batch = 1  # the next search finds the bad mail
                except (Unavailable, NeedsHuman) as why:
                    self._log_trouble(why)
                    await self._sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                watermark = await self._in_thread(self._file.read, watermark.of, watermark.looked_at)
        finally:
            self._mailbox.close()

    async def _first_watermark(self) -> Watermark:
        """The stored watermark; written at once, so that mail before the first search is not skipped."""
        settings = self.settings
        of = f"{settings.username}@{settings.host}:{settings.port}/{settings.folder}"
        watermark: Watermark = await self._in_thread(self._file.read, of, self.tools.clock.now())
        await self._in_thread(self._file.write, watermark)
        return watermark

    async def _look(self, watermark: Watermark, deliver: Deliver) -> Watermark:
        """Read all new mail."""
        box, began = self._mailbox, self.tools.clock.now()
        known = watermark.validity == box.validity and watermark.uid > 0
        search, start = (box.newer_than, watermark.uid) if known else (box.since, watermark.since_at)
        uids: list[int] = await self._in_thread(search, start)
        while uids:
            some, uids = uids[: self._batch], uids[self._batch :]
            await self._take(some, deliver)
            watermark = watermark.read_up_to(box.validity, some[-1])
            await self._in_thread(self._keep, watermark, some)
        self._batch = BATCH
        self._refusals.clear()
        if began - watermark.looked_at > LOOKED_EVERY:
            watermark = replace(watermark, looked_at=began)
            await self._in_thread(self._file.write, watermark)
        return watermark

    async def _take(self, uids: list[int], deliver: Deliver) -> None:
        """Deliver the events of a few mails."""
        try:
            arrivals: list[tuple[int, Arrival]] = await self._in_thread(self._read, uids)
        except BadAnswer as why:
            if len(uids) > 1:
                raise
            self._refusals[uids[0]] += 1
            if isinstance(why, NotHandedOut) and self._refusals[uids[0]] < REFUSALS_AT_MOST:
                raise Unavailable(f"{self.settings.host} does not hand out mail now: {why}") from why
            self._note(Sort.unreadable, uids[0])
            await self._in_thread(self._mailbox.open)
            self._batch = BATCH
            return
        for uid, arrival in arrivals:
            for inbound in arrival.inbounds:
                await deliver(inbound)
            self._note(arrival.sort, uid)

    def _read(self, uids: list[int]) -> list[tuple[int, Arrival]]:
        """Fetch and parse, in a thread: both may take long with a hostile mail."""
        return [(uid, self.reader.read(raw)) for uid, raw in self._mailbox.read(uids).items()]

    def _keep(self, watermark: Watermark, uids: list[int]) -> None:
        self._file.write(watermark)
        self._mailbox.file_away(uids)

    def _note(self, sort: Sort, uid: int) -> None:
        self.sorts[sort] += 1
        if sort in (Sort.unreadable, Sort.traceless):
            log = self.tools.log.warning if sort == Sort.unreadable else self.tools.log.info
            log("email.passed_over", sort=sort.value, uid=uid, so_far=self.sorts[sort])

    # Waiting

    async def _wait(self) -> None:
        """Wait for a notification of the server, at most `poll`."""
        sock = await self._in_thread(self._mailbox.start_waiting)
        if sock is None:
            await self._sleep(self.settings.poll)
            return
        if not self._mailbox.has_news:
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

    # Logging

    def _log_trouble(self, why: Unavailable | NeedsHuman) -> None:
        """Once for each kind: while a server restarts, the words of its errors change every second."""
        if type(why) is not self._trouble:
            self._trouble = type(why)
            effect = "bounces and replies wait in the mailbox"
            self.tools.log.error("email.inbox_unavailable", why=str(why), effect=effect)

    def _log_recovery(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            self.tools.log.info("email.inbox_recovered")
