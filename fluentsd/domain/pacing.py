"""Pace and caller IDs: which line carries the next contact, and when there is room again.

A pace of 20 an hour is one every three minutes: evenly spread, no bursts, kept as one instant per line (`room_at`),
so it costs nothing to remember and survives a restart. The choice prefers the number the person knows, then the same
area code, then the same state, then the line used least; a line without room is passed over. When no line has room
the whole lane waits and no waiting row is touched. Ties are broken by id, so a forecast and the daemon agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: US states by area code come with the rules of the place; until a state is known the area code alone counts.
NANP = "+1"


@dataclass(slots=True)
class Line:
    """A caller ID and the moment it has room again. Mutable: one batch counts what it has granted."""

    id: int
    e164: str
    room_at: int = 0
    used: int = 0
    interval: int = 0  #: microseconds between two uses; 0 is no limit

    @property
    def area(self) -> str:
        return self.e164[2:5] if self.e164.startswith(NANP) else self.e164[:4]


@dataclass(frozen=True, slots=True)
class Full:
    """No line has room before `until_at`."""

    until_at: int


class Lines:
    """The numbers a campaign may use now."""

    __slots__ = ("_by_id", "_lines", "_local")

    def __init__(self, lines: Iterable[Line], *, local_presence: bool) -> None:
        self._lines = sorted(lines, key=lambda line: line.id)
        self._by_id = {line.id: line for line in self._lines}
        self._local = local_presence

    def __len__(self) -> int:
        return len(self._lines)

    def choose(self, to: str, known: int | None, at: int) -> Line | Full:
        """The line for `to` at `at`, not yet granted; `known` is the id of the number this person knows."""
        line = self._by_id.get(known) if known is not None else None
        if line is not None and line.room_at <= at:
            return line
        free = [line for line in self._lines if line.room_at <= at]
        if not free:
            return Full(min(line.room_at for line in self._lines))
        if self._local:
            area = to[2:5] if to.startswith(NANP) else to[:4]
            free = [line for line in free if line.area == area] or free
        return min(free, key=lambda line: (line.used, line.id))

    def grant(self, line: Line, at: int) -> None:
        """Count one use."""
        line.used += 1
        line.room_at = max(line.room_at, at) + line.interval

    def granted(self) -> list[Line]:
        return self._lines


def room(room_at: int, interval: int, at: int, most: int, slack: int) -> int:
    """How many a lane with this pace may start now: those whose turn has come, looking `slack` microseconds ahead."""
    if interval <= 0:
        return most
    if room_at > at:
        return 0
    return max(1, min(most, slack // interval))


def spread(room_at: int, interval: int, at: int, started: int) -> int:
    """The moment the lane has room again after `started` more."""
    return max(room_at, at) + started * interval if interval > 0 else room_at
