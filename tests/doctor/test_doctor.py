"""`fluentsd check`: its findings; it changes nothing and leaves no files."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from fluentsd.api import Finding, Forged, SourceField, Tools, Unavailable, WebhookResult
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SimClock, SystemClock
from fluentsd.config import Settings, load
from fluentsd.doctor import look
from fluentsd.fronts.control.server import serve
from fluentsd.plugins import Plugins, discover
from fluentsd.store.tables import SCHEMA_VERSION
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.engine.after_calls.stage import AGENT
from tests.engine.stage import MONDAY, SMS, FakeChannel, person, spec
from tests.engine.sync.fake_source import FakeCrm

SANDBOX = '[channel.sms]\nplugin = "sandbox"\n'
Write = Callable[..., Settings]
#: The actor of these tests.
DANA = Call("dana", MONDAY, role="admin")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Settings from a file, read as the daemon reads them."""

    def settings(text: str = SANDBOX, **environ: str) -> Settings:
        path = tmp_path / "fluentsd.toml"
        path.write_text(text)
        path.chmod(0o600)
        return load(path, environ)

    return settings


async def findings(settings: Settings, plugins: Plugins | None = None, **more: Any) -> list[dict[str, Any]]:
    """The doctor's findings in November 2026."""
    clock = more.pop("clock", SimClock(MONDAY))
    return await look(settings, clock=clock, plugins=plugins or discover(), **more)


def bad(found: list[dict[str, Any]]) -> list[str]:
    """The problems, each with its fix."""
    assert all(entry["fix"] for entry in found if not entry["ok"])
    return [f"{entry['what']} → {entry['fix']}" for entry in found if not entry["ok"]]


def tree(folder: Path) -> dict[str, str]:
    """Every file and folder with its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
        if not path.is_socket()
    }


async def prepared(settings: Settings, *acts: tuple[str, Mapping[str, Any]]) -> None:
    """A database that the shell has created."""
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime:
        for verb, arguments in acts:
            await execute(runtime, verb, arguments, DANA)


def offering(**channels: Callable[[Mapping[str, Any], Tools], Any]) -> Plugins:
    """Plugins that a test defines."""
    return Plugins(channels=dict(channels), origin=dict.fromkeys(channels, "a test"))


def fake(check: Callable[[], Any]) -> Callable[[Mapping[str, Any], Tools], Any]:
    """A factory of a channel with this answer to `check`."""

    def build(config: Mapping[str, Any], tools: Tools) -> Any:
        channel = FakeChannel(config["kind"], SimClock(MONDAY))
        channel.check = check  # type: ignore[method-assign]
        return channel

    return build


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The store's lock, held as by a working process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


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


# ── this machine ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "part"),
    [
        ("1970-01-01T00:10:00", "clock: 1970-01-01 00:10:00 UTC → the time zone data is from 20"),
        ("2085-06-01T00:00:00", "set the clock"),
        ("2029-06-01T00:00:00", "which is old → pip install --upgrade tzdata"),
    ],
)
async def test_a_wrong_clock_and_old_zones_are_told_apart(write: Write, at: str, part: str) -> None:
    import datetime as dt

    instant = round(dt.datetime.fromisoformat(f"{at}+00:00").timestamp() * 1_000_000)
    [line] = bad(await findings(write(), clock=SimClock(instant)))
    assert part in line


async def test_a_clock_that_went_back_is_seen_by_what_is_in_the_database(write: Write) -> None:
    settings = write()
    await prepared(settings, ("numbers add", {"number": "+12125550123"}))
    [line] = bad(await findings(settings, clock=SimClock(MONDAY - 86_400_000_000)))
    assert line.startswith("clock: the last entry in the database is from 2026-03-02 15:00 UTC, which is in the future")


@pytest.mark.parametrize(
    ("text", "mode", "is_open"),
    [
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "s"\n', 0o644, True),
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "s"\n', 0o640, False),
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "env:S"\n', 0o644, False),
        ('[notify]\nurl = "https://u:p@x.example"\n[channel.sms]\nplugin = "sandbox"\n', 0o644, True),
        (SANDBOX, 0o644, False),
    ],
)
async def test_a_secret_that_everybody_may_read_is_found(write: Write, text: str, mode: int, is_open: bool) -> None:
    settings = write(text, S="s")
    settings.path.chmod(mode)
    found = bad(await findings(settings))
    assert ["holds a secret → chmod o-r" in line for line in found] == [True] * is_open


async def test_a_full_disk_is_told_before_it_is_full(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluentsd.doctor.machine.FREE_AT_LEAST", 1 << 60)
    [line] = bad(await findings(write()))
    assert line.startswith("disk: ")
    assert line.endswith("free some space; a full disk stops every campaign")


async def test_folders_that_are_not_there_or_not_folders_are_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    [line] = bad(await findings(write(f'[database]\npath = "data/f.db"\n{SANDBOX}')))
    assert (
        line == f"disk: the folder {tmp_path}/data does not exist → mkdir -p {tmp_path}/data, or correct database.path"
    )
    [line] = bad(await findings(write(f'[daemon]\nbackups = "plain/copies"\n{SANDBOX}')))
    assert line.startswith(f"backups: {tmp_path}/plain is not a folder → ")
    assert not (tmp_path / "data").exists()


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("CREATE TABLE customers (id)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0099'")
        conn.commit()


def _damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 40_000)


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda path: path.write_bytes(b"a letter, not a database"), "is not a SQLite database → give fluentsd a"),
        (lambda path: path.unlink() or _foreign(path), "belongs to another program (customers) → give fluentsd"),
        (_newer, f"has schema 99, newer than this fluentsd, which knows {SCHEMA_VERSION} → install the fluentsd that "),
        (_damaged, "is damaged: "),
        (lambda path: path.chmod(0o644), "other users can access "),
        (lambda path: path.unlink() or path.mkdir(mode=0o700), "is not a file → "),
    ],
    ids=["a letter", "another program's", "newer", "damaged", "open to all", "a folder"],
)
async def test_a_database_that_cannot_be_used_is_one_finding(
    write: Write, tmp_path: Path, spoil: Callable[[Path], object], part: str
) -> None:
    settings = write()
    await prepared(settings)
    file = tmp_path / "fluentsd.db"
    spoil(file)
    before = tree(tmp_path)
    [line] = bad(await findings(settings))
    assert line.startswith(f"database: {file}") or "other users can access" in line
    assert part in line
    assert tree(tmp_path) == before


async def test_an_older_schema_is_not_a_fault_and_is_not_upgraded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write()
    await prepared(settings)
    before = tree(tmp_path)
    monkeypatch.setattr("fluentsd.store.tables.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    found = await findings(settings)
    assert bad(found) == []
    assert any(f"has schema {SCHEMA_VERSION}; the next start copies it to" in entry["what"] for entry in found)
    assert tree(tmp_path) == before


async def test_an_empty_file_is_a_database_that_is_not_there_yet(write: Write, tmp_path: Path) -> None:
    (tmp_path / "fluentsd.db").touch()
    assert bad(await findings(write())) == []


async def test_a_server_that_does_not_answer_is_one_finding_without_its_password(write: Write) -> None:
    pytest.importorskip("asyncpg")
    settings = write(f'[database]\nurl = "postgresql://u:CANARY@127.0.0.1:1/d"\n{SANDBOX}')
    [line] = bad(await findings(settings))
    assert line.startswith("database: The database cannot be reached")
    assert "CANARY" not in line


async def test_a_postgresql_database_is_looked_into_too(postgresql_server: Any, write: Write) -> None:
    postgresql_server.ask("CREATE DATABASE doctor STRATEGY file_copy")
    url = f"postgresql://postgres@/doctor?host={postgresql_server.folder}"
    settings = write(f'[database]\nurl = "{url}"\n{SANDBOX}')
    found = await findings(settings)
    assert bad(found) == []
    assert any("is empty; the first `fluentsd run` fills it" in entry["what"] for entry in found)
    await prepared(settings)
    found = await findings(settings)
    assert bad(found) == []
    assert f"database: the server's, schema {SCHEMA_VERSION}" in [entry["what"] for entry in found]


@pytest.mark.parametrize(
    ("numbers", "part"),
    [
        ({"tags": ["sales"]}, "has no caller ID: none has the tag sales → fluentsd numbers add NUMBER --tag"),
        ({"numbers": ["+13125550123"]}, "uses unknown caller IDs: +13125550123 → fluentsd numbers add"),
        ({"tags": ["other"]}, None),
        ({}, None),
    ],
)
async def test_caller_ids_that_a_running_campaign_lacks(write: Write, numbers: Any, part: str | None) -> None:
    settings = write()
    steer = {"numbers": ["+12125550123"]}
    await prepared(
        settings,
        ("numbers add", {"number": "+12125550123", "tag": ["other"]}),
        ("campaign apply", {"file": spec(SMS, numbers=steer)}),
    )
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime:
        run = await execute(runtime, "contacts begin-import", {"source": "x", "ref": "test"}, DANA)
        await execute(runtime, "contacts take", {"run": run, "people": [person(1)]}, DANA)
        await execute(runtime, "campaign start", {"ref": "test"}, DANA)
        await execute(runtime, "campaign apply", {"file": spec(SMS, numbers=numbers)}, DANA)
    found = bad(await findings(settings))
    assert [line for line in found if not part or part not in line] == []
    assert len(found) == (part is not None)


# ── the daemon ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_socket_whose_path_is_too_long_is_told_before_the_daemon_fails_on_it(write: Write) -> None:
    [line] = bad(await findings(write(f'[daemon]\nsocket = "{"x" * 110}"\n{SANDBOX}')))
    assert "the limit is 107" in line


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its locks")
async def test_somebody_who_works_with_the_database_unseen_is_named(write: Write, tmp_path: Path) -> None:
    settings = write()
    with held(tmp_path / "fluentsd.db.lock"):
        [line] = bad(await findings(settings))
    assert f"process {os.getpid()} uses {tmp_path}/fluentsd.db but does not answer" in line
    assert bad(await findings(settings)) == []


# ── the public address ───────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def answering(response: bytes) -> AsyncIterator[str]:
    """A server at a public address with one fixed response."""

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(10_000)
            await stream.send_all(b"HTTP/1.1 " + response)

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def at(public_url: str) -> str:
    return f'{SANDBOX}[http]\nlisten = "127.0.0.1:8464"\npublic_url = "{public_url}"\n'


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (b'200 \r\n\r\n{"parts": {"store": {"ok": true', None),
        (b'503 \r\n\r\n{"parts": {"store": {"ok": false}, "outbox": {"ok": true}}}', "; unhealthy: store"),
        (b'200 \r\n\r\n{"parts": {"store": {"ok": true}}}', " reaches a fluentsd"),
    ],
)
async def test_what_the_public_address_leads_to_is_told(write: Write, response: bytes, line: str | None) -> None:
    async with answering(response) as url:
        found = await findings(write(at(url)))
    assert "http: listens on 127.0.0.1:8464" in [entry["what"] for entry in found]
    if line is None:  # cut off in the middle: somebody else's
        [wrong] = bad(found)
        assert wrong.startswith(f"http: {url} answered 200, but not as fluentsd does → have the proxy forward")
    else:
        assert bad(found) == []
        assert [entry["what"] for entry in found if entry["what"].endswith(line)] != []


async def test_somebody_else_at_the_public_address_is_found_out(write: Write) -> None:
    async with answering(b"404 \r\nContent-Length: 9\r\n\r\nnot found") as url:
        [wrong] = bad(await findings(write(at(url))))
    assert wrong.startswith(f"http: {url} answered 404, but not as fluentsd does")


async def test_a_machine_that_reaches_nothing_outside_says_only_so(write: Write) -> None:
    found = await findings(write(at("http://127.0.0.1:1")))
    assert bad(found) == []
    assert any("could not be checked: unreachable from this machine (ConnectError)" in entry["what"] for entry in found)


async def test_a_channel_that_wants_webhooks_and_has_no_address_for_them_is_told(write: Write) -> None:
    async def well() -> list[Finding]:
        return [Finding(True, "an account")]

    def build(config: Mapping[str, Any], tools: Tools) -> Any:
        def forged(request: object) -> WebhookResult:
            raise Forged("unsigned")

        channel = fake(well)(config, tools)
        channel.webhook = forged
        return channel

    plugins = offering(hooked=build, silent=fake(well))
    text = '[channel.sms]\nplugin = "hooked"\n[channel.email]\nplugin = "silent"\n'
    [line] = bad(await findings(write(text), plugins))
    assert line.startswith("sms: its provider reports by webhook; without a public address")
    assert bad(await findings(write(text + '[http]\npublic_url = "http://127.0.0.1:1"\n'), plugins)) == []


# ── plugins and channels ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_broken_plugin_is_named_and_the_others_serve(write: Write) -> None:
    plugins = discover({"half": type("Half", (), {"register_chanels": discover})()})
    plugins.broken["half"] = "The plugin 'half' is installed but cannot be loaded: no module named 'sdk'"
    found = await findings(write(), plugins)
    assert bad(found) == [f"plugins: {plugins.broken['half']} → reinstall it, or remove it"]
    assert any("contacts no real person" in entry["what"] for entry in found)


@pytest.mark.slow
async def test_each_channel_has_its_own_say_and_breaks_alone(write: Write) -> None:
    async def well() -> list[Finding]:
        return [Finding(True, "an account"), Finding(False, "email: no sender is verified", "verify one")]

    async def breaks() -> list[Finding]:
        raise RuntimeError("401")

    async def hangs() -> list[Finding]:
        await trio.sleep_forever()
        return []

    plugins = offering(well=fake(well), breaks=fake(breaks), hangs=fake(hangs))
    settings = write(
        '[channel.phone]\nplugin = "breaks"\n[channel.sms]\nplugin = "hangs"\n[channel.email]\nplugin = "well"\n'
    )
    found = await findings(settings, plugins, patience=0.5)
    assert bad(found) == [
        "phone: the plugin 'breaks' failed: RuntimeError: 401 → see the plugin's guide",
        "sms: no answer within 0.5 s → check whether its provider is reachable from here",
        "email: no sender is verified → verify one",
    ]
    assert "email: an account" in [entry["what"] for entry in found]


async def test_an_answer_of_the_wrong_kind_is_the_plugins_fault_alone(write: Write) -> None:
    async def odd() -> Any:
        return ["all is well"]

    [line] = bad(await findings(write('[channel.sms]\nplugin = "odd"\n'), offering(odd=fake(odd))))
    assert line.startswith("sms: the plugin 'odd' failed: ")


async def test_a_channel_that_cannot_be_built_says_why_and_leaves_no_folder(write: Write, tmp_path: Path) -> None:
    settings = write('[channel.sms]\nplugin = "sandbx"\n[channel.email]\nplugin = "email"\nhots = "x"\n')
    before = tree(tmp_path)
    found = bad(await findings(settings))
    assert found[0].startswith("channel.sms.plugin: no channel plugin is called 'sandbx'")
    assert all(line.startswith("channel.email.") for line in found[1:])
    assert len(found) > 1
    assert tree(tmp_path) == before


async def test_without_a_channel_or_a_plugin_nobody_can_be_contacted(write: Write) -> None:
    plugins, channels = bad(await findings(write(""), Plugins()))
    assert plugins.startswith("plugins: none found → install one")
    assert channels.startswith("channels: none is configured")


async def test_roles_that_cannot_take_effect_are_found(write: Write) -> None:
    problems = bad(await findings(write('[roles]\nviewer = ["@no-such-group", "root"]\n')))
    assert any("[roles] viewer: there is no group no-such-group" in problem for problem in problems)
    assert any("[roles] has no effect" in problem for problem in problems)


async def test_a_field_of_a_crm_that_an_agent_writes_and_nobody_can_is_a_finding(write: Write) -> None:
    settings = write(SANDBOX + '[source.crm]\nplugin = "fake"\n')

    def build(config: Mapping[str, Any], tools: Tools) -> FakeCrm:
        crm = FakeCrm(SimClock(MONDAY))
        crm.catalogue = catalogue  # type: ignore[method-assign]
        return crm

    async def catalogue() -> list[SourceField]:
        return [SourceField("annual_budget", writable=True), SourceField("roof", writable=True)]

    plugins = Plugins(discover().channels, discover().origin, sources={"fake": build})
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), plugins, log=log) as runtime:
        runtime.sources["crm"].fails = [Unavailable("away", 60.0)]  # type: ignore[attr-defined]
        del runtime.sources["crm"].catalogue  # type: ignore[attr-defined]
        await execute(runtime, "agents apply", {"file": {"agent": [AGENT]}}, DANA)
    [problem] = [one for one in bad(await findings(settings, plugins)) if "source crm" in one]
    assert problem == (
        "source crm: the field size is written to 'roof_size', but crm has no such field; did you mean 'roof'?"
        " → correct write_to of ava: fluentsd agents apply FILE"
    )
