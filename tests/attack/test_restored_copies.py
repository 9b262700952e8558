"""A copy of the database that is put back does not repeat history: it starts held, and says so."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from fluentsd.api import Attempt, Message, Outcome, Receipt
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.engine.dispatch import dispatcher
from fluentsd.fronts.control.protocol import DaemonFailed
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.high_water import HighWaterMark
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.execute import execute
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, launch, living, until
from tests.processes import run_program

PEOPLE = 8
FILE = spec(SMS, window=ALWAYS)


def database(place: Place) -> Path:
    return place.folder / "fluentsd.db"


async def enrolled(place: Place) -> None:
    """A campaign with people in it, not yet started, and the end of that daemon."""
    async with living(place) as client:
        await client.ask("campaign apply", {"file": FILE})
        run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": "test"})
        await client.ask("contacts take", {"run": run, "people": [person(n) for n in range(1, PEOPLE + 1)]})
    place.logs.clear()


async def sent_to_all(place: Place) -> list[str]:
    """Start the campaign and let it end; the numbers that were contacted."""
    async with living(place) as client:
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await until(lambda: place.logged("campaign.completed"))
        numbers = [attempt.to for attempt, _, _ in place.channels["sms"].accepted]
    place.logs.clear()
    return numbers


def put(copy: Path, file: Path) -> None:
    for old in file.parent.glob(f"{file.name}-*"):
        old.unlink()
    shutil.copy(copy, file)


async def contacted_now(place: Place) -> int:
    """What a daemon sends when its campaign is started again and has half a second."""
    async with living(place) as client:
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await trio.sleep(0.5)
        return len(place.channels["sms"].accepted)


async def test_a_copy_from_before_the_sends_contacts_nobody_and_says_why(place: Place) -> None:
    await enrolled(place)
    shutil.copy(database(place), place.folder / "copy")
    assert len(await sent_to_all(place)) == PEOPLE
    put(place.folder / "copy", database(place))
    async with living(place) as client:
        (said,) = place.logged("installation.held")
        assert "older copy" in said["reason"]
        assert "release the installation" in said["reason"]
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await trio.sleep(0.5)
        assert place.channels["sms"].accepted == []
        (hold,) = (await client.ask("holds"))["holds"]
        assert (hold["scope"], hold["target"], hold["by"]) == ("installation", "all", "fluentsd")
        assert (await client.ask("campaign status", {"ref": "test"}))["holds"] == [hold]
        (why,) = (await client.ask("contacts why", {"person": "+12125550001"}))["campaigns"]
        assert why["reason"] == "held"
        with pytest.raises(Refused, match="everything is held"):
            await client.ask("campaign test", {"ref": "test", "to": "+12125550199"})
    place.logs.clear()
    assert await contacted_again(place) == 0  # and it stays so over a restart
    assert len(place.logged("installation.held")) == 1


async def contacted_again(place: Place) -> int:
    async with living(place):
        await trio.sleep(0.3)
        return len(place.channels["sms"].accepted)


async def test_a_persons_release_is_audited_and_the_copy_goes_on_as_the_newest(place: Place) -> None:
    await enrolled(place)
    shutil.copy(database(place), place.folder / "copy")
    await sent_to_all(place)
    shutil.copy(database(place), place.folder / "newer")
    put(place.folder / "copy", database(place))
    async with living(place) as client:
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await client.ask("release", {"scope": "installation", "target": "all"})
        await until(lambda: len(place.channels["sms"].accepted) == PEOPLE)
        (entry,) = (await client.ask("log", {"target": "installation:all"}))["entries"]
        assert entry["verb"] == "release"
    place.logs.clear()
    put(place.folder / "newer", database(place))  # what was left behind is the older one now
    assert await contacted_again(place) == 0
    assert place.logged("installation.held")


async def test_the_same_database_started_again_is_not_held(place: Place) -> None:
    await enrolled(place)
    await sent_to_all(place)
    async with living(place) as client:
        assert (await client.ask("holds"))["holds"] == []
    assert not place.logged("installation.held")


async def test_a_renamed_file_and_a_second_database_in_the_folder_are_not_held(place: Place) -> None:
    await enrolled(place)
    await sent_to_all(place)
    database(place).rename(place.folder / "renamed.db")
    for name in ("renamed.db", "second.db"):
        async with living(place, place.settings(f'[database]\npath = "{name}"\n')) as client:
            assert (await client.ask("holds"))["holds"] == []
        place.logs.clear()
    assert len(list(place.folder.glob("fluentsd-*.mark"))) == 2


async def test_a_copy_under_another_name_is_held(place: Place) -> None:
    await enrolled(place)
    shutil.copy(database(place), place.folder / "copy.db")
    await sent_to_all(place)
    async with living(place, place.settings('[database]\npath = "copy.db"\n')):
        pass
    assert "older copy" in place.logged("installation.held")[0]["reason"]


@pytest.mark.parametrize("how", ["deleted", "damaged"])
async def test_without_a_readable_mark_nobody_knows_so_it_is_held(place: Place, how: str) -> None:
    await enrolled(place)
    await sent_to_all(place)
    (mark,) = place.folder.glob("fluentsd-*.mark")
    mark.unlink() if how == "deleted" else mark.write_text("\0" * 100)
    async with living(place):
        pass
    (said,) = place.logged("installation.held")
    assert ("missing" if how == "deleted" else "damaged") in said["reason"]


async def test_a_copy_from_before_there_were_marks_is_held_where_a_marked_database_was(place: Place) -> None:
    await enrolled(place)
    shutil.copy(database(place), place.folder / "copy")
    with closing(sqlite3.connect(place.folder / "copy")) as conn, conn:
        conn.execute("DELETE FROM meta WHERE key = 'database_id'")
    await sent_to_all(place)
    put(place.folder / "copy", database(place))
    assert await contacted_now(place) == 0
    assert place.logged("installation.held")


async def test_a_new_database_where_an_old_one_was_is_not_held(place: Place) -> None:
    await enrolled(place)
    await sent_to_all(place)
    database(place).unlink()
    await enrolled(place)
    assert len(await sent_to_all(place)) == PEOPLE


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
async def test_a_postgresql_database_put_back_is_held_too(place: Place, empty_database_url: str) -> None:
    settings = place.settings(f'[database]\nurl = "{empty_database_url}"')
    async with living(place, settings) as client:
        await launch(client, FILE, person(1), person(2))
        await until(lambda: place.logged("campaign.completed"))
    place.logs.clear()
    async with open_store(empty_database_url) as store:  # as a dump from before the sends would have it
        for statement in ("UPDATE node SET claims = 0", "DELETE FROM attempt"):
            await store.run(lambda conn, statement=statement: conn.exec_driver_sql(statement))
    async with living(place, settings) as client:
        (hold,) = (await client.ask("holds"))["holds"]
        assert hold["scope"] == "installation"


async def test_the_mark_is_written_before_the_provider_is_called_and_survives_a_kill(place: Place) -> None:
    await enrolled(place)
    behind: list[int] = []

    async def look(message: Message, attempt: Attempt) -> Receipt:
        (file,) = place.folder.glob("fluentsd-*.mark")  # as another process sees it, which a kill cannot take away
        mark = HighWaterMark(place.folder).find(file.stem.partition("-")[2])
        (claims,) = place.ask("SELECT max(claims) FROM node")
        assert mark is not None
        behind.append(claims[0] - mark.claims)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    async with living(place) as client:
        place.channels["sms"].always = look
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await until(lambda: place.logged("campaign.completed"))
    assert behind == [0] * PEOPLE


async def test_while_the_mark_cannot_be_written_nothing_is_sent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await enrolled(place)

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    async with living(place) as client:
        monkeypatch.setattr(HighWaterMark, "advance", full)
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await until(lambda: place.ask("SELECT count(*) FROM attempt WHERE outcome = 'not_sent'") == [(PEOPLE,)])
        assert place.channels["sms"].accepted == []
    assert len(place.logged("high_water.unwritable")) == 1


async def started(client: Any) -> None:
    """Start the campaign on the connections that are open; a further one is refused, as the database is not there."""
    for _ in range(100):
        try:
            await client.ask("campaign start", {"ref": "test", "yes": True})
        except (DaemonFailed, StoreUnavailable) as why:
            assert "replaced or removed" in str(why)  # noqa: PT017
        else:
            return
    pytest.fail("no connection was open")


@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_database_that_is_taken_away_contacts_nobody_until_it_is_back(
    place: Place, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "MARK_PAUSE", 100_000)
    await enrolled(place)
    file, aside = database(place), place.folder / "aside.db"
    async with living(place) as client:
        file.rename(aside)
        if how == "replaced":
            await trio.run_process(["cp", str(aside), str(file)])  # not here: closing a descriptor drops SQLite's locks
        await started(client)
        await until(lambda: place.logged("high_water.unwritable"))
        (fault,) = place.logged("high_water.unwritable")
        assert "was replaced or removed while fluentsd works with it" in fault["reason"]
        assert place.channels["sms"].accepted == []
        aside.replace(file)
        await until(lambda: len(place.channels["sms"].accepted) == PEOPLE)
    assert len(place.logged("high_water.unwritable")) == 1


async def test_a_mark_that_is_removed_is_written_again(place: Place) -> None:
    await enrolled(place)
    async with living(place) as client:
        (file,) = place.folder.glob("fluentsd-*.mark")
        file.unlink()
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await until(lambda: place.logged("campaign.completed"))
        mark = HighWaterMark(place.folder).find(file.stem.partition("-")[2])
    assert mark is not None
    assert [(mark.claims,)] == place.ask("SELECT max(claims) FROM node")


async def test_a_release_waits_until_the_providers_have_been_asked(place: Place) -> None:
    await enrolled(place)
    async with open_runtime(place.settings(), SystemClock(), place.plugins, log=quiet()) as runtime:
        call = Call("tester", runtime.clock.now(), role="admin")
        await runtime.store.run(
            lambda conn: conn.exec_driver_sql(
                "INSERT INTO attempt (id, enrollment_id, campaign_id, contact_id, step, try_no, channel, state,"
                " claimed_at) VALUES ('a', 1, 1, 1, 'text', 1, 'sms', 'open', 1)"
            )
        )
        with pytest.raises(Refused, match="1 attempts are still being looked up"):
            await execute(runtime, "release", {"scope": "installation", "target": "all"}, call)


def quiet() -> Any:
    return structlog.wrap_logger(structlog.ReturnLogger())


# ── backup and restore ───────────────────────────────────────────────────────────────────────────────────────────


def types(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    return run_program("-c", str(place.folder / "fluentsd.toml"), *words, folder=place.folder)


async def typed(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    return await trio.to_thread.run_sync(types, place, *words)


async def test_a_copy_made_while_the_daemon_runs_has_everything_and_can_be_put_back(place: Place) -> None:
    copy = place.folder / "copies" / "today.db"
    async with living(place) as client:
        await launch(client, FILE, *(person(n) for n in range(1, PEOPLE + 1)))
        await until(lambda: place.logged("campaign.completed"))
        done = await typed(place, "backup", str(copy))
        assert (done.returncode, done.stderr) == (0, "")
        assert copy.stat().st_mode & 0o777 == 0o600
        again = await typed(place, "backup", str(copy))
        assert again.returncode == 1
        assert "exists already; nothing was changed" in again.stderr
        refused = await typed(place, "restore", str(copy))
        assert refused.returncode == 1
        assert "nothing was changed. Stop the daemon" in refused.stderr
    assert sorted(path.name for path in copy.parent.iterdir()) == ["today.db"]
    with closing(sqlite3.connect(copy)) as conn:
        assert conn.execute("SELECT count(*) FROM attempt WHERE outcome = 'sent'").fetchone() == (PEOPLE,)
    put_back = await typed(place, "restore", str(copy), "--json")
    answer = json.loads(put_back.stdout)
    assert (answer["people"], answer["is_older"]) == (PEOPLE, False)
    assert await trio.Path(answer["kept"]).exists()
    assert database(place).stat().st_mode & 0o777 == 0o600
    place.logs.clear()
    async with living(place) as client:
        assert (await client.ask("campaign status", {"ref": "test"}))["completed"] == PEOPLE
        assert (await client.ask("holds"))["holds"] == []


async def test_restoring_an_older_copy_says_that_the_next_start_is_held(place: Place) -> None:
    await enrolled(place)
    copy = place.folder / "before.db"
    assert (await typed(place, "backup", str(copy))).returncode == 0
    await sent_to_all(place)
    done = await typed(place, "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert "contacts nobody" in done.stdout
    assert await contacted_now(place) == 0


@pytest.mark.parametrize("what", ["nothing", "text", "cut", "foreign", "empty"])
async def test_what_is_not_a_sound_copy_is_refused_and_nothing_changes(place: Place, what: str) -> None:
    await enrolled(place)
    before, copy = database(place).read_bytes(), place.folder / "broken"
    if what == "text":
        copy.write_text("not a database" * 100)
    elif what == "cut":
        copy.write_bytes(before[: len(before) // 2])
    elif what in ("foreign", "empty"):
        with closing(sqlite3.connect(copy)) as conn:
            conn.execute("CREATE TABLE invoice (id INTEGER)" if what == "foreign" else "VACUUM")
    refused = await typed(place, "restore", str(copy))
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "bug" not in refused.stderr
    assert database(place).read_bytes() == before
    assert not list(place.folder.glob("*.re*"))


async def test_a_damaged_database_can_be_replaced_and_is_kept(place: Place) -> None:
    await enrolled(place)
    copy = place.folder / "copy.db"
    assert (await typed(place, "backup", str(copy))).returncode == 0
    database(place).write_bytes(b"\xff" * 5000)
    done = await typed(place, "restore", str(copy), "--json")
    assert done.returncode == 0, done.stderr
    assert await trio.Path(json.loads(done.stdout)["kept"]).read_bytes() == b"\xff" * 5000
    async with living(place) as client:
        assert (await client.ask("campaign status", {"ref": "test"}))["total"] == PEOPLE


@pytest.mark.parametrize("verb", ["backup", "restore"])
async def test_a_servers_copies_are_made_with_its_own_tools(place: Place, verb: str) -> None:
    place.settings('[database]\nurl = "postgresql://nobody@127.0.0.1:1/nothing"')
    done = await typed(place, verb, "copy.db")
    assert done.returncode == 1
    assert f"pg_{'dump' if verb == 'backup' else 'restore'}" in done.stderr


async def test_a_daemon_refuses_nothing_else_while_it_is_held(place: Place) -> None:
    await enrolled(place)
    (mark,) = place.folder.glob("fluentsd-*.mark")
    mark.unlink()
    async with living(place) as client:
        await client.ask("suppression add", {"point": "+12125550001", "because": "asked"})
        with pytest.raises((Refused, DaemonFailed), match="no hold"):
            await client.ask("release", {"scope": "channel", "target": "sms"})
