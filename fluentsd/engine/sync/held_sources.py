"""A source that cannot be used until a person has seen to it: its people wait, and everything else goes on."""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.api import Activity, Finding, NeedsHuman, Page, Record, Segment, SourceField, SourceLimits


class WaitingSource:
    """Stands where a connected source would; each question has the same answer, `why`."""

    limits = SourceLimits()

    def __init__(self, why: str) -> None:
        self._why = why

    async def check(self) -> Sequence[Finding]:
        return [Finding(False, self._why)]

    async def catalogue(self) -> Sequence[SourceField]:
        raise NeedsHuman(self._why)

    async def segments(self) -> Sequence[Segment]:
        raise NeedsHuman(self._why)

    async def walk(self, segment: str, cursor: str | None) -> Page:
        raise NeedsHuman(self._why)

    async def changes(self, segment: str, since: str | None) -> Page:
        raise NeedsHuman(self._why)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        raise NeedsHuman(self._why)

    async def write(self, activity: Activity, key: str) -> str:
        raise NeedsHuman(self._why)
