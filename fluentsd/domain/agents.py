"""Agents: the agent file, and the versions that are kept.

An agent is provider-independent: what it says and may do, never how a provider is asked for it. A flow version names an
agent and its version ("sales@3"), so people keep the agent they entered with; what guards people is read from the
newest version at each pick-up (`domain.compiled_agent`). Who calls, that the voice is automated, the opt-out key and a
notice of a recording are said first. They can be worded, and left out only by a named person with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fluentsd.api import Endpointing, Interruption, Skill
from fluentsd.domain.analysis import AnalysisSettings
from fluentsd.domain.campaign import Step
from fluentsd.domain.campaign_values import E164, Slug
from fluentsd.domain.render import TemplateProblem, template
from fluentsd.domain.time.durations import Delay
from fluentsd.validation import Problems, explain

#: What is said first by default, by the language's first part; other languages have to word it.
DISCLOSURES = {
    "en": "Hello, this is an automated assistant calling for {company}.",
    "es": "Hola, le habla un asistente automático de {company}.",
}
#: The same in a call that the person makes to us.
ANSWERED = {
    "en": "Hello, this is the automated assistant of {company}.",
    "es": "Hola, le atiende el asistente automático de {company}.",
}
OPT_OUT_NOTICES = {"en": "To stop these calls, press {key}.", "es": "Para no recibir más llamadas, pulse {key}."}
RECORDING_NOTICES = {"en": "This call is recorded.", "es": "Esta llamada se graba."}
#: Words that tell that a voice is not a person's.
_AUTOMATED = re.compile(
    r"\b(?:automated|artificial|virtual|ai|robot|bot|computer|recorded|autom[aá]tic[oa]|inteligencia|virtuales)\b", re.I
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*|multi")
_VARIABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _span(least: float, most: float) -> Any:
    def check(text: str) -> str:
        if not least <= Delay.parse(text).seconds <= most:
            raise ValueError(f'{text!r} should be from "{least:.0f} s" to "{most:.0f} s"')
        return text

    return Annotated[str, AfterValidator(check)]


def _liquid(text: str) -> str:
    try:
        template(text, "text")
    except TemplateProblem as why:
        raise ValueError(str(why)) from None
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f'{text!r} is not a language; write it like "en-US" or "es-MX"')
    return text


def _reason(text: str) -> str:
    if len(text.strip()) < 10:
        raise ValueError("give the reason in a full sentence (at least 10 characters); it is kept for audits")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(f'{text!r} is not a field name; write it as in prompts, like "first_name"')
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+[^\s]*", text):
        raise ValueError(f'{text!r} is not the address of a service; write it like "https://crm.example.com/slots"')
    return text


Liquid = Annotated[str, AfterValidator(_liquid)]
Guard = Literal["disclosure", "opt_out_notice", "recording_notice"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Webhook(_Table):
    """A service that the agent may call; `parameters` are JSON schemas by name."""

    name: Slug
    description: Annotated[str, Field(min_length=1, max_length=500)]
    url: Annotated[str, AfterValidator(_url)]
    parameters: dict[str, dict[str, Any]] = {}
    required: list[str] = []

    @model_validator(mode="after")
    def _known(self) -> Webhook:
        if strange := sorted(set(self.required) - self.parameters.keys()):
            raise ValueError(f"required names {strange[0]!r}, which is not in parameters")
        return self


class CallLimits(_Table):
    """The most of one call."""

    length: _span(10, 3600) = "10 min"  # type: ignore[valid-type]
    silence: _span(2, 60) = "8 s"  # type: ignore[valid-type]
    turns: Annotated[int, Field(ge=1, le=500)] = 60


class GuardWaiver(_Table):
    """A part of the opening that is left out, with the reason and the person responsible."""

    part: Guard
    because: Annotated[str, AfterValidator(_reason)]
    by: Annotated[str, Field(min_length=1, max_length=120)]


class Agent(_Table):
    """One agent, as its file says."""

    name: Slug
    company: Annotated[str, Field(min_length=1, max_length=80)]
    prompt: Annotated[Liquid, Field(min_length=1, max_length=20_000)]
    greeting: Liquid = ""
    disclosure: str = ""
    opt_out_notice: str = ""
    recording_notice: str = ""
    opt_out_key: Annotated[str, Field(pattern=r"^[0-9*#]$")] = "9"
    language: Annotated[str, AfterValidator(_language)] = "en-US"
    voice: Annotated[str, Field(max_length=120)] = ""
    variables: list[Annotated[str, AfterValidator(_variable)]] = []
    skills: list[Skill] = ["end_call", "opt_out", "book_callback"]
    transfer: dict[Slug, E164] = {}
    webhook: list[Webhook] = []
    limits: CallLimits = CallLimits()
    recording: bool = False
    model: Annotated[str, Field(max_length=200)] = ""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    start_delay: _span(0, 10) = "0"  # type: ignore[valid-type]
    interruption: Interruption = "high"
    endpointing: Endpointing = "auto"
    idle_prompt: Liquid = ""
    voicemail: Liquid = ""
    machine: Literal["hang_up", "talk"] = "hang_up"
    analysis: AnalysisSettings | None = None
    waive: list[GuardWaiver] = []

    @model_validator(mode="after")
    def _whole(self) -> Agent:
        problems = [*self._worded(), *self._skilled()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _worded(self) -> list[str]:
        """What is wrong with the words that the law asks for."""
        tongue, found = self.language.partition("-")[0].lower(), []
        for part, usual in (("disclosure", DISCLOSURES), ("opt_out_notice", OPT_OUT_NOTICES),
                            ("recording_notice", RECORDING_NOTICES)):  # fmt: skip
            needed = part != "recording_notice" or self.recording
            if needed and not getattr(self, part) and tongue not in usual and not self.waives(part):
                found.append(f"{part} has no default in {self.language}; write it in that language")
        if self.disclosure and self.company.casefold() not in self.disclosure.casefold() and "{company}" not in (
            self.disclosure
        ):  # fmt: skip
            found.append(f"disclosure does not say who calls; name {self.company!r} in it")
        if self.disclosure and tongue in DISCLOSURES and not _AUTOMATED.search(self.disclosure):
            found.append('disclosure does not say that the voice is automated; say so, like "an automated assistant"')
        if self.opt_out_notice and "{key}" not in self.opt_out_notice and self.opt_out_key not in self.opt_out_notice:
            found.append(f"opt_out_notice does not name the key; write {{key}} or {self.opt_out_key}")
        return found

    def _skilled(self) -> list[str]:
        found = []
        if "transfer" in self.skills and not self.transfer:
            found.append('skills has transfer, but there is no target; write transfer = { sales = "+12125550123" }')
        if self.transfer and "transfer" not in self.skills:
            found.append('transfer has targets, but skills lacks "transfer"')
        if bool(self.webhook) != ("webhook" in self.skills):
            found.append('webhook and skills do not agree; write both [[agent.webhook]] and "webhook", or neither')
        names = [hook.name for hook in self.webhook]
        if len(set(names)) < len(names):
            found.append("two webhooks have the same name")
        return found

    def waives(self, part: str) -> bool:
        """Whether a named person leaves this part of the opening out."""
        return any(waiver.part == part for waiver in self.waive)

    def opening(self, *, answers: bool = False) -> str:
        """What is said first, in the order that the law asks for: who calls and by what, the opt-out key at once, the
        recording; then the greeting, which is a template. `answers`: in a call that the person makes to us."""
        disclosures = ANSWERED if answers else DISCLOSURES
        tongue = self.language.partition("-")[0].lower()
        parts = [
            "" if self.waives("disclosure") else self.disclosure or disclosures.get(tongue, ""),
            "" if self.waives("opt_out_notice") else self.opt_out_notice or OPT_OUT_NOTICES.get(tongue, ""),
        ]
        if self.recording and not self.waives("recording_notice"):
            parts.append(self.recording_notice or RECORDING_NOTICES.get(tongue, ""))
        filled = (part.replace("{company}", self.company).replace("{key}", self.opt_out_key) for part in parts)
        return " ".join(filter(None, filled))


class _File(_Table):
    agent: Annotated[list[Agent], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _once(self) -> _File:
        names = [agent.name for agent in self.agent]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two agents are called {twice[0]!r}; give each its own name")
        return self


def read_agents(data: Any, what: str = "agent file") -> list[Agent]:
    """Check parsed TOML or JSON; `Problems` lists every mistake with its path."""
    if isinstance(data, dict) and "step" in data and "agent" not in data:
        raise Problems(what, ["this looks like a campaign file; apply it with: fluentsd campaign apply FILE"])
    try:
        return _File.model_validate(data).agent
    except ValidationError as why:
        raise Problems(what, explain(_File, why, data=data)) from None


@dataclass(frozen=True, slots=True)
class KeptAgent:
    """A stored version of an agent. `created_at` is epoch microseconds."""

    name: str
    version: int
    spec: Mapping[str, Any] = field(repr=False)
    created_at: int
    created_by: str

    @property
    def agent(self) -> Agent:
        return Agent.model_validate(self.spec)

    @property
    def pinned(self) -> str:
        """This version, as a flow version names it."""
        return f"{self.name}@{self.version}"


def agents_in(steps: Sequence[Step]) -> set[str]:
    """The names of the agents in a flow, without versions."""
    return {unpinned(step.agent)[0] for step in steps if step.agent}


def unpinned(agent: str) -> tuple[str, int | None]:
    """Name and version of a step's agent: "sales@3" or "sales"."""
    name, _, version = agent.rpartition("@")
    return (name, int(version)) if name and version.isdecimal() else (agent, None)


def pin(steps: Sequence[Step], kept: Mapping[str, KeptAgent]) -> list[Step]:
    """The flow with each agent at its newest version; one that is hosted by a provider stays as it is named."""
    return [
        step.model_copy(update={"agent": kept[step.agent].pinned}) if step.agent in kept else step for step in steps
    ]
