"""Turns: mails to one domain keep the pace that its servers bear.

Each domain has one queue of moments. A mail whose moment is near waits for it; one whose moment is far keeps it and is
handed back to the house until then, so that it holds no connection and nobody is turned away twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.api import Clock, Unavailable

SECOND = 1_000_000
#: A moment nearer than this is waited for; one longer past than this is lost, or a pause would end in a burst.
NEAR, LOST = 1 * SECOND, 60 * SECOND
#: Kept moments are looked through when there are so many.
MANY = 10_000


class Turns:
    """The next free moment of every domain. `paces`: microseconds from one mail to the next, "*" for the others."""

    def __init__(self, clock: Clock, paces: Mapping[str, int]) -> None:
        self._clock, self._paces = clock, paces
        self._free_at: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._look_at = 0

    async def wait_turn(self, to: str) -> None:
        """Return when it is this mail's turn; raises `Unavailable` until its moment, which it keeps."""
        domain = to.rpartition("@")[2].lower()
        pace = self._paces.get(domain, self._paces.get("*", 0))
        if not pace:
            return
        now = self._clock.now()
        turn_at = self._kept.pop(to, 0)
        if turn_at < now - LOST:
            turn_at = max(self._free_at.get(domain, now), now)
            self._free_at[domain] = turn_at + pace
        if turn_at - now > NEAR:
            self._keep(to, turn_at, now)
            wait = (turn_at - now) / SECOND
            raise Unavailable(f"mails to {domain} keep a pace, and this one's turn is to come", wait, only_this=True)
        await self._clock.sleep_until(turn_at)

    def _keep(self, to: str, turn_at: int, now: int) -> None:
        self._kept[to] = turn_at
        if len(self._kept) >= max(MANY, self._look_at):
            self._kept = {who: at for who, at in self._kept.items() if at >= now - LOST}
            self._look_at = 2 * len(self._kept)
