"""The pace of each sender, and the rule that one person gets one text at a time.

Twilio queues what comes faster than a sender's throughput, and what it queues can arrive late. So each sender has its own
pace here: a send takes the next free moment and waits for it, up to a bound below the house's patience.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from fluentsd.api import Clock, PluginError, Unavailable

SECOND = 1_000_000


class Pace:
    """The next free moment of every sender."""

    def __init__(self, clock: Clock, interval: int, patience: int) -> None:
        self._clock, self._interval, self._patience = clock, interval, patience
        self._free_at: dict[str, int] = {}

    async def wait_turn(self, sender: str) -> None:
        """Return when it is this message's turn; raises `Unavailable` at once if that is too far away."""
        now = self._clock.now()
        turn_at = max(self._free_at.get(sender, now), now)
        if turn_at - now > self._patience:
            wait = (turn_at - now) / SECOND
            raise Unavailable(f"the sender has a queue of {wait:.0f} s at its pace", wait, only_this=True)
        self._free_at[sender] = turn_at + self._interval
        await self._clock.sleep_until(turn_at)


class OneAtATime:
    """Texts without an end, by person and words: two alike could not be told apart at the provider afterwards."""

    def __init__(self, clock: Clock, doubt_lasts: int) -> None:
        self._clock, self._doubt_lasts = clock, doubt_lasts
        self._until: dict[bytes, tuple[str, int | None]] = {}

    @contextmanager
    def only(self, token: str, to: str, body: str) -> Iterator[None]:
        """Hold the place of (to, body); raises `Unavailable` if another attempt has it.

        A block that ends in a way which leaves the attempt open keeps the place for as long as the doubt may last;
        the caller says so by letting anything but `api.PluginError` out of the block.
        """
        key, now = hashlib.sha256(f"{to}\0{body}".encode("utf-8", "replace")).digest(), self._clock.now()
        self._forget(now)
        if self._until.get(key, (token, 0))[0] != token:
            why = "the same text to the same person is on its way, and what became of it is not known yet"
            raise Unavailable(why, 60.0, only_this=True)
        self._until[key] = (token, None)
        ended = False
        try:
            yield
            ended = True
        except PluginError:
            ended = True
            raise
        finally:
            if ended:
                self._until.pop(key, None)
            else:
                self._until[key] = (token, self._clock.now() + self._doubt_lasts)

    def settle(self, token: str) -> None:
        """A look-up found the attempt: its place is free."""
        self._until = {key: held for key, held in self._until.items() if held[0] != token}

    def _forget(self, now: int) -> None:
        for key in [key for key, (_, until) in self._until.items() if until is not None and until <= now]:
            del self._until[key]
