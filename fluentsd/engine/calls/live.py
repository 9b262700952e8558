"""Live calls: who may open a call's WebSocket, how many are open, and each call's own scope.

A call is expected when its pick-up was answered. Its token is random, known to the provider alone, and good for one
connection within a minute; only a digest is kept, so that a look-up compares no secret byte by byte. What must not live
here: sockets (the web front has them), and any decision about contacting a person.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import trio

from fluentsd.api import Call, Kind
from fluentsd.domain.time.durations import SECOND

#: Most calls at once, expected ones included.
CALLS_AT_MOST = 500
#: Microseconds from the answer to a pick-up until its WebSocket must have opened.
OPENS_WITHIN = 60 * SECOND


class _Expected(NamedTuple):
    call: Call
    until_at: int


class LiveCalls:
    """The calls of this process. Instants are epoch microseconds of the engine's clock."""

    def __init__(self, most: int = CALLS_AT_MOST) -> None:
        self.most = most
        self._expected: dict[bytes, _Expected] = {}
        self._open: set[trio.CancelScope] = set()
        self._changed = trio.Event()
        self.closing = False  #: no further socket opens

    @property
    def in_progress(self) -> int:
        """How many are open."""
        return len(self._open)

    def has_room(self, now: int) -> bool:
        """Whether one more call can be served."""
        self._drop_late(now)
        return len(self._open) + len(self._expected) < self.most

    def expect(self, call: Call, now: int) -> str:
        """A token for the one WebSocket of this call."""
        token = secrets.token_urlsafe(32)
        self._expected[_digest(call.kind, token)] = _Expected(call, now + OPENS_WITHIN)
        return token

    def admit(self, kind: str, token: str, now: int) -> Call | None:
        """The call of a token, which is used up by this; None for a token that is unknown, used or late."""
        self._drop_late(now)
        if self.closing:
            return None
        found = self._expected.pop(_digest(kind, token), None)
        return found.call if found is not None else None

    @contextmanager
    def serving(self) -> Iterator[trio.CancelScope]:
        """Count one call as open. Cancelling its scope ends it; `end_all` does."""
        with trio.CancelScope() as scope:
            self._open.add(scope)
            try:
                yield scope
            finally:
                self._open.discard(scope)
                self._change()

    async def wait_ended(self, now: int) -> None:
        """Return when no call is open, and none that was picked up may still open its socket."""
        self._drop_late(now)
        latest_at = max((one.until_at for one in self._expected.values()), default=now)
        patience = trio.current_time() + (latest_at - now) / SECOND
        while self._open or (self._expected and trio.current_time() < patience):
            self._changed = trio.Event()
            with trio.move_on_at(float("inf") if self._open else patience):
                await self._changed.wait()

    def end_all(self) -> None:
        """End every call; its socket is closed with "going away"."""
        self.closing = True
        self._expected.clear()
        for scope in self._open:
            scope.cancel()
        self._change()

    def _drop_late(self, now: int) -> None:
        for key in [key for key, one in self._expected.items() if one.until_at <= now]:
            del self._expected[key]

    def _change(self) -> None:
        self._changed.set()


def _digest(kind: Kind | str, token: str) -> bytes:
    return hashlib.blake2b(f"{kind}/{token}".encode("utf-8", "replace"), digest_size=32).digest()
