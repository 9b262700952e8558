"""A step that is written and not saved yet, as a person of the campaign would get it. Nothing is sent or changed.

What must not live here: stored templates (`templates`), and messages that are sent as a test (`replies`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.domain.campaign import Step as StepSpec
from fluentsd.domain.flow import Step, compile_flow
from fluentsd.domain.gate import Point
from fluentsd.domain.render import MissingVariable, TemplateProblem
from fluentsd.domain.templates import resolve
from fluentsd.engine.campaigns import previews
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, templates
from fluentsd.store.campaigns import NoSuchCampaign
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import under_way
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import called
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.templates import ANYBODY, invented

#: Parts of a step that its message is made of.
_PARTS = ("channel", "subject", "text", "html", "template", "sender", "reply_to")
#: People who are looked at for one with a number or address of the step's kind.
_LOOKED_AT = 20


async def preview(runtime: Runtime, call: Call, ref: str, step: Any) -> Answer:
    """The message of a step with the values of the first person of the campaign who has a number or address for it, or
    of an invented one; and what the channel finds about it."""
    given: Mapping[str, Any] = step if isinstance(step, Mapping) else {}
    kept = {part: value for part in _PARTS if isinstance(value := given.get(part), str) and value}

    async def unit(conn: Connection) -> tuple[Step, Mapping[str, Any], Point, str]:
        spec = StepSpec.model_validate({"id": "preview", **kept})
        known = await templates.current(conn, [spec.template] if spec.template else [])
        one = compile_flow(resolve([spec], known)).steps[0]
        found = await _example(conn, ref, one, call.at)
        return (one, *found) if found else (one, invented(one), ANYBODY[one.channel], "")

    if kept.get("channel") not in ANYBODY:
        raise Refused("a text or an e-mail can be previewed, and nothing else")
    try:
        one, values, point, name = await refusing(runtime.store.read(unit))
        message = previews.render(one, values, point, call.at)
    except MissingVariable as why:
        default = "{{ field | default: 'there' }}"
        raise Refused(f"{why} for {name or 'an invented person'}, who would get an error in place of the message; "
                      f"write {default}, or use a field that everybody has") from None  # fmt: skip
    except TemplateProblem as why:
        raise Refused(f"it cannot be rendered: {why}") from None
    except ValueError as why:
        raise Refused(f"it cannot be rendered: {_first(why)}") from None
    state = runtime.channels.get(one.channel)
    found = previews.findings(state.abilities.previews if state else None, message)
    parts = {part: getattr(message, part) for part in ("subject", "text", "html")}
    return {"person": name, "to": message.to, **parts, "findings": previews.as_answer(found)}


def _first(why: ValueError) -> str:
    """The first mistake of a step in words."""
    errors = why.errors() if hasattr(why, "errors") else []
    return str(errors[0]["msg"]).removeprefix("Value error, ") if errors else str(why)


async def _example(conn: Connection, ref: str, step: Step, at: int) -> tuple[Mapping[str, Any], Point, str] | None:
    """The template variables, the point and the name of a person of the campaign; None if it has nobody for the
    step."""
    try:
        row = await campaigns.get(conn, ref)
    except NoSuchCampaign:
        return None
    people = [one.due.contact_id for one in await under_way(conn, row.id, 0, _LOOKED_AT, at)]
    points = await contacts.points_of(conn, people)
    kind = "email" if step.channel == "email" else "phone"
    for contact in people:
        point = next((one for one in points.get(contact, []) if one.kind == kind), None)
        if point is not None:
            values = await previews.values_of(conn, contact, row.name)
            return values, point, called(values["contact"], point.value)
    return None
