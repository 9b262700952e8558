"""The settings of an agent as its phone channel gets them: every text rendered for one person, every limit in units.

Provider-independent: a channel that cannot keep a setting says so (`RunsAgents.unsupported`) and never ignores it.
What must not live here: the agent's file and its defaults (`fluentsd.domain.agents`), and behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Disposition(StrEnum):
    """What a conversation came to; beside its outcome, never in its place."""

    interested = "interested"
    not_interested = "not_interested"
    callback = "callback"  #: the person asked to be called at another time
    wrong_number = "wrong_number"
    transferred = "transferred"  #: the call went on to a colleague
    angry = "angry"


#: What an agent can do beside talking.
Skill = Literal["end_call", "opt_out", "book_callback", "transfer", "webhook"]
#: How readily the person's voice interrupts the agent.
Interruption = Literal["none", "low", "medium", "high"]
#: How quickly the end of a sentence counts as the end of the person's turn.
Endpointing = Literal["relaxed", "auto", "quick"]


@dataclass(frozen=True, slots=True)
class WebhookSkill:
    """One service that the agent may call during a conversation. `parameters` is a JSON schema of an object."""

    name: str
    description: str
    url: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """One agent, resolved for one call.

    `opening` is said first and is not the model's: who calls, that it is an automated voice, the opt-out key, a notice
    of the recording, the greeting. `transfers` are the only numbers a call may be transferred to, by name. Texts about
    the person inside `prompt` are data. `length_s` and `silence_s` are seconds, `turns` is the person's turns.
    `voicemail` is left on a machine; "" is to hang up. `continues_on_machine` lets the agent talk to a menu.
    """

    name: str
    version: int = 0
    prompt: str = field(default="", repr=False)
    opening: str = field(default="", repr=False)
    language: str = "en-US"
    voice: str = ""
    opt_out_key: str = "9"
    skills: frozenset[str] = frozenset(("end_call", "opt_out", "book_callback"))
    transfers: Mapping[str, str] = field(default_factory=dict)
    webhooks: tuple[WebhookSkill, ...] = ()
    model: str = ""
    temperature: float | None = None
    length_s: int = 600
    silence_s: float = 8.0
    turns: int = 60
    start_delay_s: float = 0.0
    interruption: Interruption = "high"
    endpointing: Endpointing = "auto"
    idle_prompt: str = ""
    voicemail: str = field(default="", repr=False)
    recording: bool = False
    continues_on_machine: bool = False
