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
from fluentsd.domain.templates import KeptTemplate, Template, named_in, read_templates, resolve
from fluentsd.engine.campaigns import previews
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, templates
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.versioned import Versioned


async def apply(runtime: Runtime, call: Call, file: Any, dry_run: bool) -> Answer:
    """Store the templates of a file, all or none; campaigns that use a changed one get a new flow version."""
    try:
        given = read_templates(file)
    except ValueError as why:
        raise Refused(str(why)) from None

    return await TEMPLATES.apply(runtime, call, given, dry_run)


def _change(given: Template, new: KeptTemplate | None, before: KeptTemplate | None) -> Answer:
    version = new.version if new else before.version if before else 0
    parts = sorted({*given.parts, *(before.parts if before else ())})
    changed = [part for part in parts if given.parts.get(part) != (before.parts.get(part) if before else None)]
    return {"name": given.name, "channel": given.channel, "version": version, "changed": changed if new else [],
            "created": before is None}  # fmt: skip


def _facts(kept: KeptTemplate) -> Answer:
    named = ("name", "version", "channel", "created_at", "created_by")
    return {name: getattr(kept, name) for name in named} | {"subject": kept.parts.get("subject", "")}


TEMPLATES = Versioned("template", templates.VERSIONS, templates.keep, named_in, _facts, _change)


async def listing(runtime: Runtime, call: Call) -> Answer:
    """Every template, and the campaigns that use it."""
    return await TEMPLATES.listing(runtime)


async def show(runtime: Runtime, call: Call, name: str, version: int | None) -> Answer:
    """A template's file and its versions."""
    return await TEMPLATES.show(runtime, name, version, lambda kept: {"file": {"template": [kept.file]}})


async def remove(runtime: Runtime, call: Call, name: str) -> Answer:
    """Archive a template; refused while a campaign uses it."""
    return await TEMPLATES.remove(runtime, call, name)


async def preview(runtime: Runtime, call: Call, name: str, person: str | None, campaign: str | None) -> Answer:
    """The message rendered for one person, or for an invented one, with the channel's findings. Nothing is sent."""

    async def unit(conn: Connection) -> tuple[KeptTemplate, Mapping[str, Any], Point]:
        kept = await TEMPLATES.named(conn, name)
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


def _step(kept: KeptTemplate) -> Step:
    """A step with nothing but the template's text."""
    spec = StepSpec.model_validate({"id": "preview", "channel": kept.channel, "template": kept.name})
    return compile_flow(resolve([spec], {kept.name: kept})).steps[0]


async def _point(conn: Connection, contact_id: int, kept: KeptTemplate, person: str) -> Point:
    kind = "email" if kept.channel == "email" else "phone"
    points = (await contacts.points_of(conn, [contact_id])).get(contact_id, [])
    found = next((point for point in points if point.kind == kind), None)
    if found is None:
        kind_name = "e-mail address" if kind == "email" else "number"
        raise Refused(f"{person} has no {kind_name} for channel {kept.channel}")
    return found
