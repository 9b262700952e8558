"""Known contacts: find them, explain them, show their timeline. What must not live here: imports (`importing`)."""

from __future__ import annotations

from fluentsd.engine.explain.why import totals as reasons
from fluentsd.engine.explain.why import why as explain
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, counters, inbound_calls, reports
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.people import find_one


async def find(runtime: Runtime, call: Call, words: str, most: int) -> Answer:
    """Contacts whose number, address or fields contain the text."""
    if len(words.strip()) < 2:
        raise Refused("give at least two characters to search for")

    async def unit(conn: Connection) -> Answer:
        found = await contacts.find(conn, words.strip(), max(1, min(most, 500)))
        ids = [person["id"] for person in found]
        points, fields = await contacts.points_of(conn, ids), await contacts.fields_of(conn, ids)
        places = await reports.places(conn, ids)
        return {
            "people": [
                person
                | {
                    "points": [p.value for p in points.get(person["id"], [])],
                    "fields": fields.get(person["id"], {}),
                    "campaigns": places.get(person["id"], []),
                }
                for person in found
            ]
        }

    return await runtime.store.read(unit)


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


async def timeline(runtime: Runtime, call: Call, person: str, campaign: str | None) -> Answer:
    """Every attempt to reach a person, oldest first, and what comes next."""
    return await _explained(runtime, call, person, campaign, timeline=True)


async def _explained(runtime: Runtime, call: Call, person: str, ref: str | None, *, timeline: bool) -> Answer:
    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        entries = await explain(conn, runtime.plans, contact_id, campaign_id, call.at)
        answer: Answer = {"person": person, "now": call.at, "campaigns": entries}
        if not entries:
            where = f"in {ref}" if ref else "in any campaign"
            answer["sentence"] = f"the person is known, but was never enrolled {where}"
        if timeline:
            rows = await reports.attempts(
                conn, campaign_id=campaign_id, contact_ids=[contact_id], outcome=None, since=None, most=1000
            )
            theirs = await inbound_calls.listing(conn, most=1000, contact_ids=[contact_id], campaign_id=campaign_id)
            answer["attempts"] = sorted(rows + theirs, key=_when)
        return answer

    return await refusing(runtime.store.read(unit))


def _when(row: Answer) -> str:
    return str(row["id"])
