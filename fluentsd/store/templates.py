"""Templates: append-only versions under a name (`versions`)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.templates import KeptTemplate, Template
from fluentsd.store.tables import template
from fluentsd.store.versions import Versions

VERSIONS = Versions(template, KeptTemplate)
current = VERSIONS.current


async def keep(conn: AsyncConnection, new: Template, *, by: str, at: int) -> KeptTemplate | None:
    """A new version, unless the newest one says the same already."""
    now = (await current(conn, [new.name])).get(new.name)
    if now is not None and (now.channel, now.parts) == (new.channel, new.parts):
        return None
    version = await VERSIONS.next_version(conn, new.name)
    return await VERSIONS.append(conn, KeptTemplate(new.name, version, new.channel, new.parts, at, by))
