"""The history of attempts, on all channels, and of the calls that people make to us."""

from __future__ import annotations

from fluentsd.engine.recordings.folder import OURS
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, inbound_calls, reports
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.people import find_one, owners


async def calls(
    runtime: Runtime,
    call: Call,
    ref: str | None,
    outcome: str | None,
    disposition: str | None,
    attempt: str | None,
    person: str | None,
    most: int,
    since: int | None,
) -> Answer:
    """Phone calls, newest first, with the filters of `history`."""
    return await history(runtime, call, ref, outcome, disposition, "phone", attempt, person, most, since)


async def history(
    runtime: Runtime,
    call: Call,
    ref: str | None,
    outcome: str | None,
    disposition: str | None,
    channel: str | None,
    attempt: str | None,
    person: str | None,
    most: int,
    since: int | None,
) -> Answer:
    """Attempts, newest first, filtered by campaign, outcome, disposition, channel, person and time; or one of them."""

    if since is not None and since > call.at:
        raise Refused("that time lies ahead, so there are no attempts after it")

    async def unit(conn: Connection) -> Answer:
        campaign_id = (await campaigns.get(conn, ref)).id if ref else None
        people = await owners(conn, person) if person else None
        if person and not people:
            people = [await find_one(conn, person)]
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
        if ref is None and channel in (None, "phone"):
            inbound = await inbound_calls.listing(
                conn, most=at_most, contact_ids=people, outcome=outcome, disposition=disposition, since=since,
                call_id=attempt,
            )  # fmt: skip
            rows = sorted(rows + inbound, key=lambda row: str(row["id"]), reverse=True)[:at_most]
        if attempt is not None and not rows:
            raise Refused(f"there is no attempt {attempt!r}", Suggestion("history", {}))
        now = runtime.clock.now()
        return {"calls": [_heard(runtime, row, now) for row in rows], "whole": attempt is not None}

    return await refusing(runtime.store.read(unit))


def _heard(runtime: Runtime, row: Answer, now: int) -> Answer:
    """The attempt with a link at which its recording can be heard for a while; without a public address, its file."""
    name = (row["recording"] or "").removeprefix(OURS)
    if name == row["recording"] or not name:
        return row
    link, file = runtime.recordings.link(name, now), runtime.recordings.path(name)
    return row | {"recording": link or (str(file) if file is not None else None)}
