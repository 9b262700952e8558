"""Agents: who speaks on the phone. Create or change, show, archive; and what is wrong with the agents of a flow.

A changed agent gives every campaign that uses it a new flow version, for people who enter from now on. What guards
people (the notices of the opening, the opt-out key, transfer targets, recording) counts for everybody at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import trio

from fluentsd.api import SourceField
from fluentsd.domain.agents import Agent, KeptAgent, agents_in, read_agents, unpinned
from fluentsd.domain.analysis import unwritable, written_to
from fluentsd.domain.campaign import Step
from fluentsd.domain.compiled_agent import compile_agent, unrendered
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.campaigns import previews
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.explain.launch_answer import Fix
from fluentsd.engine.runtime import Runtime
from fluentsd.store import agents, contacts
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.versioned import Versioned

#: Settings that count for everybody at once, whatever version they entered with.
GUARDS = ("company", "disclosure", "opt_out_notice", "recording_notice", "opt_out_key", "transfer", "recording",
          "waive")  # fmt: skip

#: Seconds for a source to say what fields it has.
ASKED_WITHIN = 8.0


async def apply(runtime: Runtime, call: Call, file: Any, dry_run: bool) -> Answer:
    """Store the agents of a file, all or none; campaigns that use a changed one get a new flow version."""
    try:
        given = read_agents(file)
    except ValueError as why:
        raise Refused(str(why)) from None
    if lost := [words for one in given for words in _lost_sources(runtime, one)]:
        raise Refused("these fields would be written nowhere; nothing was changed. " + "; ".join(lost))
    known = await catalogues(runtime, given)
    if lost := [words for one in given for words in lost_fields(one, known)]:
        raise Refused("these fields could not be written; nothing was changed. " + "; ".join(lost))
    if cannot := [f"{one.name}: {words}" for one in given for words in unsupported(runtime, one)]:
        raise Refused("the phone channel cannot keep these settings; nothing was changed. " + "; ".join(cannot))

    return await AGENTS.apply(runtime, call, given, dry_run)


def _lost_sources(runtime: Runtime, agent: Agent) -> list[str]:
    """The sources that an agent's analysis writes to, and that this installation has not."""
    known, found = runtime.sources, list[str]()
    for field in agent.analysis.field if agent.analysis is not None else ():
        for name in field.write_to:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
                found.append(f"{agent.name}: the field {field.name} names the source {name!r}; {hint}")
    return found


async def catalogues(runtime: Runtime, given: Iterable[Agent]) -> dict[str, Sequence[SourceField]]:
    """The fields of the sources that the analyses of these agents write to, by the source's name. One that cannot be
    asked now is left out: the write-back reports what it refuses."""
    wanted = {name for one in given for name in written_to(one.analysis)} & runtime.sources.keys()
    found: dict[str, Sequence[SourceField]] = {}

    async def ask(name: str) -> None:
        with trio.move_on_after(ASKED_WITHIN), suppress(Exception):  # the guard at the edge of each call to a plugin
            found[name] = await runtime.sources[name].catalogue()

    async with trio.open_nursery() as nursery:
        for name in wanted:
            nursery.start_soon(ask, name)
    return found


def lost_fields(agent: Agent, known: Mapping[str, Sequence[SourceField]]) -> list[str]:
    """The fields of CRMs that an agent's analysis names and nobody can write."""
    targets = written_to(agent.analysis)
    return [
        f"{agent.name}: {words}"
        for source, fields in known.items()
        for words in unwritable(targets.get(source, {}), source, fields)
    ]


def _change(given: Agent, new: KeptAgent | None, before: KeptAgent | None) -> Answer:
    version = new.version if new else before.version if before else 0
    old = before.agent if before else None
    changed = [name for name in type(given).model_fields if old is None or getattr(given, name) != getattr(old, name)]
    return {"name": given.name, "version": version, "changed": changed if new else [], "created": before is None,
            "live": [name for name in changed if name in GUARDS] if new and old else [],
            "opening": unrendered(given, version).opening}  # fmt: skip


def _facts(kept: KeptAgent) -> Answer:
    agent = kept.agent
    return {"name": kept.name, "version": kept.version, "created_at": kept.created_at, "created_by": kept.created_by,
            "company": agent.company, "language": agent.language, "skills": list(agent.skills),
            "recording": agent.recording}  # fmt: skip


AGENTS = Versioned("agent", agents.VERSIONS, agents.keep, agents_in, _facts, _change)


async def listing(runtime: Runtime, call: Call) -> Answer:
    """Every agent, and the campaigns that use it."""
    return await AGENTS.listing(runtime)


async def show(runtime: Runtime, call: Call, name: str, version: int | None) -> Answer:
    """An agent's file, what it says first, and its versions."""

    def also(kept: KeptAgent) -> dict[str, Any]:
        file = kept.agent.model_dump(mode="json", exclude_defaults=True)
        return {"file": {"agent": [file]}, "opening": unrendered(kept.agent, kept.version).opening}

    return await AGENTS.show(runtime, name, version, also)


async def remove(runtime: Runtime, call: Call, name: str) -> Answer:
    """Archive an agent; refused while a campaign uses it."""
    return await AGENTS.remove(runtime, call, name)


def unsupported(runtime: Runtime, agent: Agent) -> list[str]:
    """What the phone channel cannot keep of an agent's settings."""
    state = runtime.channels.get("phone")
    runs = state.abilities.agents if state is not None else None
    return list(runs.unsupported(unrendered(agent, 0))) if runs is not None else []


async def problems(runtime: Runtime, conn: Connection, steps: Sequence[Step]) -> dict[str, Fix]:
    """What is wrong with the agents of a flow, each with the verb that helps: unknown ones, versions that do not exist,
    settings that the channel cannot keep. Agents of a provider are known to the provider alone."""
    state = runtime.channels.get("phone")
    runs = state.abilities.agents if state is not None else None
    there = await agents.current(conn)
    if runs is None and (runtime.agent_providers or not there):
        return {}
    found: dict[str, Fix] = {}
    for step in steps:
        name, version = unpinned(step.agent)
        if not step.agent:
            continue
        if name not in there:
            found[f"step {step.id}: {AGENTS.missing(name, list(there))}; or add it"] = ("agents apply", {})
        elif version is not None and not await agents.versions(conn, [(name, version)]):
            found[f"step {step.id}: {name} has no version {version}"] = ("agents show", {"name": name})
        else:
            words = unsupported(runtime, there[name].agent)
            for one in words:
                sentence = f"step {step.id}: the phone channel cannot keep a setting of {name}: {one}"
                found[sentence] = ("agents show", {"name": name})
    return found


async def rehearsal(runtime: Runtime, call: Call, name: str, person: str | None) -> Answer:
    """An agent rendered for a person, or for an invented one, for a conversation at a keyboard."""

    async def unit(conn: Connection) -> tuple[KeptAgent, dict[str, Any], tuple[str, ...], str]:
        kept = await AGENTS.named(conn, name)
        if person is None:
            fields = dict.fromkeys(compile_agent(kept).variables, "Sample")
            return kept, {**fields, "contact": fields}, (), "+12025550100"
        contact_id = await find_one(conn, person)
        points = (await contacts.points_of(conn, [contact_id])).get(contact_id, [])
        number = next((point.value for point in points if point.kind == "phone"), "")
        zones = names_in(await contacts.zones_of(conn, contact_id))
        return kept, await previews.values_of(conn, contact_id), zones, number

    kept, values, zones, to = await refusing(runtime.store.read(unit))
    try:
        settings = compile_agent(kept).settings(values)
    except TemplateProblem as why:
        raise Refused(f"{name} cannot speak with {person}: {why}") from None
    given = asdict(settings) | {"skills": sorted(settings.skills), "transfers": dict(settings.transfers)}
    analysis = kept.agent.analysis.model_dump(mode="json") if kept.agent.analysis is not None else None
    return {"settings": given, "variables": dict(values["contact"]), "timezone": next(iter(zones), ""), "to": to,
            "analysis": analysis}  # fmt: skip
