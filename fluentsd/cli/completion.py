"""Names of campaigns, templates, agents, numbers and sources for the shell's completion: those a running daemon has.

A completion must be quick and silent: without a daemon, or on any problem, there are no names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from fluentsd.settings_file import find, socket_of
from fluentsd.verbs.verb import Param

#: Kind of a parameter → the verb that lists its values, where they are in the answer, and the key of the name.
LISTS: Mapping[str, tuple[str, str, str]] = {
    "campaign": ("campaign list", "campaigns", "ref"),
    "template": ("templates list", "templates", "name"),
    "agent": ("agents list", "agents", "name"),
    "number": ("numbers list", "numbers", "e164"),
    "source": ("source list", "sources", "name"),
}
#: Seconds that a person waits for a completion.
WAITS = 1.5


def can_offer(param: Param) -> bool:
    """Whether there are values to offer for the parameter."""
    return bool(param.options) or param.kind in LISTS


def offered(param: Param, config: Path | None, incomplete: str) -> list[str]:
    """The values of the parameter that begin so; those with a name come from the running daemon of these settings."""
    if param.options:
        values: Sequence[str] = param.options
    else:
        try:
            values = trio.run(_names, LISTS[param.kind], config)
        except Exception:  # noqa: BLE001 - a completion says nothing
            values = ()
    return [value for value in values if value.startswith(incomplete)]


async def _names(where: tuple[str, str, str], config: Any) -> list[str]:
    from fluentsd.fronts.control.client import connect

    verb, things, key = where
    socket = socket_of(find(config))
    if socket is None:
        return []
    with trio.fail_after(WAITS):
        async with connect(socket) as client:
            return [str(one[key]) for one in (await client.ask(verb, {}))[things]]
