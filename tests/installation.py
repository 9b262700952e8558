"""One installation with fake carriers, and a daemon on it in this process."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from fluentsd import daemon
from fluentsd.api import Attempt, Kind, Message, Outcome, Receipt, Request, WebhookResult
from fluentsd.clock import SystemClock
from fluentsd.config import Settings, load
from fluentsd.fronts.control.client import ControlClient, connect
from fluentsd.plugins import Plugins
from tests.engine.stage import FakeChannel

ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}


class Hooked(FakeChannel):
    """A channel whose provider posts to it, with nothing to say."""

    def webhook(self, request: Request) -> WebhookResult:
        return WebhookResult()


@dataclass(slots=True)
class Place:
    """One installation: its folder, its carriers, its log."""

    folder: Path
    channels: dict[Kind, FakeChannel] = field(default_factory=dict)
    logs: list[Any] = field(default_factory=list)

    def settings(self, more: str = "", **environ: str) -> Settings:
        channels = "".join(f'[channel.{kind}]\nplugin = "fake"\n' for kind in ("phone", "sms", "email"))
        (self.folder / "fluentsd.toml").write_text(channels + more)
        return load(self.folder / "fluentsd.toml", environ)

    @property
    def plugins(self) -> Plugins:
        return Plugins(channels={"fake": self._build})

    def _build(self, config: Any, tools: Any) -> FakeChannel:
        channel = self.channels[config["kind"]] = Hooked(config["kind"], tools.clock)
        return channel

    def logged(self, event: str) -> list[Any]:
        return [entry for entry in self.logs if entry["event"] == event]

    def ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "fluentsd.db")) as conn:
            return conn.execute(query).fetchall()


@asynccontextmanager
async def living(place: Place, settings: Settings | None = None) -> AsyncIterator[ControlClient]:
    """A daemon in this process, with a client; it gets a SIGTERM at the end."""
    settings = settings or place.settings()
    ready = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_daemon, place, settings, ready.set)
        with trio.fail_after(10):
            await ready.wait()
        async with connect(settings.socket) as client:
            yield client
        if not place.logged("daemon.stopping"):
            terminate()


async def run_daemon(place: Place, settings: Settings, ready: Callable[[], None]) -> None:
    import structlog

    await daemon.run(settings, clock=SystemClock(), plugins=place.plugins, log=structlog.get_logger(), ready=ready)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def launch(client: ControlClient, file: dict[str, Any], *people: dict[str, Any]) -> None:
    await client.ask("campaign apply", {"file": file})
    run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": file["ref"]})
    await client.ask("contacts take", {"run": run, "people": list(people)})
    await client.ask("campaign start", {"ref": file["ref"]})


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Poll until true."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - what is awaited is in another thread, process or database
            await trio.sleep(0.005)


def holding(place: Place, released: trio.Event, begun: trio.Event) -> Callable[[Message, Attempt], Any]:
    async def send(message: Message, attempt: Attempt) -> Receipt:
        begun.set()
        await released.wait()
        place.channels["sms"].accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    return send


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(place.folder / "fluentsd.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


#: Seconds. It takes a tenth of a second on a quiet machine; on a busy one this is still less than any grace, and less
#: than the slow query and the lock would take.
AT_ONCE = 4.0
