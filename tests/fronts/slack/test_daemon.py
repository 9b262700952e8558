"""The Slack front in a whole daemon: it starts without Slack, and a daemon without Slack does not load it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio

from fluentsd.fronts.control.client import ControlClient
from fluentsd.fronts.guard import guarded
from fluentsd.testing.slack import Workspace, fake_slack
from fluentsd.testing.slack.workspace import APP_TOKEN, BOT_TOKEN
from tests.engine.stage import SMS, person, spec
from tests.fronts.slack.conftest import until
from tests.installation import ALWAYS, Place, living


def table(slack: Workspace) -> str:
    return (f'[slack]\napp_token = "{APP_TOKEN}"\nbot_token = "{BOT_TOKEN}"\nchannel = "C1"\n'
            f'api_url = "{slack.address}/api/"\n[slack.roles]\nmanager = ["S1"]\n')  # fmt: skip


async def prepare(client: ControlClient) -> None:
    later = SMS | {"id": "later", "after": "1 day"}
    await client.ask("campaign apply", {"file": spec(SMS, later, window=ALWAYS)})
    run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": "test"})
    await client.ask("contacts take", {"run": run, "people": [person(1)]})
    await client.ask("campaign owner", {"ref": "test", "owner": "@sales"})


@pytest.mark.slow
async def test_a_manager_starts_a_campaign_of_a_running_daemon_and_its_card_appears(place: Place) -> None:
    async with fake_slack() as slack, living(place, place.settings(table(slack))) as client:
        await prepare(client)
        await slack.wait_opened(1)
        assert "is started" in (await slack.command("start test yes")).whole
        await slack.wait_shown("started by <@U1>")
    assert slack.refusals == []
    assert place.logged("front.failed") == []


@pytest.mark.slow
async def test_a_daemon_starts_and_runs_campaigns_without_slack(place: Place) -> None:
    async with fake_slack() as slack:
        slack.is_away = True
        async with living(place, place.settings(table(slack))) as client:
            await prepare(client)
            await client.ask("campaign start", {"ref": "test"})
            await until(lambda: place.channels["sms"].accepted)


@pytest.mark.slow
def test_a_daemon_without_slack_does_not_load_its_libraries() -> None:
    code = "import sys, fluentsd.daemon; print({'slack_bolt', 'slack_sdk', 'trio_websocket'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_a_front_that_fails_is_restarted_and_its_problem_told(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    import structlog

    problems, runs = [], 0

    async def front() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("a bug")

    await guarded("slack", front, structlog.get_logger(), problems.append)
    assert runs == 3
    assert [bool(problem) for problem in problems] == [False, True, False, True, False]
