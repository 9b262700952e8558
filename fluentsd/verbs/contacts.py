"""People who are known: find them, and tell what was done about one and why. How they come in is `arriving`."""

from __future__ import annotations

from fluentsd.engine.explain.why import totals as reasons
from fluentsd.engine.explain.why import why as explain
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, counters, reports
from fluentsd.store.db import Connection
from fluentsd.verbs.execute import Answer, Call, Refused, refusing


async def find(runtime: Runtime, call: Call, words: str, most: int) -> Answer:
    """People whose number, address or fields contain the words."""
    if len(words.strip()) < 2:
        raise Refused("give at least two characters to look for")

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
    return await _told(runtime, call, person, campaign, timeline=False)


async def totals(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Everybody in a campaign by the reason they are where they are."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        counts = dict(await counters.overview(conn, row.id))
        return {"ref": ref, "state": row.state, **counts, "reasons": await reasons(conn, ref, call.at)}

    return await refusing(runtime.store.read(unit))


async def timeline(runtime: Runtime, call: Call, person: str, campaign: str | None) -> Answer:
    """Everything that was done about a person, oldest first, and what comes next."""
    return await _told(runtime, call, person, campaign, timeline=True)


async def _told(runtime: Runtime, call: Call, person: str, ref: str | None, *, timeline: bool) -> Answer:
    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        told = await explain(conn, runtime.plans, contact_id, campaign_id, call.at)
        answer: Answer = {"person": person, "now": call.at, "campaigns": told}
        if not told:
            where = f"in {ref}" if ref else "in any campaign"
            answer["sentence"] = f"the person is known, but was never enrolled {where}"
        if timeline:
            rows = await reports.attempts(
                conn, campaign_id=campaign_id, contact_id=contact_id, outcome=None, since=None, most=1000
            )
            answer["attempts"] = rows[::-1]
        return answer

    return await refusing(runtime.store.read(unit))


async def find_one(conn: Connection, person: str) -> int:
    """Whom a number, an address or a word means, if it means one person."""
    exact = await contacts.by_point(conn, person.strip())
    if exact is not None:
        return exact
    found = await contacts.find(conn, person.strip(), 3) if len(person.strip()) > 1 else []
    if len(found) == 1:
        return int(found[0]["id"])
    many = "several people are" if found else "nobody is"
    raise Refused(f"{many} known by {person!r}; look for them: fluentsd contacts find {person!r}")
