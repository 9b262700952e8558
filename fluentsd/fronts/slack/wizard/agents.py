"""The form of a phone agent: made, and changed as a new version. What the form has no input for stays as the agent's
file has it.

What must not live here: rules of an agent (`domain.agents`), and what a new version means for campaigns
(`verbs.agents`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fluentsd.domain.agents import read_agents
from fluentsd.fronts.slack.blocks.layout import Block, context, section
from fluentsd.fronts.slack.blocks.wording import count, ours, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, filled
from fluentsd.fronts.slack.forms.kinds import Choice, Flag, Many, Text, Whole
from fluentsd.fronts.slack.forms.problems import placed
from fluentsd.fronts.slack.forms.texts import Decimal, Lines, Names
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.view import further, usual, wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.validation import Problems
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.agents import Applied

Ack = Mapping[str, Any] | None

_NAME = Field("agent.name", "Name", Text(63), "Lower-case letters, digits and hyphens. Steps name the agent by it.",
              required=True)  # fmt: skip
AGENT = (
    _NAME,
    Field("agent.company", "Company", Text(80), "Who calls; it is said first.", required=True),
    Field("agent.prompt", "Instructions", Text(3000, lines=True), "What it does in the call. Variables: {{ first_name "
          "| default: 'there' }}.", required=True),
    Field("agent.greeting", "First sentence", Text(1000, lines=True), "After the words that the law asks for."),
    Field("agent.language", "Language", Text(20, default="en-US"), 'Like "en-US" or "es-MX".', more=True),
    Field("agent.voice", "Voice", Text(120), "As your provider calls it; empty: its usual one."),
    Field("agent.model", "Provider and model", Text(200), "As the phone channel names it; empty: its usual one.",
          more=True),
    Field("agent.temperature", "Temperature", Decimal(10), "0 to 2; empty: the model's own.", more=True),
    Field("agent.skills", "It can", Many((
        ("end_call", "end the call"), ("opt_out", "take an opt-out"), ("book_callback", "promise a call back"),
        ("transfer", "transfer to the numbers below, and to no other"), ("webhook", "ask the services of its file")),
        ("end_call", "opt_out", "book_callback"))),
    Field("agent.transfer", "Numbers that a call may go on to", Names(1000), "One in each line: sales +12125550123"),
    Field("agent.voicemail", "Left on a machine", Text(1000, lines=True), "Empty: it hangs up.", more=True),
    Field("agent.machine", "When a machine answers", Choice((("hang_up", "hang up, or leave the words above"),
          ("talk", "talk to it, such as to a menu"))), more=True),
    Field("agent.recording", "Recording", Flag("Record the calls; a notice is said first"), more=True),
    Field("agent.analysis.instructions", "After the call, find out", Text(3000, lines=True), "A model reads the "
          "transcript. Empty, and without fields in the agent's file: calls are not analysed.", more=True),
    Field("agent.variables", "Fields that every person must have", Lines(500), more=True),
    Field("agent.disclosure", "Who calls, in its own words", Text(500, lines=True), "It names the company and says "
          "that the voice is automated. Empty: the usual sentence.", more=True),
    Field("agent.opt_out_notice", "How to opt out, in its own words", Text(500, lines=True), "It names the key. Empty: "
          "the usual sentence.", more=True),
    Field("agent.recording_notice", "Notice of the recording, in its own words", Text(500, lines=True), more=True),
    Field("agent.opt_out_key", "Key of the opt-out", Text(1, default="9"), more=True),
    Field("agent.idle_prompt", "Said when the person is silent", Text(500), more=True),
    Field("agent.interruption", "How readily the person interrupts it", Choice((
        ("high", "at once"), ("medium", "soon"), ("low", "seldom"), ("none", "never"))), more=True),
    Field("agent.endpointing", "A pause counts as the end of a turn", Choice((
        ("auto", "as the provider finds best"), ("relaxed", "late"), ("quick", "early"))), more=True),
    Field("agent.start_delay", "Waits before it speaks", Text(20, default="0"), 'Like "1 s".', more=True),
    Field("agent.limits.length", "Longest call", Text(20, default="10 min"), more=True),
    Field("agent.limits.silence", "Longest silence", Text(20, default="8 s"), more=True),
    Field("agent.limits.turns", "Most turns of the person", Whole(1, 500, 60), more=True),
)  # fmt: skip
#: Parts of an agent file without an input, and why.
WITHOUT_INPUT: Mapping[str, str] = {
    "webhook": "a service and its parameters are JSON schemas, which an engineer writes in the file",
    "analysis.field": "fields and where a CRM keeps them are written in the file; the form keeps them",
    "waive": "a notice is left out in the file, with the reason and the person; the form keeps it",
}


def agent_view(place: Place, file: Mapping[str, Any] | None = None, notes: Sequence[str] = ()) -> Block:
    """The form; `place.new` is the name of an agent that is there."""
    title = "Agent" if place.new else "New agent"
    form = {"agent": file or {}}
    made = [*usual(_shown(place), form), *further(place, "More options", _shown(place), form)]
    above = [section(f"*{safe(place.new)}*, the next version")] if place.new else []
    return wizard_view(place, title, [*above, *made], "Save", "Back", notes)


async def again(session: Session, place: Place, notes: Sequence[str] = ()) -> Block:
    """The form with what was entered, which is not saved."""
    kept = (await kept_file(session, place.new))[0] if place.new else {}
    entered = filled(_shown(place), {"agent": kept}, session.interaction.answers)
    return agent_view(place, entered.get("agent") or {}, notes)


def _shown(place: Place) -> tuple[Field, ...]:
    return AGENT[1:] if place.new else AGENT


async def kept_file(session: Session, name: str) -> tuple[dict[str, Any], str]:
    """The file of an agent, and its version. Raises `Refused`."""
    found = await session.run("agents show", {"name": name})
    return dict(found.file["agent"][0]), str(found.version)


async def agent(session: Session, place: Place) -> Ack:
    """Store the agent as a new version, and show what it says first and which campaigns use it."""
    shown = _shown(place)
    kept: dict[str, Any] = {}
    if place.new:
        kept, version = await kept_file(session, place.new)
        if version != place.seen:
            raise Refused(f"somebody has made version {version} of {place.new} since you opened this form; nothing of "
                          "yours was saved. Go back, look, and enter it again")  # fmt: skip
    given = filled(shown, {"agent": kept}, session.interaction.answers).get("agent") or {}
    file = {"agent": [given]}
    ids = [field.path for field in shown]
    try:
        read_agents(file)
    except Problems as why:
        wrong = placed(why.lines, ids, ["agent"], 0) or {ids[0]: str(why)}
        if set(wrong) <= {str(one.get("block_id")) for one in session.interaction.view.get("blocks") or ()}:
            return _errors(wrong)
        labels = {field.path: field.label for field in shown}
        notes = [f"{labels[id_]}: {words}" for id_, words in wrong.items()]
        return {"response_action": "update", "view": await again(session, replace(place, more=True), notes)}
    try:
        found = await session.run("agents apply", {"file": file})
    except Refused as why:
        return _errors({ids[0]: str(why)})
    view = wizard_view(Place("stored", place.ref), "Stored", _stored(found), submit="", close="Back")
    return {"response_action": "update", "view": view}


def _stored(found: Applied) -> list[Block]:
    change = found.agents[0]
    made = [section(f"`{safe(change.name)}` is stored as version {change.version}.")]
    if change.opening:
        made.append(section(f"*What it says first*\n>{safe(change.opening, 1500)}"))
    if change.live:
        live = safe(", ".join(change.live))
        made.append(context(f"For everybody at once: {live}. The rest is for people who enter from now on."))
    used = [f"{safe(one.ref)} ({count(one.keep_their_flow)} keep the earlier one)" for one in found.campaigns]
    if used:
        made.append(context(f"used by {', '.join(used[:10])}"))
    return [*made, context("To let it call, choose it in a step under *Agent*.")]


def _errors(wrong: Mapping[str, str]) -> Ack:
    return {"response_action": "errors", "errors": {id_: plain(ours(words), 300) for id_, words in wrong.items()}}
