"""`agents talk`: a conversation with an agent at the keyboard, on its real model and skills, without a phone.

The daemon (or the database) gives the agent rendered for a person; the conversation itself runs in this process, with
the phone channel of the configuration. Nothing is recorded, and nobody is called.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import trio
import typer

from fluentsd.cli.format import when
from fluentsd.cli.runner import Shell, fail, refusals, with_client

if TYPE_CHECKING:
    from fluentsd.api import Inbound, Message, Rehearses


def talk(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="the agent's name")],
    person: Annotated[
        str | None, typer.Option("--as", help="talk as this person: a number, an address, or words that match one")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
) -> None:
    """Talk with an agent at the keyboard as a person on the phone would; nobody is called."""
    shell: Shell = context.obj
    shell.as_json = as_json
    asked = {"name": name} | ({"person": person} if person else {})
    answer = with_client(shell, lambda client: client.perform("agents rehearsal", asked))
    with refusals():
        found = trio.run(_converse, shell, _message(answer))
    _report(shell, found)


def _message(answer: dict[str, Any]) -> Message:
    """The message of a call to this person."""
    from fluentsd.api import AgentSettings, Message, WebhookSkill

    given = dict(answer["settings"])
    given["skills"] = frozenset(given["skills"])
    given["webhooks"] = tuple(WebhookSkill(**hook) for hook in given["webhooks"])
    settings = AgentSettings(**given)
    return Message("phone", answer["to"], agent=settings.name, variables=answer["variables"], settings=settings,
                   timezone=answer["timezone"])  # fmt: skip


async def _converse(shell: Shell, message: Message) -> Inbound:
    from fluentsd.bootstrap import Http
    from fluentsd.clock import SystemClock
    from fluentsd.log import get_logger
    from fluentsd.parts import build_parts
    from fluentsd.plugins import discover

    async with Http() as http:
        parts = build_parts(shell.settings(), SystemClock(), discover(), log=get_logger(), http=http)
        try:
            state = parts.channels.get("phone")
            channel = state.abilities.rehearses if state is not None else None
            if channel is None:
                fail('no phone channel runs agents of fluentsd; write [channel.phone] with plugin = "twilio-voice"')
            _begin(shell, message, channel)
            return await channel.rehearse(message, _Keyboard(shell))
        finally:
            await parts.close()


def _begin(shell: Shell, message: Message, channel: Rehearses) -> None:
    if shell.as_json:
        return
    speaks = "its own model" if channel.has_model else "a script, because no model is configured"
    shell.screen.say(f"{message.agent} is spoken by {speaks}. A line of one digit is a key; Ctrl-D hangs up.", "dim")


class _Keyboard:
    """The terminal (`fluentsd.api.Typist`)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def say(self, text: str) -> None:
        """Print what the agent says."""
        if not self._shell.as_json:
            self._shell.screen.say(f"agent: {text}", "bold")

    async def listen(self) -> str | None:
        """Read a line; None at the end of the input."""
        return await trio.to_thread.run_sync(_read_line, "" if self._shell.as_json else "you: ", abandon_on_cancel=True)


def _read_line(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        return None


def _report(shell: Shell, found: Inbound) -> None:
    answer = {"outcome": str(found.outcome), "reason": found.reason, "summary": found.summary,
              "disposition": str(found.disposition) if found.disposition else None,
              "callback_at": found.callback_at, "transcript": found.transcript}  # fmt: skip
    if shell.as_json:
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201 - it is the answer
        return
    came_to = f", {answer['disposition']}" if answer["disposition"] else ""
    shell.screen.say(f"outcome: {answer['outcome']}{came_to} ({answer['reason']})", "bold")
    if found.callback_at:
        shell.screen.say(f"callback: {when(found.callback_at)}")
    if found.summary:
        shell.screen.say(f"summary: {found.summary}")
    shell.screen.say("transcript:")
    for line in found.transcript.splitlines():
        shell.screen.say(f"  {line}")
