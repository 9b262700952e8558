"""Data about a person: export all of it, or erase it for good.

What must not live here: the erasure itself and its repetition after a restore (`engine.erasure`).
"""

from __future__ import annotations

from fluentsd.engine.erasure.erase import erase_contact, note_in_ledger
from fluentsd.engine.outbox.tasks import channels_without_forget
from fluentsd.engine.runtime import Runtime
from fluentsd.store import consent, contacts, inbound_calls
from fluentsd.store.attempts.listing import newest_attempts
from fluentsd.store.db import Connection
from fluentsd.store.erasure import acts as acts_of
from fluentsd.store.erasure import erase as erasure
from fluentsd.store.erasure import export as export_of
from fluentsd.store.erasure.blanking import named_in
from fluentsd.store.erasure.erase import Gone
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, change, refusing

#: Most attempts in one export; more than contact limits allow for one person.
ATTEMPTS = 100_000


async def export(runtime: Runtime, call: Call, person: str) -> Answer:
    """All data about a person, as one document. The text of attempts and replies is in `texts`."""

    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        held = await export_of.held_of(conn, contact_id)
        points, shared = await erasure.points_and_shared(conn, contact_id)
        own = [point.value for point in points if point.value not in shared]  # acts about a shared one may be others'
        query = {"campaign_id": None, "contact_ids": [contact_id], "outcome": None, "since": None, "most": ATTEMPTS}
        acts = await acts_of.acts_about(conn, contact_id, own)
        return {
            "exported_at": call.at,
            **held,
            "contact": held["contact"][0],
            "stop_list": await export_of.without_others(conn, contact_id, held["stop_list"], shared),
            "evidence": await consent.evidence_of(conn, contact_id),
            "records": await export_of.records_of(conn, contact_id),
            "attempts": (await newest_attempts(conn, **query))[::-1],  # type: ignore[arg-type]
            "inbound_calls": await inbound_calls.listing(conn, most=ATTEMPTS, contact_ids=[contact_id]),
            "acts": [dict(row._mapping) for row in acts],
        }

    return await refusing(runtime.store.read(unit))


async def erase(runtime: Runtime, call: Call, person: str, because: str) -> Answer:
    """Erase all data about a person, and ask providers to delete theirs. A keyed hash of each number and address stays,
    so that the suppression list and "once per campaign" still apply; the answer and the audit log do not identify the
    person."""
    if not because.strip():
        raise Refused(
            "give the reason; it stays in the audit log, so leave out the name and number",
            Suggestion("contacts erase", {"person": person, "because": None}),
        )
    hashes = list[Gone]()

    async def unit(conn: Connection) -> Answer:
        hashes.clear()
        contact_id = await find_one(conn, person)
        await contacts.reserve(conn, [contact_id])
        if await erasure.is_busy(conn, contact_id):
            raise Refused("an attempt to this person has no outcome yet; nothing was changed; try again later")
        points, texts = await erasure.words_of(conn, contact_id)
        if word := named_in(because, (*points, *texts)):
            raise Refused(f"the reason contains {word!r} from the person's data and would keep it; leave that out")
        but = channels_without_forget(runtime)
        erased = await erase_contact(conn, runtime.erasure_ledger, contact_id, call.at, since_at=call.at, but=but)
        hashes.extend(erased.hashes)
        stopped = sum(bool(row.stopped) for row in erased.hashes)
        counts = {**erased.deleted, "stopped": stopped, "at_providers": erased.at_providers}
        details = {"contact": contact_id, **counts, "because": because}
        return {"erased": True, **counts, "campaigns": sorted(erased.ended_campaigns), "_details": details}

    answer = await change(runtime, call, "erase", "", unit)
    await note_in_ledger(runtime, hashes)
    runtime.enrollment_ended(set(answer["campaigns"]))
    runtime.dispatcher_wakeup.notify()  # an exclusive campaign has released the person
    return answer
