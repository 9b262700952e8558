"""How long a segment waits after what went wrong with it alone: refusals, cursors that are not good, a name nobody has.

Each pause doubles while the cause lasts, so that no fault of one segment costs requests without end, and no segment
waits for another. Times are epoch microseconds; nothing here is kept over a restart. What must not live here: requests,
the pause of a whole source (`loop`).
"""

from __future__ import annotations

from fluentsd.domain.time.durations import SECOND

#: First pauses, and the longest pause of a segment.
FIRST_PAUSE, REFUSED_PAUSE, LONGEST_PAUSE = 30 * SECOND, 60 * SECOND, 600 * SECOND


class Pauses:
    """The pauses of the segments of one source, by the segments' ids."""

    def __init__(self) -> None:
        self._until: dict[int, int] = {}
        self._refusals: dict[int, tuple[int, str]] = {}  #: in a row, and the last one
        self._restarts: dict[int, int] = {}  #: walks that began again, in a row
        self._instead: dict[int, int] = {}  #: times in a row that only a walk could tell the changes
        self._walks_from: dict[int, int] = {}  #: no walk before this

    def until(self, segment: int) -> int | None:
        """When the segment may be asked for again; None without a pause."""
        return self._until.get(segment)

    def walks_from(self, segment: int) -> int:
        """When it may be walked again; 0 without a pause."""
        return self._walks_from.get(segment, 0)

    def begin(self, segment: int) -> None:
        """It is asked for now."""
        self._until.pop(segment, None)

    def unknown(self, segment: int, now: int) -> None:
        """The source does not have it."""
        self._until[segment] = now + LONGEST_PAUSE

    def refused(self, segment: int, why: str, now: int) -> bool:
        """It cannot be read now; returns whether it could before."""
        times = self._refusals.get(segment, (0, ""))[0]
        self._refusals[segment] = (times + 1, why)
        self._until[segment] = now + min(REFUSED_PAUSE << min(times, 10), LONGEST_PAUSE)
        return not times

    def accepted(self, segment: int) -> str:
        """It can be read; returns why it could not before, or ""."""
        return self._refusals.pop(segment, (0, ""))[1]

    def walk_restarted(self, segment: int, now: int) -> None:
        """A cursor of its walk is not good: the first time the walk begins again at once."""
        times = self._restarts.get(segment, 0)
        self._restarts[segment] = times + 1
        self._walks_from[segment] = now + (min(FIRST_PAUSE << min(times - 1, 10), LONGEST_PAUSE) if times else 0)

    def walked(self, segment: int) -> None:
        """A walk has come to its end."""
        self._restarts.pop(segment, None)
        self._walks_from.pop(segment, None)

    def walk_instead(self, segment: int, now: int, longest: int) -> tuple[int, int]:
        """Only a walk can tell its changes: the first time it is walked at once, later after at most `longest`. Returns
        how often in a row, and the pause."""
        times = self._instead[segment] = self._instead.get(segment, 0) + 1
        pause = 0 if times == 1 else min(FIRST_PAUSE << min(times, 20), longest)
        self._walks_from[segment] = now + pause
        return times, pause

    def changes_told(self, segment: int) -> None:
        """Its changes were told."""
        self._instead.pop(segment, None)
