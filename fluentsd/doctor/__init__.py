"""The doctor: `fluentsd check` inspects the installation, changes nothing, and gives a fix for each problem.

It may run beside the daemon: it takes no lock, opens a SQLite file read-only, and queries the daemon through its
socket. It reports missing files and creates none. A check that fails is a finding, never an exception: the next check
runs all the same, and a plugin that hangs or fails affects only its own findings.

This module holds the order of the checks; `machine`, `database` and `serving` hold the checks.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fluentsd.clock import SystemClock
from fluentsd.config import Settings
from fluentsd.doctor import database, machine, serving
from fluentsd.engine.wakeup import EngineClock
from fluentsd.plugins import Plugins, discover

#: Seconds until an answer over the network or a socket times out: a channel's own check, the daemon, a server.
PATIENCE = 10.0


async def look(
    settings: Settings,
    *,
    clock: EngineClock | None = None,
    plugins: Plugins | None = None,
    patience: float = PATIENCE,
) -> list[dict[str, Any]]:
    """Every finding, `{ok, what, fix}`, in the order in which to fix them; `patience` is in seconds."""
    clock = clock or SystemClock()
    about_database, agents = await database.database(settings, clock.now(), patience)
    findings = [
        *machine.configuration(settings),
        *machine.roles(settings),
        *machine.time(clock.now()),
        *machine.disk(settings),
        *about_database,
        *await serving.daemon(settings, patience),
        *await serving.channels(settings, clock, plugins or discover(), patience, agents),
    ]
    return [asdict(finding) for finding in findings]
