"""Attestations of consent, append-only, and the consent each contact carries from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.consent import Attestation, merged
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import attestation, contact, enrollment, record, source


async def attest(conn: AsyncConnection, source_id: int, given: Attestation, *, actor: str, at: int) -> int:
    """Keep an attestation about a source's people; returns its id."""
    result = await conn.execute(
        insert(attestation).values(
            source_id=source_id,
            basis=given.basis,
            given_on=given.given_on.isoformat(),
            scope=",".join(given.scope),
            scrubbed_on=given.scrubbed_on.isoformat() if given.scrubbed_on else None,
            proof=given.proof,
            by=given.by,
            actor=actor,
            at=at,
        )
    )
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    return int(result.inserted_primary_key[0])


async def same(conn: AsyncConnection, source_id: int, given: Attestation) -> int | None:
    """The newest attestation about a source that says exactly this."""
    attested = {"basis": given.basis, "given_on": given.given_on.isoformat(), "scope": ",".join(given.scope),
            "scrubbed_on": given.scrubbed_on.isoformat() if given.scrubbed_on else None, "proof": given.proof,
            "by": given.by}  # fmt: skip
    mine = [
        attestation.c.source_id == source_id,
        *(attestation.c[name].is_not_distinct_from(v) for name, v in attested.items()),
    ]
    found = (await conn.execute(select(attestation.c.id).where(*mine).order_by(attestation.c.id.desc()))).scalar()
    return None if found is None else int(found)


async def attested(conn: AsyncConnection, attestation_id: int) -> Attested:
    """An attestation as the upserts of people take it."""
    row = (await conn.execute(select(attestation).where(attestation.c.id == attestation_id))).one()
    text = ",".join(f"{channel}:{row.basis}" for channel in row.scope.split(","))
    scrubbed = None if row.scrubbed_on is None else _midnight(dt.date.fromisoformat(row.scrubbed_on))
    return Attested(attestation_id, text, scrubbed)


def scrubbed_at(given: Attestation) -> int | None:
    """The instant a scrub counts from: the beginning of its day in UTC, so that it never counts for too long."""
    if given.scrubbed_on is None:
        return None
    return _midnight(given.scrubbed_on)


def _midnight(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * 86_400_000_000


async def source_named(conn: AsyncConnection, name: str) -> int | None:
    """The id of a source by its name."""
    found = (await conn.execute(select(source.c.id).where(source.c.name == name).order_by(source.c.id))).scalar()
    return None if found is None else int(found)


async def source_names(conn: AsyncConnection) -> list[str]:
    """The names of all sources, newest first."""
    return list((await conn.execute(select(source.c.name).order_by(source.c.id.desc()))).scalars())


async def sources_of_campaign(conn: AsyncConnection, campaign_id: int) -> list[int]:
    """The sources that the people of a campaign come from."""
    statement = (
        select(record.c.source_id)
        .join(enrollment, enrollment.c.contact_id == record.c.contact_id)
        .where(enrollment.c.campaign_id == campaign_id)
        .distinct()
    )
    return sorted((await conn.execute(statement)).scalars())


async def some_records(
    conn: AsyncConnection, source_id: int, campaign_id: int | None, since: int, most: int
) -> list[tuple[int, int, str]]:
    """Records of a source in the order of their ids, of the people of one campaign or of all: (record, contact, the
    consent the contact carries)."""
    statement = (
        select(record.c.id, record.c.contact_id, contact.c.consent)
        .join(contact, contact.c.id == record.c.contact_id)
        .where(record.c.source_id == source_id, record.c.id >= since)
        .order_by(record.c.id)
        .limit(most)
    )
    if campaign_id is not None:
        mine = select(enrollment.c.contact_id).where(enrollment.c.campaign_id == campaign_id)
        statement = statement.where(record.c.contact_id.in_(mine))
    return [(int(i), int(who), text) for i, who, text in await conn.execute(statement)]


_EVIDENCE = update(record).where(among(record.c.id, "ids")).values(attestation_id=bindparam("b_attestation"))
_CARRY = (
    update(contact)
    .where(contact.c.id == bindparam("b_id"))
    .values(consent=bindparam("b_consent"), updated_at=bindparam("b_at"))
)
_SCRUBBED = update(contact).where(among(contact.c.id, "ids")).values(scrubbed_at=bindparam("b_scrubbed"))


async def carry(
    conn: AsyncConnection, rows: Sequence[tuple[int, int, str]], attestation_id: int, given: Attestation, at: int
) -> None:
    """Give records their evidence and their contacts what it says."""
    await conn.execute(_EVIDENCE, {"ids": json_of(row[0] for row in rows), "b_attestation": attestation_id})
    changed = {who: merged(text, given.text) for _, who, text in rows if merged(text, given.text) != text}
    if changed:
        await conn.execute(_CARRY, [{"b_id": who, "b_consent": text, "b_at": at} for who, text in changed.items()])
    if (moment := scrubbed_at(given)) is not None:
        await conn.execute(_SCRUBBED, {"ids": json_of(row[1] for row in rows), "b_scrubbed": moment})


async def evidence_of(conn: AsyncConnection, contact_id: int) -> list[dict[str, object]]:
    """The attestations behind what a person carries, newest first."""
    statement = (
        select(attestation, source.c.name.label("source"))
        .join(record, record.c.attestation_id == attestation.c.id)
        .join(source, source.c.id == attestation.c.source_id)
        .where(record.c.contact_id == contact_id)
        .order_by(attestation.c.id.desc())
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
