"""The pace of each sender, and the rule that equal texts to one person are sent one at a time.

Twilio queues messages above a sender's throughput, and queued messages can arrive late. So each sender has its own pace
here: a send takes the next free slot and waits for it, up to a limit below the channel's timeout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from fluentsd.api import Clock, PluginError, Unavailable

SECOND = 1_000_000


class Pace:
    """The next free slot of every sender."""

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
    """Unsettled texts by person and text: two equal ones could not be distinguished at the provider."""

    def __init__(self, clock: Clock, doubt_lasts: int) -> None:
        self._clock, self._doubt_lasts = clock, doubt_lasts
        self._held: dict[bytes, tuple[str, int | None]] = {}  #: (holder, until when; None: sending)
        self._forget_at = 0

    @contextmanager
    def only(self, token: str, to: str, body: str) -> Iterator[None]:
        """Hold the place of (to, body); raises `Unavailable` if another attempt has it.

        A block that leaves the attempt open keeps the place for `doubt_lasts`; that is every end with an exception that
        is not an `api.PluginError`.
        """
        key = hashlib.sha256(f"{to}\0{body}".encode("utf-8", "replace")).digest()
        self._forget(self._clock.now())
        holder, until = self._held.get(key, (token, 0))
        if holder != token and (until is None or until > self._clock.now()):
            why = "the same text to the same person was sent before, and its result is not known yet"
            raise Unavailable(why, 60.0, only_this=True)
        self._held[key] = (token, None)
        is_settled = False
        try:
            yield
            is_settled = True
        except PluginError:
            is_settled = True
            raise
        finally:
            if is_settled:
                self._held.pop(key, None)
            else:
                self._held[key] = (token, self._clock.now() + self._doubt_lasts)

    def settle(self, token: str) -> None:
        """Free the place of an attempt that a look-up found."""
        self._held = {key: held for key, held in self._held.items() if held[0] != token}

    def _forget(self, now: int) -> None:
        """Drop expired places, now and then."""
        if now >= self._forget_at:
            self._held = {key: held for key, held in self._held.items() if held[1] is None or held[1] > now}
            self._forget_at = now + self._doubt_lasts
