"""What is held about a person: told whole, and erased for good.

What must not live here: how a person is erased, and that it lasts (`engine.forgetting`).
"""

from __future__ import annotations

from fluentsd.engine.erasure.erase import forget, keep
from fluentsd.engine.outbox.tasks import keep_nothing
from fluentsd.engine.runtime import Runtime
from fluentsd.store import consent, contacts, reports
from fluentsd.store.db import Connection
from fluentsd.store.erasure import erase as erasure
from fluentsd.store.erasure.erase import Gone
from fluentsd.verbs.contacts import find_one
from fluentsd.verbs.execute import Answer, Call, Refused, change, refusing

#: Attempts to one person that an export tells of; more than limits let anybody have.
ATTEMPTS = 100_000


async def export(runtime: Runtime, call: Call, person: str) -> Answer:
    """Everything that is held about a person, as one document. Words of attempts and replies are among `texts`."""

    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        held = await erasure.held_of(conn, contact_id)
        values = [point["value"] for point in held["points"]]
        given = {"campaign_id": None, "contact_id": contact_id, "outcome": None, "since": None, "most": ATTEMPTS}
        acts = await erasure.acts_about(conn, contact_id, values)
        return {
            "exported_at": call.at,
            **held,
            "contact": held["contact"][0],
            "evidence": await consent.evidence_of(conn, contact_id),
            "records": await erasure.records_of(conn, contact_id),
            "attempts": (await reports.attempts(conn, **given))[::-1],  # type: ignore[arg-type]
            "acts": [dict(row._mapping) for row in acts],
        }

    return await refusing(runtime.store.read(unit))


async def erase(runtime: Runtime, call: Call, person: str, because: str) -> Answer:
    """Erase everything held about a person, and have providers forget them too. Of their numbers and addresses a keyed
    hash stays, so that the stop list and "once in a campaign" outlive them; the answer and the audit log say nothing of
    who it was."""
    if not because.strip():
        raise Refused("say why: --because …; it is kept in the audit log, so without the person's name or number")
    hashes = list[Gone]()

    async def unit(conn: Connection) -> Answer:
        hashes.clear()
        contact_id = await find_one(conn, person)
        await contacts.reserve(conn, [contact_id])
        if await erasure.is_busy(conn, contact_id):
            raise Refused("the person is being contacted just now, or how that ended is not known yet; try again later")
        points, texts = await erasure.words_of(conn, contact_id)
        if word := erasure.named_in(because, (*points, *texts)):
            raise Refused(f"the reason has {word!r} of the person in it, and would outlive them; say why without that")
        but = keep_nothing(runtime)
        erased = await forget(conn, runtime.erasure_ledger, contact_id, call.at, since_at=call.at, but=but)
        hashes.extend(erased.hashes)
        stopped = sum(bool(row.stopped) for row in erased.hashes)
        counts = {**erased.went, "stopped": stopped, "at_providers": erased.elsewhere}
        details = {"contact": contact_id, **counts, "because": because}
        return {"erased": True, **counts, "campaigns": sorted(erased.ended_campaigns), "_details": details}

    answer = await change(runtime, call, "erase", "", unit)
    await keep(runtime, hashes)
    runtime.enrollment_ended(set(answer["campaigns"]))
    runtime.outbox_wakeup.notify()
    runtime.dispatcher_wakeup.notify()  # a campaign that wanted the person for itself has let go
    return answer
