"""The history of attempts, on all channels."""

from __future__ import annotations

from typing import get_args

from fluentsd.api import Disposition, Kind, Outcome
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts, reports
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, refusing


async def history(
    runtime: Runtime,
    call: Call,
    ref: str | None,
    outcome: str | None,
    disposition: str | None,
    channel: str | None,
    person: str | None,
    attempt: str | None,
    most: int,
    since: int | None,
) -> Answer:
    """Attempts, newest first, filtered by campaign, outcome, disposition, channel, person and time; or one of them."""
    if outcome is not None and outcome not in set(Outcome):
        raise Refused(f"{outcome!r} is not an outcome; use one of: {', '.join(Outcome)}")
    if disposition is not None and disposition not in set(Disposition):
        raise Refused(f"{disposition!r} is not a disposition; use one of: {', '.join(Disposition)}")
    if channel is not None and channel not in get_args(Kind):
        raise Refused(f"{channel!r} is not a channel; use one of: {', '.join(get_args(Kind))}")

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        people = await contacts.owners(conn, person) if person else None
        if people == []:
            raise Refused(f"no contact has the number or address {person!r}; search: fluentsd contacts find {person}")
        at_most = max(1, min(most, 100_000))
        rows = await reports.attempts(
            conn,
            campaign_id=campaign_id,
            contact_ids=people,
            outcome=outcome,
            since=since,
            most=at_most,
            disposition=disposition,
            channel=channel,
            attempt_id=attempt,
        )
        if attempt is not None and not rows:
            raise Refused(f"there is no attempt {attempt!r}; the ids are in: fluentsd calls --json")
        return {"calls": rows, "whole": attempt is not None}

    return await refusing(runtime.store.read(unit))
