"""Consent: a named person attests the consent of a source's people; each record then carries the attestation."""

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
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, facts_changed, refusing

#: Records updated in one transaction.
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
    """Record the consent of the people of a source, or of a campaign's sources; people held for missing consent are
    released."""
    if (source is None) == (campaign is None):
        both = f", not both ({source!r} was taken as a source; join channels with commas: phone,sms)" if source else ""
        raise Refused(
            f"name either a source (a file's name) or a campaign{both}; nothing was changed",
            Suggestion("contacts attest", {"campaign": campaign}),
        )
    attestation = read(
        call, {"basis": basis, "given": given, "scope": scope, "by": by, "scrubbed": scrubbed, "proof": proof}
    )
    sources, campaign_id = await _sources(runtime, source, campaign)
    people = 0
    for source_id in sources:
        kept = await change(runtime, call, "attest", source or str(campaign), _store_unit(call, source_id, attestation))
        since = 0
        while True:
            unit = _apply_unit(call, source_id, campaign_id, kept["attestation"], attestation, since)
            part = await refusing(runtime.store.run(unit))
            people, since = people + part["people"], part["since"]
            if not part["more"]:
                break
    for reason in (Reason.no_consent, Reason.dnc_stale):
        await facts_changed(runtime, call, reason=reason)
    runtime.dispatcher_wakeup.notify()
    return {"people": people, "said": attestation.text, "by": attestation.by, "source": source, "ref": campaign}


def read(call: Call, given: dict[str, Any]) -> Attestation:
    """The checked attestation; `Refused` with every mistake."""
    try:
        return read_attestation(given, dt.datetime.fromtimestamp(call.at / 1_000_000, dt.UTC).date())
    except ValueError as why:
        raise Refused(str(why)) from None


async def _sources(runtime: Runtime, source: str | None, campaign: str | None) -> tuple[list[int], int | None]:
    """The ids of the sources, and the campaign to whose people the attestation is limited."""

    async def unit(conn: Connection) -> Answer:
        if campaign is not None:
            row = await campaigns.get(conn, campaign)
            found = await evidence.sources_of_campaign(conn, row.id)
            if not found:
                raise Refused(f"nobody is enrolled in {campaign}; import people first")
            return {"sources": found, "campaign": row.id}
        assert source is not None  # noqa: S101 - checked by the caller
        one = await evidence.source_named(conn, source)
        if one is None:
            known = await evidence.source_names(conn)
            near = difflib.get_close_matches(source, known, 3, 0.5) or known[:5]
            raise Refused(f"there is no source {source!r}; known sources: {', '.join(near) or 'none yet'}")
        return {"sources": [one], "campaign": None}

    answer = await refusing(runtime.store.read(unit))
    return answer["sources"], answer["campaign"]


def _store_unit(call: Call, source_id: int, given: Attestation) -> Any:
    async def unit(conn: Connection) -> Answer:
        kept = await evidence.attest(conn, source_id, given, actor=call.actor, at=call.at)
        details = {"said": given.text, "by": given.by, "given": given.given_on.isoformat(), "attestation": kept}
        return {"attestation": kept, "_details": details}

    return unit


def _apply_unit(call: Call, source_id: int, campaign_id: int | None, kept: int, given: Attestation, since: int) -> Any:
    async def unit(conn: Connection) -> Answer:
        rows = await evidence.some_records(conn, source_id, campaign_id, since, BATCH)
        if rows:
            await evidence.carry(conn, rows, kept, given, call.at)
        return {"people": len(rows), "since": rows[-1][0] + 1 if rows else since, "more": len(rows) == BATCH}

    return unit
