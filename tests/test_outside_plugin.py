"""A plugin from outside, installed from its folder with pip, works with a real daemon without a line changed here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import wrap_client_stream

from fluentsd.fronts.control.client import connect
from tests.engine.stage import person, spec
from tests.engine.sync.conftest import CONSENT

OUTSIDE = Path(__file__).parent / "outside"
CALL = {"id": "call", "channel": "phone", "agent": "sales"}
ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin, as pip installs it; nothing is downloaded."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--disable-pip-version-check", "--target", str(target), str(OUTSIDE)],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


class Installation:
    """A daemon in a process of its own, which finds the plugin where pip has put it."""

    def __init__(self, folder: Path, target: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.base = folder, f"http://127.0.0.1:{self.port}"
        (folder / "lines.txt").write_text("one two three")
        (folder / "fluentsd.toml").write_text(
            f'[http]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n'
            '[channel.phone]\nplugin = "outside"\nkey = "k"\n'
            f'[source.first]\nplugin = "lines"\nfile = "{folder}/lines.txt"\n'
            f'[source.second]\nplugin = "lines"\nfile = "{folder}/absent.txt"\n'
        )
        path = os.pathsep.join([str(target), *(one for one in sys.path if one)])
        self.environ = {**os.environ, "PYTHONPATH": path}
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fluentsd", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60)

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "fluentsd", "run"]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)
        return self.process

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def calls(self) -> list[dict[str, Any]]:
        file = self.folder / "plugins" / "outside" / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def until(holds: Callable[[], bool]) -> None:
    """Poll what another process does."""
    with trio.fail_after(30):
        while not holds():  # noqa: ASYNC110 - it happens in another process
            await trio.sleep(0.02)


@pytest.fixture
def installation(installed: Path) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder:  # a socket's path has at most 107 bytes
        one = Installation(Path(folder), installed)
        try:
            yield one
        finally:
            if one.process is not None and one.process.poll() is None:
                one.process.kill()
                one.process.wait()


def test_the_shell_knows_its_channel_and_its_sources(installation: Installation) -> None:
    offers = json.loads(installation.run("plugins", "--json").stdout)
    assert {"channel": "outside", "plugin": "outside"} in offers["channels"]
    assert {"source": "lines", "plugin": "outside"} in offers["sources"]
    found = installation.run("check").stdout
    assert "outside: a phone from outside" in found
    assert "lines.txt: readable" in found
    assert "absent.txt: missing" in found


@pytest.mark.slow
async def test_a_call_through_it_from_the_claim_to_the_last_word(installation: Installation) -> None:
    process = installation.start()
    await until(lambda: (installation.folder / "fluentsd.sock").exists() or process.poll() is not None)
    assert process.poll() is None, installation.log()
    async with connect(installation.folder / "fluentsd.sock") as client:
        await client.ask("campaign apply", {"file": spec(CALL, window=ALWAYS)})
        run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": "test"})
        await client.ask("contacts take", {"run": run, "people": [person(1)]})
        await client.ask("campaign start", {"ref": "test", "yes": True})
    await until(lambda: bool(installation.calls()))
    [call] = installation.calls()
    body = json.dumps({"call": f"call-{call['token']}"}).encode()
    async with httpx.AsyncClient(trust_env=False) as web:
        forged = await web.post(call["answer_url"], content=body)
        assert forged.status_code == 403
        answer = await web.post(call["answer_url"], content=body, headers={"X-Key": "k"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        again = await web.post(call["answer_url"], content=body, headers={"X-Key": "k"})
        assert again.text == "hang up"
    word, url = answer.text.split()
    assert word == "connect"
    host, path = url.removeprefix("ws://").split("/", 1)
    async with await trio.open_tcp_stream("127.0.0.1", installation.port) as stream, trio.open_nursery() as nursery:
        sock = await wrap_client_stream(nursery, stream, host, f"/{path}")
        assert await sock.get_message() == "hello P1"
        process.send_signal(signal.SIGTERM)  # a live call is served until it ends
        await until(lambda: "daemon.stopping" in installation.log())
        await sock.send_message(b"\x00audio")
        assert await sock.get_message() == b"\x00audio"
        await sock.aclose()
    with trio.fail_after(10):
        await trio.to_thread.run_sync(process.wait)
    assert process.returncode == 0, installation.log()


@pytest.mark.slow
async def test_a_campaign_follows_its_segment(installation: Installation) -> None:
    # British: in the US the lawful hours would depend on when the test runs
    numbers = ["+442079460001", "+442079460002"]
    (installation.folder / "lines.txt").write_text("\n".join(numbers))
    with (installation.folder / "fluentsd.toml").open("a") as settings:
        settings.write('[source.first.map]\ntext = "phone"\n')
    process = installation.start()
    await until(lambda: (installation.folder / "fluentsd.sock").exists() or process.poll() is not None)
    assert process.poll() is None, installation.log()
    segment = {"source": "first", "segment": "list:lines", "consent": CONSENT, "no_opt_out_field": "Ann Lee"}
    async with connect(installation.folder / "fluentsd.sock") as client:
        await client.ask("campaign apply", {"file": spec(CALL, window=ALWAYS, segment=[segment])})

        async def people(wanted: int) -> None:
            with trio.fail_after(30):
                while (await client.ask("campaign status", {"ref": "test"}))["total"] != wanted:  # noqa: ASYNC110 - as `until`
                    await trio.sleep(0.05)

        await people(2)
        await client.ask("campaign start", {"ref": "test", "yes": True})
        await until(lambda: sorted(one["to"] for one in installation.calls()) == numbers)
        (installation.folder / "lines.txt").write_text("\n".join([*numbers, "+442079460003"]))
        await client.ask("sync now", {"source": "first"})
        await people(3)
        await until(lambda: "+442079460003" in [one["to"] for one in installation.calls()])
