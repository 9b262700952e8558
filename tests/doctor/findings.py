"""What the tests of `fluentsd check` share: the findings, an installation that has been used, and fake channels."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from fluentsd.api import Tools
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SimClock, SystemClock
from fluentsd.config import Settings
from fluentsd.doctor import look
from fluentsd.plugins import Plugins, discover
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import MONDAY, FakeChannel

SANDBOX = '[channel.sms]\nplugin = "sandbox"\n'
Write = Callable[..., Settings]
#: The actor of these tests.
DANA = Call("dana", MONDAY, role="admin")


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


def at(public_url: str) -> str:
    return f'{SANDBOX}[http]\nlisten = "127.0.0.1:8464"\npublic_url = "{public_url}"\n'
