"""Enrolling the people of a batch: who enters the campaign, with the first due time of each.

Nobody enters twice except by the campaign's policy. What must not live here: who people are (`store.contact_upserts`),
the rules of due times (`domain`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import next_after_start
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.domain.time.durations import SECOND, Delay
from fluentsd.engine.dispatch.facts import reason_to_wait
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store import audit, campaigns, counters
from fluentsd.store.contact_upserts import UpsertResult
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import enrolling
from fluentsd.store.enrollments.enrolling import Entered, Entry


async def enroll(
    conn: Connection,
    plans: Plans,
    campaign_id: int,
    results: Sequence[UpsertResult],
    upserts: Sequence[ContactUpsert],
    had: Mapping[int, Container[str]],
    *,
    at: int,
    actor: str,
    reenter: str = "",
) -> int:
    """Enroll contacts who are not in the campaign yet, due at the first allowed time; returns how many. `had`: for
    contacts who were erased before, the campaigns they were in; `reenter`: a policy in place of the campaign's."""
    state, plan = await plans.current(conn, campaign_id)
    firsts: dict[int, ContactUpsert] = {}
    for result, upsert in zip(results, upserts, strict=True):
        firsts.setdefault(result.contact_id, upsert)
    known = {result.contact_id for result in results if not result.is_new}
    before = await enrolling.entered(conn, campaign_id, list(known)) if known else {}
    first = plan.flow(plan.version_id).steps[0]
    where = enrolling.Entrance(plan.campaign_id, plan.version_id, first.id, plan.lanes[first.channel])
    policy = reenter or plan.spec.exit.reenter
    numbered = {i: _entry(policy, before.get(i), at) for i in firsts if plan.ref not in had.get(i, ())}
    fresh = {i: (entry, firsts[i]) for i, entry in numbered.items() if entry}
    ids = await enrolling.enroll(conn, where, _due_times(plan, fresh, at), at)
    if not ids:
        return 0
    deltas = counters.Deltas()
    counters.moved(deltas, campaign_id, None, EnrollmentState.queued, len(ids))
    await counters.add(conn, deltas)
    if state == CampaignState.completed:
        await _reopen(conn, campaign_id, at, actor)
    return len(ids)


#: People who exited for these reasons are not enrolled again by another import.
_FOR_GOOD = ("opted_out", "removed", "goal")


def _entry(policy: str, before: Entered | None, at: int) -> int:
    """The number of the contact's new entry; 0 when they do not enter. `before`: their latest entry."""
    if before is None:
        return 1
    if policy == "never" or before.ended_at is None or before.reason in _FOR_GOOD:
        return 0
    wait = Delay.parse(policy.removeprefix("after ")).seconds * SECOND if policy != "always" else 0
    return before.entry + 1 if before.ended_at + wait <= at else 0


def _due_times(plan: Plan, people: Mapping[int, tuple[int, ContactUpsert]], at: int) -> list[Entry]:
    """Each contact with the time the flow wants and the time the hours allow; computed once for people of one place."""
    known: dict[tuple[object, ...], tuple[int, int, str]] = {}
    entries = []
    for contact_id, (entry, person) in people.items():
        place = (person.zones, person.states)
        if (times := known.get(place)) is None:
            wanted_at, due_at = _first_times(plan, person, at)
            times = known[place] = (wanted_at, due_at, reason_to_wait(wanted_at, due_at))
        entries.append(Entry(contact_id, entry, *times))
    return entries


def _first_times(plan: Plan, person: ContactUpsert, at: int) -> tuple[int, int]:
    """The time at which the flow wants the first step, and the time at which the hours allow it."""
    first = next_after_start(plan.flow(plan.version_id), at, local_zone(plan.rules, person.zones))
    assert first.step is not None  # noqa: S101 - a flow has at least one step
    return first.due_at, align(plan.rules, first.step, person, first.due_at)


async def _reopen(conn: Connection, campaign_id: int, at: int, actor: str) -> None:
    """Reopen and resume a completed campaign, because new people were enrolled."""
    row = await campaigns.by_id(conn, campaign_id)
    row = await campaigns.move(conn, await campaigns.move(conn, row, "reopen", at=at), "resume", at=at)
    await audit.note(conn, at=at, actor=actor, verb="reopen", target=row.ref, details={"by": "import"})
