"""The second check, at pick-up: the gate is asked again about an attempt that is under way.

The gate and the facts are those of the claim, less what the attempt itself has used up. Its own contact counts for no
limit, its cost is reserved already, and its caller ID is chosen. The provider's id of the call is bound to the attempt
in the same transaction, and a pick-up is answered once, after a restart too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fluentsd.api import Attempt, Kind, Message
from fluentsd.domain.enrollment import local_zone
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import WORDS, Go
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.state_machines import AttemptState, CampaignState, EnrollmentState
from fluentsd.engine.dispatch.claim import compose
from fluentsd.engine.dispatch.facts import Facts, names_in
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.store import agents, attempts, holds, inbound_ids
from fluentsd.store.attempts import Acceptance, AttemptRow, OpenRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments.queries import as_due, of_contact
from fluentsd.store.inbound_ids import Once, digest
from fluentsd.store.nodes import EVERYTHING, INSTALLATION


@dataclass(frozen=True, slots=True)
class Question:
    """One pick-up: the channel, the attempt's token, the provider's call id, and when to look the call up if it stays
    without an outcome (epoch microseconds). `resumes`: the call was picked up before, and its socket broke."""

    kind: Kind
    token: str
    ref: str
    deadline_at: int
    resumes: bool = False


@dataclass(frozen=True, slots=True)
class Rechecked:
    """The answer. A `reason` means that the call must end; `ends` that the attempt is open and ends with it. Without a
    reason `attempt` and `message` are what the channel goes on with."""

    reason: str = ""
    ends: bool = False
    attempt: Attempt | None = None
    message: Message | None = None


async def recheck(conn: Connection, plans: Plans, question: Question, at: int, refusal: str = "") -> Rechecked:
    """The unit of work. `refusal` is a reason to end the call whatever the gate says."""
    row = (await attempts.load(conn, [question.token])).get(question.token)
    if row is None or row.channel != question.kind:
        return Rechecked("there is no such attempt")
    asked = "resumption" if question.resumes else "pickup"
    if not await inbound_ids.first_time(conn, Once(digest(asked, question.token)), at):
        return Rechecked(f"this {'resumption' if question.resumes else 'pick-up'} was answered before")
    found = await attempts.open_row(conn, question.token)
    if row.state != AttemptState.open or found is None:
        return Rechecked("the attempt has ended")
    if not await _bind(conn, question, found, at):
        return Rechecked("the provider's call id belongs to another call")
    if refusal:
        return Rechecked(refusal, ends=True)
    state, plan = await plans.current(conn, row.campaign_id)
    if state != CampaignState.active:
        return Rechecked(f"the campaign is {state}", ends=True)
    if held := await _held(conn, plan, found, at):
        return Rechecked(held, ends=True)
    return await _ask(conn, plan, row, found, question, at)


async def _bind(conn: Connection, question: Question, found: OpenRow, at: int) -> bool:
    """Bind the provider's call id to the attempt; False when either belongs to another."""
    if found.provider_ref is not None:
        return found.provider_ref == question.ref
    owner = (await attempts.owners(conn, [question.ref])).get((question.kind, question.ref), question.token)
    if owner != question.token:
        return False
    await attempts.accept(conn, [Acceptance(question.token, question.ref, at, question.deadline_at)])
    return True


async def _held(conn: Connection, plan: Plan, found: OpenRow, at: int) -> str:
    """The hold that keeps this call from going on; "" if there is none."""
    scopes = [(INSTALLATION, EVERYTHING), ("campaign", plan.ref), ("channel", str(found.channel))]
    if found.sender is not None:
        scopes.append(("number", found.sender))
    for scope, target in scopes:
        if await holds.is_held(conn, scope, target, at):
            return f"the {scope} is held"
    return ""


async def _ask(conn: Connection, plan: Plan, row: AttemptRow, found: OpenRow, question: Question, at: int) -> Rechecked:
    entry = [one for one in await of_contact(conn, row.contact_id) if one.id == row.enrollment_id]
    if row.enrollment_state != EnrollmentState.active or (row.at_step, row.at_try) != (row.step, row.try_no):
        return Rechecked("the person has left this step", ends=True)
    due = as_due(entry[0], at)._replace(due_at=row.claimed_at)
    rules = await with_spending(conn, plan, at)
    facts = Facts(plan, replace(rules, chooses_number=False, spent=rules.spent - row.cost_micros), at)
    await facts.read(conn, [due], lock=False)
    facts.leave_out(row.contact_id, row.claimed_at, row.channel)
    step = facts.step(due)
    try:
        person, verdict = facts.ask(due, step)
        if not isinstance(verdict, Go):
            return Rechecked(WORDS[verdict.reason], ends=True)
        if verdict.point.id != row.point_id:
            return Rechecked("the person has another number now", ends=True)
        step = await _guarded(conn, step, row)
        message = compose(step, person.values, verdict, found.sender, local_zone(facts.rules, names_in(due.zones)))
    except TemplateProblem as why:
        return Rechecked(f"step {step.id}: {why}", ends=True)
    attempt = Attempt(
        row.id, question.kind, verdict.point.value, row.claimed_at, found.sender, question.ref, row.step, row.try_no
    )
    return Rechecked(attempt=attempt, message=message)


async def _guarded(conn: Connection, step: Step, row: AttemptRow) -> Step:
    """The step with the guards of its agent's newest version, and without a message for a machine that has been left
    one by this campaign."""
    if step.compiled_agent is None:
        return step
    newest = (await agents.current(conn, [step.agent], removed=True)).get(step.agent)
    compiled = step.compiled_agent.guarded_by(newest.agent) if newest is not None else step.compiled_agent
    if '"voicemail"' in row.outcomes:
        compiled = compiled.without_voicemail()
    return replace(step, compiled_agent=compiled)
