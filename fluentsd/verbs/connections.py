"""Connects and disconnects sources. What must not live here: the check and the keys (`runtime.connecting`), questions
to a person (`cli`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.engine.runtime import ConnectRefused, ConnectsSources, Runtime
from fluentsd.store import segments
from fluentsd.store.db import Connection
from fluentsd.validation import Problems
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, repeated


async def offers(runtime: Runtime, call: Call, source: str | None) -> Answer:
    """The source plugins that can be connected, with the keys that each asks for; with `source` also its plugin if it
    is connected. Refused for a name that cannot be connected."""
    connecting = _connecting(runtime)
    connected = ""
    if source is not None:
        try:
            connecting.refuse_name(source)
        except ConnectRefused as why:
            raise Refused(f"{why}; nothing was changed") from None
        connected = connecting.plugin_of(source) if connecting.is_connected(source) else ""
    plugins = [
        {
            "plugin": name,
            "sign_ins": [
                {
                    "title": way.title,
                    "keys": [
                        {"name": key.name, "help": key.help, "secret": key.secret, "file": key.file} for key in way.keys
                    ],
                }
                for way in ways
            ],
        }
        for name, ways in connecting.offers.items()
    ]
    return {"plugins": plugins, "connected": connected}


async def connect(runtime: Runtime, call: Call, source: str, plugin: str, keys: Mapping[str, Any]) -> Answer:
    """Check a source's keys by a read, keep them encrypted, and take the source in."""
    connecting = _connecting(runtime)
    if (stored := await repeated(runtime, call)) is not None:
        return stored
    if not isinstance(keys, Mapping):
        raise Refused("keys: should be a table of the plugin's keys; nothing was changed")
    try:
        findings = await connecting.connect(source, plugin, keys)
    except ConnectRefused as why:
        raise Refused(f"{why}\nnothing was changed") from None

    async def unit(conn: Connection) -> Answer:
        shown = [{"ok": one.ok, "what": one.what, "fix": one.fix} for one in findings]
        answer = {"source": source, "plugin": plugin, "findings": shown, **_before_reload(runtime)}
        return answer | {"_details": {"plugin": plugin, "keys": sorted(keys)}}

    return await _taken_in(runtime, await change(runtime, call, "connect source", source, unit))


async def disconnect(runtime: Runtime, call: Call, source: str, yes: bool) -> Answer:
    """Delete the keys of a connected source. Its people stay; who is in a campaign that follows it waits."""
    connecting = _connecting(runtime)
    if (stored := await repeated(runtime, call)) is not None:
        return stored
    rows = await runtime.store.read(segments.followed, source)
    links = [link for row in rows for link in await runtime.store.read(segments.links_of, row.id)]
    refs = sorted({link.ref for link in links if link.started})
    if refs and not yes:
        raise Refused(
            f"{', '.join(refs)} {'follow' if len(refs) > 1 else 'follows'} {source}, and its people wait without it; "
            "nothing was changed",
            Suggestion("source disconnect", {"source": source, "yes": True}),
        )
    try:
        connecting.disconnect(source)
    except ConnectRefused as why:
        raise Refused(f"{why}; nothing was changed", Suggestion("source list")) from None

    async def unit(conn: Connection) -> Answer:
        return {"source": source, "campaigns": refs, **_before_reload(runtime)}

    return await _taken_in(runtime, await change(runtime, call, "disconnect source", source, unit))


def _before_reload(runtime: Runtime) -> Answer:
    return {"reloads": runtime.reload is not None, "problem": ""}


async def _taken_in(runtime: Runtime, answer: Answer) -> Answer:
    """The answer, with a reload of the daemon requested; `problem` when the settings' file refuses one."""
    problem = ""
    if runtime.reload is not None:
        try:
            await runtime.reload()
        except (Problems, OSError) as why:
            problem = f"{why}\nit is taken in by a reload when that is corrected"
    return answer | {"reloads": answer["reloads"] and not problem, "problem": problem}


def _connecting(runtime: Runtime) -> ConnectsSources:
    if runtime.connecting is None:
        raise Refused("this daemon has no settings' file, so no source can be connected")
    return runtime.connecting
