"""The segments that a campaign's file names: checked against the sources, and linked to the campaign."""

from __future__ import annotations

import difflib

from fluentsd.domain.campaign import CampaignFile, Consent, FollowedSegment
from fluentsd.domain.consent import Attestation
from fluentsd.domain.membership import leaves_after
from fluentsd.engine.runtime import Runtime
from fluentsd.store import consent as evidence
from fluentsd.store import contacts, segments
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Refused


def check(runtime: Runtime, spec: CampaignFile) -> None:
    """Raise `Refused` for a source that is not configured, and for a segment that is named twice."""
    seen: set[tuple[str, str]] = set()
    for one in spec.segment:
        if one.source not in runtime.sources:
            near = difflib.get_close_matches(one.source, runtime.sources, n=2)
            known = ", ".join(near or sorted(runtime.sources)) or "none; connect one"
            hint = f"did you mean {known}?" if near else f"known sources: {known}"
            raise Refused(
                f"no source is called {one.source!r}; {hint}; nothing was changed", Suggestion("source list", {})
            )
        if (one.source, one.segment) in seen:
            raise Refused(f"the segment {one.segment!r} of {one.source} is named twice; nothing was changed")
        seen.add((one.source, one.segment))


async def link(conn: Connection, runtime: Runtime, campaign_id: int, spec: CampaignFile, actor: str, at: int) -> None:
    """Make the campaign follow the segments of its file, and no others."""
    kept = []
    for one in spec.segment:
        source_id = await contacts.source_id(conn, "crm", one.source, at)
        kept.append(
            await segments.link(
                conn,
                campaign_id,
                source_id,
                one.segment,
                leaves_after=leaves_after(one.leaves),
                reenter=one.reenter or "",
                attestation_id=await _attest(conn, source_id, one, actor, at),
            )
        )
    await segments.unlink_others(conn, campaign_id, kept)


async def _attest(conn: Connection, source_id: int, one: FollowedSegment, actor: str, at: int) -> int | None:
    """The attestation of the segment's consent; the one that is there already when it says the same."""
    if one.consent is None:
        return None
    given = _attestation(one.consent)
    return await evidence.same(conn, source_id, given) or await evidence.attest(
        conn, source_id, given, actor=actor, at=at
    )


def _attestation(given: Consent) -> Attestation:
    return Attestation(given.basis, given.date, tuple(given.scope), given.by, given.scrubbed, given.proof)
