"""The scripted agent provider: its agents say fixed lines, and no person hears them.

```toml
[agents.scripted]
plugin = "sandbox"
webhook_secret = "…"
[agents.scripted.agents.sales]
lines = ["Hello {first_name}.", "Do you have a minute?"]
```

The names in braces are the variables that an agent requires. Conversations are kept in memory, so a look-up after a
restart proves nothing.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.api import (
    Agent,
    Attempt,
    CannotTell,
    Conversation,
    Finding,
    Found,
    Inbound,
    Lookup,
    Message,
    Outcome,
    Receipt,
    Rejected,
    Request,
    Table,
    Tools,
    WebhookResult,
)
from fluentsd_channel_sandbox.signatures import prove, text


@dataclass(frozen=True, slots=True)
class Script:
    """One agent's lines, with variables in braces."""

    lines: tuple[str, ...]

    @property
    def variables(self) -> frozenset[str]:
        """The variables that the lines need."""
        return frozenset(name for line in self.lines for _, name, _, _ in string.Formatter().parse(line) if name)

    def say(self, variables: Mapping[str, str]) -> str:
        """The transcript."""
        return "\n".join(line.format_map(variables) for line in self.lines)


class ScriptedAgents:
    """The agents of one `[agents.<name>]` table."""

    def __init__(self, config: Mapping[str, Any], tools: Tools) -> None:
        table = Table(config, ["agents", "webhook_secret"])
        self._secret = table.take("webhook_secret", "", _text)
        self._scripts: dict[str, Script] = table.must("agents", {}, _scripts)
        table.finish("sandbox")
        self._clock = tools.clock
        self._said: dict[str, str] = {}
        self._cancelled: set[str] = set()

    async def check(self) -> Sequence[Finding]:
        """Report the agents."""
        names = ", ".join(sorted(self._scripts))
        return [Finding(True, f"scripted agents on this machine: {names}; no person hears them")]

    async def agents(self) -> Sequence[Agent]:
        """All agents of the table."""
        return [Agent(name, name.capitalize(), script.variables) for name, script in self._scripts.items()]

    async def start(self, message: Message, attempt: Attempt) -> Receipt:
        """Say the script; raises `Rejected` for an unknown agent or a missing variable."""
        script = self._scripts.get(message.agent)
        if script is None:
            raise Rejected(f"there is no agent {message.agent!r}", fault="message")
        if missing := sorted(script.variables - message.variables.keys()):
            raise Rejected(f"agent {message.agent!r} needs {', '.join(missing)}", fault="message")
        attempt.begin()
        ref = f"conversation-{attempt.token}"
        self._said[ref] = script.say(message.variables)
        return Receipt(ref)

    async def find(self, attempt: Attempt) -> Lookup:
        """Look into this process's memory."""
        ref = f"conversation-{attempt.token}"
        if ref in self._said:
            return Found(Receipt(ref), by_token=True)
        return CannotTell("this process has not started it")

    async def fetch(self, ref: str) -> Conversation:
        """One conversation of this process."""
        if ref not in self._said:
            raise LookupError(f"there is no conversation {ref!r}")
        if ref in self._cancelled:
            return Conversation(ref, Outcome.no_answer)
        return Conversation(ref, Outcome.answered, transcript=self._said[ref], cost_micros=0)

    async def cancel(self, attempt: Attempt) -> bool:
        """Cancel a conversation once."""
        ref = f"conversation-{attempt.token}"
        if ref not in self._said or ref in self._cancelled:
            return False
        self._cancelled.add(ref)
        return True

    def webhook(self, request: Request) -> WebhookResult:
        """The end of a conversation: `{"token": …, "outcome": …, "transcript": …}`, signed."""
        if not self._secret:
            return WebhookResult()
        event = prove(request, self._secret)
        outcome, token = Outcome(text(event, "outcome")), text(event, "token")
        return WebhookResult([Inbound(outcome, token=token, transcript=text(event, "transcript", required=False))])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("should be text in quotes")
    return value


def _scripts(value: Any) -> dict[str, Script]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError('should be tables like [agents.scripted.agents.sales] with lines = ["Hello {first_name}."]')
    return {str(name): _script(str(name), one) for name, one in value.items()}


def _script(name: str, value: Any) -> Script:
    lines = value.get("lines") if isinstance(value, Mapping) and set(value) == {"lines"} else None
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        raise ValueError(f'{name} should have lines = ["Hello {{first_name}}."] and nothing else')
    script = Script(tuple(lines))
    try:
        names = script.variables
    except ValueError as why:
        raise ValueError(f"{name}: a line has unbalanced braces ({why})") from None
    if wrong := sorted(one for one in names if not one.isidentifier()):
        raise ValueError(f"{name}: {wrong[0]!r} is not the name of a variable")
    return script
