"""Tells systemd how the daemon is: ready, alive, stopping. Without systemd (`$NOTIFY_SOCKET`) all of it is silence.

The protocol is one datagram of `KEY=value` lines (sd_notify(3)). Being alive means that Trio turns and the store's
thread answers; a database that is locked or lost is not the process's fault, and a restart would not help it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import trio


class Supervisor:
    """The way to whoever started the daemon."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.ping_every = _ping_every(environ)

    def tell(self, *lines: str) -> None:
        """Send one message; a supervisor that does not listen is no reason to stop."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.sendto("\n".join(lines).encode(), self._address)

    async def keep_pinging(self, wait_answer: Callable[[], Awaitable[None]]) -> None:
        """Say "alive" twice per deadline, each time after `wait_answer` has returned; at once over if nobody asks."""
        while self.ping_every is not None:
            await wait_answer()
            self.tell("WATCHDOG=1")
            await trio.sleep(self.ping_every)


def _ping_every(environ: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life: half of what systemd waits for (sd_watchdog_enabled(3))."""
    deadline, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not deadline.isdigit() or int(deadline) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(deadline) / 2_000_000
