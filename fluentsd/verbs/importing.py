"""Imports by a program: begin a run, send batches, end the run. The work is `engine.ingest.service`'s.

An import reads and normalises its file on the user's machine (`engine.ingest`) and sends batches, so the daemon stays
free to send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from fluentsd.engine.ingest import service
from fluentsd.engine.ingest.column_choices import Choices, Shape
from fluentsd.engine.ingest.import_run import Malformed, Run
from fluentsd.engine.ingest.leaving import CannotLeave
from fluentsd.engine.ingest.people import upserts_of
from fluentsd.engine.ingest.service import CampaignStopped
from fluentsd.engine.runtime import Runtime
from fluentsd.store import contacts
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.consent import read as read_consent
from fluentsd.verbs.execute import Answer, change, refusing

T = TypeVar("T")


async def columns(runtime: Runtime, call: Call, source: str, headings: Sequence[str]) -> Answer:
    """What was said of the columns of an earlier file with these headings; `source` is empty when there is none."""
    found = await runtime.store.read(contacts.shape_like, source, headings)
    if found is None:
        return {"source": "", "choices": Choices().as_json()}
    name, shape = found
    try:
        return {"source": name, "choices": Shape.from_json(shape).choices.as_json()}
    except Malformed:  # an older release wrote it
        return {"source": "", "choices": Choices().as_json()}


async def begin_import(
    runtime: Runtime,
    call: Call,
    source: str,
    ref: str | None,
    consent: Mapping[str, Any] | None,
    shape: Mapping[str, Any] | None,
) -> Answer:
    """Check the campaign and the attestation of consent, and begin the run. The answer is passed to every batch."""
    try:
        said_of_columns = Shape.from_json(shape) if shape is not None else None
    except Malformed as why:
        raise Refused(f"{why}; nothing was changed") from None
    attestation = read_consent(call, dict(consent)) if consent else None

    async def unit(conn: Connection) -> Answer:
        run = await service.begin(conn, runtime, source, ref, attestation, call.actor, call.at, said_of_columns)
        return run.as_json() | {"_details": service.audit_details(run, attestation)}

    return await _refusing(change(runtime, call, "import", ref or source, unit))


async def take(runtime: Runtime, call: Call, run: Any, people: Sequence[Any], keep_duplicates: bool) -> Answer:
    """Store one batch in one transaction: contacts, records, enrollments with their first due times, counters. In the
    answer, `shared` are the points of these people that belong to several: [kind, id]."""
    begun, ended = _run(run), set[int]()
    try:
        batch = list(upserts_of(people))
    except Malformed as why:
        raise Refused(f"{why}; nothing was changed") from None

    async def unit(conn: Connection) -> Answer:
        keep: dict[str, Any] = {"keep_duplicates": keep_duplicates, "by": call.actor, "at": call.at}
        taken = await service.take(conn, runtime, begun, batch, **keep)
        ended.update(taken.ended)
        result = asdict(taken) | {"shared": sorted(taken.shared)}
        del result["ended"]
        return result

    try:
        answer = await _refusing(refusing(runtime.store.run(unit)))
    finally:
        batch.clear()  # the unit of work stays in memory until the garbage collector runs, and people are large
    runtime.enrollment_ended(ended)
    if answer["enrolled"] or answer["back"]:
        runtime.dispatcher_wakeup.notify()
    return answer


async def end_import(
    runtime: Runtime, call: Call, run: Any, counts: Mapping[str, int], whole: bool, yes: bool
) -> Answer:
    """End the run, with its counts in the audit log. With `whole`, the file is the whole list: people of its earlier
    imports who are not in it leave the campaign; if that is most of them, `yes` is needed."""
    begun = _run(run)
    ends: dict[str, Any] = {"whole": whole, "confirmed": yes, "by": call.actor, "at": call.at}
    return {**counts, "left": await _refusing(refusing(service.end(runtime, begun, counts, **ends)))}


def _run(given: object) -> Run:
    try:
        return Run.from_json(given)
    except Malformed as why:
        raise Refused(f"{why}; nothing was changed") from None


async def _refusing(work: Awaitable[T]) -> T:
    """Turn the service's errors about a request into `Refused`."""
    try:
        return await work
    except CampaignStopped as why:
        raise Refused(f"{why} is stopped; reopen it first", Suggestion("campaign reopen", {"ref": str(why)})) from None
    except Malformed as why:
        raise Refused(f"{why}; nothing was changed") from None
    except CannotLeave as why:
        raise Refused(str(why)) from None
