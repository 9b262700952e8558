"""One person, named by a user: the number, address, id or words that match exactly one contact.

What must not live here: the verbs about contacts (`contacts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.domain.contacts.points import BadPoint, email, email_key, phone
from fluentsd.store import contacts
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Refused


async def find_one(conn: Connection, person: str) -> int:
    """The id of the one contact with this number, address, id ("#17") or text. `Refused` if there is none, or more than
    one: of people who share a number or address, the answer names each."""
    person = person.strip()
    if (number := person.removeprefix("#")) != person and number.isdigit():
        if await contacts.exists(conn, int(number)):
            return int(number)
        raise Refused(f"no contact has the id {person}; search for the person", Suggestion("contacts find"))
    sharing = await owners(conn, person)
    if len(sharing) > 1:
        raise Refused(await _which(conn, person, sharing))
    if sharing:
        return sharing[0]
    found = await contacts.find(conn, person, 3) if len(person) > 1 else []
    if len(found) == 1:
        return int(found[0]["id"])
    count = "more than one contact matches" if found else "no contact matches"
    raise Refused(f"{count} {person!r}; search for the person", Suggestion("contacts find", {"words": person}))


async def owners(conn: Connection, person: str) -> list[int]:
    """The people with this number or address, also when it is written in another way: "(212) 555-0101"."""
    return await contacts.owners(conn, person) or await contacts.owners(conn, as_stored(person))


async def meant(conn: Connection, person: str | None) -> list[int] | None:
    """The people that a filter of a list names: all who share the number or address, or the one with this id or text;
    None without a filter. Raises `Refused`."""
    if not person:
        return None
    return await owners(conn, person) or [await find_one(conn, person)]


def as_stored(text: str) -> str:
    """A number or address as the store has it; any other text as it is."""
    if sum(map(str.isdigit, text)) < 7 and "@" not in text:
        return text
    try:
        return email_key(email(text)) if "@" in text else phone(text, "US").e164
    except BadPoint:
        return text


#: People who share a point, listed in a refusal.
NAMED = 10


async def _which(conn: Connection, point: str, people: Sequence[int]) -> str:
    """The question which of several people is meant."""
    fields = await contacts.fields_of(conn, people[:NAMED])
    named = [f"{called(fields.get(contact_id, {}))} ('#{contact_id}')" for contact_id in people[:NAMED]]
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    return f"{point} belongs to {len(people)} people: {', '.join(named)}{more}; give an id, like '#{people[0]}'"


def called(fields: Mapping[str, str], unnamed: str = "without a name") -> str:
    """A person's name for people to read; `unnamed` if none is known."""
    first_and_last = " ".join(filter(None, (fields.get("first_name"), fields.get("last_name"))))
    return fields.get("full_name") or first_and_last or unnamed
