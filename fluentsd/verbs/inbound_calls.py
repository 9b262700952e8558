"""Calls that people make to us: who answers them. How it goes on with a caller: `takeover`."""

from __future__ import annotations

from fluentsd.engine.calls.inbound_calls import cannot_answer
from fluentsd.engine.runtime import Runtime
from fluentsd.store import agents, inbound_calls
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change
from fluentsd.verbs.numbers import e164_of


async def answering(
    runtime: Runtime, call: Call, number: str, agent: str | None, forward: str | None, announce: bool
) -> Answer:
    """Say who answers calls to a number of ours. An agent must be able to speak with a caller whom nobody knows."""
    if [agent is not None, forward is not None, announce].count(True) != 1:
        raise Refused(
            "give one of agent, forward and announce; nothing was changed",
            Suggestion("numbers inbound", {"number": number, "announce": True}),
        )
    e164, forward_to = e164_of(number), e164_of(forward) if forward is not None else None

    async def unit(conn: Connection) -> Answer:
        if agent is not None:
            kept = (await agents.current(conn, [agent])).get(agent)
            if kept is None:
                raise Refused(f"there is no agent {agent!r}; see the list of them", Suggestion("agents list"))
            if lacking := cannot_answer(kept.agent):
                raise Refused(
                    f"{agent} cannot speak with a caller whom nobody knows: {lacking[0]}; give its fields a default,"
                    " like {{ first_name | default: 'there' }}; nothing was changed"
                )
        if not await inbound_calls.set_answering(conn, e164, agent, forward_to):
            raise Refused(f"{e164} is not a caller ID; see the list of them", Suggestion("numbers list"))
        return {"number": e164, "answered_by": agent or forward_to or "announcement"}

    return await change(runtime, call, "numbers inbound", e164, unit)
