"""The pace of mails per recipient domain.

Each domain has one queue of slots. A mail with a near slot waits for it; one with a far slot keeps the slot and returns
to the engine until then, so that it holds no connection and is not postponed twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.api import Clock, Unavailable

SECOND = 1_000_000
#: A nearer slot is waited for; a slot longer past than this is lost, to avoid a burst after a pause.
NEAR, LOST = 1 * SECOND, 60 * SECOND
#: Kept slots are cleaned up at this number.
MANY = 10_000


class Turns:
    """The next free slot of every domain. `paces`: intervals in microseconds, "*" for all other domains."""

    def __init__(self, clock: Clock, paces: Mapping[str, int]) -> None:
        self._clock, self._paces = clock, paces
        self._free_at: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._look_at = 0

    async def wait_turn(self, to: str) -> None:
        """Return when it is this mail's turn; raises `Unavailable` until its slot, which it keeps."""
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
            raise Unavailable(f"the pace of mails to {domain} is reached; this mail waits", wait, only_this=True)
        await self._clock.sleep_until(turn_at)

    def _keep(self, to: str, turn_at: int, now: int) -> None:
        self._kept[to] = turn_at
        if len(self._kept) >= max(MANY, self._look_at):
            self._kept = {who: at for who, at in self._kept.items() if at >= now - LOST}
            self._look_at = 2 * len(self._kept)
