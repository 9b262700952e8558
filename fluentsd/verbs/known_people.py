"""Enrolling people who are known already: those of an earlier file or CRM, or of another campaign by state.

What must not live here: imports (`importing`), segments that a campaign follows (`campaign_segments`).
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.ingest.enrolling import enroll as enroll_people
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts
from fluentsd.store import consent as evidence
from fluentsd.store.contact_upserts import UpsertResult
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import enrolling, known_people
from fluentsd.store.enrollments.known_people import Candidate
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, refusing, repeated

#: People in one transaction.
BATCH = 500
#: Those who are not under way any more.
USUAL = (EnrollmentState.completed.value, EnrollmentState.exited.value)

Next = Callable[[Connection, int], Awaitable[list[Candidate]]]


async def origins(runtime: Runtime, call: Call) -> Answer:
    """Where known people come from: sources and campaigns."""

    async def unit(conn: Connection) -> Answer:
        rows = await campaigns.listing(conn)
        return {"sources": await known_people.sources(conn),
                "campaigns": [{"ref": row.ref, "name": row.name, "state": row.state} for row in rows]}  # fmt: skip

    return await runtime.store.read(unit)


async def enroll(
    runtime: Runtime,
    call: Call,
    ref: str,
    source: str | None,
    campaign: str | None,
    state: Sequence[str],
    reason: str,
    dry_run: bool,
) -> Answer:
    """Enroll people of a source or of another campaign who are not in this one yet, as its policy of further entries
    allows. Nobody is enrolled twice by a repetition."""
    if (source is None) == (campaign is None):
        raise Refused("name either a source (a file's name) or another campaign; nothing was changed")
    if source is not None and (state or reason):
        raise Refused("state and reason are those of people in a campaign; name the campaign; nothing was changed")
    if not dry_run and (stored := await repeated(runtime, call)) is not None:
        return stored
    campaign_id, following = await refusing(runtime.store.read(_origin, ref, source, campaign, state or USUAL, reason))
    people = enrolled = after = 0
    while True:

        async def unit(conn: Connection, after: int = after) -> tuple[int, int, int]:
            some = await following(conn, after)
            return len(some), await _enter(conn, runtime, call, campaign_id, some, dry_run=dry_run), (
                some[-1].contact_id if some else after)  # fmt: skip

        found, new, after = await refusing((runtime.store.read if dry_run else runtime.store.run)(unit))
        people, enrolled = people + found, enrolled + new
        if found < BATCH:
            break
    answer: Answer = {"ref": ref, "people": people, "enrolled": enrolled, "dry_run": dry_run}
    if dry_run:
        return answer
    runtime.dispatcher_wakeup.notify()

    async def noted(conn: Connection) -> Answer:
        details = {"source": source, "campaign": campaign, "states": list(state), "reason": reason}
        return answer | {"_details": {name: value for name, value in details.items() if value} | {"enrolled": enrolled}}

    return await change(runtime, call, "campaign enroll", ref, noted)


async def _origin(
    conn: Connection, ref: str, source: str | None, campaign: str | None, states: Sequence[str], reason: str
) -> tuple[int, Next]:
    """The campaign that people enter, and the reader of the people of the origin."""
    row = await campaigns.get(conn, ref)
    if row.state == CampaignState.stopped:
        raise Refused(f"{ref} is stopped; reopen it first", Suggestion("campaign reopen", {"ref": ref}))
    if campaign is not None:
        other = await campaigns.get(conn, campaign)
        if other.id == row.id:
            raise Refused(f"these people are in {ref} already; name another campaign; nothing was changed")
        return row.id, lambda conn, after: known_people.of_campaign(conn, other.id, states, reason, after, BATCH)
    source_id = await evidence.source_named(conn, str(source))
    if source_id is None:
        known = await evidence.source_names(conn)
        near = difflib.get_close_matches(str(source), known, 3, 0.5) or known[:5]
        raise Refused(f"there is no source {source!r}; known sources: {', '.join(near) or 'none yet'}")
    return row.id, lambda conn, after: known_people.of_source(conn, source_id, after, BATCH)


async def _enter(
    conn: Connection, runtime: Runtime, call: Call, campaign_id: int, some: Sequence[Candidate], *, dry_run: bool
) -> int:
    """Enroll a batch; how many entered, or would enter for the first time."""
    ids = [one.contact_id for one in some]
    if dry_run:
        return len(set(ids) - set(await enrolling.entered(conn, campaign_id, ids)))
    await contacts.reserve(conn, ids)
    results = [UpsertResult(id_, is_new=False, is_duplicate=False) for id_ in ids]
    people = [ContactUpsert("", (), names_in(one.zones), states=names_in(one.states)) for one in some]
    return await enroll_people(conn, runtime.plans, campaign_id, results, people, {}, at=call.at, actor=call.actor)
