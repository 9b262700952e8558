"""The people of a campaign as a file: it reaches the asker alone, and each way in which it cannot is said."""

from __future__ import annotations

import csv
import io

import pytest

from fluentsd.testing.slack.state import SCOPES
from tests.engine.stage import person
from tests.fronts.slack.conftest import Office


def sent(office: Office) -> list[tuple[str, bytes]]:
    """The channel of each message about a file, and the content of each file that the app has sent, in order."""
    shown = [one.channel for one in office.slack.messages.values() if ".csv" in one.text]
    files = [content for made, content in office.slack.files.values() if made["user"] == "UBOT"]
    return list(zip(shown, files, strict=True))


async def test_the_asker_alone_gets_the_file_and_no_channel_sees_contact_data(office: Office) -> None:
    await office.campaign(people=2)
    await office.stage.enroll(person(7, first_name="=cmd|' /C calc'!A0"), ref="spring")
    await office.say("start spring yes")
    said = await office.say("contacts spring export")
    assert "3 people of *Spring fair*: the file is in your direct messages" in said
    [(channel, content)] = sent(office)
    assert channel == "DU1"
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    names = [row[header.index("name")] for row in rows]
    assert names == ["P0", "P1", "'=cmd|' /C calc'!A0"]
    assert {row[header.index("lists")] for row in rows} == {"people.csv"}
    assert "<@U1> got the people of spring as a file" in await office.say("log spring")
    everywhere = [one.whole for one in [*office.slack.ephemerals, *office.slack.messages.values()]]
    assert not any("+12125550" in one or "p1@example.com" in one for one in everywhere)


async def test_the_file_is_asked_for_by_button_in_another_order_and_by_state(office: Office) -> None:
    await office.campaign()
    shown = await office.slack.command("contacts spring")
    await office.slack.click(shown, "Send me all as a file")
    assert "3 queued people" in await office.say("contacts export spring queued")
    assert "Nobody in *Spring fair* is errored, so no file was made" in await office.say("people spring export errored")
    assert [channel for channel, _ in sent(office)] == ["DU1", "DU1"]
    await office.slack.event({"type": "app_mention", "user": "U2", "channel": "C1", "ts": "5.1",
                              "text": "<@UBOT> contacts spring export"})  # fmt: skip
    assert (await office.slack.wait_shown("Nobody else got it")).thread_ts == "5.1"
    assert sent(office)[-1][0] == "DU2"


async def test_no_file_is_made_of_nothing_and_none_for_a_viewer(office: Office) -> None:
    await office.campaign(people=0)
    assert "Nobody is enrolled in *Spring fair*, so no file was made" in await office.say("contacts spring export")
    await office.stage.enroll(person(1), ref="spring")
    assert "needs the role manager, and yours is viewer" in await office.say("contacts spring export", "U3")
    for text, part in (
        ("contacts export", "which campaign?"),
        ("contacts spring export gone", "there are queued, active, completed, exited, errored"),
        ("contacts sprng export", "no campaign is called"),
        ("export spring", "The people of a campaign come as a file"),
    ):
        assert part in await office.say(text), text
    assert sent(office) == []


@pytest.mark.parametrize(
    ("method", "fault", "part"),
    [
        ("files.getUploadURLExternal", {"error": "file_uploads_disabled"}, "Slack refuses it (file_uploads_disabled)"),
        ("files.getUploadURLExternal", {"retry_after": 900}, "Slack asked for a pause of 900 s"),
        ("files.completeUploadExternal", {"error": "internal_error", "status": 500}, "Slack answered 500"),
        ("upload", {"status": 500}, "Slack answered 500"),
        ("upload", {"status": 404}, "Slack refuses it (status 404)"),
        ("conversations.open", {"error": "user_disabled"}, "Slack refuses it (user_disabled)"),
    ],
)
async def test_an_upload_that_fails_is_said(office: Office, method: str, fault: dict[str, object], part: str) -> None:
    await office.campaign()
    office.slack.fail(method, **fault)  # type: ignore[arg-type]
    said = await office.say("contacts spring export")
    assert "no file was sent" in said
    assert part in said
    assert not any(".csv" in one.text for one in office.slack.messages.values())


@pytest.mark.parametrize("scope", ["files:write", "im:write"])
async def test_a_workspace_without_the_scope_is_told_what_to_do(office: Office, scope: str) -> None:
    await office.campaign()
    office.slack.scopes = ",".join(one for one in SCOPES.split(",") if one != scope)
    said = await office.say("contacts spring export")
    assert f"no file was sent: the app lacks the scope {scope}" in said
    assert "installs the app again" in said
