"""A message as one person would get it, made to be looked at: for a test, a preview, the launch check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.api import Channel, Finding, Message
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Point
from fluentsd.engine.dispatch.claim import compose
from fluentsd.store import contacts
from fluentsd.store.db import Connection

#: A caller ID to look at a message with.
ANY_NUMBER = "+12025550100"


def made(step: Step, values: Mapping[str, Any], point: Point, at: int) -> Message:
    """The message of one step for one person; `TemplateProblem` when it cannot be made."""
    return compose(step, values, Go(point, None, at), None if step.channel == "email" else ANY_NUMBER)


async def values_of(conn: Connection, contact_id: int, campaign: str = "") -> dict[str, Any]:
    """What a template sees of somebody who has just entered a campaign."""
    fields = (await contacts.fields_of(conn, [contact_id])).get(contact_id, {})
    return {**fields, "contact": fields, "last": {"outcome": ""}, "steps": {}, "campaign": {"name": campaign}}


def remarks(channel: Channel | None, message: Message) -> Sequence[Finding]:
    """What the channel has to say of a message before anybody gets it; nothing from one that does not look."""
    look = getattr(channel, "remarks", None)
    return look(message) if look is not None else ()


def told(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Findings as an answer carries them."""
    return [{"ok": finding.ok, "what": finding.what, "fix": finding.fix} for finding in findings]
