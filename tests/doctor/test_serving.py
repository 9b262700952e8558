"""What `fluentsd check` finds out about the public address, plugins and channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from fluentsd.api import Finding, Forged, SourceField, Tools, Unavailable, WebhookResult
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SimClock, SystemClock
from fluentsd.plugins import Plugins, discover
from fluentsd.verbs.execute import execute
from tests.doctor.findings import DANA, SANDBOX, Write, at, bad, fake, findings, offering, tree
from tests.engine.after_calls.stage import AGENT
from tests.engine.stage import MONDAY
from tests.engine.sync.fake_source import FakeCrm


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
    assert any(
        "could not be checked: unreachable from this machine (it refuses the connection)" in entry["what"]
        for entry in found
    )


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
        "phone: the plugin 'breaks' failed: a mistake in the plugin (RuntimeError: 401) → see the plugin's guide",
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
