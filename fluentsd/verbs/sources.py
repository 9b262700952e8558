"""Sources and their sync: what a CRM has, what campaigns follow, how it stands, and changes that wait for a person.

What must not live here: the sync itself (`engine.sync`), SQL, plugins' settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable
from dataclasses import asdict
from typing import TypeVar

from fluentsd.api import CountsRequests, NeedsHuman, Source, Unavailable
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.fields import Fields
from fluentsd.store import holds, segments
from fluentsd.store.db import Connection
from fluentsd.verbs import followed_segments
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change
from fluentsd.verbs.followed_segments import NOT_CONNECTED, next_try

T = TypeVar("T")


async def listing(runtime: Runtime, call: Call) -> Answer:
    """The sources: where each comes from, whether it can be reached, and how many segments of it are followed. A source
    that campaigns follow and that is not there is one too."""
    found = await _missing(runtime)
    for name, state in runtime.syncs.items():
        rows = await runtime.store.read(segments.followed, name)
        times = [row.read_at for row in rows if row.read_at is not None]
        source = runtime.sources[name]
        usage = asdict(source.used()) if isinstance(source, CountsRequests) else None
        found.append(
            {
                "source": name,
                **_origin(runtime, name),
                "problem": state.problem,
                "problem_since_at": state.problem_since,
                "next_try_at": next_try(state),
                "segments": len(rows),
                "as_of_at": min(times, default=None),
                "held": sum(bool(row.held) for row in rows),
                "unreadable": sum(bool(row.problem) for row in rows),
                "requests": usage,
            }
        )
    return {"sources": found}


def _origin(runtime: Runtime, name: str) -> Answer:
    """The plugin of a source, and where its keys are."""
    connecting = runtime.connecting
    if connecting is None:
        return {"plugin": "", "from": "settings"}
    origin = "connected" if connecting.is_connected(name) else "fluentsd.toml"
    return {"plugin": connecting.plugin_of(name), "from": origin}


async def _missing(runtime: Runtime) -> list[Answer]:
    """The sources that campaigns follow and that are neither in the settings nor connected."""
    found = []
    for name in await runtime.store.read(segments.crm_sources):
        rows = await runtime.store.read(segments.followed, name) if name not in runtime.syncs else []
        if rows:
            found.append(
                {
                    "source": name,
                    "plugin": "",
                    "from": "",
                    "problem": NOT_CONNECTED,
                    "problem_since_at": None,
                    "next_try_at": None,
                    "segments": len(rows),
                    "as_of_at": min((row.read_at for row in rows if row.read_at is not None), default=None),
                    "held": 0,
                    "unreadable": 0,
                    "requests": None,
                }
            )
    return found


async def list_segments(runtime: Runtime, call: Call, source: str) -> Answer:
    """The lists, stages and views of a source, as it names them now."""
    rows = await _asking(source, _source(runtime, source).segments())
    return {
        "source": source,
        "segments": [{"id": one.id, "kind": one.kind, "name": one.name, "size": one.size} for one in rows],
        "unlisted": list(getattr(rows, "unlisted", ())),
    }


async def list_fields(runtime: Runtime, call: Call, source: str) -> Answer:
    """The fields of a source and what each means for fluentsd."""
    found = await _asking(source, _source(runtime, source).catalogue())
    options = runtime.syncs[source].options
    fields = Fields(found, options.meanings, options.region)
    return {
        "source": source,
        "fields": [
            {
                "name": one.name,
                "label": one.label,
                "kind": one.kind,
                "meaning": fields.meanings.get(one.name, ""),
                "fetched": one.fetched,
            }
            for one in found
        ],
        "protected": [channel for channel in ("phone", "sms", "email") if fields.protects(channel)],
        "unknown": fields.unknown,
    }


async def check(runtime: Runtime, call: Call, source: str) -> Answer:
    """Credentials, permissions and reachability of a source."""
    findings = await _asking(source, _source(runtime, source).check())
    return {"source": source, "findings": [{"ok": one.ok, "what": one.what, "fix": one.fix} for one in findings]}


async def status(runtime: Runtime, call: Call, source: str | None) -> Answer:
    """Each followed segment: its people, the instant for which they are known, and what holds it up."""
    if source is not None:
        _source(runtime, source)
    names = [source] if source is not None else list(runtime.syncs)
    found = []
    for name in names:
        for row in await runtime.store.read(segments.followed, name):
            found.append(await runtime.store.read(followed_segments.one, runtime, name, row))
    return {"segments": found}


async def sync_now(runtime: Runtime, call: Call, source: str) -> Answer:
    """Walk all followed segments of a source at once."""
    _source(runtime, source)
    rows = await runtime.store.read(segments.followed, source)
    if not rows:
        raise Refused(f"no campaign follows a segment of {source}; nothing was changed")
    state = runtime.syncs[source]
    state.asked.update(row.id for row in rows)
    state.again_at = 0
    runtime.sync_wakeups[source].notify()
    return {"source": source, "segments": [row.name for row in rows], "running": runtime.engine_runs}


async def hold(runtime: Runtime, call: Call, source: str, because: str) -> Answer:
    """Stop the sync of a source until it is released."""
    _source(runtime, source)
    if not because.strip():
        raise Refused("give the reason", Suggestion("sync hold", {"source": source, "because": None}))

    async def unit(conn: Connection) -> Answer:
        placed = await holds.place(conn, "source", source, reason=because, by=call.actor, at=call.at)
        return {"source": source, "placed": placed, "because": because}

    return await change(runtime, call, "hold sync", source, unit)


async def release(runtime: Runtime, call: Call, source: str) -> Answer:
    """Allow the changes of a source that are held, and lift its hold."""
    _source(runtime, source)

    async def unit(conn: Connection) -> Answer:
        lifted = await holds.lift(conn, "source", source, call.at)
        held = [row for row in await segments.followed(conn, source) if row.held]
        for row in held:
            await segments.note(conn, row.id, released_at=call.at)
        changes = [{"segment": row.name, "change": row.held} for row in held]
        return {"source": source, "lifted": lifted, "changes": changes}

    answer = await change(runtime, call, "release sync", source, unit)
    if not answer["lifted"] and not answer["changes"]:
        raise Refused(f"nothing of {source} is held; nothing was changed", Suggestion("sync status", {}))
    runtime.sync_wakeups[source].notify()
    return answer


def _source(runtime: Runtime, name: str) -> Source:
    """The source of that name. Raises `Refused` with similar names."""
    if name in runtime.sources:
        return runtime.sources[name]
    near = difflib.get_close_matches(name, runtime.sources, n=2)
    if not runtime.sources:
        raise Refused("there is no source; connect one", Suggestion("source connect", {"source": name}))
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; known are {', '.join(sorted(runtime.sources))}"
    raise Refused(f"no source is called {name!r}{hint}", Suggestion("source list", {}))


async def _asking(name: str, question: Awaitable[T]) -> T:
    try:
        return await question
    except Unavailable as why:
        raise Refused(f"{name} cannot be reached now: {why}; nothing was changed") from None
    except NeedsHuman as why:
        raise Refused(f"{name} needs a person: {why}; nothing was changed") from None
