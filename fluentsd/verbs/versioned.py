"""What templates and agents have in common: kept under a name in versions, applied from a file, used by campaigns.

A changed one gives every campaign that uses it a new flow version, for people who enter from now on. What must not live
here: what one of them is and says of itself (`templates`, `agents`).
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from fluentsd.domain.campaign import Step
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import manual_changes
from fluentsd.store.versions import Version, Versions
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.enrollments import follow_new_flow
from fluentsd.verbs.execute import Answer, change, refusing


class Named(Protocol):
    """One of a file."""

    @property
    def name(self) -> str:
        """What people call it."""


Given = TypeVar("Given", bound=Named)
Kept = TypeVar("Kept", bound=Version)


@dataclass(frozen=True)
class Versioned(Generic[Given, Kept]):
    """One kind of these. `keep` stores a new version unless it says the same; `names_in` finds those of a flow; `facts`
    and `change` are what an answer says of a version, and of one that is applied."""

    noun: str
    versions: Versions[Kept]
    keep: Callable[..., Awaitable[Kept | None]]
    names_in: Callable[[Sequence[Step]], Collection[str]]
    facts: Callable[[Kept], Answer]
    change: Callable[[Given, Kept | None, Kept | None], Answer]

    async def apply(self, runtime: Runtime, call: Call, given: Sequence[Given], dry_run: bool) -> Answer:
        """Store those of a file, all or none; campaigns that use a changed one get a new flow version."""

        async def unit(conn: Connection) -> Answer:
            before = await self.versions.current(conn, [one.name for one in given])
            kept = [await self.keep(conn, one, by=call.actor, at=call.at) for one in given]
            changed = {one.name for one in kept if one is not None}
            users = await self._users(conn, changed)
            renewed = [row for row in users if await campaigns.renew_flow(conn, row, by=call.actor, at=call.at)]
            answer: Answer = {
                f"{self.noun}s": [
                    self.change(one, new, before.get(one.name)) for one, new in zip(given, kept, strict=True)
                ],
                "campaigns": [{"ref": row.ref, "keep_their_flow": await _keepers(conn, row)} for row in renewed],
                "dry_run": dry_run,
            }
            if dry_run:
                raise _DryRun(answer)
            return answer | {"_details": {"changed": sorted(changed), "campaigns": [row.ref for row in renewed]}}

        names = ", ".join(one.name for one in given)
        try:
            answer = await change(runtime, call, f"{self.noun}s apply", names, unit)
        except _DryRun as dry:
            return dry.answer
        for row in answer["campaigns"]:
            await follow_new_flow(runtime, call, row["ref"])
        return answer

    async def listing(self, runtime: Runtime) -> Answer:
        """Every one, and the campaigns that use it."""

        async def unit(conn: Connection) -> Answer:
            rows = [(row.ref, self.names_in(row.spec.step)) for row in await campaigns.listing(conn)]
            there = (await self.versions.current(conn)).values()
            users = {kept.name: [ref for ref, names in rows if kept.name in names] for kept in there}
            return {f"{self.noun}s": [self.facts(kept) | {"campaigns": users[kept.name]} for kept in there]}

        return await runtime.store.read(unit)

    async def show(
        self, runtime: Runtime, name: str, version: int | None, also: Callable[[Kept], dict[str, Any]]
    ) -> Answer:
        """One of them in its newest or a given version, with all its versions and what `also` tells of it."""

        async def unit(conn: Connection) -> Answer:
            history = await self.versions.history(conn, name)
            kept = self._version(name, history, version) if version else await self.named(conn, name)
            return self.facts(kept) | also(kept) | {"versions": [self.facts(one) for one in history]}

        return await refusing(runtime.store.read(unit))

    def _version(self, name: str, history: Sequence[Kept], version: int) -> Kept:
        found = next((one for one in history if one.version == version), None)
        if found is None:
            raise Refused(
                f"{name} has no version {version}; it has {len(history)}" if history else self.missing(name, [])
            )
        return found

    async def remove(self, runtime: Runtime, call: Call, name: str) -> Answer:
        """Archive one; refused while a campaign uses it."""

        async def unit(conn: Connection) -> Answer:
            await self.named(conn, name)
            if users := await self._users(conn, {name}):
                raise Refused(f"{name} is used by {', '.join(row.ref for row in users)}; change or archive them first")
            await self.versions.remove(conn, name, call.at)
            return {"name": name, "removed": True}

        return await change(runtime, call, f"{self.noun}s remove", name, unit)

    async def named(self, conn: Connection, name: str) -> Kept:
        """The newest version under a name; `Refused` names those that sound alike."""
        there = await self.versions.current(conn)
        if name not in there:
            raise Refused(self.missing(name, list(there)))
        return there[name]

    def missing(self, name: str, there: Sequence[str]) -> str:
        """The sentence for a name that is not there."""
        near = difflib.get_close_matches(name, there, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(there[:10]) or 'none yet'}"
        return f"there is no {self.noun} {name!r}; {hint}"

    async def _users(self, conn: Connection, names: Collection[str]) -> list[CampaignRow]:
        """The campaigns whose flow uses one of these names."""
        rows = await campaigns.listing(conn) if names else []
        return [row for row in rows if not set(names).isdisjoint(self.names_in(row.spec.step))]


class _DryRun(Exception):
    """Rolls a dry run back; carries its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


async def _keepers(conn: Connection, row: CampaignRow) -> int:
    """How many people keep an earlier version; before the start, nobody."""
    now = await campaigns.get(conn, row.ref)
    if now.started_at is None:
        return 0
    return sum((await manual_changes.behind(conn, now.id, now.version_id)).values())
