"""Consent: a named person attests, once per source, what its people have agreed to; each of them then carries it."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence
from typing import Any

from fluentsd.domain.consent import Attestation, read_attestation
from fluentsd.domain.gate import Reason
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns
from fluentsd.store import consent as evidence
from fluentsd.store.db import Connection
from fluentsd.verbs.execute import Answer, Call, Refused, change, facts_changed, refusing

#: Records given their evidence in one transaction.
BATCH = 1000


async def attest(
    runtime: Runtime,
    call: Call,
    source: str | None,
    campaign: str | None,
    basis: str,
    given: str,
    scope: Sequence[str],
    by: str,
    scrubbed: str | None,
    proof: str,
) -> Answer:
    """Say what the people of a source, or of a campaign's sources, have agreed to; those who were held for want of it
    come back."""
    if (source is None) == (campaign is None):
        raise Refused("name either a source (a file's name) or a campaign whose people this is said of")
    said = read(call, {"basis": basis, "given": given, "scope": scope, "by": by, "scrubbed": scrubbed, "proof": proof})
    sources, campaign_id = await _sources(runtime, source, campaign)
    people = 0
    for source_id in sources:
        kept = await change(runtime, call, "attest", source or str(campaign), _keeping(call, source_id, said))
        since = 0
        while True:
            unit = _carrying(call, source_id, campaign_id, kept["attestation"], said, since)
            part = await refusing(runtime.store.run(unit))
            people, since = people + part["people"], part["since"]
            if not part["more"]:
                break
    for reason in (Reason.no_consent, Reason.dnc_stale):
        await facts_changed(runtime, call, reason=reason)
    runtime.dispatcher_wakeup.notify()
    return {"people": people, "said": said.text, "by": said.by, "source": source, "ref": campaign}


def read(call: Call, said: dict[str, Any]) -> Attestation:
    """What was said, checked; `Refused` with every mistake."""
    try:
        return read_attestation(said, dt.datetime.fromtimestamp(call.at / 1_000_000, dt.UTC).date())
    except ValueError as why:
        raise Refused(str(why)) from None


async def _sources(runtime: Runtime, source: str | None, campaign: str | None) -> tuple[list[int], int | None]:
    """Which sources are meant, and the campaign whose people alone are."""

    async def unit(conn: Connection) -> Answer:
        if campaign is not None:
            row = await campaigns.get(conn, campaign)
            found = await evidence.sources_of_campaign(conn, row.id)
            if not found:
                raise Refused(f"nobody is enrolled in {campaign}; import people first")
            return {"sources": found, "campaign": row.id}
        assert source is not None  # noqa: S101 - the caller looked
        one = await evidence.source_named(conn, source)
        if one is None:
            known = await evidence.source_names(conn)
            near = difflib.get_close_matches(source, known, 3, 0.5) or known[:5]
            raise Refused(f"no source is called {source!r}; there are: {', '.join(near) or 'none yet'}")
        return {"sources": [one], "campaign": None}

    answer = await refusing(runtime.store.read(unit))
    return answer["sources"], answer["campaign"]


def _keeping(call: Call, source_id: int, said: Attestation) -> Any:
    async def unit(conn: Connection) -> Answer:
        kept = await evidence.attest(conn, source_id, said, actor=call.actor, at=call.at)
        details = {"said": said.text, "by": said.by, "given": said.given_on.isoformat(), "attestation": kept}
        return {"attestation": kept, "_details": details}

    return unit


def _carrying(call: Call, source_id: int, campaign_id: int | None, kept: int, said: Attestation, since: int) -> Any:
    async def unit(conn: Connection) -> Answer:
        rows = await evidence.some_records(conn, source_id, campaign_id, since, BATCH)
        if rows:
            await evidence.carry(conn, rows, kept, said, call.at)
        return {"people": len(rows), "since": rows[-1][0] + 1 if rows else since, "more": len(rows) == BATCH}

    return unit
