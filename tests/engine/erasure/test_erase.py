"""Erasure: no data of the person is left, and the suppression list and once-per-campaign still hold."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import CapturingLogger

from fluentsd.api import Inbound, Outcome
from fluentsd.clock import SimClock
from fluentsd.engine.erasure.erase import replay
from fluentsd.engine.erasure.ledger import KEY_FILE, LIST_FILE, ErasureLedger, KeyLost
from fluentsd.engine.runtime import Runtime
from fluentsd.store import tables
from fluentsd.store.db.bridge import Store
from fluentsd.store.erasure.erase import Gone
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.execute import execute
from tests.databases import open_whole
from tests.engine.stage import DAY, MINUTE, MONDAY, SMS, Stage, person, spec, staged

PHONE, MAIL = "+12125550001", "p1@example.com"
TWO = SMS | {"id": "two", "after": "1 day"}
CALL = {"id": "call", "channel": "phone", "agent": "sales"}
NAMES = {"first_name": "Canaria", "street": "7 Yellow Feather Lane"}
#: Data of the canary that must not be found anywhere.
CANARY = (PHONE, PHONE[2:], MAIL, "canaria", "yellow feather", "tweet tweet", "p1@exa")


def canary(**more: str) -> dict[str, Any]:
    return person(1, **NAMES, **more)


async def everything(conn: AsyncConnection) -> str:
    """Every row of every table, as text."""
    rows = list[str]()
    for table in tables.metadata.sorted_tables:
        rows += [str(tuple(row)) for row in await conn.execute(select(table))]
    return "\n".join(rows)


async def count(stage: Stage, table: Any) -> int:
    async def unit(conn: AsyncConnection) -> int:
        return int((await conn.execute(select(func.count()).select_from(table))).scalar_one())

    return await stage.runtime.store.read(unit)


async def replied(stage: Stage) -> None:
    """The canary writes back."""
    attempt = next(attempt for attempt, *_ in stage.sms.accepted if attempt.to == PHONE)
    await stage.inbox.take(Inbound(ref=f"ref-{attempt.token}", outcome=Outcome.delivered, text="Tweet tweet"))


async def lived(stage: Stage) -> None:
    """A canary and another person: contacted, replied, suppressed, changed by hand and named in the audit log."""
    file = spec(SMS, TWO, exit={"on": ["opted_out"]})
    await stage.launch(file, canary(), person(2))
    await stage.do(
        "contacts attest", source="people.csv", basis="written", given="2026-03-01", scope=["sms"], by="Desk"
    )
    await stage.until(MONDAY + MINUTE)
    await replied(stage)
    await stage.until(MONDAY + 2 * MINUTE)
    call = Call("tester", stage.clock.now(), request_id="once", role="admin")
    await execute(
        stage.runtime, "suppression add", {"point": PHONE, "channel": "phone", "because": "Canaria said so"}, call
    )
    await stage.do("campaign callback", ref="test", person=MAIL, at=stage.clock.now() + DAY, channel="sms")


async def test_an_export_tells_everything_that_is_held(stage: Stage) -> None:
    await lived(stage)
    answer = await stage.do("contacts export", person=PHONE)
    json.dumps(answer)
    assert [p["value"] for p in answer["points"]] == [PHONE, MAIL]
    assert answer["contact"]["zones"] == "America/New_York"
    assert answer["records"][0]["fields"] == NAMES
    assert (answer["records"][0]["source"], answer["evidence"][0]["by"]) == ("people.csv", "Desk")
    assert [e["ref"] for e in answer["enrollments"]] == ["test"]
    assert [a["step"] for a in answer["attempts"]] == ["text"]
    assert [t["text"] for t in answer["texts"]] == ["Hello Canaria", "Tweet tweet"]
    assert [s["evidence"] for s in answer["stop_list"]] == [{"said": "Canaria said so"}]
    assert [a["verb"] for a in answer["acts"]] == ["suppression add", "callback"]
    assert "p2@" not in json.dumps(answer)


async def test_after_an_erasure_no_table_knows_the_person_and_the_figures_are_right(stage: Stage) -> None:
    await lived(stage)
    held = (await stage.runtime.store.read(everything)).lower()
    assert [word for word in CANARY if word not in held] == []
    before = await stage.overview()
    answer = await stage.do("contacts erase", person=PHONE, because="asked by letter")
    assert (answer["points"], answer["records"], answer["texts"], answer["stopped"]) == (2, 1, 2, 1)
    left = (await stage.runtime.store.read(everything)).lower()
    assert [word for word in CANARY if word in left] == []
    assert "p2@example.com" in left
    after = await stage.overview()
    assert (after["total"], after["exited"], after["queued"]) == (before["total"], 1, 1)
    assert after["exited_by_reason"] == {"erased": 1}
    act = (await stage.do("log", most=1))["entries"][0]
    assert (act["verb"], act["target"], act["details"]["because"]) == ("erase", "", "asked by letter")
    with pytest.raises(Refused, match="no contact matches"):
        await stage.do("contacts export", person=PHONE)
    await stage.until(MONDAY + 3 * DAY)
    assert [a.to for a, *_ in stage.sms.accepted].count(PHONE) == 1


async def test_a_repeated_request_is_one_act_also_when_its_answer_was_blanked(stage: Stage) -> None:
    await lived(stage)
    await stage.do("contacts erase", person=MAIL, because="asked by letter")
    again = Call("tester", stage.clock.now(), request_id="once", role="admin")
    given = await execute(
        stage.runtime, "suppression add", {"point": PHONE, "channel": "phone", "because": "Canaria said so"}, again
    )
    assert given == {"point": "(erased)", "channel": "phone", "campaigns": []}
    twice = Call("tester", stage.clock.now(), request_id="twice", role="admin")
    first = await execute(stage.runtime, "contacts erase", {"person": "p2@example.com", "because": "asked"}, twice)
    assert (
        await execute(stage.runtime, "contacts erase", {"person": "p2@example.com", "because": "asked"}, twice) == first
    )


async def test_it_needs_a_reason_without_the_persons_own_words(stage: Stage) -> None:
    await stage.launch(spec(SMS), canary(pet="cat"))
    await stage.until(MONDAY + MINUTE)
    for because, why in (("", "give the reason"), ("canaria wrote to us", "'Canaria'"), (f"{PHONE} called", "555")):
        with pytest.raises(Refused, match=why):
            await stage.do("contacts erase", person=PHONE, because=because)
    await stage.do("contacts erase", person=PHONE, because="a request by category four")  # has "cat" in it


async def test_nobody_is_erased_while_being_contacted(stage: Stage) -> None:
    await stage.launch(spec(CALL), canary())
    await stage.until(MONDAY + MINUTE)
    with pytest.raises(Refused, match="no outcome yet"):
        await stage.do("contacts erase", person=PHONE, because="asked")
    token = stage.phone.accepted[0][0].token
    await stage.inbox.take(Inbound(token=token, outcome=Outcome.no_answer))
    assert (await stage.do("contacts erase", person=PHONE, because="asked"))["points"] == 2


async def test_words_that_come_late_are_kept_for_nobody_and_a_late_stop_is_heard(stage: Stage) -> None:
    await lived(stage)
    token = next(attempt.token for attempt, *_ in stage.sms.accepted if attempt.to == PHONE)
    await stage.do("contacts erase", person=PHONE, because="asked")
    ways: list[dict[str, Any]] = [{"token": token}, {"ref": f"ref-{token}"}, {"address": PHONE}]
    for way in ways:
        await stage.inbox.take(Inbound(Outcome.replied, **way, text="Tweet tweet", transcript="Canaria"))
    left = (await stage.runtime.store.read(everything)).lower()
    assert [word for word in CANARY if word in left] == []
    assert token not in left
    assert await count(stage, tables.attempt) == 2  # the counts stay
    await stage.inbox.take(Inbound(Outcome.opted_out, token=token, ref=f"ref-{token}", address=PHONE, text="STOP"))
    assert (await stage.do("suppression why", point=PHONE))["sentence"].endswith("for every channel")


@pytest.mark.slow
async def test_after_a_new_import_the_stop_list_holds_and_the_campaign_does_not_start_anew(stage: Stage) -> None:
    await lived(stage)
    await stage.do("suppression add", point=MAIL, channel="email", because="asked")
    await stage.do("contacts erase", person=PHONE, because="asked")
    assert PHONE not in str(await stage.do("suppression list"))
    assert (await stage.enroll(canary(), person(3)))["enrolled"] == 1
    assert {e["value"] for e in (await stage.do("suppression list"))["entries"]} == {PHONE, MAIL}
    mail = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}
    await stage.launch(spec(mail, CALL, SMS) | {"ref": "other", "name": "Another"}, canary())
    await stage.until(stage.clock.now() + DAY)
    assert [a for a, *_ in stage.email.accepted + stage.phone.accepted if a.to in (PHONE, MAIL)] == []
    assert [a.step for a, *_ in stage.sms.accepted if a.to == PHONE] == ["text", "text"]  # once in each campaign
    answer = await stage.do("suppression why", point=PHONE)
    assert (answer["entries"][0]["by"], answer["entries"][0]["evidence"]) == ("tester", None)


async def test_a_campaign_is_remembered_through_any_point_of_the_person(stage: Stage) -> None:
    await stage.launch(spec(SMS), canary(), checked=False)
    await stage.until(MONDAY + MINUTE)
    await stage.do("contacts erase", person=PHONE, because="asked")
    only_mail = canary() | {"points": [["email", MAIL], ["email", "new@example.com"]]}
    assert (await stage.enroll(only_mail))["enrolled"] == 0
    later = canary() | {"points": [["email", "new@example.com"], ["phone", "+12125550009"]]}
    await stage.until(stage.clock.now() + MINUTE)
    found = await stage.enroll(later)
    assert (found["new"], found["enrolled"]) == (0, 0)


async def test_an_erasure_can_be_repeated_after_the_person_came_back(stage: Stage) -> None:
    await lived(stage)
    for _ in range(2):
        await stage.do("contacts erase", person=PHONE, because="asked")
        left = (await stage.runtime.store.read(everything)).lower()
        assert [word for word in CANARY if word in left] == []
        assert await count(stage, tables.erased_point) == 2
        await stage.until(stage.clock.now() + MINUTE)
        await stage.enroll(canary())


# ── beside the database ──────────────────────────────────────────────────────────────────────────────────────────


def runtime_at(store: Store, clock: SimClock, folder: Path) -> Runtime:
    return Runtime(store, clock, {}, erasure_ledger=ErasureLedger(folder), log=CapturingLogger())


async def act(runtime: Runtime, verb: str, **arguments: Any) -> dict[str, Any]:
    return await execute(runtime, verb, arguments, Call("tester", runtime.clock.now(), role="admin"))


async def bring(runtime: Runtime, *people: dict[str, Any], ref: str | None = "test") -> dict[str, Any]:
    run = await act(runtime, "contacts begin-import", source="people.csv", ref=ref)
    return await act(runtime, "contacts take", run=run, people=list(people))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fluentsd.db"


async def at_file(file: Path, clock: SimClock, work: Any) -> Any:
    async with open_whole(f"sqlite+aiosqlite:///{file}", busy=clock.busy) as store, trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        try:
            return await work(runtime_at(store, clock, file.parent))
        finally:
            nursery.cancel_scope.cancel()


def test_the_key_is_made_at_first_need_for_its_owner_alone(tmp_path: Path) -> None:
    erasure_ledger = ErasureLedger(tmp_path)
    assert list(tmp_path.iterdir()) == []
    hashed = erasure_ledger.hashed(PHONE)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [f.name for f in tmp_path.iterdir()] == [KEY_FILE]
    assert ErasureLedger(tmp_path).hashed(PHONE) == hashed != ErasureLedger(tmp_path / "other").hashed(PHONE)
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(KeyLost, match="should hold 32 bytes and has 5"):
        ErasureLedger(tmp_path).hashed(PHONE)


def test_half_a_line_of_the_list_costs_nothing_but_itself(tmp_path: Path) -> None:
    erasure_ledger, one, two = (
        ErasureLedger(tmp_path),
        Gone("a" * 40, "phone", ("*",), ("test",), 1),
        Gone("b" * 40, "email", (), (), 2),
    )
    erasure_ledger.note([one])
    with (tmp_path / LIST_FILE).open("a") as list_file:
        list_file.write('{"hash":"cc')
    erasure_ledger.note([two, one._replace(at=3)])
    assert ErasureLedger(tmp_path).noted() == {one.hash: one._replace(at=3), two.hash: two}
    assert (tmp_path / LIST_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
async def test_no_byte_of_the_file_or_what_lies_beside_it_names_the_person(file: Path) -> None:
    clock = SimClock(MONDAY)

    async def work(runtime: Runtime) -> None:
        await act(runtime, "campaign apply", file=spec(SMS, TWO))
        for start in range(0, 3000, 250):  # among many, in pages that were split before
            people = [person(10 + n * 7919 % 3000, first_name=f"Name {n}") for n in range(start, start + 250)]
            await bring(runtime, *people, *([canary()] if start == 1000 else []))
        await act(runtime, "suppression add", point=PHONE, channel="phone", because="Canaria said so")
        await act(runtime, "contacts erase", person=PHONE, because="asked")
        assert found_in(file.parent) == {}

    await at_file(file, clock, work)
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("VACUUM")
    assert found_in(file.parent) == {}
    assert {f.name for f in file.parent.iterdir()} == {file.name, KEY_FILE, LIST_FILE}


def found_in(folder: Path) -> dict[str, list[str]]:
    """Files with a word of the canary in their bytes."""
    found = {f.name: [w for w in CANARY if w.encode() in f.read_bytes().lower()] for f in folder.iterdir()}
    return {name: words for name, words in found.items() if words}


async def test_a_start_on_an_older_copy_erases_again(file: Path) -> None:
    clock = SimClock(MONDAY)
    copy = file.with_name("copy.db")

    async def live(runtime: Runtime) -> None:
        await act(runtime, "campaign apply", file=spec(SMS, TWO))
        await bring(runtime, canary(), person(2))
        with closing(sqlite3.connect(file)) as conn, closing(sqlite3.connect(copy)) as target:
            conn.backup(target)
        await act(runtime, "suppression add", point=PHONE, channel="sms", because="asked")  # the copy does not have it
        await bring(runtime, person(4) | {"points": [["phone", "+12125550004"]]})  # nor this person
        await act(runtime, "contacts erase", person=PHONE, because="asked")
        await act(runtime, "contacts erase", person="+12125550004", because="asked")
        assert await replay(runtime) == 0

    await at_file(file, clock, live)
    shutil.move(copy, file)

    async def restored(runtime: Runtime) -> None:
        assert PHONE in await runtime.store.read(everything)
        assert await replay(runtime) == 1
        assert [(*entry.args, entry.kwargs) for entry in runtime.log.calls] == [
            ("forgetting.replayed", {"hashes": 3, "people": 1})
        ]
        left = (await runtime.store.read(everything)).lower()
        assert [word for word in CANARY if word in left] == []
        assert "p2@example.com" in left
        status = await act(runtime, "campaign status", ref="test")
        assert (status["total"], status["queued"], status["exited"]) == (2, 1, 1)
        assert (await act(runtime, "log", most=1))["entries"][0]["details"]["replayed"] is True
        assert await replay(runtime) == 0
        four = person(4) | {"points": [["phone", "+12125550004"]]}
        assert (await bring(runtime, canary(), four, person(5)))["enrolled"] == 1
        answer = await act(runtime, "suppression why", point=PHONE)
        assert [(e["channel"], e["by"]) for e in answer["entries"]] == [("sms", "fluentsd")]

    await at_file(file, clock, restored)


async def test_an_old_copy_in_the_middle_of_a_call_is_replayed_too(file: Path) -> None:
    """Open attempts of the copy: the reconciler asks no provider about an erased person."""
    clock = SimClock(MONDAY)
    hashes = [Gone(ErasureLedger(file.parent).hashed(PHONE), "phone", (), (), MONDAY)]

    async def work(runtime: Runtime) -> None:
        async with staged(runtime.store, clock) as stage:
            await stage.launch(spec(CALL), canary())
            await stage.until(MONDAY + MINUTE)
            assert len(stage.phone.accepted) == 1
        ErasureLedger(file.parent).note(hashes)
        assert await replay(runtime) == 1

        async def unit(conn: AsyncConnection) -> list[Any]:
            return [tuple(row) for row in await conn.execute(text("SELECT state, outcome, deadline_at FROM attempt"))]

        assert await runtime.store.read(unit) == [("unknown", "unknown", None)]
        status = await act(runtime, "campaign status", ref="test")
        assert (status["active"], status["exited"], status["unknown"]) == (0, 1, 1)

    await at_file(file, clock, work)


async def test_what_a_crash_kept_off_the_list_is_added_at_the_next_start(file: Path) -> None:
    async def work(runtime: Runtime) -> None:
        await bring(runtime, canary(), ref=None)
        await act(runtime, "contacts erase", person=PHONE, because="asked")
        noted = runtime.erasure_ledger.noted()
        (file.parent / LIST_FILE).unlink()
        await replay(runtime)
        assert runtime.erasure_ledger.noted() == noted
        assert len(noted) == 2

    await at_file(file, SimClock(MONDAY), work)


async def test_without_its_key_a_database_that_needs_it_is_refused(file: Path) -> None:
    async def work(runtime: Runtime) -> None:
        await bring(runtime, canary(), ref=None)
        await replay(runtime)  # without an erasure no key is needed
        assert not (file.parent / KEY_FILE).exists()
        await act(runtime, "contacts erase", person=PHONE, because="asked")
        (file.parent / KEY_FILE).unlink()
        with pytest.raises(KeyLost, match="Restore the file"):
            await replay(runtime_at(runtime.store, runtime.clock, file.parent))  # type: ignore[arg-type]

    await at_file(file, SimClock(MONDAY), work)
