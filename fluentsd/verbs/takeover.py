"""A person whom a colleague takes over: no campaign contacts them until it is said that the campaigns go on.

The hold is on the person, in all campaigns; only an answer by hand still goes out. What must not live here: holds of
other scopes (`operations`), answers (`replies`).
"""

from __future__ import annotations

from fluentsd.domain.reasons import Reason
from fluentsd.engine.runtime import Runtime
from fluentsd.store import contacts, enrollments, holds, inbound_calls
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, change


async def take(runtime: Runtime, call: Call, person: str, because: str) -> Answer:
    """Hold a person in all campaigns; a call to them that is not answered yet is withdrawn."""

    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        await contacts.reserve(conn, [contact_id])
        held = (await holds.on_contacts(conn, [contact_id], call.at)).get(contact_id)
        if held is not None:
            raise Refused(
                f"{person} is taken over by {held.by} already; nothing was changed",
                Suggestion("contacts resume", {"person": person}),
            )
        name, reason = holds.person(contact_id), because or holds.TAKEN_OVER
        await holds.place(conn, holds.CONTACT, name, reason=reason, by=call.actor, at=call.at)
        details = {"contact": contact_id, **({"because": because} if because else {})}
        return {"person": person, "contact": contact_id, "by": call.actor, "_details": details}

    answer = await change(runtime, call, "contacts take-over", person, unit)
    runtime.cancellation_wakeup.notify()
    return answer


async def resume(runtime: Runtime, call: Call, person: str) -> Answer:
    """Go on with a person who was taken over, or who has called us."""

    async def unit(conn: Connection) -> Answer:
        contact_id = await find_one(conn, person)
        await contacts.reserve(conn, [contact_id])
        lifted = await holds.lift(conn, holds.CONTACT, holds.person(contact_id), call.at)
        called = await inbound_calls.go_on(conn, contact_id)
        if not lifted and not called:
            raise Refused(
                f"{person} has not called and is not taken over, or somebody has decided already; nothing was changed"
            )
        released = 0
        for reason in (Reason.called_back, Reason.taken_over):
            released += len(await enrollments.release_held(conn, call.at, contact_ids=[contact_id], reason=reason))
        return {"person": person, "released": released, "_details": {"contact": contact_id}}

    answer = await change(runtime, call, "contacts resume", person, unit)
    runtime.dispatcher_wakeup.notify()
    return answer
