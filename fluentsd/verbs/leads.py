"""Hot leads: people who were interested, wait for a call, or were angry in a call, until somebody handles them.

How they are handled is an answer (`replies.answer`), as for a reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, holds, leads
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call
from fluentsd.verbs.contact_lookup import called, meant
from fluentsd.verbs.execute import Answer, refusing


async def listing(
    runtime: Runtime, call: Call, ref: str | None, attempt: str | None, person: str | None, most: int
) -> Answer:
    """Leads that are not handled yet, oldest first."""

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        found = await leads.unhandled(conn, campaign_id, max(1, min(most, 1000)), attempt, await meant(conn, person))
        return {"leads": await with_ways(conn, found, call.at)}

    return await refusing(runtime.store.read(unit))


async def with_ways(conn: Connection, rows: Sequence[dict[str, Any]], at: int) -> list[dict[str, Any]]:
    """Replies or leads as `with_person` has them, and whether the person can be promised a call."""
    can_call = await leads.with_a_call(conn, {row["contact"] for row in rows})
    about = await with_person(conn, rows, at)
    return [row | {"can_call": (row["ref"], row["contact"]) in can_call} for row in about]


async def with_person(conn: Connection, rows: Sequence[dict[str, Any]], at: int) -> list[dict[str, Any]]:
    """Replies or leads with what a colleague wants to know of the person: the name and the address of the record in the
    CRM, "" if none is known, and who has taken the person over, "" for nobody."""
    people = [row["contact"] for row in rows]
    urls, held = await leads.addresses(conn, people), await holds.on_contacts(conn, people, at)
    fields = await contacts.fields_of(conn, people)
    return [
        row | {"record": urls.get(row["contact"], ""), "name": called(fields.get(row["contact"], {}), ""),
               "taken_over_by": held[row["contact"]].by if row["contact"] in held else ""}
        for row in rows
    ]  # fmt: skip
