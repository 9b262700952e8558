"""An engine with its Slack front, connected to a fake Slack."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from fluentsd.clock import SystemClock
from fluentsd.config import SlackSettings
from fluentsd.fronts.slack.front import SlackFront
from fluentsd.fronts.slack.transport import Timing
from fluentsd.store import tables
from fluentsd.store.db.bridge import open_store
from fluentsd.testing.slack import Workspace, fake_slack
from fluentsd.testing.slack.workspace import APP_TOKEN, BOT_TOKEN
from tests.engine.conftest import TO_LOG
from tests.engine.stage import MONDAY, SMS, Stage, person, spec, staged

#: The second step keeps a campaign active after the first.
LATER = {"id": "later", "channel": "sms", "after": "1 day", "text": "Hello again"}


class Steady(SystemClock):
    """A clock that begins on a Monday and goes as Trio's does; `step` sets it forward. A simulated clock would run
    ahead while the loopback carries a request."""

    def __init__(self) -> None:
        self._ahead = MONDAY - super().now()
        self._stepped = trio.Event()

    def now(self) -> int:
        return super().now() + self._ahead

    def step(self, by: int) -> None:
        self._ahead += by
        self._stepped.set()
        self._stepped = trio.Event()

    async def sleep_until(self, at: int) -> None:
        while (left := at - self.now()) > 0:
            with trio.move_on_after(left / 1_000_000):
                await self._stepped.wait()
        await trio.lowlevel.checkpoint()

    async def wait_step_back(self) -> None:
        await trio.sleep_forever()

    async def run(self) -> None:
        """As a simulated clock has it."""


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock: Any = Steady()
    async with open_store(database_url, busy=clock.busy, subscriptions=TO_LOG) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        async with staged(store, clock) as stage:
            yield stage


ROLES = {"admin": ("U9",), "manager": ("S1",), "operator": (), "viewer": ("U3",)}


def slack_settings(workspace: Workspace, **more: Any) -> SlackSettings:
    given: dict[str, Any] = {
        "app_token": APP_TOKEN, "bot_token": BOT_TOKEN, "command": "/campaign", "channel": "C1", "roles": ROLES,
        "approvers": (), "second_approver_above": None, "api_url": f"{workspace.address}/api/",
    } | more  # fmt: skip
    return SlackSettings(**given)


@dataclass
class Office:
    """An engine and a workspace, connected."""

    stage: Stage
    slack: Workspace
    front: SlackFront

    async def campaign(self, ref: str = "spring", people: int = 3, owner: str = "@sales", **more: Any) -> None:
        """A draft with people, shared by all managers."""
        await self.stage.do(
            "campaign apply", file=spec(SMS, LATER, ref=ref, name=more.pop("name", "Spring fair"), **more)
        )
        await self.stage.enroll(*(person(n) for n in range(people)), ref=ref)
        await self.stage.do("campaign owner", ref=ref, owner=owner)

    async def say(self, text: str, user: str = "U1", **more: Any) -> str:
        """Type a command; all that can be read in the answer."""
        return (await self.slack.command(text, user, **more)).whole


async def until(condition: Callable[[], Any]) -> Any:
    """The first value of a condition, or of what it awaits, that is true."""
    with trio.fail_after(10):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await trio.sleep(0.01)


@asynccontextmanager
async def an_office(stage: Stage, **more: Any) -> AsyncIterator[Office]:
    async with fake_slack() as workspace, trio.open_nursery() as nursery:
        settings = slack_settings(workspace, **more)
        front = SlackFront(stage.runtime, settings, stage.runtime.log, Timing(ping_every=0.3, answer_within=0.3))
        nursery.start_soon(front.run)
        await workspace.wait_opened(1)
        yield Office(stage, workspace, front)
        nursery.cancel_scope.cancel()
    assert workspace.refusals == []


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    async with an_office(stage) as office:
        yield office


@pytest.fixture
def make_office(stage: Stage) -> Callable[..., AbstractAsyncContextManager[Office]]:
    """An office with other settings."""
    return lambda **more: an_office(stage, **more)
