"""Templates: messages stored under a name. Create or change, show, preview, archive.

A changed template gives every campaign that uses it a new flow version, for people who enter from now on. People
already enrolled keep the text they entered with, until `campaign upgrade`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.domain.campaign import Step as StepSpec
from fluentsd.domain.flow import Step, compile_flow
from fluentsd.domain.gate import Point
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.templates import Kept, Template, named_in, read_templates, resolve
from fluentsd.engine.campaigns import previews
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, templates
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import manual_changes
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.enrollments import follow_new_flow
from fluentsd.verbs.execute import Answer, change, refusing


async def apply(runtime: Runtime, call: Call, file: Any, dry_run: bool) -> Answer:
    """Store the templates of a file, all or none; campaigns that use a changed one get a new flow version."""
    try:
        given = read_templates(file)
    except ValueError as why:
        raise Refused(str(why)) from None

    async def unit(conn: Connection) -> Answer:
        before = await templates.current(conn, [one.name for one in given])
        kept = [await templates.keep(conn, one, by=call.actor, at=call.at) for one in given]
        changed = {one.name for one in kept if one is not None}
        users = await _users(conn, changed)
        renewed = [row for row in users if await campaigns.renew_flow(conn, row, by=call.actor, at=call.at)]
        answer: Answer = {
            "templates": [_change(one, new, before.get(one.name)) for one, new in zip(given, kept, strict=True)],
            "campaigns": [{"ref": row.ref, "keep_their_flow": await _keepers(conn, row)} for row in renewed],
            "dry_run": dry_run,
        }
        if dry_run:
            raise _DryRun(answer)
        return answer | {"_details": {"changed": sorted(changed), "campaigns": [row.ref for row in renewed]}}

    try:
        answer = await change(runtime, call, "templates apply", ", ".join(one.name for one in given), unit)
    except _DryRun as dry:
        return dry.answer
    for row in answer["campaigns"]:
        await follow_new_flow(runtime, call, row["ref"])
    return answer


class _DryRun(Exception):
    """Rolls a dry run back; carries its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def _change(given: Template, new: Kept | None, before: Kept | None) -> Answer:
    version = new.version if new else before.version if before else 0
    parts = sorted({*given.parts, *(before.parts if before else ())})
    changed = [part for part in parts if given.parts.get(part) != (before.parts.get(part) if before else None)]
    return {"name": given.name, "channel": given.channel, "version": version, "changed": changed if new else [],
            "created": before is None}  # fmt: skip


async def _users(conn: Connection, names: set[str]) -> list[CampaignRow]:
    """The campaigns whose flow uses one of these templates."""
    rows = await campaigns.listing(conn) if names else []
    return [row for row in rows if named_in(row.spec.step) & names]


async def _keepers(conn: Connection, row: CampaignRow) -> int:
    """How many people keep an earlier text; before the start, nobody."""
    now = await campaigns.get(conn, row.ref)
    return (
        sum((await manual_changes.behind(conn, now.id, now.version_id)).values()) if now.started_at is not None else 0
    )


async def listing(runtime: Runtime, call: Call) -> Answer:
    """Every template, and the campaigns that use it."""

    async def unit(conn: Connection) -> Answer:
        rows = await campaigns.listing(conn)
        return {
            "templates": [
                _facts(kept) | {"campaigns": [row.ref for row in rows if kept.name in named_in(row.spec.step)]}
                for kept in (await templates.current(conn)).values()
            ]
        }

    return await runtime.store.read(unit)


def _facts(kept: Kept) -> Answer:
    named = ("name", "version", "channel", "created_at", "created_by")
    return {name: getattr(kept, name) for name in named} | {"subject": kept.parts.get("subject", "")}


async def show(runtime: Runtime, call: Call, name: str, version: int | None) -> Answer:
    """A template's file and its versions."""

    async def unit(conn: Connection) -> Answer:
        history = await templates.history(conn, name)
        kept = _version(name, history, version) if version else await _named(conn, name)
        return _facts(kept) | {"file": {"template": [kept.file]}, "versions": [_facts(one) for one in history]}

    return await refusing(runtime.store.read(unit))


def _version(name: str, history: list[Kept], version: int) -> Kept:
    found = next((one for one in history if one.version == version), None)
    if found is None:
        raise Refused(f"{name} has no version {version}; it has {len(history)}" if history else _missing(name, []))
    return found


async def _named(conn: Connection, name: str) -> Kept:
    there = await templates.current(conn)
    if name not in there:
        raise Refused(_missing(name, list(there)))
    return there[name]


def _missing(name: str, there: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, there, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(there[:10]) or 'none yet'}"
    return f"there is no template {name!r}; {hint}"


async def remove(runtime: Runtime, call: Call, name: str) -> Answer:
    """Archive a template; refused while a campaign uses it."""

    async def unit(conn: Connection) -> Answer:
        await _named(conn, name)
        if users := await _users(conn, {name}):
            raise Refused(f"{name} is used by {', '.join(row.ref for row in users)}; change or archive them first")
        await templates.remove(conn, name, call.at)
        return {"name": name, "removed": True}

    return await change(runtime, call, "templates remove", name, unit)


async def preview(runtime: Runtime, call: Call, name: str, person: str | None, campaign: str | None) -> Answer:
    """The message rendered for one person, or for an invented one, with the channel's findings. Nothing is sent."""

    async def unit(conn: Connection) -> tuple[Kept, Mapping[str, Any], Point]:
        kept = await _named(conn, name)
        if person is None:
            return kept, invented(_step(kept)), ANYBODY[kept.channel]
        contact_id = await find_one(conn, person)
        campaign_name = (await campaigns.get(conn, campaign)).name if campaign else ""
        return (
            kept,
            await previews.values_of(conn, contact_id, campaign_name),
            await _point(conn, contact_id, kept, person),
        )

    kept, values, point = await refusing(runtime.store.read(unit))
    step = _step(kept)
    try:
        message = previews.render(step, values, point, call.at)
    except TemplateProblem as why:
        raise Refused(f"{name} cannot be rendered for {person or 'an invented person'}: {why}") from None
    channel_state = runtime.channels.get(step.channel)
    channel = channel_state.abilities.previews if channel_state else None
    parts = {part: getattr(message, part) for part in ("subject", "reply_to", "text", "html")}
    return (
        _facts(kept)
        | parts
        | {
            "to": message.to,
            "sender": message.sender if step.channel == "email" else None,
            "findings": previews.as_answer(previews.findings(channel, message)),
        }
    )


#: Where an invented person is reached.
ANYBODY: Mapping[str, Point] = {
    "sms": Point(0, "phone", "+12025550123"),
    "email": Point(0, "email", "jane@example.com"),
}
_JANE = {"first_name": "Jane", "last_name": "Doe", "full_name": "Jane Doe", "email": "jane@example.com"}


def invented(step: Step) -> Mapping[str, Any]:
    """Template variables of an invented person: a name, and for each other field its own name."""
    fields = {name: _JANE.get(name, name.replace("_", " ")) for name in step.variables}
    return {**fields, "contact": fields, "last": {"outcome": ""}, "steps": {}, "campaign": {"name": "A campaign"}}


def _step(kept: Kept) -> Step:
    """A step with nothing but the template's text."""
    spec = StepSpec.model_validate({"id": "preview", "channel": kept.channel, "template": kept.name})
    return compile_flow(resolve([spec], {kept.name: kept})).steps[0]


async def _point(conn: Connection, contact_id: int, kept: Kept, person: str) -> Point:
    kind = "email" if kept.channel == "email" else "phone"
    points = (await contacts.points_of(conn, [contact_id])).get(contact_id, [])
    found = next((point for point in points if point.kind == kind), None)
    if found is None:
        kind_name = "e-mail address" if kind == "email" else "number"
        raise Refused(f"{person} has no {kind_name} for channel {kept.channel}")
    return found
