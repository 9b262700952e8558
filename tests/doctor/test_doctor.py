"""`fluentsd check` as a whole: it changes nothing and leaves no files."""

from __future__ import annotations

from pathlib import Path

import structlog
import trio

from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.fronts.control.server import serve
from fluentsd.plugins import discover
from fluentsd.store.tables import SCHEMA_VERSION
from fluentsd.verbs.execute import execute
from tests.doctor.findings import DANA, SANDBOX, Write, bad, findings, prepared, tree
from tests.engine.stage import SMS, person, spec

# ── nothing is changed ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_fresh_installation_is_well_and_the_database_is_not_made(write: Write, tmp_path: Path) -> None:
    settings = write()
    before = tree(tmp_path)
    found = await findings(settings)
    assert bad(found) == []
    [database] = [entry["what"] for entry in found if entry["what"].startswith("database")]
    assert "does not exist yet; the first `fluentsd run` creates it" in database
    assert tree(tmp_path) == before


async def test_a_used_installation_is_well_and_stays_as_it_is_to_the_byte(write: Write, tmp_path: Path) -> None:
    settings = write()
    await prepared(settings, ("numbers add", {"number": "+12125550123", "tag": ["a"]}))
    before = tree(tmp_path)
    found = await findings(settings)
    assert bad(found) == []
    assert f"database: {tmp_path}/fluentsd.db, schema {SCHEMA_VERSION}" in [entry["what"] for entry in found]
    assert tree(tmp_path) == before


async def test_it_runs_beside_a_daemon_and_takes_nothing_from_it(write: Write, tmp_path: Path) -> None:
    settings = write()
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime, trio.open_nursery() as nursery:
        await nursery.start(serve, runtime, settings.socket)
        await execute(runtime, "numbers add", {"number": "+12125550123"}, DANA)  # a log beside the file
        found = await findings(settings)
        assert bad(found) == []
        assert "daemon: running, 0 attempts in flight" in [entry["what"] for entry in found]
        await execute(runtime, "numbers add", {"number": "+12125550124"}, DANA)
        nursery.cancel_scope.cancel()


async def test_what_a_daemon_has_not_yet_moved_out_of_its_log_is_seen(write: Write) -> None:
    settings = write("")  # the campaign runs, and its channel is taken away
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(write(SANDBOX), SystemClock(), discover(), log=log) as runtime:
        await execute(runtime, "campaign apply", {"file": spec(SMS)}, DANA)
        run = await execute(runtime, "contacts begin-import", {"source": "x", "ref": "test"}, DANA)
        await execute(runtime, "contacts take", {"run": run, "people": [person(1)]}, DANA)
        await execute(runtime, "campaign start", {"ref": "test"}, DANA)
        found = bad(await findings(settings))
    assert "campaign test (active) has sms steps, but no sms channel is configured → add [channel.sms]" in found


async def test_people_whom_an_earlier_release_read_otherwise_are_named(write: Write) -> None:
    settings, old = write(), {"points": [["phone", "+4915112345678;ext=12"]], "fields": {"do_not_call": "yes"}}
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime:
        run = await execute(runtime, "contacts begin-import", {"source": "x"}, DANA)
        await execute(runtime, "contacts take", {"run": run, "people": [person(1), person(2) | old]}, DANA)
    [line] = bad(await findings(settings))
    assert line.startswith(
        "database: 1 numbers or addresses, 2 opt-outs would be read otherwise today than they are kept"
    )
    assert line.endswith(
        "(people #2, …) → look: fluentsd contacts reread --dry-run; change them: fluentsd contacts reread"
    )
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime:
        await execute(runtime, "contacts reread", {}, DANA)
        doubtful = person(3) | {"points": [["phone", "+4949301234567"]]}
        await execute(runtime, "contacts take", {"run": run, "people": [doubtful]}, DANA)
    found = await findings(settings)
    assert bad(found) == []  # no command changes a doubtful point, so it fails no check
    assert any("1 doubtful points would be read otherwise" in entry["what"] for entry in found)
