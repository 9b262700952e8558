"""Names of campaigns, templates, agents, numbers and sources for the shell's completion: those a running daemon has.

A completion must be quick and silent: without a daemon, or on any problem, there are no names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import trio
import typer

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


def completer(param: Param) -> Callable[..., list[str]] | None:
    """The completion of a parameter; None where there is nothing to offer."""
    if param.options:
        return lambda incomplete: [one for one in param.options if one.startswith(incomplete)]
    if param.kind not in LISTS:
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            names = trio.run(_names, LISTS[param.kind], ctx.find_root().params.get("config"))
        except Exception:  # noqa: BLE001 - a completion says nothing
            return []
        return [name for name in names if name.startswith(incomplete)]

    return complete


async def _names(where: tuple[str, str, str], config: Any) -> list[str]:
    from fluentsd.fronts.control.client import connect

    verb, things, key = where
    socket = socket_of(find(config))
    if socket is None:
        return []
    with trio.fail_after(WAITS):
        async with connect(socket) as client:
            return [str(one[key]) for one in (await client.ask(verb, {}))[things]]
