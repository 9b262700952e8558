"""An engine with its Slack front, connected to a fake Slack."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from fluentsd.clock import AdjustableClock
from fluentsd.config import SlackSettings
from fluentsd.fronts.slack import rates
from fluentsd.fronts.slack.front import SlackFront
from fluentsd.fronts.slack.transport import Timing
from fluentsd.testing.slack import Workspace, fake_slack
from fluentsd.testing.slack.workspace import APP_TOKEN, BOT_TOKEN
from tests.databases import open_whole
from tests.engine.conftest import TO_LOG
from tests.engine.stage import MONDAY, SMS, Stage, person, spec, staged

#: Words of the program that no sales manager says: the stored names of channels and outcomes.
INTERNAL = re.compile(
    r"(?<![\w-])(?:sms|no_answer|not_sent|opted_out|not_interested|wrong_number|left_segment)(?![\w-])"
)
#: The second step keeps a campaign active after the first.
LATER = {"id": "later", "channel": "sms", "after": "1 day", "text": "Hello again"}


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock: Any = AdjustableClock(MONDAY)
    options = {"busy": clock.busy, "subscriptions": TO_LOG}
    async with open_whole(database_url, **options) as store, staged(store, clock) as stage:
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


def readable(workspace: Workspace) -> Iterator[str]:
    """Every text of the app that people could read in messages, forms and homes, without the values of buttons."""
    shown = [one.blocks for one in [*workspace.messages.values(), *workspace.ephemerals] if not one.author]
    views = [*workspace.views.values(), *workspace.homes.values()]
    yield from _texts([*shown, *[one["blocks"] for one in views]])


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _texts(one)
    elif isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        yield from _texts([one for one in part.values() if isinstance(one, (dict, list))])


@pytest.fixture(autouse=True)
def quick_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake workspace takes messages as they come; `test_web_api` looks at their pace."""
    monkeypatch.setattr(rates, "POST_EVERY", 0.02)


@asynccontextmanager
async def an_office(stage: Stage, timing: Timing | None = None, **more: Any) -> AsyncIterator[Office]:
    async with fake_slack() as workspace, trio.open_nursery() as nursery:
        settings = slack_settings(workspace, **more)
        front = SlackFront(stage.runtime, settings, stage.runtime.log, timing)
        nursery.start_soon(front.run)
        await workspace.wait_opened(1)
        yield Office(stage, workspace, front)
        nursery.cancel_scope.cancel()
    assert workspace.refusals == []
    assert [words for words in readable(workspace) if INTERNAL.search(words)] == []


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    async with an_office(stage) as office:
        yield office


@pytest.fixture
def make_office(stage: Stage) -> Callable[..., AbstractAsyncContextManager[Office]]:
    """An office with other settings."""
    return lambda **more: an_office(stage, **more)
