"""Calls that people make to us: who calls, who answers, and what it changes.

The caller is matched by number. Their next steps are held (`called_back`) until a person decides, because they and we
would talk past each other. A number that several people share holds all of them, and its agent asks who it is. A call
is answered by the number's agent, goes on to a colleague, or hears an announcement with the opt-out key. It asks no
gate: the person has chosen to talk. An opt-out in it counts like any.
"""

from __future__ import annotations

from collections.abc import Collection

from fluentsd.api import Inbound, Message, Outcome, Pickup, PickupVerdict
from fluentsd.domain.agents import Agent, KeptAgent
from fluentsd.domain.events import CallReceived, ReceivedCallTask
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.speaker import compile_speaker
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.runtime import ChannelState, Runtime
from fluentsd.store import agents, contacts, inbound_calls, outbox
from fluentsd.store.db import Connection
from fluentsd.store.inbound_calls import Beginning, End

#: The field of an agent's prompt that names the people who share the caller's number.
MAY_BE = "caller_may_be"


async def answer(
    runtime: Runtime, channel_state: ChannelState, pickup: Pickup, address: str, can_talk: bool
) -> PickupVerdict:
    """Note the call, hold its people's steps, and say how it is answered; without the URL of a conversation's socket.
    `can_talk`: whether an agent can be connected."""
    now = runtime.clock.now()
    return await runtime.store.run(_begin, channel_state, pickup, address, can_talk, now)


async def _begin(
    conn: Connection, channel_state: ChannelState, pickup: Pickup, address: str, can_talk: bool, at: int
) -> PickupVerdict:
    people = await contacts.owners(conn, address) if address else []
    how = await inbound_calls.answering(conn, pickup.to or "")
    message = await _message(conn, how.agent, people, pickup, address) if how.agent and can_talk else None
    forward_to = how.forward_to if message is None else ""
    answered_by = "agent" if message is not None else "forward" if forward_to else "announcement"
    beginning = Beginning(
        channel_state.kind, pickup.ref, await inbound_calls.point_id(conn, address) if address else None,
        people[0] if len(people) == 1 else None, how.number_id, how.agent if message is not None else "", answered_by,
    )  # fmt: skip
    if await inbound_calls.begin(conn, beginning, at) and people:
        await inbound_calls.called_back(conn, people, at)
    return PickupVerdict(go=True, message=message, forward_to=forward_to)


async def _message(
    conn: Connection, name: str, people: Collection[int], pickup: Pickup, address: str
) -> Message | None:
    """The agent for this caller; None when it is gone, or cannot speak with somebody of whom nothing is known."""
    kept = (await agents.current(conn, [name])).get(name)
    if kept is None:
        return None
    fields, zone = await _known_of(conn, people)
    try:
        settings = compile_speaker(kept).answering().settings({**fields, "contact": fields, "sender": pickup.to or ""})
    except TemplateProblem:
        return None
    return Message("phone", address, pickup.to, agent=name, variables=fields, settings=settings, timezone=zone)


async def _known_of(conn: Connection, people: Collection[int]) -> tuple[dict[str, str], str]:
    """The fields and the zone of the one person; of several their names alone, for the agent to ask."""
    if not people:
        return {}, ""
    if len(people) > 1:
        names = await contacts.names_of(conn, list(people))
        said = sorted({" ".join(filter(None, name)).title() for mine in names.values() for name in mine})
        return {MAY_BE: "; ".join(filter(None, said))}, ""
    (contact_id,) = people
    fields = (await contacts.fields_of(conn, [contact_id])).get(contact_id, {})
    zones = await contacts.zones_of(conn, contact_id)
    return fields, next(iter(names_in(zones)), "")


def cannot_answer(agent: Agent) -> list[str]:
    """What an agent needs of every caller, which nobody can promise: fields without a default."""
    try:
        compile_speaker(KeptAgent(agent.name, 0, agent.model_dump(mode="json"), 0, "")).answering().settings(
            {"contact": {}, "sender": ""}
        )
    except TemplateProblem as why:
        return [str(why)]
    return []


async def record(conn: Connection, channel: str, inbound: Inbound, at: int) -> bool:
    """What a call came to; whether it is known. The news of a call that is to be analysed waits for its analysis."""
    outcome = None if inbound.outcome == Outcome.unknown else str(inbound.outcome)
    said = (("reply", inbound.text if inbound.outcome == Outcome.opted_out else ""), ("transcript", inbound.transcript),
            ("recording", inbound.recording), ("summary", inbound.summary))  # fmt: skip
    words = tuple((kind, text) for kind, text in said if text)
    disposition = str(inbound.disposition) if inbound.disposition is not None else None
    end = End(outcome, inbound.reason, disposition, inbound.duration_s, inbound.cost_micros, words)
    if inbound.ref is None or (ended := await inbound_calls.end(conn, channel, inbound.ref, end, at)) is None:
        return False
    if inbound.transcript and ended.contact_id is not None and await _is_analysed(conn, ended.agent):
        await outbox.post(conn, ReceivedCallTask(call=ended.id, is_told=not ended.is_first), at=at)
    elif ended.is_first:
        told = CallReceived(
            call=ended.id, contact=ended.contact_id, known=ended.is_known, answered_by=ended.answered_by,
            outcome=ended.outcome, disposition=ended.disposition,
        )  # fmt: skip
        await outbox.post(conn, told, at=at)
    return True


async def _is_analysed(conn: Connection, name: str) -> bool:
    """Whether the agent's file asks for an analysis of its conversations."""
    kept = (await agents.current(conn, [name])).get(name) if name else None
    return kept is not None and kept.agent.analysis is not None
