"""Known contacts: find them, explain them, show their timeline. What must not live here: imports (`importing`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.engine.explain.why import totals as reasons
from fluentsd.engine.explain.why import why as explain
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, counters, inbound_calls, reports
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, refusing


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
            if campaign_id is None:
                rows = sorted(
                    rows + await inbound_calls.listing(conn, most=1000, contact_ids=[contact_id]), key=_newest
                )
                rows.reverse()
            answer["attempts"] = rows[::-1]
        return answer

    return await refusing(runtime.store.read(unit))


def _newest(row: Answer) -> str:
    return str(row["id"])


async def find_one(conn: Connection, person: str) -> int:
    """The id of the one contact with this number, address, id ("#17") or text. `Refused` if there is none, or more than
    one: of people who share a number or address, the answer names each."""
    person = person.strip()
    if (number := person.removeprefix("#")) != person and number.isdigit():
        if await contacts.exists(conn, int(number)):
            return int(number)
        raise Refused(f"no contact has the id {person}; search for the person", Suggestion("contacts find"))
    sharing = await contacts.owners(conn, person)
    if len(sharing) > 1:
        raise Refused(await _which(conn, person, sharing))
    if sharing:
        return sharing[0]
    found = await contacts.find(conn, person, 3) if len(person) > 1 else []
    if len(found) == 1:
        return int(found[0]["id"])
    count = "more than one contact matches" if found else "no contact matches"
    raise Refused(f"{count} {person!r}; search for the person", Suggestion("contacts find", {"words": person}))


#: People who share a point, listed in a refusal.
NAMED = 10


async def _which(conn: Connection, point: str, people: Sequence[int]) -> str:
    """The question which of several people is meant."""
    fields = await contacts.fields_of(conn, people[:NAMED])
    named = [f"{called(fields.get(contact_id, {}))} ('#{contact_id}')" for contact_id in people[:NAMED]]
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    return f"{point} belongs to {len(people)} people: {', '.join(named)}{more}; give an id, like '#{people[0]}'"


def called(fields: Mapping[str, str]) -> str:
    """A person's name for people to read."""
    first_and_last = " ".join(filter(None, (fields.get("first_name"), fields.get("last_name"))))
    return fields.get("full_name") or first_and_last or "without a name"
