"""The lists of CRMs for the wizard's select: read at most once a minute and once at a time, and kept with their age.

A CRM may be slow or away while its picker is open; then the last list is offered. What must not live here: the request
itself, and how a list is shown (`pickers`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from fluentsd.fronts.slack.jobs import Jobs, Late
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Refused

#: Seconds for which a list is fresh, and seconds that an answer waits for a CRM.
FRESH_FOR, WAITS_FOR = 60.0, 1.5


@dataclass(frozen=True, slots=True)
class Known:
    """A source's segments as (id, name, kind, size), and when they were read, in epoch microseconds."""

    segments: tuple[tuple[str, str, str, int | None], ...]
    at: int


Read = Callable[[], Awaitable[Known]]


@dataclass(slots=True)
class Segments:
    """Segments of every source. `fresh_until`: Trio's time; `problems`: why the last read of a source failed."""

    jobs: Jobs
    known: dict[str, Known] = field(default_factory=dict)
    fresh_until: dict[str, float] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    reading: set[str] = field(default_factory=set)

    def names(self) -> dict[str, str]:
        """What the segments of all lists are called: `hubspot: list:101` → `Spring fair`."""
        return {f"{source}: {row[0]}": row[1] for source, known in self.known.items() for row in known.segments}

    async def of(self, source: str, read: Read) -> tuple[Known | None, str]:
        """The newest list that there is in time, and why there is no fresher one."""
        if trio.current_time() < self.fresh_until.get(source, 0.0):
            return self.known.get(source), ""
        if source in self.reading:
            return self.known.get(source), "it is being read"
        try:
            await self.jobs.within(WAITS_FOR, lambda: self._read(source, read), _nothing)
        except Late:
            return self.known.get(source), "it does not answer in time"
        return self.known.get(source), self.problems.get(source, "")

    async def _read(self, source: str, read: Read) -> None:
        self.reading.add(source)
        try:
            self.known[source] = await read()
        except (Refused, StoreUnavailable) as why:
            self.problems[source] = str(why)
            return
        finally:
            self.reading.discard(source)
        self.problems.pop(source, None)
        self.fresh_until[source] = trio.current_time() + FRESH_FOR


async def _nothing(_: None) -> None:
    """A list that came too late is kept for the next answer."""
