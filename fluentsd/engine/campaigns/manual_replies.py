"""Manual replies: a user's answer to a contact who wrote back, outside the flow.

An answer is an ordinary attempt of a step that no flow can contain, committed before the provider is called. It does
not change the contact's enrollment. The gate decides as always, except that contact limits, out-of-office dates and a
call of the person do not count: the contact has asked for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fluentsd.api import Kind, Prices
from fluentsd.domain.campaign import Step as StepSpec
from fluentsd.domain.flow import Flow, Step, compile_flow
from fluentsd.domain.gate import WORDS, Go, Hold, Never, Reason, Skip, Wait, spent
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.dispatch.claim import Claimed, NoPrice, OverBudget, new_attempt
from fluentsd.engine.dispatch.facts import Facts
from fluentsd.engine.dispatch.plans import Plans, with_spending
from fluentsd.store import attempts, numbers, spending
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Due
from fluentsd.store.enrollments.queries import as_due, of_contact
from fluentsd.store.nodes import InstallationHeld

#: The step id of an answer; no flow has a step of this name.
ANSWER = "@answer"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its channel and text, and the step that the contact replied to."""

    channel: Kind
    text: str
    subject: str = ""
    to_step: str = ""


class CannotAnswer(Exception):
    """The gate does not allow the answer now; the message says why. Nothing was changed. `until_at`: when it will be
    allowed, if known; `is_held`: the installation is held."""

    def __init__(self, why: str, until_at: int | None = None, *, is_held: bool = False) -> None:
        super().__init__(why)
        self.until_at, self.is_held = until_at, is_held


async def claim(
    conn: Connection,
    plans: Plans,
    contact_id: int,
    campaign_id: int,
    reply: Reply,
    lookup_after: int,
    at: int,
    prices: Prices | None = None,
) -> Claimed:
    """Commit one answer. Raises `CannotAnswer`, and `pydantic.ValidationError` when the text is not a valid
    template."""
    rows = [row for row in await of_contact(conn, contact_id) if row.campaign_id == campaign_id]
    if not rows:
        raise CannotAnswer("this person was never in the campaign")
    state, plan = await plans.current(conn, campaign_id)
    if state in (CampaignState.paused, CampaignState.stopped):
        raise CannotAnswer(f"{plan.ref} is {state}, so it makes no contacts")
    tries = await attempts.tries_of(conn, rows[0].id, ANSWER)
    due = as_due(rows[0], at)._replace(try_no=tries + 1, due_at=at, away_until_at=None, called_back_at=None)
    step = _step(reply, plan.flow(due.version_id))
    rules = replace(await with_spending(conn, plan, at), limits=(), goal=None)
    facts = Facts(plan, rules, at)
    await facts.read(conn, [due], lock=True, whole_flow=True, by_hand=True)
    try:
        new = new_attempt(facts, due, step, *_allowed(facts, due, step), lookup_after, prices)
    except OverBudget:
        raise CannotAnswer(f"not now: {WORDS[Reason.budget]}", spent(rules, at).until_at) from None
    except NoPrice as why:
        raise CannotAnswer(str(why)) from None
    try:
        claims = await attempts.add(conn, [new.row], plans.writer)
    except InstallationHeld:
        raise CannotAnswer("everything is held; see why", is_held=True) from None
    await attempts.keep_content(conn, [new.body] if new.body else [])
    if facts.caller_ids is not None:
        await numbers.granted(conn, facts.caller_ids.changed())
    if new.row.cost_micros:
        await spending.add(conn, plan.campaign_id, plan.currency, rules.day(at), new.row.cost_micros)
    return new.claimed._replace(claims=claims)


def _allowed(facts: Facts, due: Due, step: Step) -> tuple[Any, Go]:
    person, verdict = facts.ask(due, step)
    match verdict:
        case Go():
            return replace(person, values=facts.values(due)), verdict
        case Wait(until_at, reason):
            raise CannotAnswer(f"not now: {WORDS[reason]}", until_at)
        case Hold(reason, _) | Skip(reason) | Never(reason):
            raise CannotAnswer(WORDS[reason])


def _step(reply: Reply, flow: Flow) -> Step:
    """The step of one answer. An e-mail reuses the From, Reply-To and Subject of the step it answers."""
    spec: dict[str, Any] = {"id": "answer", "channel": reply.channel, "text": reply.text}
    if reply.channel == "email":
        mails = [step for step in flow.steps if step.channel == "email"]
        original = next((step for step in mails if step.id == reply.to_step), mails[-1] if mails else None)
        subject = original.subject.source if original is not None else "your message"
        spec["subject"] = reply.subject or f"Re: {subject}"
        if original is not None:
            spec |= {"sender": original.sender.source, "reply_to": original.reply_to.source}
    return replace(compile_flow([StepSpec.model_validate(spec)]).steps[0], id=ANSWER, index=-1)
