"""Imports: the same result for every batch size, on each database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.engine.ingest import import_run as runs
from fluentsd.engine.ingest import service
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.tables import contact, contact_point, enrollment, point, record, waiting
from tests.engine.stage import DAY, HOUR, MONDAY, SMS, Stage, person, spec


async def rows(stage: Stage, table: Any, *without: str) -> list[dict[str, Any]]:
    async def unit(conn: AsyncConnection) -> list[dict[str, Any]]:
        found = (await conn.execute(select(table).order_by(*table.primary_key.columns))).mappings()
        return [{name: value for name, value in row.items() if name not in without} for row in found]

    return await stage.runtime.store.read(unit)


async def begun(stage: Stage, **more: Any) -> dict[str, Any]:
    return await stage.do("contacts begin-import", source="people.csv", ref="test") | more


async def test_the_place_is_written_with_its_states_and_its_conflict(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    placed = {"zones": ["America/Los_Angeles", "America/New_York"], "states": ["US-CA", "US-NY"], "conflict": True}
    await stage.enroll(person(1) | placed, person(2))
    torn, plain = await rows(stage, contact)
    assert (torn["zones"], torn["states"], torn["conflict"]) == (
        "America/Los_Angeles,America/New_York",
        "US-CA,US-NY",
        True,
    )
    assert (plain["states"], plain["conflict"], plain["consent"], plain["scrubbed_at"]) == ("", False, "", None)


async def test_the_moment_the_flow_wants_is_kept_beside_the_one_the_hours_give(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"after": "9 hours"}))
    await stage.enroll(person(1))
    (row,) = await rows(stage, enrollment)
    assert row["wanted_at"] == MONDAY + 9 * HOUR  # seven in the evening
    assert row["due_at"] == MONDAY + DAY - HOUR  # nine in the morning
    assert (row["state"], row["entry"], row["try_no"], row["enrolled_at"]) == ("queued", 1, 1, MONDAY)
    (queued,) = await rows(stage, waiting)
    assert (queued["due_at"], queued["enrollment_id"], queued["rank"]) == (row["due_at"], row["id"], 1)


async def test_an_attestation_is_written_with_each_person_it_covers(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    given = {"id": 7, "consent": "phone:written,sms:written", "scrubbed_at": MONDAY - DAY}
    run = await begun(stage, attestation=given)
    await stage.do("contacts take", run=run, people=[person(1)])
    (row,) = await rows(stage, contact)
    assert (row["consent"], row["scrubbed_at"]) == ("phone:written,sms:written", MONDAY - DAY)
    assert [r["attestation_id"] for r in await rows(stage, record)] == [7]


async def test_a_newer_attestation_overrides_its_channels_and_no_others(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    first = {"id": 1, "consent": "phone:express,sms:express", "scrubbed_at": MONDAY - DAY}
    await stage.do("contacts take", run=await begun(stage, attestation=first), people=[person(1), person(2)])
    await stage.until(MONDAY + HOUR)
    second = {"id": 2, "consent": "email:inquiry,sms:written", "scrubbed_at": None}
    await stage.do("contacts take", run=await begun(stage, attestation=second), people=[person(1)])
    await stage.until(MONDAY + 2 * HOUR)
    await stage.do("contacts take", run=await begun(stage), people=[person(1)])
    one, other = sorted(await rows(stage, contact), key=lambda row: row["id"])
    assert one["consent"] == "email:inquiry,phone:express,sms:written"
    assert one["scrubbed_at"] == MONDAY - DAY
    assert other["consent"] == "phone:express,sms:express"
    evidence = {r["key"]: r["attestation_id"] for r in await rows(stage, record)}
    assert evidence == {"k1": 2, "k2": 1}, "an import without an attestation takes none away"


def test_consent_is_kept_by_channel() -> None:
    assert Attested(1, "sms:written").added_to("") == "sms:written"
    assert Attested(1, "sms:written").added_to("phone:express,sms:express") == "phone:express,sms:written"
    assert Attested(1, "").added_to("phone:express") == "phone:express"


async def test_fields_may_come_as_text_or_as_a_table(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1) | {"fields": '{"first_name":"Zoë"}'}, person(2) | {"fields": {"first_name": "Zoë"}})
    assert [json.loads(r["fields"]) for r in await rows(stage, record)] == [{"first_name": "Zoë"}] * 2
    assert len((await stage.do("contacts find", words="zoë"))["people"]) == 2


def repeated() -> list[dict[str, Any]]:
    """Nine people, some of them twice: by the same key, by another number, by an address alone, in another place."""
    elsewhere = {"zones": ["America/Chicago"], "states": ["US-IL"]}
    people = [person(n) for n in range(9)]
    again = [
        person(1, note="same row"),
        person(2, note="other key") | {"key": "k2b"} | elsewhere,
        person(3) | {"key": "k3b", "points": [["email", "p3@example.com"], ["phone", "+13125550199"]]},
        person(20) | {"points": [["phone", "+12125550020"]]},
        person(21) | {"points": [["phone", "+12125550021"], ["phone", "+12125550020"]]},
    ]
    return [p for n, p in enumerate(people) for p in (p, *again[n - 2 : n - 1])] + again[-2:]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_what_is_written_does_not_depend_on_the_batches(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, size: int, keep: bool
) -> None:
    monkeypatch.setattr(service, "SLICE", 4)
    written = []
    for ref, cut in (("whole", 100), ("cut", size)):
        await stage.do("campaign apply", file=spec(SMS) | {"ref": ref})
        run = await stage.do("contacts begin-import", source=f"{ref}.csv", ref=ref)
        people, total = repeated(), {"new": 0, "updated": 0, "duplicates": 0, "enrolled": 0}
        duplicates = []
        for start in range(0, len(people), cut):
            batch = people[start : start + cut]
            if ref == "cut":  # other people, so that the second run has nobody of the first
                batch = [json.loads(json.dumps(p).replace("+1", "+4").replace("@", "@b.")) for p in batch]
            answer = await stage.do("contacts take", run=run, people=batch, keep_duplicates=keep)
            total = {name: total[name] + answer[name] for name in total}
            duplicates += [start + i for i in answer["duplicate_rows"]]
        written.append((total, duplicates))
    assert written[0] == written[1]
    people = [(r["zones"], r["states"], r["updated_at"]) for r in await rows(stage, contact)]
    half = len(people) // 2
    assert people[:half] == people[half:]
    given = [
        (r["key"], r["fields"]) for r in sorted(await rows(stage, record), key=lambda r: (r["source_id"], r["key"]))
    ]
    assert given[: len(given) // 2] == given[len(given) // 2 :]
    entered = [(r["due_at"], r["wanted_at"], r["step"]) for r in await rows(stage, enrollment)]
    assert entered[: len(entered) // 2] == entered[len(entered) // 2 :]
    kinds = {r["id"]: r["kind"] for r in await rows(stage, point)}
    points = [
        (kinds[r["point_id"]], r["position"])
        for r in sorted(await rows(stage, contact_point), key=lambda r: (r["contact_id"], r["position"]))
    ]
    assert points[: len(points) // 2] == points[len(points) // 2 :]


async def test_of_two_rows_in_one_batch_the_later_wins_whole_when_asked(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    later = person(1, note="later") | {"zones": ["America/Chicago"], "states": ["US-IL"]}
    run = await begun(stage)
    answer = await stage.do("contacts take", run=run, people=[person(1), later], keep_duplicates=True)
    assert (answer["new"], answer["duplicates"]) == (1, 1)
    (row,) = await rows(stage, contact)
    assert (row["zones"], row["states"]) == ("America/Chicago", "US-IL")


async def test_a_running_daemon_asks_for_small_batches(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    assert (await begun(stage))["at_once"] == runs.SHARED
