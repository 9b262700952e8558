"""Who may do what: roles by user and group, guests, strangers, and Slack that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.fronts.slack.conftest import Office

MakeOffice = Callable[..., AbstractAsyncContextManager[Office]]


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """One database: roles are the front's own."""
    return f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"


async def test_a_viewer_looks_and_changes_nothing(office: Office) -> None:
    await office.campaign()
    assert "Drafts" in await office.say("", "U3")
    said = await office.say("start spring yes", "U3")
    assert "needs the role manager" in said
    assert "nothing was changed" in said
    assert (await office.stage.overview("spring"))["state"] == "draft"


async def test_a_click_is_checked_like_a_command(office: Office) -> None:
    await office.campaign()
    card = await office.slack.command("start spring", "U1")
    assert "needs the role manager" in (await office.slack.click(card, "Start", "U3")).whole


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"is_restricted": True}, "guests"), ({"is_ultra_restricted": True}, "guests"),
        ({"is_stranger": True}, "other"),
        ({"team_id": "T9"}, "other workspaces"), ({"deleted": True}, "deactivated"), ({"is_bot": True}, "bots"),
    ],
)  # fmt: skip
async def test_guests_strangers_and_bots_are_refused(office: Office, more: dict[str, object], said: str) -> None:
    office.slack.add_user("U5", "Gil", **more)
    office.slack.groups["S1"].append("U5")
    assert said in await office.say("", "U5")


async def test_a_person_without_a_role_learns_how_to_get_one(office: Office) -> None:
    office.slack.add_user("U6", "Noa")
    said = await office.say("", "U6")
    assert "no role" in said
    assert "U6" in said


async def test_a_changed_group_counts_at_once(office: Office) -> None:
    await office.campaign()
    assert "Drafts" in await office.say("", "U2")
    office.slack.groups["S1"].remove("U2")
    await office.slack.event({"type": "subteam_members_changed", "subteam_id": "S1"})
    assert "no role" in await office.say("", "U2")


async def test_groups_are_asked_for_once(office: Office) -> None:
    for _ in range(5):
        await office.say("", "U1")
    assert office.slack.calls["usergroups.users.list"] == 1
    assert office.slack.calls["users.info"] == 1


async def test_nothing_is_allowed_while_slack_does_not_tell_the_role(office: Office) -> None:
    await office.campaign()
    office.slack.fail("usergroups.users.list", "internal_error", status=503)
    said = await office.say("start spring yes")
    assert "nothing was done" in said
    assert (await office.stage.overview("spring"))["state"] == "draft"
    assert "is started" in await office.say("start spring yes")


async def test_a_campaign_of_another_person_is_not_theirs_to_start(office: Office) -> None:
    await office.campaign(owner="slack:U2 Kim")
    said = await office.say("start spring yes", "U1")
    assert "belongs to" in said
    assert "is started" in await office.say("start spring yes", "U2")


async def test_an_owner_stays_the_owner_under_another_name(office: Office) -> None:
    await office.campaign(owner="slack:U2 Kim as she was called")
    assert "is started" in await office.say("start spring yes", "U2")


async def test_a_large_start_needs_a_second_person(make_office: MakeOffice) -> None:
    async with make_office(second_approver_above=2, approvers=("U1", "U2")) as office:
        await office.campaign(people=3)
        assert "needs the approval of a second person" in await office.say("start spring yes", "U1")
        [asked] = [one for one in office.slack.messages.values() if "do you agree" in one.whole]
        assert "needs the approval" in await office.say("start spring yes", "U1")
        assert "not one of the approvers" in (await office.slack.click(asked, "Approve", "U9")).whole
        await office.slack.press(asked, "Approve", "U1")
        await office.slack.wait_shown("<@U1> approves")
        assert "needs the approval" in await office.say("start spring yes", "U1")  # nobody approves the own start
        await office.slack.press(asked, "Approve", "U2")
        await office.slack.wait_shown("<@U2> approves")
        assert "is started" in await office.say("start spring yes", "U1")


async def test_an_edit_makes_an_approval_void(make_office: MakeOffice) -> None:
    async with make_office(second_approver_above=2, approvers=("U1", "U2")) as office:
        await office.campaign(people=3)
        await office.stage.do("campaign approve", ref="spring")
        found = await office.stage.do("campaign export", ref="spring")
        await office.stage.do("campaign apply", file=found["file"] | {"name": "Another"})
        assert "needs the approval" in await office.say("start spring yes", "U1")


async def test_a_zone_that_this_machine_does_not_know_is_utc(office: Office) -> None:
    office.slack.users["U1"]["tz"] = "Mars/Base"
    await office.campaign()
    assert "09:00 UTC" in await office.say("schedule spring tomorrow 9am")
