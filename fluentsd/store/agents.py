"""Agents: append-only versions under a name (`versions`)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.agents import Agent, KeptAgent
from fluentsd.store.tables import agent
from fluentsd.store.versions import Versions

VERSIONS = Versions(agent, KeptAgent)
current, versions = VERSIONS.current, VERSIONS.versions


async def keep(conn: AsyncConnection, new: Agent, *, by: str, at: int) -> KeptAgent | None:
    """A new version, unless the newest one says the same already."""
    now = (await current(conn, [new.name])).get(new.name)
    if now is not None and now.agent == new:
        return None
    version = await VERSIONS.next_version(conn, new.name)
    spec = new.model_dump(mode="json", exclude_defaults=True)
    return await VERSIONS.append(conn, KeptAgent(new.name, version, spec, at, by))
