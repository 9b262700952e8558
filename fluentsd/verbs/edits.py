"""Edits of campaigns, page by page: kept until they are valid, applied at once to a draft, on demand to others.

A campaign file is one act: `campaign apply` refuses what has a mistake. A form is many acts, and may be left half done
for a day. So an edit is kept beside its campaign. While the campaign is a draft, or does not exist yet, each save that
is valid is applied, and there is nothing left to keep; a campaign that has started changes with `campaign apply-edit`
alone. Two people in one campaign: each save names what its author has seen, and is refused when that is no longer so.
What must not live here: the meaning of a campaign file (`domain.campaign`), its application (`campaign_files`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.campaign_values import plain
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaign_edits, campaigns
from fluentsd.store.campaign_edits import EditRow
from fluentsd.store.campaigns import CampaignRow, NoSuchCampaign
from fluentsd.store.db import Connection
from fluentsd.validation import Problems
from fluentsd.verbs.call import Call, Refused, identity
from fluentsd.verbs.campaign_files import apply as apply_campaign
from fluentsd.verbs.execute import Answer, change, refusing

#: Characters of an edit as JSON: fifty steps with long texts.
FILE_AT_MOST = 500_000
#: The revision that no campaign has: an apply with it creates a campaign, and never changes one.
_NONE_YET = -1
#: Campaigns of one name.
_SAME_NAME = 200


async def begin(runtime: Runtime, call: Call, name: str, file: Any) -> Answer:
    """An edit for a new campaign, from a file that may be a preset; its ref is made from the name, and is a free
    one."""

    async def unit(conn: Connection) -> Answer:
        ref = await _free_ref(conn, plain(name) or "campaign")
        given = {**_table(file), "name": name.strip(), "ref": ref}
        await campaign_edits.put(conn, EditRow(ref, given, 0, 1, None, call.actor, call.actor, call.at))
        return {"ref": ref}

    begun = await change(runtime, call, "begin", plain(name) or "campaign", unit)
    return await _settled(runtime, call, begun["ref"])


async def _free_ref(conn: Connection, wanted: str) -> str:
    taken = {row.ref for row in await campaigns.listing(conn, archived=True)}
    taken |= {row.ref for row in await campaign_edits.listing(conn)}
    numbered = (f"{wanted[:59]}-{n}" for n in range(2, _SAME_NAME))
    free = next((ref for ref in (wanted, *numbered) if ref not in taken), None)
    if free is None:
        raise Refused(f"too many campaigns are called {wanted!r}; choose another name")
    return free


async def open(runtime: Runtime, call: Call, ref: str) -> Answer:
    """The edit of a campaign; the campaign's own file when nothing is kept."""
    return _answer(call, *await refusing(runtime.store.read(_there, ref)))


async def listing(runtime: Runtime, call: Call) -> Answer:
    """The edits that are not applied yet."""

    async def unit(conn: Connection) -> Answer:
        states = {row.ref: row.state for row in await campaigns.listing(conn)}
        return {
            "edits": [
                {"ref": row.ref, "name": _name(row.file, row.ref), "state": states.get(row.ref, ""),
                 "owner": row.owner, "saved_by": row.saved_by, "saved_at": row.saved_at}
                for row in await campaign_edits.listing(conn) if row.revision
            ]
        }  # fmt: skip

    return await runtime.store.read(unit)


async def save(runtime: Runtime, call: Call, ref: str, file: Any, seen: str) -> Answer:
    """Keep the file, whatever its mistakes, and apply it if the campaign is a draft. The answer names the mistakes."""
    given = {**_table(file), "ref": ref}

    async def unit(conn: Connection) -> None:
        row, campaign = await _there(conn, ref, lock=True)
        _check_owner(call, row, campaign)
        if row is not None and row.revision and row.file == given and identity(row.saved_by) == identity(call.actor):
            return  # a repeated request
        if _seen(row, campaign) != seen:
            raise Refused(_conflict(row, ref))
        typed = _without_mine(call, row)
        if campaign is not None and _is_same(given, campaign):
            await _end(conn, row and replace(row, typed=typed))
            return
        base, revision = campaign.revision if campaign else 0, (row.revision if row else 0) + 1
        owner = row.owner if row else campaign.owner if campaign else call.actor
        await campaign_edits.put(conn, EditRow(ref, given, base, revision, typed, owner, call.actor, call.at))

    await refusing(runtime.store.run(unit))
    return await _settled(runtime, call, ref)


async def keep(runtime: Runtime, call: Call, ref: str, typed: Any) -> Answer:
    """Keep the answers of a form that is not submitted yet, for the person who typed them. They change nothing, and the
    person's next save forgets them."""
    given = _table(typed)

    async def unit(conn: Connection) -> Answer:
        row, campaign = await _there(conn, ref, lock=True)
        _check_owner(call, row, campaign)
        if row is None and campaign is not None:
            row = EditRow(ref, {}, campaign.revision, 0, None, campaign.owner, call.actor, call.at)
        assert row is not None  # noqa: S101 - `_there` finds one of the two
        await campaign_edits.put(conn, replace(row, typed={**(row.typed or {}), identity(call.actor): given}))
        return {"ref": ref}

    return await refusing(runtime.store.run(unit))


async def apply(runtime: Runtime, call: Call, ref: str, seen: str, dry_run: bool) -> Answer:
    """Change the campaign to what its edit says, or show what would change and whom it concerns."""
    row, campaign = await refusing(runtime.store.read(_there, ref))
    _check_owner(call, row, campaign)
    if _seen(row, campaign) != seen:
        raise Refused(_conflict(row, ref))
    if row is None or not row.revision:
        raise Refused(f"{ref} has no changes that wait; nothing was changed")
    answer = await _apply(runtime, call, row, dry_run=dry_run)
    if not dry_run:
        await runtime.store.run(_applied, row)
    return answer


async def discard(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Forget an edit; the campaign stays as it is."""

    async def unit(conn: Connection) -> Answer:
        row, campaign = await _there(conn, ref, lock=True)
        _check_owner(call, row, campaign)
        if not await campaign_edits.drop(conn, ref):
            raise Refused(f"{ref} has no changes that wait; nothing was changed")
        return {"ref": ref, "discarded": True}

    return await refusing(runtime.store.run(unit))


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _settled(runtime: Runtime, call: Call, ref: str) -> Answer:
    """The edit after a save: applied, if it is valid and nobody is affected yet; else with its problems."""
    row, campaign = await refusing(runtime.store.read(_there, ref))
    if row is None or not row.revision:
        return _answer(call, row, campaign)
    is_draft = campaign is None or campaign.state == CampaignState.draft
    try:
        await _apply(runtime, call, row, dry_run=not is_draft)
    except Problems as why:
        return _answer(call, row, campaign) | {"problems": why.lines}
    except Refused as why:
        return _answer(call, row, campaign) | {"problems": [str(why)]}
    if is_draft:
        await runtime.store.run(_applied, row)
        row, campaign = await refusing(runtime.store.read(_there, ref))
    return _answer(call, row, campaign)


async def _apply(runtime: Runtime, call: Call, row: EditRow, *, dry_run: bool) -> Answer:
    """Apply the edit. Raises `Problems` for mistakes of the file, `Refused` for others."""
    read_campaign(row.file)
    mine = replace(
        call, request_id=None, hashed=None, revision=row.base or _NONE_YET
    )  # the revision tells a repetition
    return await apply_campaign(runtime, mine, row.file, dry_run)


async def _applied(conn: Connection, row: EditRow) -> None:
    """Forget an edit that the campaign has now, unless it was saved again meanwhile."""
    now = await campaign_edits.find(conn, row.ref, lock=True)
    if now is not None and now.revision == row.revision:
        await _end(conn, now)


async def _end(conn: Connection, row: EditRow | None) -> None:
    """Nothing waits any more. What others are typing stays."""
    if row is not None and row.typed:
        await campaign_edits.put(conn, replace(row, file={}, revision=0))
    elif row is not None:
        await campaign_edits.drop(conn, row.ref)


def _without_mine(call: Call, row: EditRow | None) -> dict[str, Any] | None:
    """What others are typing."""
    typed = (row.typed if row else None) or {}
    return {who: given for who, given in typed.items() if who != identity(call.actor)} or None


async def _there(conn: Connection, ref: str, *, lock: bool = False) -> tuple[EditRow | None, CampaignRow | None]:
    """The edit and the campaign, at least one of them. Raises `NoSuchCampaign`."""
    row = await campaign_edits.find(conn, ref, lock=lock)
    try:
        campaign = await campaigns.get(conn, ref)
    except NoSuchCampaign:
        if row is None:
            raise
        campaign = None
    return row, campaign


def _seen(row: EditRow | None, campaign: CampaignRow | None) -> str:
    """What a person has seen who looks at this edit now: another one after every change."""
    return f"{campaign.revision if campaign else 0}.{row.revision if row else 0}"


def _check_owner(call: Call, row: EditRow | None, campaign: CampaignRow | None) -> None:
    """Refuse what belongs to another person; `execute` does it for campaigns, this for edits before there is one."""
    if row is not None and campaign is None and not call.owns(row.owner):
        raise Refused(f"{row.ref} belongs to {row.owner}; nothing was changed. Ask {row.owner} or an admin")


def _conflict(row: EditRow | None, ref: str) -> str:
    who = row.saved_by.partition(" ")[2] or row.saved_by if row else "somebody"
    return f"{who} has changed {ref} since you opened it; nothing of yours was saved"


def _answer(call: Call, row: EditRow | None, campaign: CampaignRow | None) -> Answer:
    is_pending = row is not None and bool(row.revision)
    file: Mapping[str, Any] = row.file if row and is_pending else _file_of(campaign) if campaign else {}
    typed = ((row.typed if row else None) or {}).get(identity(call.actor))
    ref = row.ref if row else campaign.ref if campaign else ""
    return {
        "ref": ref,
        "name": _name(file, ref),
        "state": campaign.state if campaign else "",
        "owner": row.owner if row else campaign.owner if campaign else "",
        "file": file,
        "seen": _seen(row, campaign),
        "is_pending": is_pending,
        "problems": [],
        "saved_by": row.saved_by if row and is_pending else "",
        "saved_at": row.saved_at if row and is_pending else None,
        **({"id": campaign.id} if campaign else {}),
        **({"typed": typed} if typed else {}),
    }


def _name(file: Mapping[str, Any], ref: str) -> str:
    name = file.get("name")
    return name if isinstance(name, str) and name else ref


def _file_of(campaign: CampaignRow) -> dict[str, Any]:
    return {"ref": campaign.ref} | campaign.spec.model_dump(mode="json", exclude_defaults=True)


def _is_same(file: Mapping[str, Any], campaign: CampaignRow) -> bool:
    try:
        found: CampaignFile = read_campaign(file)
    except Problems:
        return False
    return found == campaign.spec or found.model_dump(exclude={"ref"}) == campaign.spec.model_dump(exclude={"ref"})


def _table(given: Mapping[str, Any]) -> dict[str, Any]:
    if len(str(given)) > FILE_AT_MOST:
        raise Refused("this campaign is too large; nothing was changed")
    return dict(given)
