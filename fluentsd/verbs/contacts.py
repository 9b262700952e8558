"""Known contacts: find them, list a campaign's, explain them, show their timeline. What must not live here: imports
(`importing`), the file of a campaign's people (`people_file`)."""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.gate import Point
from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.explain.why import is_held, reason_of, sentence_of
from fluentsd.engine.explain.why import totals as reasons
from fluentsd.engine.explain.why import why as explain
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, counters, inbound_calls, leads
from fluentsd.store.attempts.listing import newest_attempts
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import members, queries
from fluentsd.store.enrollments.members import Member
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import as_stored, called, find_one
from fluentsd.verbs.execute import Answer, change, refusing
from fluentsd.verbs.leads import with_person

#: People of a campaign in one answer.
PAGE_AT_MOST = 500


async def find(runtime: Runtime, call: Call, words: str, campaign: str | None, most: int) -> Answer:
    """Contacts whose number, address or fields contain the text; of all, or of those who are or were in a campaign."""
    if len(words.strip()) < 2:
        raise Refused("give at least two characters to search for")

    async def unit(conn: Connection) -> Answer:
        at_most, typed = max(1, min(most, 500)), words.strip()
        only = (await campaigns.get(conn, campaign)).id if campaign else None
        found = await contacts.find(conn, typed, at_most, only)
        found = found or await contacts.find(conn, as_stored(typed), at_most, only)
        ids = [person["id"] for person in found]
        points, fields = await contacts.points_of(conn, ids), await contacts.fields_of(conn, ids)
        places, urls = await queries.of_contacts(conn, ids), await leads.addresses(conn, ids)
        return {
            "people": [
                person
                | {
                    **_values(points.get(person["id"], [])),
                    "fields": fields.get(person["id"], {}),
                    "campaigns": places.get(person["id"], []),
                    "record": urls.get(person["id"], ""),
                }
                for person in found
            ]
        }

    return await refusing(runtime.store.read(unit))


async def why(runtime: Runtime, call: Call, person: str, campaign: str | None) -> Answer:
    """Why this person was contacted or not, in each campaign: one sentence, then the evidence."""
    return await _explained(runtime, call, person, campaign, timeline=False)


async def totals(runtime: Runtime, call: Call, ref: str) -> Answer:
    """People of a campaign, counted by state and reason."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        counts = dict(await counters.overview(conn, row.id))
        return {"ref": ref, "state": row.state, **counts, "reasons": await reasons(conn, ref, call.at)}

    return await refusing(runtime.store.read(unit))


async def of_campaign(runtime: Runtime, call: Call, ref: str, state: Sequence[str], after: int, most: int) -> Answer:
    """The people of a campaign, `most` in one answer, in the order of their ids; `next` is the `after` of the next."""
    at_most = max(1, min(most, PAGE_AT_MOST))

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        found = await members.page(conn, row.id, state, after, at_most)
        ids = list(dict.fromkeys(one.contact_id for one in found))
        points, fields = await contacts.points_of(conn, ids), await contacts.fields_of(conn, ids)
        lists, tries = await members.lists(conn, row.id, ids), await members.tries(conn, [one.id for one in found])
        stopped = await is_held(conn, row.ref, call.at)
        _, plan = await runtime.plans.current(conn, row.id, lock=False)

        def shown(one: Member) -> Answer:
            is_later = one.due_at is not None and one.due_at > call.at
            reason = reason_of(row.state, one.state, one.reason, held=one.held, is_later=is_later, stopped=stopped)
            sentence = one.reason if one.state == EnrollmentState.errored else sentence_of(one.state, reason)
            return {
                "contact": one.contact_id, "entry": one.entry, "name": called(fields.get(one.contact_id, {}), ""),
                "points": _values(points.get(one.contact_id, []))["points"], "state": one.state,
                "reason": reason, "sentence": sentence, "step": one.step, "channel": _channel(plan, one),
                "due_at": one.due_at if one.state == EnrollmentState.queued and not one.held else None,
                "tries": tries.get(one.id, 0), "last_outcome": one.last_outcome,
                "lists": lists.get(one.contact_id, []), "enrolled_at": one.enrolled_at,
                "last_contact_at": one.touched_at, "ended_at": one.ended_at,
            }  # fmt: skip

        more = ids[-1] if len(ids) == at_most else None
        return {"ref": row.ref, "name": row.name, "people": [shown(one) for one in found], "next": more}

    return await refusing(runtime.store.read(unit))


async def begin_export(runtime: Runtime, call: Call, ref: str, state: Sequence[str]) -> Answer:
    """Note who gets the contact data of a campaign's people as a file, before the first page is read."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        total = dict(await counters.overview(conn, row.id))["total"]
        return {"ref": row.ref, "name": row.name, "people": total, "_details": {"states": list(state)}}

    return await change(runtime, call, "export people", ref, unit)


def _channel(plan: Plan, one: Member) -> str:
    return plan.flow(one.version_id).step(one.step).channel


async def timeline(runtime: Runtime, call: Call, person: str, campaign: str | None) -> Answer:
    """Every attempt to reach a person, oldest first, and what comes next."""
    return await _explained(runtime, call, person, campaign, timeline=True)


async def _explained(runtime: Runtime, call: Call, person: str, ref: str | None, *, timeline: bool) -> Answer:
    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        entries = await explain(conn, runtime.plans, contact_id, campaign_id, call.at)
        answer: Answer = {"person": person, "contact": contact_id, "now": call.at, "campaigns": entries}
        if not entries:
            where = f"in {ref}" if ref else "in any campaign"
            answer["sentence"] = f"the person is known, but was never enrolled {where}"
        if timeline:
            rows = await newest_attempts(
                conn, campaign_id=campaign_id, contact_ids=[contact_id], outcome=None, since=None, most=1000
            )
            theirs = await inbound_calls.listing(conn, most=1000, contact_ids=[contact_id], campaign_id=campaign_id)
            answer["attempts"] = sorted(rows + theirs, key=_when)
            answer |= await _of_person(conn, contact_id, call.at)
        return answer

    return await refusing(runtime.store.read(unit))


async def _of_person(conn: Connection, contact_id: int, at: int) -> Answer:
    """Who a person is: id, name, numbers and addresses, the record in the CRM, who has taken the person over."""
    points = await contacts.points_of(conn, [contact_id])
    [about] = await with_person(conn, [{"contact": contact_id}], at)
    return about | _values(points.get(contact_id, []))


def _values(points: Sequence[Point]) -> dict[str, list[str]]:
    """The numbers and addresses of a person, and those that newer ones have replaced."""
    return {
        "points": [one.value for one in points if not one.former],
        "former": [one.value for one in points if one.former],
    }


def _when(row: Answer) -> str:
    return str(row["id"])
