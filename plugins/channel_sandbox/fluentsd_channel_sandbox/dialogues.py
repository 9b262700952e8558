"""The conversations of a sandbox phone, and their analysis without a model.

Which conversation a call becomes is decided by `chance`, so a run can be repeated. The analysis knows a conversation by
the person's words in its transcript, so it needs no memory. No person is behind any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.api import AnalysisRequest, Disposition, check_json


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation: the person's words, and what an analysis finds in them. `share`: how often it occurs."""

    share: float
    person: str
    summary: str
    disposition: Disposition | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


GREETING = "Hello, this is an automated assistant. Do you have a minute?"
FAREWELL = "Thank you for your time. Goodbye."
DIALOGUES = (
    Dialogue(0.35, "Yes, that sounds good. Please send me the details.", "The person is interested and asks for the "
             "details in writing.", Disposition.interested, {"timeframe": "soon", "budget": 12000}),
    Dialogue(0.20, "Maybe next year, send me something to read.", "The person is interested, but not before next year.",
             Disposition.interested, {"timeframe": "later"}),
    Dialogue(0.30, "No, thank you, I have decided against it.", "The person has decided against it.",
             Disposition.not_interested),
    Dialogue(0.10, "I think you have the wrong number.", "The number belongs to somebody else.",
             Disposition.wrong_number),
    Dialogue(0.05, "Hm.", "A short conversation without a result."),
)  # fmt: skip


def at(share: float) -> Dialogue:
    """The conversation at `share` (0 to 1) of all."""
    for one in DIALOGUES:
        if share < one.share:
            return one
        share -= one.share
    return DIALOGUES[-1]


def transcript(person: str) -> str:
    """The words of both sides, one line for each turn."""
    return f"agent: {GREETING}\nperson: {person}\nagent: {FAREWELL}"


def analyse(request: AnalysisRequest) -> dict[str, Any]:
    """What is known of a conversation of the sandbox, as far as the schema asks for it."""
    spoken = {line.removeprefix("person: ") for line in request.transcript.splitlines() if line.startswith("person: ")}
    found = next((one for one in DIALOGUES if one.person in spoken), None)
    if found is None:
        return {"summary": "A conversation with an automated assistant."}
    wanted = request.schema.get("properties", {}).get("fields", {}).get("properties", {})
    fields = {name: value for name, value in found.facts.items() if name in wanted and _fits(value, wanted[name])}
    return {
        "summary": found.summary,
        **({"disposition": str(found.disposition)} if found.disposition else {}),
        **({"fields": fields} if fields else {}),
    }


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        check_json(value, schema)
    except ValueError:
        return False
    return True
