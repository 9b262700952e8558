"""The doctor: look everything over, change nothing, and say of each problem how to mend it.

It may run beside the daemon: it takes no lock, opens a SQLite file for reading only, and asks the daemon through its
socket. What is missing is said to be missing and is not made. A question that cannot be answered is a finding, never
an exception: the next one is asked all the same, and a plugin that hangs or breaks harms only its own lines.

Here stands the order of the questions; `machine`, `database` and `serving` ask them.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fluentsd.clock import SystemClock
from fluentsd.config import Settings
from fluentsd.doctor import database, machine, serving
from fluentsd.engine.runtime import EngineClock
from fluentsd.plugins import Plugins, discover

#: Seconds anything that answers from elsewhere may take: a channel's own check, the daemon, a server.
PATIENCE = 10.0


async def look(
    settings: Settings,
    *,
    clock: EngineClock | None = None,
    plugins: Plugins | None = None,
    patience: float = PATIENCE,
) -> list[dict[str, Any]]:
    """Every finding, `{ok, what, fix}`, in the order in which one would mend them; `patience` is seconds."""
    clock = clock or SystemClock()
    findings = [
        *machine.configuration(settings),
        *machine.time(clock.now()),
        *machine.disk(settings),
        *await database.database(settings, clock.now(), patience),
        *await serving.daemon(settings, patience),
        *await serving.channels(settings, clock, plugins or discover(), patience),
    ]
    return [asdict(finding) for finding in findings]
