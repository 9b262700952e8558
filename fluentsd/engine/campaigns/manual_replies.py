"""Contacts outside the flow: a person of ours answers somebody who wrote back.

An answer is an ordinary attempt, committed before the provider is called and settled like any other, of a step that no
flow can have; the person's course is not touched by it. The gate is asked as always, but for the limits on how often we
write of our own accord, and for what a robot of theirs said of an absence: somebody who asks is owed an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fluentsd.api import Kind
from fluentsd.domain.campaign import Step as StepSpec
from fluentsd.domain.flow import Flow, Step, compile_flow
from fluentsd.domain.gate import WORDS, Go, Hold, Never, Skip, Wait
from fluentsd.domain.states import CampaignState
from fluentsd.engine.dispatch.claim import Claimed, new_attempt
from fluentsd.engine.dispatch.facts import Facts
from fluentsd.engine.dispatch.plans import Plans, with_spending
from fluentsd.store import attempts, numbers, spending
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Due
from fluentsd.store.enrollments.queries import as_due, of_contact

#: What the step of an answer is called; no flow has a step of this name.
ANSWER = "@answer"


@dataclass(frozen=True, slots=True)
class Words:
    """What is answered, on which channel, to what came back on which step."""

    channel: Kind
    text: str
    subject: str = ""
    to_step: str = ""


class CannotAnswer(Exception):
    """The answer may not be sent, at least not now; the message says why. Nothing was changed. `until_at` is when it
    may be, if that is known."""

    def __init__(self, why: str, until_at: int | None = None) -> None:
        super().__init__(why)
        self.until_at = until_at


async def claim(
    conn: Connection,
    plans: Plans,
    contact_id: int,
    campaign_id: int,
    words: Words,
    lookup_after: int,
    at: int,
) -> Claimed:
    """Commit one answer; raises `CannotAnswer`, and `pydantic.ValidationError` for words that are no template."""
    rows = [row for row in await of_contact(conn, contact_id) if row.campaign_id == campaign_id]
    if not rows:
        raise CannotAnswer("this person was never in the campaign")
    state, plan = await plans.current(conn, campaign_id)
    if state in (CampaignState.paused, CampaignState.stopped):
        raise CannotAnswer(f"{plan.ref} is {state}, so nobody in it is contacted")
    tries = await attempts.tries_of(conn, rows[0].id, ANSWER)
    due = as_due(rows[0], at)._replace(try_no=tries + 1, due_at=at, away_until_at=None)
    step = _step(words, plan.flow(due.version_id))
    rules = replace(await with_spending(conn, plan, at), limits=(), goal=None)
    facts = Facts(plan, rules, at)
    await facts.read(conn, [due], lock=True, whole_flow=True)
    intent = new_attempt(facts, due, step, *_allowed(facts, due, step), lookup_after)
    await attempts.add(conn, [intent.row])
    await attempts.keep_content(conn, [intent.body] if intent.body else [])
    if facts.caller_ids is not None:
        await numbers.granted(conn, facts.caller_ids.changed())
    if intent.row.cost_micros:
        await spending.add(conn, plan.campaign_id, plan.currency, at, intent.row.cost_micros)
    return intent.marked


def _allowed(facts: Facts, due: Due, step: Step) -> tuple[Any, Go]:
    person, verdict = facts.ask(due, step)
    match verdict:
        case Go():
            return replace(person, values=facts.values(due)), verdict
        case Wait(until_at, reason):
            raise CannotAnswer(f"not now: {WORDS[reason]}", until_at)
        case Hold(reason, _) | Skip(reason) | Never(reason):
            raise CannotAnswer(WORDS[reason])


def _step(words: Words, flow: Flow) -> Step:
    """The step of one answer: from whom they heard, about what they heard, unless it says otherwise."""
    said: dict[str, Any] = {"id": "answer", "channel": words.channel, "text": words.text}
    if words.channel == "email":
        mails = [step for step in flow.steps if step.channel == "email"]
        heard = next((step for step in mails if step.id == words.to_step), mails[-1] if mails else None)
        about = heard.subject.source if heard is not None else "your message"
        said["subject"] = words.subject or f"Re: {about}"
        if heard is not None:
            said |= {"sender": heard.sender.source, "reply_to": heard.reply_to.source}
    return replace(compile_flow([StepSpec.model_validate(said)]).steps[0], id=ANSWER, index=-1)
