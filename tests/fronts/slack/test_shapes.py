"""Payloads in every shape that Slack may send them: fields that are absent, empty or of other kinds of workspaces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fluentsd.testing.slack.http import Response
from fluentsd.testing.slack.state import TEAM
from tests.engine.stage import Stage
from tests.fronts.slack.conftest import ROLES, Office, an_office, until


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """One database: the shapes are the front's."""
    return f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    """An office with a user of an organisation (W…) among its managers."""
    async with an_office(stage, roles={**ROLES, "manager": ("S1", "W7")}) as office:
        office.slack.add_user("W7", "Wilma", team_id="T0HOME", enterprise_user={"id": "W7", "teams": [TEAM]})
        yield office


async def commanded(office: Office, text: str, **more: Any) -> str:
    """The acknowledgement of a command of which only this is sent."""
    payload = {"command": "/campaign", "text": text, "user_id": "U1", "team_id": TEAM, "channel_id": "C1"} | more
    return str((await office.slack.send("slash_commands", payload)).payload)


async def test_commands_without_what_other_clients_send(office: Office) -> None:
    await office.campaign()
    same = {"trigger_id": "1.same", "response_url": "", "user_team_id": None, "enterprise_id": None}
    assert "is started" in await commanded(office, "start spring yes", **same)
    assert "is paused" in await commanded(office, "pause spring", **same)
    assert "goes on" in await commanded(office, "resume spring", **same)  # another one, though the trigger is the same
    assert "active" in await commanded(office, "status spring", user_id="W7", enterprise_id="E1")
    assert "people of other workspaces" in await commanded(office, "status spring", user_team_id="T9")
    assert "active" in await commanded(office, "status spring", team_id=None, is_enterprise_install="true")
    assert "Spring fair" in await commanded(office, "status spring", channel_id=None)


ODD: list[Any] = [
    None, [], "text", {}, {"type": "workflow_step_execute", "event": None}, {"type": "block_actions"},
    {"type": "block_actions", "user": {"id": "U1"}, "actions": []},
    {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "say:list", "value": "no json"}]},
    {"type": "block_actions", "user": None, "team": None, "actions": [{"action_id": "say:list", "value": None}]},
    {"type": "view_submission", "user": {"id": "U1"}, "view": {"callback_id": "schedule", "state": None}},
    {"type": "view_submission", "user": {"id": "U1"}, "team": None, "view": {"callback_id": "callback"}},
    {"type": "view_submission", "user": {"id": "U1"}, "view": {"callback_id": "of tomorrow", "id": "V1"}},
    {"type": "view_closed", "user": {"id": "U1"}, "view": {"id": "V1"}},
    {"type": "block_suggestion", "user": {"id": "U1"}, "value": None, "action_id": "x"},
    {"type": "message_action", "user": {"id": "U1"}, "message": None, "callback_id": "status_here"},
    {"type": "event_callback", "event": None}, {"type": "event_callback", "event": {"type": "message"}},
    {"type": "event_callback", "event": {"type": "app_home_opened"}},
    {"type": "event_callback", "event": {"type": "subteam_updated", "subteam": None}, "team_id": TEAM},
    {"command": "/campaign"}, {"command": "/campaign", "text": None, "user_id": None, "team_id": None},
]  # fmt: skip


async def test_any_payload_is_acknowledged_and_the_next_command_answered(office: Office) -> None:
    for payload in ODD:
        for kind in ("interactive", "events_api", "of tomorrow"):
            await office.slack.send(kind, payload)
    assert "No campaign is active" in await commanded(office, "")


async def test_a_click_may_come_without_its_message(office: Office) -> None:
    """As that of an ephemeral message in a thread does, and that of the home, which has no channel."""
    await office.campaign()
    value = '{"text": "pause spring"}'
    await office.say("start spring yes")
    body: dict[str, Any] = {
        "type": "block_actions", "user": {"id": "U1", "team_id": TEAM}, "team": {"id": TEAM}, "enterprise": None,
        "is_enterprise_install": False, "trigger_id": "7.1", "actions": [{"action_id": "say:pause", "value": value}],
        "container": {"type": "message", "message_ts": "5.5", "thread_ts": "5.1", "channel_id": "C1",
                      "is_ephemeral": True},
    }  # fmt: skip
    before = len(office.slack.ephemerals)
    await office.slack.send("interactive", body)
    shown = await office.slack.next_ephemeral(before)
    assert ("is paused" in shown.whole, shown.thread_ts) == (True, "5.1")


async def test_an_answer_finds_another_way_when_the_response_url_is_dead(office: Office) -> None:
    await office.campaign()
    body: dict[str, Any] = {
        "type": "block_actions", "user": {"id": "U1", "team_id": TEAM}, "team": {"id": TEAM}, "trigger_id": "7.1",
        "actions": [{"action_id": "say:status", "value": '{"text": "status spring"}', "action_ts": "1.1"}],
        "response_url": f"{office.slack.address}/hook/404", "channel": {"id": "C1"}, "container": {"message_ts": "5.5"},
    }  # fmt: skip
    before = len(office.slack.ephemerals)
    await office.slack.send("interactive", body)
    assert "Spring fair" in (await office.slack.next_ephemeral(before)).whole
    office.slack.fail("chat.postEphemeral", "channel_not_found")  # a command in a channel that the app is not in
    await office.slack.send("interactive", body | {"trigger_id": "7.2"})
    directs = [one for one in office.slack.messages.values() if one.channel == "DU1"]
    await until(lambda: [one for one in office.slack.messages.values() if one.channel == "DU1"] != directs)
    assert "Spring fair" in (await office.slack.wait_shown("Spring fair")).whole


async def test_a_mention_may_stand_anywhere_and_have_a_name(office: Office) -> None:
    await office.campaign()
    said = ("hey <@UBOT|fluents>", "<@U2> <@UBOT> help pause", "<@UBOT>: `status spring`")
    for nth, text in enumerate(said):
        await office.slack.event({"type": "app_mention", "user": "U1", "channel": "C1", "text": text, "ts": f"9.{nth}"})
    await office.slack.wait_shown("Spring fair")
    direct = {"type": "message", "user": "U1", "channel": "DU1", "text": "<@UBOT> help resume", "ts": "8.1"}
    await office.slack.event(direct)
    await office.slack.wait_shown("help for resume")


async def test_the_shortcuts_open_the_form_and_the_overview(office: Office) -> None:
    """A global shortcut has no channel and no response_url; that of a message has both."""
    payload = office.slack.interaction("shortcut", "U1") | {"callback_id": "new_campaign"}
    await office.slack.send("interactive", payload)
    assert (await office.slack.opened_view())["title"]["text"] == "New campaign"
    before = len(office.slack.ephemerals)
    about = {"callback_id": "overview", "channel": {"id": "C1"}, "message": {"ts": "1.1", "text": "x"},
             "response_url": office.slack.hook(None, "U1", "C1")}  # fmt: skip
    await office.slack.send("interactive", office.slack.interaction("message_action", "U1") | about)
    assert "No campaign is active" in (await office.slack.next_ephemeral(before)).whole
    await office.slack.send("interactive", office.slack.interaction("shortcut", "U1") | {"callback_id": "of tomorrow"})
    assert (await office.slack.wait_shown("No campaign is active")).channel == "DU1"


async def test_an_answer_waits_as_long_as_slack_asks(office: Office) -> None:
    office.slack._faults["hook"] = [Response({"ok": False}, 429, {"Retry-After": "1"})]
    before = len(office.slack.ephemerals)
    value = {"text": "help pause"}
    await office.slack.send("interactive", office.slack.interaction("block_actions", "U1") | {
        "actions": [{"action_id": "say:help", "value": json.dumps(value), "action_ts": "1.1"}],
        "channel": {"id": "C1"}, "response_url": office.slack.hook(None, "U1", "C1"),
    })  # fmt: skip
    assert "needs the role operator" in (await office.slack.next_ephemeral(before)).whole
