"""The file of a campaign: applied, which creates the campaign or changes it to what the file says, and exported.

What must not live here: the meaning of a campaign file (`domain.campaign`), its change page by page (`edits`), and the
other verbs about a campaign (`campaigns`).
"""

from __future__ import annotations

import difflib
from typing import Any

from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.gate import Reason
from fluentsd.domain.review import review
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts
from fluentsd.store.campaigns import CampaignRow, NoSuchCampaign
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import counts, manual_changes
from fluentsd.verbs import agents, campaign_segments
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.campaigns import finish_recompute, row_of
from fluentsd.verbs.diff import differences
from fluentsd.verbs.enrollments import follow_new_flow
from fluentsd.verbs.execute import Answer, change, facts_changed, owning, refuse_archived, refusing


async def apply(runtime: Runtime, call: Call, file: Any, dry_run: bool) -> Answer:
    """Create the campaign a file describes, or change it to what the file says."""
    spec = await _read(file)
    campaign_segments.check(runtime, spec)
    reviewed = review(spec)
    if reviewed.errors:
        raise Refused("\n".join(["this campaign could never work as written; nothing was changed",
                                 *(f"  {line}" for line in reviewed.errors)]))  # fmt: skip
    call = await owning(runtime, call, spec.slug)
    await refuse_archived(runtime, spec.slug)
    await finish_recompute(runtime, spec.slug)
    beside = {"segments": [f"{one.source}: {one.segment}" for one in spec.segment]} if spec.segment else {}

    async def unit(conn: Connection) -> Answer:
        answer = await _create_or_change(conn, runtime, call, spec, dry_run=dry_run)
        return answer | beside | {"warnings": list(reviewed.warnings)}

    if dry_run:
        answer = await refusing(runtime.store.run(unit))
        answer.pop("_details", None)
        return answer
    answer = await change(runtime, call, "apply", spec.slug, unit)
    await _follow(runtime, call, answer)
    return answer


async def _create_or_change(
    conn: Connection, runtime: Runtime, call: Call, spec: CampaignFile, *, dry_run: bool
) -> Answer:
    """The changes, in one transaction; with `dry_run` only what they would be."""
    await campaigns.flow_of(conn, spec)
    await _refuse_unknown_dates(conn, spec)
    if wrong := await agents.problems(runtime, conn, spec.step):
        raise Refused("; ".join(wrong), Suggestion(*next(iter(wrong.values()))))
    try:
        row = await campaigns.get(conn, spec.slug)
    except NoSuchCampaign:
        if not dry_run:
            row = await campaigns.create(conn, spec, owner=call.actor, at=call.at)
            await campaign_segments.link(conn, runtime, row.id, spec, call.actor, call.at)
        made: Answer = {"ref": spec.slug, "created": True, "changes": [], "state": CampaignState.draft}
        return made | {"dry_run": dry_run}
    changes = differences(row.spec, spec)
    waiting = await counts.at_steps(conn, row.id)
    if changes and not dry_run:
        row = await campaigns.revise(conn, row, spec, by=call.actor, at=call.at, revision=call.revision)
        await campaign_segments.link(conn, runtime, row.id, spec, call.actor, call.at)
    answer: Answer = {"ref": row.ref, "created": False, "changes": changes, "state": row.state, "dry_run": dry_run}
    answer["id"] = row.id
    answer["keep_their_flow"] = await _keepers(conn, row, flow_changes=any(_is_flow(c) for c in changes))
    answer["retimed"] = sum(waiting.values()) if any(_is_hours(c) for c in changes) else 0
    return answer | {"people_at_steps": waiting, "_details": {"changes": [c["path"] for c in changes]}}


async def _follow(runtime: Runtime, call: Call, answer: Answer) -> None:
    """Have people and loops follow a change that is committed."""
    runtime.recompute_wakeup.notify()
    await follow_new_flow(runtime, call, answer["ref"])
    if answer["changes"]:
        await facts_changed(runtime, call, campaign_id=answer["id"])
    if {"exclusive", "priority"} & {change["path"] for change in answer["changes"]}:
        await facts_changed(runtime, call, reason=Reason.exclusive)
    runtime.look_again()
    for wakeup in runtime.sync_wakeups.values():
        wakeup.notify()


async def export(runtime: Runtime, call: Call, ref: str) -> Answer:
    """The campaign's file."""
    row = await row_of(runtime, ref)
    return {"ref": row.ref, "file": row.spec.model_dump(mode="json", exclude_defaults=True)}


async def _read(file: Any) -> CampaignFile:
    try:
        return read_campaign(file)
    except ValueError as why:
        raise Refused(str(why)) from None


async def _refuse_unknown_dates(conn: Connection, spec: CampaignFile) -> None:
    """A step timed by a field that no known person has, if another field's name is nearly the same."""
    named = {step.of: step.id for step in spec.step if step.of}
    known = await contacts.field_names(conn) if named else frozenset()
    for field, step in named.items():
        near = difflib.get_close_matches(field, known, 1, 0.75)
        if field not in known and near:
            raise Refused(
                f"step {step}: of: no person has a field {field!r}; did you mean {near[0]!r}? Nothing was changed"
            )


def _is_flow(change: Answer) -> bool:
    return str(change["path"]).startswith("step.")


def _is_hours(change: Answer) -> bool:
    return str(change["path"]).startswith(("window.", "law."))


async def _keepers(conn: Connection, row: CampaignRow, *, flow_changes: bool) -> int:
    """How many people follow an earlier flow version, now or after this change; before the start, nobody."""
    if row.started_at is None:
        return 0
    behind = await manual_changes.behind(conn, row.id, row.version_id)
    here = sum((await counts.at_steps(conn, row.id)).values()) if flow_changes else 0
    return max(sum(behind.values()), here)
