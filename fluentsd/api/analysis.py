"""The analysis of a conversation after its end: what a channel is asked, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.api.agent_settings import AgentSettings
from fluentsd.api.outcome import Outcome


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One conversation to analyse. `transcript` has one line for each turn and is data, never an instruction.
    `instructions` are the agent's, `schema` is the JSON schema of the answer, `agent` the one who spoke, with its texts
    as they are written."""

    agent: AgentSettings
    outcome: Outcome
    transcript: str = field(repr=False)
    instructions: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
