"""The history of attempts, on all channels, and of the calls that people make to us."""

from __future__ import annotations

from fluentsd.engine.recordings.folder import LINK_LASTS, OURS
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, inbound_calls, recordings
from fluentsd.store.attempts.listing import newest_attempts
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import meant
from fluentsd.verbs.execute import Answer, change, refusing


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
        people = await meant(conn, person)
        at_most = max(1, min(most, 100_000))
        rows = await newest_attempts(
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
        if channel in (None, "phone"):
            inbound = await inbound_calls.listing(
                conn, most=at_most, contact_ids=people, outcome=outcome, disposition=disposition, since=since,
                call_id=attempt, campaign_id=campaign_id,
            )  # fmt: skip
            rows = sorted(rows + inbound, key=lambda row: str(row["id"]), reverse=True)[:at_most]
        if attempt is not None and not rows:
            raise Refused(f"there is no attempt {attempt!r}", Suggestion("history", {}))
        now = runtime.clock.now()
        may_listen = call.may("manager")
        heard = [_heard(runtime, row, now) if may_listen else row | {"recording": None} for row in rows]
        return {"calls": heard, "whole": attempt is not None}

    return await refusing(runtime.store.read(unit))


def _heard(runtime: Runtime, row: Answer, now: int) -> Answer:
    """The attempt with a link at which its recording can be heard for a while; without a public address, its file."""
    name = (row["recording"] or "").removeprefix(OURS)
    if name == row["recording"] or not name:
        return row
    link, file = runtime.recordings.link(name, now), runtime.recordings.path(name)
    return row | {"recording": link or (str(file) if file is not None else None)}


async def listen(runtime: Runtime, call: Call, attempt: str) -> Answer:
    """A link to the recording of one call, which expires; without a public address, its file on the daemon's machine.
    The audit log keeps who asked for it."""

    async def unit(conn: Connection) -> Answer:
        found = await recordings.latest(conn, attempt)
        if found is None:
            raise Refused(f"the call {attempt!r} has no recording", Suggestion("calls", {}))
        name, now = found.text.removeprefix(OURS), runtime.clock.now()
        file = runtime.recordings.path(name)
        if name == found.text or file is None:
            raise Refused("the recording is not here yet; it is fetched from the provider. Try again in a minute")
        link = runtime.recordings.link(name, now)
        until_at = now + LINK_LASTS if link else None
        return {"attempt": attempt, "link": link, "file": None if link else str(file), "until_at": until_at}

    return await change(runtime, call, "listen", attempt, unit)
