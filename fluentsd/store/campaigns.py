"""Campaigns, their flow versions and lanes. One named function per transition; the table: `domain.state_machines`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.agents import agents_in, pin, unpinned
from fluentsd.domain.campaign import CampaignFile, Step, read_campaign
from fluentsd.domain.compiled_agent import CompiledAgent, compile_agent
from fluentsd.domain.state_machines import CampaignState, next_campaign_state
from fluentsd.domain.templates import named_in, resolve
from fluentsd.store import agents, templates
from fluentsd.store.db.state_columns import transition
from fluentsd.store.tables import campaign, enrollment, lane, launch_approval, version


class NoSuchCampaign(LookupError):
    """No campaign goes by that name; nothing was changed."""


class RefTaken(ValueError):
    """Another campaign already goes by that name; nothing was changed."""


class Changed(RuntimeError):
    """Somebody changed the campaign since it was looked at; nothing was changed by this act."""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One campaign as the store has it."""

    id: int
    ref: str
    name: str
    state: CampaignState
    revision: int
    owner: str
    spec: CampaignFile
    version_id: int
    starts_at: int | None
    started_at: int | None
    ended_at: int | None
    archived_at: int | None
    created_at: int
    paused_at: int | None
    recompute_from: int | None
    resumed_at: int | None
    resumes_at: int | None
    first_left: int | None


def _row(found: Any) -> CampaignRow:
    values = {k: found[k] for k in CampaignRow.__slots__ if k not in ("spec", "state")}
    return CampaignRow(spec=read_campaign(found["spec"]), state=CampaignState(found["state"]), **values)


_BY_REF = select(campaign).where(campaign.c.ref == bindparam("b_ref"))
_BY_ID = select(campaign).where(campaign.c.id == bindparam("b_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update()


async def get(conn: AsyncConnection, ref: str) -> CampaignRow:
    """The campaign by its ref; `NoSuchCampaign` names those that sound alike."""
    found = (await conn.execute(_BY_REF, {"b_ref": ref})).mappings().first()
    if found is None:
        import difflib

        known = list((await conn.execute(select(campaign.c.ref).order_by(campaign.c.ref))).scalars())
        near = difflib.get_close_matches(ref, known, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known[:10]) or 'none yet'}"
        raise NoSuchCampaign(f"no campaign is called {ref!r}; {hint}")
    return _row(found)


async def owner_of(conn: AsyncConnection, ref: str, *, lock: bool = True) -> str | None:
    """The owner of a campaign, None if there is no such campaign. With `lock` it stays until the transaction ends."""
    mine = select(campaign.c.owner).where(campaign.c.ref == ref)
    return (await conn.execute(mine.with_for_update(key_share=True) if lock else mine)).scalar()


async def by_id(conn: AsyncConnection, campaign_id: int, *, lock: bool = False) -> CampaignRow:
    """A campaign. With `lock` nobody enrolls, claims or changes its state until the transaction ends."""
    return _row((await conn.execute(_BY_ID_LOCKED if lock else _BY_ID, {"b_id": campaign_id})).mappings().one())


async def listing(conn: AsyncConnection, *, archived: bool = False) -> list[CampaignRow]:
    """All campaigns, newest first."""
    statement = select(campaign).order_by(campaign.c.id.desc())
    if not archived:
        statement = statement.where(campaign.c.archived_at.is_(None))
    return [_row(row) for row in (await conn.execute(statement)).mappings()]


async def create(conn: AsyncConnection, spec: CampaignFile, *, owner: str, at: int) -> CampaignRow:
    """A new draft with its first flow version and its lanes; `RefTaken` if the name is in use."""
    taken = (await conn.execute(select(campaign.c.id).where(campaign.c.ref == spec.slug))).first()
    if taken is not None:
        raise RefTaken(
            f"a campaign called {spec.slug!r} exists already; give this one another ref, or apply to change that one"
        )
    data = spec.model_dump(mode="json")
    result = await conn.execute(
        insert(campaign).values(
            ref=spec.slug,
            name=spec.name,
            state=CampaignState.draft,
            owner=owner,
            spec=data,
            created_at=at,
            priority=spec.priority,
            exclusive=spec.exclusive,
        )
    )
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    campaign_id = int(result.inserted_primary_key[0])
    await settle_flow(conn, campaign_id, spec, by=owner, at=at)
    await add_lanes(conn, campaign_id, spec.channels)
    return await by_id(conn, campaign_id)


async def revise(
    conn: AsyncConnection, row: CampaignRow, spec: CampaignFile, *, by: str, at: int, revision: int | None = None
) -> CampaignRow:
    """Change what the campaign says. Window, numbers, exits and limits are live for everybody, and where the hours
    have changed, those who wait are to be put at new moments; a changed flow becomes a new version that later entries
    get. `revision` is what the actor saw: `Changed` if it is no longer so."""
    data = spec.model_dump(mode="json")
    mine = update(campaign).where(campaign.c.id == row.id, campaign.c.revision == (revision or row.revision))
    values: dict[str, Any] = {"spec": data, "name": spec.name, "priority": spec.priority, "exclusive": spec.exclusive}
    if (spec.window, spec.law) != (row.spec.window, row.spec.law):
        values["recompute_from"] = 0
    result = await conn.execute(mine.values(**values, revision=campaign.c.revision + 1))
    if result.rowcount != 1:
        raise Changed(f"{row.ref} has been changed since you looked at it; look again, then repeat your change")
    await settle_flow(conn, row.id, spec, by=by, at=at)
    await add_lanes(conn, row.id, spec.channels)
    return await by_id(conn, row.id)


async def settle_flow(conn: AsyncConnection, campaign_id: int, spec: CampaignFile, *, by: str, at: int) -> bool:
    """Give later entries the flow as the file and its templates say it now: a new version where that is another one."""
    flow = await flow_of(conn, spec)
    mine = select(version.c.steps, version.c.number).where(version.c.campaign_id == campaign_id)
    latest = (await conn.execute(mine.order_by(version.c.number.desc()).limit(1))).first()
    if latest is not None and read_flow(latest.steps) == flow:
        return False
    number = latest.number + 1 if latest is not None else 1
    steps = [step.model_dump(mode="json") for step in flow]
    result = await conn.execute(
        insert(version).values(campaign_id=campaign_id, number=number, steps=steps, created_at=at, created_by=by)
    )
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    version_id = int(result.inserted_primary_key[0])
    await conn.execute(update(campaign).where(campaign.c.id == campaign_id).values(version_id=version_id))
    return True


async def renew_flow(conn: AsyncConnection, row: CampaignRow, *, by: str, at: int) -> bool:
    """Follow templates that have changed; whether this campaign's flow has changed with them."""
    if not await settle_flow(conn, row.id, row.spec, by=by, at=at):
        return False
    await conn.execute(update(campaign).where(campaign.c.id == row.id).values(revision=campaign.c.revision + 1))
    return True


async def flow_of(conn: AsyncConnection, spec: CampaignFile) -> list[Step]:
    """The flow of a campaign file with its templates' words in it and its agents at their newest versions;
    `NoSuchTemplate` when a template is not there."""
    template_names, agent_names = named_in(spec.step), agents_in(spec.step)
    flow = resolve(spec.step, await templates.current(conn, template_names) if template_names else {})
    return pin(flow, await agents.current(conn, agent_names)) if agent_names else flow


async def add_lanes(conn: AsyncConnection, campaign_id: int, channels: Sequence[str]) -> None:
    """A lane for each channel that has none yet; lanes are never removed, an old version may still need them."""
    have = set((await conn.execute(select(lane.c.channel).where(lane.c.campaign_id == campaign_id))).scalars())
    fresh = [{"campaign_id": campaign_id, "channel": channel} for channel in channels if channel not in have]
    if fresh:
        await conn.execute(insert(lane), fresh)


async def lanes_of(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """Lane ids by channel."""
    rows = await conn.execute(select(lane.c.channel, lane.c.id).where(lane.c.campaign_id == campaign_id))
    return {channel: int(lane_id) for channel, lane_id in rows}


def read_flow(stored: Sequence[Any]) -> list[Step]:
    """The steps of a version, from what the store keeps of them."""
    return [Step.model_validate(step) for step in stored]


async def compiled_agents_of(conn: AsyncConnection, versions: Iterable[Sequence[Step]]) -> dict[str, CompiledAgent]:
    """The agents that these flows name with a version, compiled."""
    wanted = {(name, version) for steps in versions for name, version in (unpinned(s.agent) for s in steps) if version}
    return {kept.pinned: compile_agent(kept) for kept in await agents.versions(conn, wanted)}


async def versions_of(conn: AsyncConnection, campaign_id: int) -> dict[int, list[Step]]:
    """The steps of every version somebody may still be on, with their templates' words in them."""
    rows = await conn.execute(select(version.c.id, version.c.steps).where(version.c.campaign_id == campaign_id))
    return {int(version_id): read_flow(steps) for version_id, steps in rows}


async def move(
    conn: AsyncConnection,
    row: CampaignRow,
    verb: str,
    *,
    at: int,
    starts_at: int | None = None,
    resumes_at: int | None = None,
    first: int | None = None,
) -> CampaignRow:
    """One transition of the campaign machine; `IllegalTransition` says what is possible instead. `resumes_at`: when a
    pause ends by itself; every other transition forgets it. `first`: people whom a start or its schedule contacts
    before a person says go."""
    after = next_campaign_state(verb, row.state)
    values: dict[str, Any] = {"revision": campaign.c.revision + 1, "starts_at": starts_at, "resumes_at": resumes_at}
    if first is not None or verb in ("schedule", "reopen"):
        values["first_left"] = first
    if after == CampaignState.active:
        values["started_at"] = func.coalesce(campaign.c.started_at, at)
        values["resumed_at"] = at
    if after in (CampaignState.paused, CampaignState.stopped, CampaignState.completed):
        values["paused_at"] = func.coalesce(campaign.c.paused_at, at)
    elif after == CampaignState.active:
        values["paused_at"] = None
    values["ended_at"] = at if after in (CampaignState.stopped, CampaignState.completed) else None
    mine = (campaign.c.id == row.id, campaign.c.state == row.state)
    if (await conn.execute(transition(campaign, {(verb, row.state): after}, verb, *mine, **values))).rowcount != 1:
        raise Changed(f"{row.ref} has been changed since you looked at it; look again, then repeat your change")
    return await by_id(conn, row.id)


async def archive(conn: AsyncConnection, row: CampaignRow, at: int) -> None:
    """Take it out of the lists; its history stays."""
    await conn.execute(update(campaign).where(campaign.c.id == row.id).values(archived_at=at))


async def unarchive(conn: AsyncConnection, row: CampaignRow) -> None:
    """Bring it back into the lists."""
    await conn.execute(update(campaign).where(campaign.c.id == row.id).values(archived_at=None))


_ARCHIVED = select(campaign.c.id).where(campaign.c.ref == bindparam("b_ref"), campaign.c.archived_at.is_not(None))


async def is_archived(conn: AsyncConnection, ref: str) -> bool:
    """Whether there is a campaign of this name and it is archived."""
    return (await conn.execute(_ARCHIVED, {"b_ref": ref})).first() is not None


async def give(conn: AsyncConnection, row: CampaignRow, owner: str) -> None:
    """Another owner."""
    await conn.execute(update(campaign).where(campaign.c.id == row.id).values(owner=owner))


_SCHEDULED = campaign.c.state == CampaignState.scheduled
_DUE_TO_START = (
    select(campaign.c.ref).where(_SCHEDULED, campaign.c.starts_at <= bindparam("b_at")).order_by(campaign.c.starts_at)
)
_NEXT_START = select(func.min(campaign.c.starts_at)).where(_SCHEDULED)


async def due_to_start(conn: AsyncConnection, at: int) -> list[str]:
    """Scheduled campaigns whose moment has come."""
    return list((await conn.execute(_DUE_TO_START, {"b_at": at})).scalars())


async def next_start(conn: AsyncConnection) -> int | None:
    """The earliest scheduled start."""
    found: int | None = (await conn.execute(_NEXT_START)).scalar()
    return found


async def first_left(conn: AsyncConnection, campaign_id: int) -> int | None:
    """How many more people may be contacted before a person says go; None: everybody."""
    found: int | None = (await conn.execute(select(campaign.c.first_left).where(campaign.c.id == campaign_id))).scalar()
    return found


async def set_first_left(conn: AsyncConnection, campaign_id: int, left: int | None) -> None:
    """Note how many are left, in the transaction of the claim."""
    await conn.execute(update(campaign).where(campaign.c.id == campaign_id).values(first_left=left))


_PAUSED = campaign.c.state == CampaignState.paused
_DUE_TO_RESUME = (
    select(campaign.c.id).where(_PAUSED, campaign.c.resumes_at <= bindparam("b_at")).order_by(campaign.c.resumes_at)
)
_NEXT_RESUME = select(func.min(campaign.c.resumes_at)).where(_PAUSED)


async def due_to_resume(conn: AsyncConnection, at: int) -> list[int]:
    """Ids of paused campaigns whose pause ends by itself now."""
    return list((await conn.execute(_DUE_TO_RESUME, {"b_at": at})).scalars())


async def next_resume(conn: AsyncConnection) -> int | None:
    """The earliest end of a pause."""
    found: int | None = (await conn.execute(_NEXT_RESUME)).scalar()
    return found


async def approve(conn: AsyncConnection, row: CampaignRow, *, by: str, at: int) -> bool:
    """Note that a person agrees to the start of this revision; False if that is noted already."""
    mine = (launch_approval.c.campaign_id == row.id, launch_approval.c.revision == row.revision)
    known = (await conn.execute(select(launch_approval.c.by).where(*mine, launch_approval.c.by == by))).first()
    if known is None:
        values = {"campaign_id": row.id, "revision": row.revision, "by": by, "at": at}
        await conn.execute(insert(launch_approval).values(**values))
    return known is None


async def approvals(conn: AsyncConnection, row: CampaignRow, revision: int | None = None) -> list[str]:
    """Who agreed to the start of the campaign as it is now, or as it was at another revision."""
    seen = row.revision if revision is None else revision
    mine = (launch_approval.c.campaign_id == row.id, launch_approval.c.revision == seen)
    return list((await conn.execute(select(launch_approval.c.by).where(*mine))).scalars())


async def exists(conn: AsyncConnection, campaign_id: int) -> bool:
    """Whether there is a campaign with this id."""
    return (await conn.execute(select(campaign.c.id).where(campaign.c.id == campaign_id))).first() is not None


_ANYBODY = select(enrollment.c.id).where(enrollment.c.campaign_id == bindparam("b_id")).limit(1)
_ACTIVE = select(campaign.c.id).where(campaign.c.state == CampaignState.active)


async def has_people(conn: AsyncConnection, campaign_id: int) -> bool:
    """Whether anybody is enrolled."""
    return (await conn.execute(_ANYBODY, {"b_id": campaign_id})).first() is not None


async def active_ids(conn: AsyncConnection) -> set[int]:
    """The campaigns that are active."""
    return set((await conn.execute(_ACTIVE)).scalars())


_STATE_SEEN = select(campaign.c.state, campaign.c.revision).where(campaign.c.id == bindparam("b_id"))
_STATE_LOCKED = _STATE_SEEN.with_for_update(read=True, of=campaign)


async def state_and_revision(conn: AsyncConnection, campaign_id: int, *, lock: bool) -> tuple[CampaignState, int]:
    """The campaign's state and revision; `lock` share-locks the row where the database can."""
    state, revision = (await conn.execute(_STATE_LOCKED if lock else _STATE_SEEN, {"b_id": campaign_id})).one()
    return CampaignState(state), revision


async def recompute_all(conn: AsyncConnection) -> None:
    """Due times of every active campaign are recomputed from the moments the flow wanted."""
    mine = (campaign.c.state == CampaignState.active, campaign.c.recompute_from.is_(None))
    await conn.execute(update(campaign).where(*mine).values(recompute_from=0))
