"""A source is connected without a change of fluentsd.toml; its tokens survive; a key that is gone stops it alone."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from fluentsd_crm_gohighlevel import register_sources

from fluentsd import daemon
from fluentsd.bootstrap import open_runtime
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.clock import SystemClock
from fluentsd.config import Settings, load
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.control.client import connect
from fluentsd.plugins import Plugins, discover
from fluentsd.validation import Problems
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.execute import execute
from plugins.crm_gohighlevel.tests.fake_gohighlevel import LOCATION, TOKEN, FakeGohighlevel

NAME = "ghl"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return discover({"ghl-here": type("Here", (), {"FLUENTSD_API": 1})})


@pytest.fixture
def crm() -> Iterator[FakeGohighlevel]:
    with FakeGohighlevel() as one:
        one.tags.append("spring")
        yield one


class Installation:
    """One folder with its settings; each `open` is a new start of it."""

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self.folder, self.plugins, self.reloads = folder, plugins, 0
        self.write("")

    def write(self, text: str) -> None:
        (self.folder / "fluentsd.toml").write_text(text)

    @property
    def key(self) -> Path:
        return self.folder / "secrets.key"

    @property
    def connection(self) -> Path:
        return self.folder / "plugins" / "sources" / NAME / "connection.sealed"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Runtime]:
        settings = load(self.folder / "fluentsd.toml", {})
        async with open_runtime(settings, SystemClock(), self.plugins) as runtime:
            yield runtime

    async def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        async with self.open() as runtime:
            return await self.ask(runtime, verb, **arguments)

    async def ask(self, runtime: Runtime, verb: str, **arguments: Any) -> dict[str, Any]:
        return await execute(runtime, verb, arguments, Call("dana", runtime.clock.now(), role="admin"))


@pytest.fixture
def here(tmp_path: Path, plugins: Plugins) -> Installation:
    return Installation(tmp_path, plugins)


def keys(crm: FakeGohighlevel, **more: Any) -> dict[str, Any]:
    return {"location": LOCATION, "token": TOKEN, "base_url": crm.url, "rate": "100000/second"} | more


def oauth(crm: FakeGohighlevel) -> dict[str, Any]:
    found = keys(crm, client_id="c", client_secret="s", refresh_token="refresh-0")
    return {name: value for name, value in found.items() if name != "token"}


@pytest.mark.slow
async def test_a_connected_source_is_there_and_its_keys_are_nowhere_in_clear(
    here: Installation, crm: FakeGohighlevel
) -> None:
    answer = await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm, sync_every="2 min"))
    assert all(one["ok"] for one in answer["findings"])
    async with here.open() as runtime:
        [row] = (await here.ask(runtime, "source list"))["sources"]
        assert (row["plugin"], row["from"], row["problem"]) == ("gohighlevel", "connected", "")
        [first, *_] = (await here.ask(runtime, "source segments", source=NAME))["segments"]
        assert first["name"] == "spring"
        crm.scopes.discard("opportunities.readonly")
        listed = await here.ask(runtime, "source segments", source=NAME)
        assert [one["name"] for one in listed["segments"]] == ["spring"]
        assert "opportunities.readonly" in listed["unlisted"][0]
        assert runtime.syncs[NAME].options.every == 120_000_000
        log = await here.ask(runtime, "log")
    assert TOKEN not in json.dumps(log)
    found = [file for file in here.folder.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert not found


@pytest.mark.slow
async def test_a_rotated_refresh_token_survives_a_restart(here: Installation, crm: FakeGohighlevel) -> None:
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=oauth(crm))
    assert crm.minted == 1
    crm.tokens.clear()
    assert (await here.do("source segments", source=NAME))["segments"]
    assert (await here.do("source segments", source=NAME))["segments"]
    assert crm.minted == 2  # the second start used the kept access token; refresh-0 is used up since the first


@pytest.mark.slow
async def test_a_refused_connection_names_what_is_missing_and_keeps_nothing(
    here: Installation, crm: FakeGohighlevel
) -> None:
    crm.scopes.discard("contacts.readonly")
    for given, words in [
        (keys(crm), "contacts.readonly"),
        (keys(crm, token="wrong"), "refuses the token"),
        ({"location": LOCATION}, "token: is missing"),
        (keys(crm, sync_every="soon"), "'soon' is not a duration"),
    ]:
        with pytest.raises(Refused, match="nothing was changed") as caught:
            await here.do("source connect", source=NAME, plugin="gohighlevel", keys=given)
        assert words in str(caught.value)
    with pytest.raises(Refused, match="did you mean gohighlevel"):
        await here.do("source connect", source=NAME, plugin="gohighlevl", keys=keys(crm))
    with pytest.raises(Refused, match="is not a name"):
        await here.do("source connect", source="../x", plugin="gohighlevel", keys=keys(crm))
    assert not here.connection.exists()


@pytest.mark.slow
async def test_a_name_is_in_the_file_or_connected_never_both(here: Installation, crm: FakeGohighlevel) -> None:
    table = (
        f'[source.{NAME}]\nplugin = "gohighlevel"\ntoken = "{TOKEN}"\nlocation = "{LOCATION}"\nbase_url = "{crm.url}"\n'
    )
    here.write(table)
    with pytest.raises(Refused, match=r"ghl is a table of fluentsd\.toml, \[source\.ghl\]"):
        await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm))
    here.write("")
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm))
    here.write(table)
    with pytest.raises(Problems, match=r"source\.ghl: is connected too") as caught:
        load(here.folder / "fluentsd.toml", {})
    assert str(here.connection) in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["lost", "other", "removed"])
async def test_a_key_that_does_not_fit_makes_one_source_wait(
    here: Installation, crm: FakeGohighlevel, fault: str, plugins: Plugins
) -> None:
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm))
    words = {"lost": "secrets.key is missing", "other": "is not the key", "removed": "no source plugin is called"}[
        fault
    ]
    if fault == "removed":
        here.plugins = Plugins()
    else:
        here.key.unlink()
    if fault == "other":
        here.write(f'[daemon]\nsecret_key = "{"A" * 43}="\n')
    async with here.open() as runtime:
        with pytest.raises(Refused, match="needs a person") as caught:
            await here.ask(runtime, "source segments", source=NAME)
        assert words in str(caught.value)
        assert "fluentsd source connect ghl" in str(caught.value)
    here.plugins = plugins
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm))
    assert (await here.do("source segments", source=NAME))["segments"]


@pytest.mark.slow
async def test_a_new_token_replaces_the_old_one_and_keeps_the_other_keys(
    here: Installation, crm: FakeGohighlevel
) -> None:
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm, overlap=7))
    crm.tokens = {"pit-0001"}
    given = {"location": LOCATION, "token": "pit-0001"}
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=given)
    kept = load(here.folder / "fluentsd.toml", {}).sources[NAME].options
    assert (kept["token"], kept["overlap"], kept["base_url"]) == ("pit-0001", 7, crm.url)
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=oauth(crm))
    assert "token" not in load(here.folder / "fluentsd.toml", {}).sources[NAME].options


@pytest.mark.slow
async def test_a_disconnected_source_is_gone_with_its_keys(here: Installation, crm: FakeGohighlevel) -> None:
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=oauth(crm))
    assert sorted(one.name for one in here.connection.parent.glob("*.sealed")) == ["connection.sealed", "oauth.sealed"]
    await here.do("source disconnect", source=NAME)
    assert not list(here.connection.parent.glob("*.sealed"))
    assert (await here.do("source list"))["sources"] == []
    with pytest.raises(Refused, match="was not connected"):
        await here.do("source disconnect", source=NAME)


@pytest.mark.slow
async def test_a_copied_database_without_its_connections_says_who_waits(
    here: Installation, crm: FakeGohighlevel, capsys: pytest.CaptureFixture[str]
) -> None:
    await here.do("source connect", source=NAME, plugin="gohighlevel", keys=keys(crm))
    file = {
        "name": "Spring", "ref": "spring",
        "window": {"days": ["mon"], "hours": "09:00-17:00", "unknown_timezone": "hold"},
        "step": [{"id": "text", "channel": "email", "subject": "Hi", "text": "Hi"}],
        "segment": [{"source": NAME, "segment": "tag:spring"}],
    }  # fmt: skip
    await here.do("campaign apply", file=file)
    shutil.rmtree(here.folder / "plugins")
    [row] = (await here.do("source list"))["sources"]
    assert (row["source"], row["segments"]) == (NAME, 1)
    assert row["problem"] == "it is not connected here, so its people wait; connect it"
    show(Screen(), "source list", {"sources": [row]})
    assert "fluentsd source connect ghl" in capsys.readouterr().out


@pytest.mark.slow
async def test_a_running_daemon_takes_the_source_in(crm: FakeGohighlevel, plugins: Plugins) -> None:
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder:
        here, is_up, following = Installation(Path(folder), plugins), trio.Event(), list[Settings | None]()
        settings = load(here.folder / "fluentsd.toml", {})

        async def live() -> None:
            read = partial(load, here.folder / "fluentsd.toml", {})
            log = structlog.wrap_logger(structlog.ReturnLogger())
            following.append(
                await daemon.run(settings, clock=SystemClock(), plugins=plugins, log=log, ready=is_up.set, read=read)
            )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(live)
            await is_up.wait()
            async with connect(settings.socket) as client:
                given = {"source": NAME, "plugin": "gohighlevel", "keys": keys(crm)}
                answer = await client.ask("source connect", given, request_id="once")
                assert answer["reloads"]
                assert await client.ask("source connect", given, request_id="once") == answer
        [fresh] = following
        assert fresh is not None
        assert fresh.connected == {NAME}
        assert TOKEN not in json.dumps(fresh.shown(), default=str)


def test_the_registered_ways_to_sign_in_are_the_plugins_own(plugins: Plugins) -> None:
    assert register_sources is not None
    for name, ways in plugins.sign_ins.items():
        for way in ways:
            assert all(key.help for key in way.keys), (name, way.title)
    assert {"hubspot", "salesforce", "gohighlevel", "leaddocket", "monday"} <= {
        n for n, ways in plugins.sign_ins.items() if ways
    }
