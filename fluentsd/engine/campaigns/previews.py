"""Previews: a step's message rendered for one person, for a test, a template preview or the launch check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.api import Finding, Message, Previews
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Point
from fluentsd.engine.dispatch.claim import compose
from fluentsd.store import contacts
from fluentsd.store.db import Connection

#: The caller ID shown in a preview.
ANY_NUMBER = "+12025550100"


def render(step: Step, values: Mapping[str, Any], point: Point, at: int) -> Message:
    """The message of one step for one person. Raises `TemplateProblem` when it cannot be rendered."""
    return compose(step, values, Go(point, None, at), None if step.channel == "email" else ANY_NUMBER)


async def values_of(conn: Connection, contact_id: int, campaign: str = "") -> dict[str, Any]:
    """Template variables of a contact who has just entered the campaign."""
    fields = (await contacts.fields_of(conn, [contact_id])).get(contact_id, {})
    return {**fields, "contact": fields, "last": {"outcome": ""}, "steps": {}, "campaign": {"name": campaign}}


def findings(channel: Previews | None, message: Message) -> Sequence[Finding]:
    """The channel's findings about a message before it is sent; none from a channel that has no limits of its own."""
    return channel.findings(message) if channel is not None else ()


def as_answer(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Findings as JSON values."""
    return [{"ok": finding.ok, "what": finding.what, "fix": finding.fix} for finding in findings]
