"""Remarks about a campaign, a list or another person lose the words that name an erased person, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.erasure.remarks import Personal
from fluentsd.store.tables import attempt, attestation, audit, enrollment, outbox_event, suppression
from tests.engine.erasure.test_erase import MAIL, PHONE, everything
from tests.engine.stage import MINUTE, MONDAY, SMS, Stage, person, spec

NAMED = {"first_name": "Zoë", "last_name": "Canaria", "street": "7 Yellow Feather Lane"}
SAID = "ZOË  Canaria of 7 Yellow Feather Lane, (212) 555-0001, complained"
LEFT = "(erased) of (erased), (erased), complained"


async def texts(stage: Stage, column: Any) -> list[Any]:
    async def unit(conn: AsyncConnection) -> list[Any]:
        return [one for one in (await conn.execute(select(column))).scalars() if one]

    return await stage.runtime.store.read(unit)


async def erased(stage: Stage) -> None:
    await stage.do("contacts erase", person=PHONE, because="asked by letter")


async def test_no_remark_names_the_person_after_an_erasure(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1, **NAMED), person(2))
    await stage.until(MONDAY + MINUTE)
    attested = {"source": "people.csv", "basis": "written", "given": "2026-03-01", "scope": ["sms"], "by": "Desk"}
    await stage.do("contacts attest", **attested, proof=SAID)
    await stage.do("campaign reopen", ref="test")
    await stage.do("suppression add", point="+12125550002", because=SAID)
    await stage.do("suppression remove", point="+12125550002", because=SAID)
    await stage.do("contacts take-over", person="+12125550001", because=SAID)
    await stage.do("campaign stop", ref="test", because=SAID)
    await erased(stage)
    left = (await stage.runtime.store.read(everything)).lower()
    for word in ("canaria", "zo\\u00eb", "zoë", "yellow feather", "555-0001", MAIL):
        assert word not in left
    assert await texts(stage, attestation.c.proof) == [LEFT]
    assert await texts(stage, suppression.c.lifted_because) == [LEFT]
    assert {"said": LEFT} in await texts(stage, suppression.c.evidence)
    assert LEFT in [one.get("because") for one in await texts(stage, audit.c.details)]
    assert LEFT in [one.get("reason") for one in await texts(stage, outbox_event.c.payload)]


@pytest.mark.parametrize("said", ["The 'To' number 12125550001 is invalid", "550 <P1@Example.com> is unknown"])
async def test_a_providers_reason_is_kept_without_the_point_that_it_writes_in_its_own_way(
    stage: Stage, said: str
) -> None:
    await stage.launch(spec(SMS), person(1))
    await stage.until(MONDAY + MINUTE)

    async def says(conn: AsyncConnection) -> None:
        await conn.execute(update(attempt).values(reason=said))
        await conn.execute(update(enrollment).values(reason=said))

    await stage.runtime.store.run(says)
    await erased(stage)
    expected = said.replace("12125550001", "(erased)").replace("P1@Example.com", "(erased)")
    assert [expected] == await texts(stage, attempt.c.reason)
    assert "example.com" not in str(await texts(stage, enrollment.c.reason)).lower()


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("Zoë", "Muñoz", "ZOË MUÑOZ"),
        ("Олег", "Иванов", "ОЛЕГ иванов"),
        ("Олег", "Иванов", "Иванов, Олег"),
        ("李", "雷", "李 雷"),
    ],
)
async def test_a_name_is_found_in_every_case_and_script(stage: Stage, first: str, last: str, said: str) -> None:
    await stage.launch(spec(SMS), person(1, first_name=first, last_name=last))
    await stage.do("suppression add", point="+12125550003", because=f"asked by {said} today")
    await stage.do("contacts take-over", person=PHONE, because=f"for {said}")
    await stage.do("contacts resume", person=PHONE)
    await erased(stage)
    assert {"said": "asked by (erased) today"} in await texts(stage, suppression.c.evidence)
    assert "for (erased)" in [one.get("reason") for one in await texts(stage, outbox_event.c.payload)]


async def test_remarks_about_others_stay(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1, first_name="Ann", last_name="Poe"), person(2))
    said = "Ann Smith and Bob Poe, (212) 555-0002, 12125550001999 and pp1@example.com complained"
    await stage.do("suppression add", point="+12125550003", because=said)
    await erased(stage)
    assert {"said": said} in await texts(stage, suppression.c.evidence)


async def test_a_phone_that_others_share_stays_in_remarks_about_them(stage: Stage) -> None:
    shared = [["phone", PHONE], ["email", "p9@example.com"]]
    await stage.launch(spec(SMS), person(1, **NAMED), person(9, first_name="Bob") | {"points": shared})
    await stage.do("suppression add", point="+12125550003", because=f"{PHONE} is the family's")
    await stage.do("contacts erase", person=MAIL, because="asked by letter")
    assert {"said": f"{PHONE} is the family's"} in await texts(stage, suppression.c.evidence)


def test_only_remarks_of_a_json_value_are_changed() -> None:
    """A person may be called like a state, a ref or a verb."""
    whose = Personal([("phone", PHONE)], [("Active",)], [])
    details = {"from": "active", "to": "paused", "because": "Active wants no calls", "cases": [{"text": PHONE}, 7]}
    assert whose.left_out_of(details) == {
        "from": "active", "to": "paused", "because": "(erased) wants no calls", "cases": [{"text": "(erased)"}, 7],
    }  # fmt: skip
