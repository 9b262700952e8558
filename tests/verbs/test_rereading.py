"""`contacts reread`: people of an earlier release are shown and read as today; opt-outs are only added."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import attempt, contact, contact_point, point, record, suppression
from tests.engine.stage import MONDAY, SMS, Stage, person, spec

BOB, JANE, GERD, OLGA = "+4915112345678;ext=12", "+12125550111", "+494915112345678", "+79123456789"


def one(n: int, number: str, **fields: str) -> dict[str, Any]:
    points = [["phone", number], ["email", f"p{n}@example.com"]]
    return {"key": f"k{n}", "points": points, "fields": {"first_name": f"P{n}", "phone": number, **fields}}


async def imported(stage: Stage, *people: dict[str, Any]) -> None:
    run = await stage.do("contacts begin-import", source="old.csv", ref="test")
    await stage.do("contacts take", run=run, people=list(people))


async def found(stage: Stage, **given: Any) -> dict[str, Any]:
    answer = await stage.do("contacts reread", **given)
    return answer | {"told": [(c["what"], c["was"], c["becomes"], c["channel"]) for c in answer["changes"]]}


async def listed(stage: Stage) -> set[tuple[str, str]]:
    return {(e["value"], e["channel"]) for e in (await stage.do("suppression list"))["entries"]}


async def test_people_who_are_read_as_they_are_kept_are_left_alone(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    kept = person(1) | {"fields": {"timezone": "America/New_York"}}
    place = {"zones": ["America/New_York"], "states": ["US-NY"], "zone_basis": "field+number"}
    await imported(stage, kept | place | {"points": [["phone", "+12125550101"], ["email", "p1@example.com"]]})
    answer = await found(stage)
    assert (answer["people"], answer["told"], answer["changed"]) == (1, [], 0)


async def test_a_dry_run_shows_what_the_run_changes_and_a_second_run_finds_nothing(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await imported(stage, one(1, BOB), one(2, JANE, do_not_call="1", unsubscribed_from_all_email="no"), one(3, GERD))
    seen = await found(stage, dry_run=True)
    assert seen["counts"]["point"] == 2
    assert ("point", BOB, "+4915112345678", "") in seen["told"]
    assert ("point", GERD, "+4915112345678", "") in seen["told"]
    assert {one for one in seen["told"] if one[0] == "suppression"} == {
        ("suppression", "", JANE, "phone"), ("suppression", "", JANE, "sms"),
    }  # fmt: skip
    assert await listed(stage) == set()
    assert await found(stage, dry_run=True) == seen
    done = await found(stage)
    assert done["changed"] == done["counts"]["point"] + done["counts"]["place"] + 2
    assert await listed(stage) == {(JANE, "phone"), (JANE, "sms")}
    assert (await found(stage))["told"] == []


async def test_the_place_is_read_from_the_fields_and_numbers_that_are_kept(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    wrong = {"zones": ["America/Denver"], "states": ["US-CA"], "zone_basis": "address", "conflict": True}
    await imported(
        stage,
        one(1, "+4930901820", country="Deutschland", postal_code="80331") | wrong,
        one(2, OLGA) | {"zones": [], "zone_basis": "none"},
        one(3, JANE) | {"zones": ["Asia/Tokyo"], "zone_basis": "address"},  # what it was read from is not kept
    )
    answer = await found(stage)
    first = answer["changes"][0]
    assert (first["was"], first["becomes"]) == ("America/Denver · US-CA", "Europe/Berlin")
    assert answer["counts"] == {"point": 0, "place": 2, "suppression": 0, "doubt": 0}

    async def places(conn: AsyncConnection) -> list[tuple[str, str]]:
        return [
            tuple(row) for row in await conn.execute(select(contact.c.zones, contact.c.states).order_by(contact.c.id))
        ]

    (german, russian, kept) = await stage.runtime.store.read(places)
    assert german == ("Europe/Berlin", "")
    assert "Europe/Moscow" in russian[0]
    assert kept == ("Asia/Tokyo", "")


async def test_a_lifted_opt_out_and_a_declared_field_are_not_added_again(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await imported(stage, one(1, JANE, do_not_contact="yes"))
    await stage.do("suppression add", point=JANE, because="the list said so")
    await stage.do("suppression add", point="p1@example.com", because="the list said so")
    await stage.do("suppression remove", point=JANE, because="she has asked to be called again")
    assert (await found(stage))["counts"]["suppression"] == 0
    assert await listed(stage) == {("p1@example.com", "*")}


async def test_an_entry_with_an_extension_stops_the_line_and_stays_itself(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await imported(stage, one(1, "+4915112345678"))

    async def old(conn: AsyncConnection) -> None:
        entry = {"kind": "phone", "reason": "operator", "by": "dana", "at": MONDAY, "channel": "*"}
        for value in (BOB, "whatsapp:+12125550111", "whatsapp:nobody"):
            await conn.execute(insert(suppression).values(value=value, **entry))

    await stage.runtime.store.run(old)
    assert (await stage.overview())["exited"] == 0
    await found(stage)
    assert {value for value, _ in await listed(stage)} == {
        BOB, "whatsapp:+12125550111", "whatsapp:nobody", "+4915112345678", "+12125550111"
    }  # fmt: skip
    assert (await stage.overview())["exited_by_reason"] == {"opted_out": 1}
    assert (await found(stage))["told"] == []


async def test_two_points_that_are_one_line_share_owners_and_attempts(stage: Stage) -> None:
    await stage.launch(spec(SMS), one(1, BOB), one(2, "+4915112345678"), checked=False)

    async def to_old(conn: AsyncConnection) -> None:
        old = (await conn.execute(select(point.c.id).where(point.c.value == BOB))).scalar()
        await conn.execute(update(attempt).values(point_id=old))

    await stage.until(MONDAY + 60_000_000)
    await stage.runtime.store.run(to_old)
    await found(stage)

    async def shown(conn: AsyncConnection) -> tuple[Any, ...]:
        values = list((await conn.execute(select(point.c.value).where(point.c.kind == "phone"))).scalars())
        (line,) = (await conn.execute(select(point.c.id).where(point.c.kind == "phone"))).scalars()
        owners = (await conn.execute(select(contact_point.c.contact_id).where(contact_point.c.point_id == line))).all()
        attempts = set((await conn.execute(select(attempt.c.point_id))).scalars())
        fields = json.loads((await conn.execute(select(record.c.fields).order_by(record.c.id))).scalars().first() or "")
        return values, len(owners), attempts <= {line}, fields["phone"], fields["phone_extension"]

    assert await stage.runtime.store.read(shown) == (["+4915112345678"], 2, True, "+4915112345678", "12")


@pytest.mark.parametrize("number", ["+4949301234567", "+1900555011"])
async def test_a_doubtful_number_is_shown_and_left_to_a_person(stage: Stage, number: str) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await imported(stage, one(1, number))
    answer = await found(stage)
    assert answer["counts"]["doubt"] == 1
    assert (await stage.do("contacts find", words=number))["people"][0]["points"][0] == number


async def test_a_number_that_becomes_its_former_one_is_the_one_of_today(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    good = BOB.partition(";")[0]
    await imported(stage, one(1, good))
    await stage.clock.sleep_until(stage.clock.now() + 1_000_000)
    await imported(stage, one(1, BOB))
    [before] = (await stage.do("contacts find", words="P1"))["people"]
    assert good in before["former"]
    await found(stage)
    [after] = (await stage.do("contacts find", words="P1"))["people"]
    assert good in after["points"]
    assert after["former"] == []


async def test_a_former_number_says_nothing_of_the_place(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await imported(stage, one(1, "+12125550111"))
    await stage.clock.sleep_until(stage.clock.now() + 1_000_000)
    await imported(stage, one(1, "+13105550111") | {"zones": ["America/Denver"], "zone_basis": "number"})
    [place] = [one["becomes"] for one in (await found(stage))["changes"] if one["what"] == "place"]
    assert place == "America/Los_Angeles · US-CA"
