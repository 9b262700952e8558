"""`agents talk`: a conversation with an agent at the keyboard, on its real model and skills, without a phone.

The daemon (or the database) gives the agent rendered for a person; the conversation itself runs in this process, with
the phone channel of the configuration. At its end the conversation is analysed as after a call. Nothing is recorded or
written anywhere, and nobody is called.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import trio
import typer

from fluentsd.cli.format import when
from fluentsd.cli.runner import Shell, fail, refusals, with_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluentsd.api import AnalysesCalls, Inbound, Message, Rehearses


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
        found, analysis = trio.run(_converse, shell, _message(answer), answer.get("analysis"))
    _report(shell, found, analysis)


def _message(answer: dict[str, Any]) -> Message:
    """The message of a call to this person."""
    from fluentsd.api import AgentSettings, Message, WebhookSkill

    given = dict(answer["settings"])
    given["skills"] = frozenset(given["skills"])
    given["webhooks"] = tuple(WebhookSkill(**hook) for hook in given["webhooks"])
    settings = AgentSettings(**given)
    return Message("phone", answer["to"], agent=settings.name, variables=answer["variables"], settings=settings,
                   timezone=answer["timezone"])  # fmt: skip


async def _converse(
    shell: Shell, message: Message, wanted: Mapping[str, Any] | None
) -> tuple[Inbound, dict[str, Any] | None]:
    """The outcome of the conversation, and its analysis if the agent's file asks for one."""
    from fluentsd.bootstrap import Http
    from fluentsd.clock import SystemClock
    from fluentsd.configured_plugins import build_plugins
    from fluentsd.log import get_logger
    from fluentsd.plugins import discover

    async with Http() as http:
        configured = build_plugins(shell.settings(), SystemClock(), discover(), log=get_logger(), http=http)
        try:
            state = configured.channels.get("phone")
            channel = state.abilities.rehearses if state is not None else None
            if channel is None:
                fail('no phone channel runs agents of fluentsd; write [channel.phone] with plugin = "twilio-voice"')
            _begin(shell, message, channel)
            found = await channel.rehearse(message, _Keyboard(shell))
            analyses = state.abilities.analyses if state is not None and channel.has_model else None
            return found, await _analyse(analyses, message, found, wanted) if wanted is not None else None
        finally:
            await configured.close()


async def _analyse(
    analyses: AnalysesCalls | None, message: Message, found: Inbound, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """What the work after a call would keep, and write to each CRM; or the problem."""
    from fluentsd.api import AnalysisRequest, NeedsHuman, Rejected, Unavailable
    from fluentsd.domain.analysis import AnalysisSettings, read_analysis, schema_of, settled

    if analyses is None or message.settings is None:
        return {"problem": "no model is configured, which would analyse the conversation"}
    settings = AnalysisSettings.model_validate(wanted)
    request = AnalysisRequest(
        message.settings, found.outcome, found.transcript, settings.instructions, schema_of(settings)
    )
    try:
        analysis = read_analysis(await analyses.analyse(request), settings)
    except (Rejected, Unavailable, NeedsHuman, ValueError) as why:
        return {"problem": str(why)}
    came_to = settled(str(found.disposition) if found.disposition else None, analysis)
    return {"summary": analysis.summary, "disposition": str(came_to) if came_to else None,
            "opted_out": analysis.opted_out, "fields": dict(analysis.fields),
            "writes": {source: dict(values) for source, values in analysis.writes.items()}}  # fmt: skip


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


def _report(shell: Shell, found: Inbound, analysis: Mapping[str, Any] | None) -> None:
    answer = {"outcome": str(found.outcome), "reason": found.reason, "summary": found.summary,
              "disposition": str(found.disposition) if found.disposition else None,
              "callback_at": found.callback_at, "transcript": found.transcript, "analysis": analysis}  # fmt: skip
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
    if analysis is not None:
        _show_analysis(shell, analysis)


def _show_analysis(shell: Shell, analysis: Mapping[str, Any]) -> None:
    """What the work after a call would keep of it, and write back."""
    if problem := analysis.get("problem"):
        shell.screen.say(f"no analysis: {problem}", "yellow")
        return
    came_to = f", {analysis['disposition'].replace('_', ' ')}" if analysis["disposition"] else ""
    shell.screen.say(f"analysis{came_to}: {analysis['summary']}", "bold")
    if analysis["opted_out"]:
        shell.screen.say("  the person would be put on the suppression list")
    for name, value in analysis["fields"].items():
        shell.screen.say(f"  {name.replace('_', ' ')}: {value}")
    for source, values in analysis["writes"].items():
        shown = ", ".join(f"{name} = {value}" for name, value in values.items())
        shell.screen.say(f"  would be written to {source}: {shown}")
