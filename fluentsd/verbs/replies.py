"""Replies of contacts, users' answers to them, and test messages sent to the user."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import trio
from pydantic import ValidationError

from fluentsd.api import Attempt, Kind, Message, PluginError
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import Go, Point
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine import held_start
from fluentsd.engine.campaigns import manual_replies, previews
from fluentsd.engine.dispatch.claim import Claimed, compose
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts, campaigns, contacts, leads, replies
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import of_contact, under_way
from fluentsd.store.nodes import Fenced
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one, meant
from fluentsd.verbs.execute import Answer, change, refusing
from fluentsd.verbs.leads import with_ways
from fluentsd.verbs.suppression import read_point


async def listing(
    runtime: Runtime, call: Call, ref: str | None, attempt: str | None, person: str | None, most: int
) -> Answer:
    """Replies that are not handled yet, oldest first, with their full text."""

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        found = await replies.unanswered(conn, campaign_id, max(1, min(most, 1000)), attempt, await meant(conn, person))
        return {"replies": await with_ways(conn, found, call.at)}

    return await refusing(runtime.store.read(unit))


async def answer(
    runtime: Runtime, call: Call, ref: str, person: str, text: str, subject: str, channel: Kind | None, nothing: bool
) -> Answer:
    """Answer a contact's reply on the same channel, or a hot lead in writing; with `nothing`, only mark them as
    handled."""
    if bool(text.strip()) == nothing:
        raise Refused(
            "give the text of the answer, or say that none is needed",
            Suggestion("campaign answer", {"ref": ref, "person": person, "nothing": True}),
        )
    if not nothing and not runtime.engine_runs:
        raise Refused("no daemon is running, so nothing can be sent; start it first")
    claimed: list[Claimed] = []

    async def unit(conn: Connection) -> Answer:
        claimed.clear()
        campaign_id = (await campaigns.get(conn, ref)).id
        contact_id = await _who_replied(conn, campaign_id, person)
        if not nothing:
            latest = await replies.latest(conn, campaign_id, contact_id)
            is_lead = latest is None and await leads.latest(conn, campaign_id, contact_id) is not None
            if latest is None and not is_lead and await replies.wrote_unasked(conn, contact_id):
                raise Refused(
                    f"{person} wrote before any attempt, so there is nothing to answer on; the answer was not sent. "
                    "Write to them yourself, then close it",
                    Suggestion("campaign answer", {"ref": ref, "person": person, "nothing": True}),
                )
            step = latest[1] if latest is not None else await leads.latest(conn, campaign_id, contact_id)
            if step is None:
                raise Refused(f"{person} has no open reply or lead in {ref}")
            by = channel or (latest[0] if latest is not None else _in_writing(runtime))
            reply = manual_replies.Reply(by, text, subject, step)
            claimed.append(await _claim(conn, runtime, contact_id, campaign_id, reply, call.at))
        seen = await replies.handled(conn, campaign_id, contact_id, by=call.actor, at=call.at)
        seen += await leads.handled(conn, campaign_id, contact_id, by=call.actor, at=call.at)
        if not seen:
            raise Refused(f"{person} has no open reply or lead in {ref}")
        sent = claimed[0].message.kind if claimed else None
        return {"ref": ref, "person": person, "channel": sent, "seen": seen, "_details": {"contact": contact_id}}

    result = await change(runtime, call, "answer", ref, unit)
    for one in claimed:
        runtime.send_committed(one)
    return result


async def unhandle(runtime: Runtime, call: Call, ref: str, person: str) -> Answer:
    """Open the replies and leads of a person again that were handled last; what was sent stays sent."""

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id
        contact_id = await find_one(conn, person)
        times = [await replies.last_handled(conn, campaign_id, contact_id),
                 await leads.last_handled(conn, campaign_id, contact_id)]  # fmt: skip
        last = max((at for at in times if at is not None), default=None)
        if last is None:
            raise Refused(f"no reply or lead of {person} in {ref} is marked as handled; nothing was changed")
        opened = await replies.reopen(conn, campaign_id, contact_id, last)
        opened += await leads.reopen(conn, campaign_id, contact_id, last)
        return {"ref": ref, "person": person, "opened": opened, "_details": {"contact": contact_id}}

    return await change(runtime, call, "unhandle", ref, unit)


def _in_writing(runtime: Runtime) -> Kind:
    """The channel on which a hot lead is answered."""
    return "email" if "email" in runtime.channels and "sms" not in runtime.channels else "sms"


async def _who_replied(conn: Connection, campaign_id: int, person: str) -> int:
    """The contact: of several who share a number or address, the one who has an open reply or lead."""
    sharing = await contacts.owners(conn, person.strip())
    waiting = [
        one for one in sharing
        if await replies.latest(conn, campaign_id, one) is not None
        or await leads.latest(conn, campaign_id, one) is not None
    ]  # fmt: skip
    return waiting[0] if len(waiting) == 1 else await find_one(conn, person)


async def _claim(
    conn: Connection, runtime: Runtime, contact_id: int, campaign_id: int, reply: manual_replies.Reply, at: int
) -> Claimed:
    channel_state = runtime.channels.get(reply.channel)
    if channel_state is None:
        raise Refused(f"no channel serves {reply.channel}; add [channel.{reply.channel}] to fluentsd.toml")
    try:
        return await manual_replies.claim(
            conn, runtime.plans, contact_id, campaign_id, reply, channel_state.lookup_after, at,
            channel_state.abilities.prices,
        )  # fmt: skip
    except ValidationError as why:
        words = dict.fromkeys(str(error["msg"]).removeprefix("Value error, ") for error in why.errors())
        raise Refused(f"the answer was not sent: {'; '.join(words)}") from None
    except TemplateProblem as why:
        raise Refused(f"the answer was not sent: {why}") from None
    except Fenced as why:
        raise Refused(f"the answer was not sent: {why}") from None
    except manual_replies.CannotAnswer as why:
        until = f"; possible from {_utc_text(why.until_at)}" if why.until_at else ""
        see = Suggestion("holds") if why.is_held else None
        raise Refused(f"the answer was not sent: {why}{until}", see) from None


def _utc_text(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC):%Y-%m-%d %H:%M} UTC"


async def test(runtime: Runtime, call: Call, ref: str, to: str, step: str | None, person: str | None) -> Answer:
    """Send a step, rendered for a person of the campaign, to the user; marked as a test and not counted."""
    kind, value = read_point(to)

    async def unit(conn: Connection) -> tuple[Step, dict[str, Any]]:
        if await held_start.held_because(conn, call.at):
            raise Refused("everything is held, so nothing was sent; see why", Suggestion("holds"))
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id, lock=False)
        contact_id = await _example_contact(conn, row.id, person, call.at)
        return _step(plan, step, kind), await previews.values_of(conn, contact_id, plan.name)

    chosen, values = await refusing(runtime.store.read(unit))
    channel_state = runtime.channels.get(chosen.channel)
    if channel_state is None:
        raise Refused(f"no channel serves {chosen.channel}; add [channel.{chosen.channel}] to fluentsd.toml")
    try:
        message = compose(chosen, values, Go(Point(0, kind, value), None, call.at + channel_state.timeout), None)
    except TemplateProblem as why:
        raise Refused(f"step {chosen.id}: {why}") from None
    test_message = _as_test(message)
    token = attempts.new_id(call.at)
    result = {"ref": ref, "step": chosen.id, "channel": chosen.channel, "to": value, "text": test_message.text}

    async def note(conn: Connection) -> Answer:
        return result | {"_details": {"step": chosen.id, "token": token}}

    await change(runtime, call, "test", ref, note)
    attempt = Attempt(token, chosen.channel, value, call.at, None, None, chosen.id, 1)
    with trio.move_on_after(channel_state.timeout / 1_000_000) as time_limit:
        try:
            receipt = await channel_state.channel.send(test_message, attempt)
            return result | {"accepted": receipt.ref}
        except PluginError as why:
            raise Refused(f"the provider did not accept the message: {why}") from None
    assert time_limit.cancelled_caught  # noqa: S101 - the only other way out of the block
    raise Refused("the provider did not answer in time; the message may have been sent")


def _as_test(message: Message) -> Message:
    if message.kind == "email":
        return replace(message, subject=f"[Test] {message.subject}")
    return replace(message, text=f"[Test] {message.text}") if message.text else message


def _step(plan: Plan, step: str | None, kind: str) -> Step:
    flow = plan.flow(plan.version_id)
    fitting = [one for one in flow.steps if (one.channel == "email") == (kind == "email")]
    if step is None:
        if not fitting:
            raise Refused(f"{plan.ref} has no step for {'an e-mail address' if kind == 'email' else 'a number'}")
        return fitting[0]
    if step not in flow.index:
        raise Refused(f"{plan.ref} has no step {step!r}; it has: {', '.join(flow.index)}")
    if flow.step(step) not in fitting:
        raise Refused(f"{step} is a step by {flow.step(step).channel}, which cannot reach that number or address")
    return flow.step(step)


async def _example_contact(conn: Connection, campaign_id: int, person: str | None, at: int) -> int:
    """The contact whose fields the test message shows."""
    if person is not None:
        contact_id = await find_one(conn, person)
        if not any(row.campaign_id == campaign_id for row in await of_contact(conn, contact_id)):
            raise Refused(f"{person} is not in the campaign")
        return contact_id
    first = await under_way(conn, campaign_id, 0, 1, at)
    if not first:
        raise Refused("the campaign has no people whose fields could be used; import people first")
    return first[0].due.contact_id
