"""Calls that people make to us: who calls, who answers, and what it changes.

The caller is matched by number. Their next steps are held (`called_back`) until a person decides, because they and we
would talk past each other. A number that several people share holds all of them, and its agent asks who it is. A call
is answered by the number's agent, goes on to a colleague, or hears an announcement with the opt-out key. It asks no
gate: the person has chosen to talk. An opt-out in it counts like any. A call of one person belongs to the campaign that
contacted them last, from the number that they called if there is one; what follows a conversation is the work after
every call (`engine.after_calls`), and a callback that was promised in it is kept at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fluentsd.api import Inbound, Message, Outcome, Pickup, PickupVerdict
from fluentsd.domain.agents import Agent, KeptAgent
from fluentsd.domain.compiled_agent import compile_agent
from fluentsd.domain.events import CallReceived, RecordingTask
from fluentsd.domain.flow import Flow
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.after_calls.begin import begin_received
from fluentsd.engine.campaigns.callbacks import promise_in_a_call
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.dispatch.plans import Plans
from fluentsd.engine.runtime import Runtime
from fluentsd.store import agents, contacts, inbound_calls, outbox
from fluentsd.store.db import Connection
from fluentsd.store.inbound_calls import Beginning, End, Ended

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
    people = await contacts.who_speaks(conn, address) if address else []
    how = await inbound_calls.answering(conn, pickup.to or "")
    message = await _message(conn, how.agent, people, pickup, address) if how.agent and can_talk else None
    forward_to = how.forward_to if message is None else ""
    answered_by = "agent" if message is not None else "forward" if forward_to else "announcement"
    contact_id = people[0] if len(people) == 1 else None
    entry_id = await inbound_calls.belongs_to(conn, contact_id, how.number_id) if contact_id is not None else None
    beginning = Beginning(
        channel_state.kind, pickup.ref, await inbound_calls.point_id(conn, address) if address else None, contact_id,
        how.number_id, entry_id, how.agent if message is not None else "", answered_by,
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
        settings = compile_agent(kept).answering().settings({**fields, "contact": fields, "sender": pickup.to or ""})
    except TemplateProblem:
        return None
    return Message("phone", address, pickup.to, agent=name, variables=fields, settings=settings, timezone=zone)


async def _known_of(conn: Connection, people: Collection[int]) -> tuple[dict[str, str], str]:
    """The fields and the zone of the one person; of several their names alone, for the agent to ask."""
    if not people:
        return {}, ""
    if len(people) > 1:
        names = await contacts.names_of(conn, list(people))
        full_names = sorted({" ".join(filter(None, name)).title() for mine in names.values() for name in mine})
        return {MAY_BE: "; ".join(filter(None, full_names))}, ""
    (contact_id,) = people
    fields = (await contacts.fields_of(conn, [contact_id])).get(contact_id, {})
    zones = await contacts.zones_of(conn, contact_id)
    return fields, next(iter(names_in(zones)), "")


def cannot_answer(agent: Agent) -> list[str]:
    """What an agent needs of every caller, which nobody can promise: fields without a default."""
    try:
        compile_agent(KeptAgent(agent.name, 0, agent.model_dump(mode="json"), 0, "")).answering().settings(
            {"contact": {}, "sender": ""}
        )
    except TemplateProblem as why:
        return [str(why)]
    return []


async def record(conn: Connection, plans: Plans, channel: str, inbound: Inbound, at: int) -> bool:
    """Note what a call came to; whether the call is known. The news of one with work after it waits for that."""
    # news of an unknown outcome is about something else, such as a recording, unless it says why nothing is known
    outcome = None if inbound.outcome == Outcome.unknown and not inbound.reason else str(inbound.outcome)
    reply = inbound.text if inbound.outcome == Outcome.opted_out else ""
    contents = (
        ("reply", reply), ("transcript", inbound.transcript), ("recording", inbound.recording),
        ("summary", inbound.summary),
    )  # fmt: skip
    words = tuple((kind, text) for kind, text in contents if text)
    disposition = str(inbound.disposition) if inbound.disposition is not None else None
    end = End(outcome, inbound.reason, disposition, inbound.callback_at, inbound.duration_s, inbound.cost_micros, words)
    if inbound.ref is None or (news := await inbound_calls.end(conn, channel, inbound.ref, end, at)) is None:
        return False
    if news.is_recorded:
        await outbox.post(conn, RecordingTask(attempt=news.call_id), at=at)
    call = await inbound_calls.ended(conn, news.call_id)
    if news.is_promise and call.contact_id is not None and call.campaign_id and call.outcome != Outcome.opted_out:
        assert inbound.callback_at is not None  # noqa: S101 - it is the promise
        await promise_in_a_call(conn, plans, call.campaign_id, call.contact_id, inbound.callback_at, at)
    follows = False
    if inbound.transcript:
        kept = (await agents.current(conn, [call.agent])).get(call.agent) if call.agent else None
        flow = await _flow_of(conn, plans, call)
        follows = await begin_received(conn, call, kept, flow, at, is_told=not news.is_first)
    if news.is_first and not follows:
        await post_event(conn, call, at)
    return True


async def _flow_of(conn: Connection, plans: Plans, call: Ended) -> Flow | None:
    """The flow of the enrollment that a call belongs to."""
    if call.version_id is None:
        return None
    _, plan = await plans.current(conn, call.campaign_id, lock=False)
    return plan.flow(call.version_id)


async def post_event(
    conn: Connection,
    call: Ended,
    at: int,
    *,
    analysed: bool = False,
    follow_ups: Sequence[str] = (),
    is_told: bool = False,
) -> None:
    """Post the news of a call to us; `is_told`: of a call that was told before its work was done."""
    event = CallReceived(
        call=call.id, contact=call.contact_id, known=call.is_known, campaign=call.campaign,
        answered_by=call.answered_by, outcome=call.outcome, disposition=call.disposition, analysed=analysed,
        follow_ups=list(follow_ups), again=is_told,
    )  # fmt: skip
    await outbox.post(conn, event, at=at)
