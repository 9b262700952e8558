"""`fluentsd slack manifest` and `check`, and the steps of docs/slack.md against the fake."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from typer.testing import CliRunner

from fluentsd.cli.app import build
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.fronts.slack.check import look
from fluentsd.fronts.slack.manifest import EVENTS, SCOPES, manifest
from fluentsd.fronts.slack.web_api import WebApi
from fluentsd.testing.slack import Workspace, fake_slack
from fluentsd.testing.slack.workspace import APP_TOKEN, BOT_TOKEN
from tests.fronts.slack.conftest import slack_settings

DOCS = Path(__file__).parents[3] / "docs" / "slack.md"


async def problems(workspace: Workspace, **more: Any) -> list[tuple[str, str]]:
    settings = slack_settings(workspace, **more)
    api = WebApi(settings, structlog.get_logger())
    found = await look(settings, api, SystemClock().now())
    assert all(one.fix for one in found if not one.ok)
    return [(one.what, one.fix) for one in found if not one.ok]


async def test_a_whole_set_up_has_no_problem() -> None:
    async with fake_slack() as slack:
        assert await problems(slack) == []
        assert slack.calls["chat.postMessage"] == 0


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_a_missing_scope_is_named_with_its_purpose(scope: str) -> None:
    async with fake_slack() as slack:
        slack.scopes = ",".join(one for one in SCOPES if one != scope)
        [(what, fix)] = await problems(slack)
        assert f"the scope {scope} is missing ({SCOPES[scope]})" in what
        assert "install the app again" in fix


async def test_each_wrong_part_is_told() -> None:
    async with fake_slack() as slack:
        assert "bot token is refused (invalid_auth)" in (await problems(slack, bot_token="xoxb-wrong"))[0][0]
        assert "app-level token" in (await problems(slack, app_token="xapp-wrong"))[0][0]
        assert "no channel for cards" in (await problems(slack, channel=None))[0][0]
        assert "cannot be read" in (await problems(slack, channel="C404"))[0][0]
        assert "nobody has a role" in (await problems(slack, roles={}))[0][0]
        assert "S404 cannot be read" in (await problems(slack, roles={"manager": ("S404",)}))[0][0]
        slack.users["U9"]["deleted"] = True
        assert "deactivated" in (await problems(slack))[0][0]
        slack.channels["C1"] = False
        assert "/invite" in (await problems(slack))[0][1]
        slack.is_away = True
        assert "cannot be reached" in (await problems(slack))[0][0]


def test_the_manifest_has_what_the_front_uses() -> None:
    made = json.loads(CliRunner().invoke(build(), ["slack", "manifest", "--command", "/outreach"]).stdout)
    assert made == manifest("/outreach")
    assert (
        made["features"]["slash_commands"][0] | {"command": "/outreach", "should_escape": True}
        == (made["features"]["slash_commands"][0])
    )
    assert made["settings"]["socket_mode_enabled"]
    assert set(made["oauth_config"]["scopes"]["bot"]) == set(SCOPES)
    assert set(made["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    assert len(made["display_information"]["description"]) <= 140


async def test_the_steps_of_the_page_lead_to_a_working_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of the page, with the fake's ids in place of the examples, is loaded and checked by the command."""
    table = re.search(r"```toml\n(\s+\[slack\]\n.*?app_token.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert table is not None
    text = "\n".join(line.strip() for line in table[1].splitlines())
    assert tomllib.loads(text)["slack"]["roles"]
    async with fake_slack() as slack:
        for example, real in (("C012AB3CD", "C1"), ("U012AB3CD", "U9"), ("S0614TZR7", "S1")):
            text = text.replace(example, real)
        text = text.replace("[slack]", f'[slack]\napi_url = "{slack.address}/api/"', 1)
        (tmp_path / "fluentsd.toml").write_text(text)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        (tmp_path / "slack-app-token").write_text(APP_TOKEN)
        (tmp_path / "slack-bot-token").write_text(BOT_TOKEN)
        assert load(tmp_path / "fluentsd.toml").slack is not None
        arguments = ["--config", str(tmp_path / "fluentsd.toml"), "slack", "check"]
        done = await trio.to_thread.run_sync(lambda: CliRunner().invoke(build(), arguments))
        assert done.exit_code == 0, done.output
        assert "cards go to #sales" in done.output


def test_the_page_names_commands_that_exist() -> None:
    from fluentsd.fronts.slack.command_table import BY_WORD

    words = re.findall(r"`/campaign (\w+)", DOCS.read_text("utf-8"))
    assert words
    assert set(words) <= set(BY_WORD)
