"""The compiled agent of a phone step: one version of an agent, and the settings of one call.

The prompt and the other texts are the version's that a person entered with. What guards people is that of the newest
version, whenever a person entered: the opening's notices, the opt-out key, the transfer targets, whether the call is
recorded. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluentsd.api import AgentSettings, WebhookSkill
from fluentsd.domain.agents import Agent, KeptAgent
from fluentsd.domain.render import Template, TemplateProblem, template
from fluentsd.domain.time.durations import Delay

#: The longest text of a person's field in a prompt.
DATUM_AT_MOST = 200
#: Characters that a field cannot bring into a prompt: they mark where data begins and ends, or look like markup.
_MARKS = str.maketrans(dict.fromkeys("«»<>{}[]`", " "))


class Datum(str):
    """A person's field in a prompt: one line, bounded, between marks, so that it can be told from instructions."""

    __slots__ = ()

    def __html__(self) -> str:
        return f"«{str.__str__(self)}»"


@dataclass(frozen=True, slots=True)
class CompiledAgent:
    """One version of an agent. `guard` is the agent whose guards count: the newest version."""

    agent: Agent
    version: int
    guard: Agent
    prompt: Template
    texts: Mapping[str, Template]
    variables: frozenset[str]
    answers: bool = False  #: in a call that the person makes to us

    def settings(self, values: Mapping[str, Any]) -> AgentSettings:
        """The settings of a call to one person; raises `TemplateProblem` when a variable has no value."""
        fields = values.get("contact", {})
        if lacking := [name for name in self.agent.variables if not str(fields.get(name, "")).strip()]:
            raise TemplateProblem(f"the agent {self.agent.name} needs {', '.join(lacking)}, which this person has not")
        rendered = {part: " ".join(text.render(values).split()) for part, text in self.texts.items()}
        found = unrendered(self.agent, self.version, self.guard)
        opening = " ".join(filter(None, (self.guard.opening(answers=self.answers), rendered["greeting"])))
        return replace(
            found,
            prompt=self.prompt.render(_as_data(values)),
            opening=opening,
            idle_prompt=rendered["idle_prompt"],
            voicemail=rendered["voicemail"],
        )

    def guarded_by(self, newest: Agent) -> CompiledAgent:
        """The same agent with the guards of the newest version."""
        return replace(self, guard=newest)

    def answering(self) -> CompiledAgent:
        """The same agent, who answers a call."""
        return replace(self, answers=True)

    def without_voicemail(self) -> CompiledAgent:
        """The same agent, who leaves no message."""
        return replace(self, texts={**self.texts, "voicemail": template("", "text")})


def compile_agent(kept: KeptAgent) -> CompiledAgent:
    """Compile one version."""
    agent = kept.agent
    prompt = template(agent.prompt, "prompt")
    texts = {part: template(getattr(agent, part), "text") for part in ("greeting", "idle_prompt", "voicemail")}
    used = (prompt.variables, *(text.variables for text in texts.values()), frozenset(agent.variables))
    return CompiledAgent(agent, kept.version, agent, prompt, texts, frozenset().union(*used))


def unrendered(agent: Agent, version: int, guard: Agent | None = None) -> AgentSettings:
    """The settings with texts as they are written."""
    guard = guard or agent
    return AgentSettings(
        name=agent.name,
        version=version,
        prompt=agent.prompt,
        opening=" ".join(filter(None, (guard.opening(), agent.greeting))),
        language=agent.language,
        voice=agent.voice,
        opt_out_key=guard.opt_out_key,
        skills=frozenset(agent.skills),
        transfers={name: number for name, number in agent.transfer.items() if number in guard.transfer.values()},
        webhooks=tuple(
            WebhookSkill(hook.name, hook.description, hook.url,
                         {"properties": hook.parameters, "required": hook.required})
            for hook in agent.webhook
        ),
        model=agent.model,
        temperature=agent.temperature,
        length_s=Delay.parse(agent.limits.length).seconds,
        silence_s=float(Delay.parse(agent.limits.silence).seconds),
        turns=agent.limits.turns,
        start_delay_s=float(Delay.parse(agent.start_delay).seconds),
        interruption=agent.interruption,
        endpointing=agent.endpointing,
        idle_prompt=agent.idle_prompt,
        voicemail=agent.voicemail,
        recording=guard.recording,
        continues_on_machine=agent.machine == "talk",
    )  # fmt: skip


def _as_data(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text as a `Datum`."""
    return {name: _datum(value) for name, value in values.items()}


def _datum(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _as_data(value)
    return Datum(" ".join(value.translate(_MARKS).split())[:DATUM_AT_MOST]) if isinstance(value, str) else value
