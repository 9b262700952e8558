"""What people wrote back, and our answers to them; and a step sent to oneself, to see what it looks like."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import trio
from pydantic import ValidationError

from fluentsd.api import Attempt, Message, PluginError
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Point
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.campaigns import manual_replies, previews
from fluentsd.engine.dispatch.claim import Claimed, compose
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts, campaigns, replies
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import of_contact, under_way
from fluentsd.validation import explain
from fluentsd.verbs.contacts import find_one
from fluentsd.verbs.execute import Answer, Call, Refused, change, refusing
from fluentsd.verbs.suppression import read_point


async def listing(runtime: Runtime, call: Call, ref: str | None, most: int) -> Answer:
    """Replies nobody has seen to yet, oldest first, whole."""

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        return {"replies": await replies.unanswered(conn, campaign_id, max(1, min(most, 1000)))}

    return await refusing(runtime.store.read(unit))


async def answer(runtime: Runtime, call: Call, ref: str, person: str, text: str, subject: str, nothing: bool) -> Answer:
    """Write back to somebody, on the channel they wrote on; with `nothing` only say that it is seen to."""
    if bool(text.strip()) == nothing:
        raise Refused("give the text of the answer, or --nothing to say that none is needed")
    if not nothing and runtime.carry is None:
        raise Refused("no daemon is running, so nothing can be sent; start it: fluentsd run")
    marked: list[Claimed] = []

    async def unit(conn: Connection) -> Answer:
        marked.clear()
        campaign_id = (await campaigns.get(conn, ref)).id
        contact_id = await find_one(conn, person)
        if not nothing:
            latest = await replies.latest(conn, campaign_id, contact_id)
            if latest is None:
                raise Refused(f"{person} has written nothing in {ref} that is still open")
            words = manual_replies.Words(latest[0], text, subject, latest[1])
            marked.append(await _mark(conn, runtime, contact_id, campaign_id, words, call.at))
        seen = await replies.handled(conn, campaign_id, contact_id, by=call.actor, at=call.at)
        if not seen:
            raise Refused(f"{person} has written nothing in {ref} that is still open")
        sent = marked[0].attempt.kind if marked else None
        return {"ref": ref, "person": person, "channel": sent, "seen": seen, "_details": {"contact": contact_id}}

    told = await change(runtime, call, "answer", ref, unit)
    for one in marked:
        assert runtime.carry is not None  # noqa: S101 - looked above
        runtime.carry(one)
    return told


async def _mark(
    conn: Connection, runtime: Runtime, contact_id: int, campaign_id: int, words: manual_replies.Words, at: int
) -> Claimed:
    channel_state = runtime.channels.get(words.channel)
    if channel_state is None:
        raise Refused(f"no channel serves {words.channel}; add [channel.{words.channel}] to fluentsd.toml")
    try:
        return await manual_replies.claim(
            conn, runtime.plans, contact_id, campaign_id, words, channel_state.lookup_after, at
        )
    except ValidationError as why:
        raise Refused("\n".join(explain(None, why))) from None
    except TemplateProblem as why:
        raise Refused(str(why)) from None
    except manual_replies.CannotAnswer as why:
        until = f"; from {_moment(why.until_at)} on" if why.until_at else ""
        raise Refused(f"the answer was not sent: {why}{until}") from None


def _moment(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC):%Y-%m-%d %H:%M} UTC"


async def test(runtime: Runtime, call: Call, ref: str, to: str, step: str | None, person: str | None) -> Answer:
    """Send a step to oneself as somebody in the campaign would get it, marked as a test and counted nowhere."""
    kind, value = read_point(to)

    async def unit(conn: Connection) -> tuple[Step, dict[str, Any]]:
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id, lock=False)
        contact_id = await _somebody(conn, row.id, person, call.at)
        return _step(plan, step, kind), await previews.values_of(conn, contact_id, plan.name)

    wanted, values = await refusing(runtime.store.read(unit))
    channel_state = runtime.channels.get(wanted.channel)
    if channel_state is None:
        raise Refused(f"no channel serves {wanted.channel}; add [channel.{wanted.channel}] to fluentsd.toml")
    try:
        message = compose(wanted, values, Go(Point(0, kind, value), None, call.at + channel_state.timeout), None)
    except TemplateProblem as why:
        raise Refused(f"step {wanted.id}: {why}") from None
    marked = _as_test(message)
    token = attempts.new_id(call.at)
    told = {"ref": ref, "step": wanted.id, "channel": wanted.channel, "to": value, "text": marked.text}

    async def note(conn: Connection) -> Answer:
        return told | {"_details": {"step": wanted.id, "token": token}}

    await change(runtime, call, "test", ref, note)
    about = Attempt(token, wanted.channel, value, call.at, None, None, wanted.id, 1)
    with trio.move_on_after(channel_state.timeout / 1_000_000) as patience:
        try:
            receipt = await channel_state.channel.send(marked, about)
            return told | {"accepted": receipt.ref}
        except PluginError as why:
            raise Refused(f"the provider did not take it: {why}") from None
    assert patience.cancelled_caught  # noqa: S101 - the only other way out
    raise Refused("the provider did not answer in time; whether it was sent is not known")


def _as_test(message: Message) -> Message:
    if message.kind == "email":
        return replace(message, subject=f"[Test] {message.subject}")
    return replace(message, text=f"[Test] {message.text}") if message.text else message


def _step(plan: Plan, step: str | None, kind: str) -> Step:
    flow = plan.flow(plan.version_id)
    fitting = [one for one in flow.steps if (one.channel == "email") == (kind == "email")]
    if step is None:
        if not fitting:
            raise Refused(f"{plan.ref} has no step that could go there")
        return fitting[0]
    if step not in flow.index:
        raise Refused(f"{plan.ref} has no step {step!r}; it has: {', '.join(flow.index)}")
    if flow.step(step) not in fitting:
        raise Refused(f"{step} goes by {flow.step(step).channel}, which does not reach that")
    return flow.step(step)


async def _somebody(conn: Connection, campaign_id: int, person: str | None, at: int) -> int:
    """Whose fields the test is made with."""
    if person is not None:
        contact_id = await find_one(conn, person)
        if not any(row.campaign_id == campaign_id for row in await of_contact(conn, contact_id)):
            raise Refused(f"{person} is not in the campaign")
        return contact_id
    first = await under_way(conn, campaign_id, 0, 1, at)
    if not first:
        raise Refused("nobody is in the campaign whose fields could be shown; import people, or name one: --person")
    return first[0].due.contact_id
