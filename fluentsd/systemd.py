"""Notifies systemd of the daemon's state: ready, alive, stopping. No-op without systemd (`$NOTIFY_SOCKET`).

The protocol is one datagram of `KEY=value` lines (sd_notify(3)). Alive means that Trio runs and the store's thread
answers; a locked or lost database does not count, because a restart would not help. Lines for the journal begin with
their level (sd-daemon(3)).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import trio

#: syslog's numbers of the levels.
_LEVELS = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}


def writes_to_journal(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether stderr is a connection to systemd's journal (systemd.exec(5), `$JOURNAL_STREAM`)."""
    named = environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        file = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return named == f"{file.st_dev}:{file.st_ino}"


def with_level(level: str, text: str) -> str:
    """The text with its level before each line, so that `journalctl -p err` finds it."""
    return "\n".join(f"<{_LEVELS.get(level, 6)}>{line}" for line in text.splitlines())


class Supervisor:
    """The connection to systemd."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.ping_every = _ping_every(environ)

    def tell(self, *lines: str) -> None:
        """Send one message; errors are ignored."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.sendto("\n".join(lines).encode(), self._address)

    async def keep_pinging(self, wait_answer: Callable[[], Awaitable[None]]) -> None:
        """Send WATCHDOG=1 twice per deadline, each time after `wait_answer`; return at once without a watchdog."""
        while self.ping_every is not None:
            await wait_answer()
            self.tell("WATCHDOG=1")
            await trio.sleep(self.ping_every)


def _ping_every(environ: Mapping[str, str]) -> float | None:
    """Seconds between two watchdog messages: half of systemd's deadline (sd_watchdog_enabled(3))."""
    deadline, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not deadline.isdigit() or int(deadline) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(deadline) / 2_000_000
