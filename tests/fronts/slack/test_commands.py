"""Commands and clicks, from the socket to the engine and back."""

from __future__ import annotations

import re

import pytest
import trio

from fluentsd.api import Receipt
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import Named
from tests.engine.stage import MONDAY
from tests.fronts.slack.conftest import Office, until


async def test_the_life_of_a_campaign_by_keyboard(office: Office) -> None:
    await office.campaign()
    assert "Drafts" in await office.say("")
    assert "3 people" in await office.say("start spring")
    assert "is started" in await office.say("start spring yes")
    assert "active" in await office.say("status spring")
    assert "is paused" in await office.say("pause spring because lunch")
    assert "goes on" in await office.say("resume spring")
    assert "can be reopened" in await office.say("stop spring")
    assert "is stopped" in await office.say("stop spring because over yes")
    log = await office.say("log spring")
    assert "<@U1>" in log
    assert "lunch" in log
    assert (await office.stage.overview("spring"))["state"] == "stopped"


async def test_the_life_of_a_campaign_by_clicks(office: Office) -> None:
    await office.campaign()
    slack = office.slack
    card = await slack.click(await slack.command("status spring"), "Start…")
    started = await slack.click(card, "Start")
    paused = await slack.click(started, "Pause")
    resumed = await slack.click(paused, "Resume")
    asked = await slack.click(resumed, "Stop…")
    stopped = await slack.click(asked, "Stop")
    assert "is stopped" in stopped.whole
    reopened = await slack.click(stopped, "Reopen")
    assert "paused" in reopened.whole
    assert (await office.stage.overview("spring"))["state"] == "paused"


async def test_a_launch_card_forecasts_from_the_start_that_it_asks_about(office: Office) -> None:
    await office.campaign()
    thursday, wednesday, today = 1772740800, 1772654400, MONDAY // 1_000_000

    async def first_contact(text: str) -> int:
        found = re.search(r"\*First contact\* <!date\^(\d+)", await office.say(text))
        assert found
        return int(found[1])

    assert await first_contact("schedule spring thu 3pm") == thursday
    assert today <= await first_contact("start spring") < today + 3600
    await office.say("schedule spring thu 3pm yes")
    assert today <= await first_contact("start spring") < today + 3600
    assert await first_contact("schedule spring wed 3pm") == wednesday


async def test_two_managers_click_at_once_and_one_is_told(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    shown = await office.slack.command("status spring share")
    before = len(office.slack.ephemerals)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.slack.press, shown, "Pause", "U1")
        nursery.start_soon(office.slack.press, shown, "Pause", "U2")
    await office.slack.next_ephemeral(before + 1)
    first, second = (one.whole for one in office.slack.ephemerals[before:])
    assert ("🚫" in first) != ("🚫" in second)
    entries = (await office.stage.do("log", target="spring"))["entries"]
    assert [entry["verb"] for entry in entries].count("pause") == 1


async def test_a_moment_is_shown_in_both_zones_before_anything_happens(office: Office) -> None:
    office.slack.users["U1"]["tz"] = "Europe/London"
    await office.campaign(window={"timezone": "America/Chicago"})
    shown = await office.slack.command("schedule spring tomorrow 9am")
    meant = "{date_short_pretty} {time}|2026-03-03 15:00 UTC> (Tue 9:00 AM Chicago time)"
    assert meant in shown.whole
    assert (await office.stage.overview("spring"))["state"] == "draft"
    scheduled = await office.slack.click(shown, "Schedule")
    assert f"starts <!date^1772550000^{meant}" in scheduled.whole
    assert (await office.stage.overview("spring"))["state"] == "scheduled"
    assert "not scheduled any more" in await office.say("schedule spring clear")
    assert "is in the past" in await office.say("schedule spring 2026-01-01 09:00")


async def test_a_moment_is_picked_in_a_form(office: Office) -> None:
    await office.campaign()
    shown = await office.slack.command("schedule spring")
    await office.slack.press(shown, "Pick a time")
    view = await office.slack.opened_view()
    at = view["blocks"][1]["element"]["initial_date_time"]
    ack = await office.slack.submit(view, {"when": {"type": "datetimepicker", "selected_date_time": at}})
    assert ack.payload["response_action"] == "update"
    assert "Schedule *Spring fair*" in str(ack.payload["view"])


async def test_all_campaigns_are_paused_after_a_question(office: Office) -> None:
    await office.campaign()
    await office.campaign("autumn", name="Autumn fair")
    await office.say("start spring yes")
    await office.say("start autumn yes")
    asked = await office.slack.command("pause all for 2h")
    assert "Pause 2 campaigns for 2h?" in asked.whole
    assert (await office.stage.overview("spring"))["state"] == "active"
    await office.slack.click(asked, "Pause all")
    assert {(await office.stage.overview(ref))["state"] for ref in ("spring", "autumn")} == {"paused"}


async def test_a_pause_ends_by_itself(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    assert "it resumes by itself <!date^" in await office.say("pause spring for 2h")
    office.stage.clock.step(2 * 3600 * 1_000_000 + 1)

    async def goes_on() -> bool:
        return bool((await office.stage.overview("spring"))["state"] == "active")

    await until(goes_on)


async def test_a_pause_before_the_start_takes_the_start_back_and_says_so(office: Office) -> None:
    await office.campaign()
    await office.say("schedule spring tomorrow 9am yes")
    shown = await office.slack.command("pause spring")
    assert "is not scheduled any more, and a draft again: no contacts until somebody starts it" in shown.whole
    assert shown.buttons[:2] == ["Start…", "Schedule…"]


async def test_the_end_of_a_pause_may_be_said_after_its_reason(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    said = await office.say("pause spring because of the holiday, until tomorrow 9am")
    assert "it resumes by itself <!date^1772546400^" in said
    assert "(of the holiday)" in await office.say("log spring")
    await office.say("resume spring")
    assert "until somebody resumes it" in await office.say("pause spring because we wait until Kim is back")
    assert "(we wait until Kim is back)" in await office.say("log spring")
    await office.say("resume spring")
    assert "it resumes by itself" in await office.say("pause spring for a week")


async def test_who_has_taken_a_person_over_is_named_as_people_are(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    await office.say("take over +12125550000")
    assert "a colleague has taken the person over (Dana)" in await office.say("why +12125550000")


async def test_a_question_is_not_asked_of_a_person_who_may_not_answer_it(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    assert "this needs the role manager, and yours is viewer" in await office.say("stop spring", "U3")


async def test_questions_about_a_campaign(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    for text, part in (
        ("report spring", "enrolled"),
        ("report spring 7d", "*Attempts since*"),
        ("report spring today", "*Attempts since*"),
        ("errors spring", "nobody is in error"),
        ("unknown spring", "no attempt has an unknown"),
        ("replies", "every reply is handled"),
        ("leads", "every hot lead is handled"),
        ("agents", "no agent of fluentsd"),
        ("numbers", "no caller ID"),
        ("sources", "No CRM is connected"),
        ("settings", "You are manager"),
        ("contacts spring", "queued"),
        ("help pause", "needs the role operator"),
        ("list active", "Spring fair"),
        ("list paused", "no campaign is paused"),
        ("forecast spring", "Forecast"),
        ("why +12125550001", "*Spring fair* · queued"),
        ("contacts find P1", "••• "),
        ("copy spring as Autumn fair", "autumn-fair"),
        ("log", "<@U1>"),
    ):
        assert part in await office.say(text), text


async def test_a_mention_and_a_direct_message_are_answered_in_their_thread(office: Office) -> None:
    await office.campaign()
    await office.slack.event({"type": "app_mention", "user": "U1", "channel": "C1", "text": "<@UBOT> status spring",
                              "ts": "5.1"})  # fmt: skip
    assert (await office.slack.wait_shown("Spring fair")).thread_ts == "5.1"
    await office.slack.event({"type": "message", "channel_type": "im", "user": "U1", "channel": "D1", "text": "help",
                              "ts": "6.1"})  # fmt: skip
    assert (await office.slack.wait_shown("What you can type")).channel == "D1"


async def test_a_slow_answer_comes_after_the_acknowledgement(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.campaign()
    free = trio.Event()
    run = Session.campaigns

    async def slow(session: Session) -> list[Named]:
        await free.wait()
        return await run(session)

    monkeypatch.setattr("fluentsd.fronts.slack.router.ACK_WITHIN", 0.05)
    monkeypatch.setattr(Session, "campaigns", slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.slack.command, "status spring")
        await until(lambda: any("Working on it" in one.text for one in office.slack.ephemerals))
        free.set()
    assert "Spring fair" in office.slack.ephemerals[-1].whole


async def test_unknown_attempts_are_a_question(office: Office) -> None:
    """The sending fails without a proof, and the provider cannot tell afterwards."""

    def silent(*_: object) -> Receipt:
        raise RuntimeError("the answer was lost")

    sms = office.stage.sms
    sms.always, sms.cannot_tell = silent, True
    await office.campaign(people=2)
    await office.say("start spring yes")

    async def is_unknown() -> bool:
        office.stage.clock.step(3600 * 1_000_000)
        return bool((await office.stage.overview("spring"))["unknown"] == 2)

    await until(is_unknown)
    shown = await office.slack.command("unknown spring")
    assert "2 attempts have an unknown result" in shown.whole
    assert " · text · •••" in shown.whole
    assert " · text · ••• 0000 · unknown" in await office.say("calls spring")
    assert "2 attempts of spring are kept as made" in (await office.slack.click(shown, "Keep as made")).whole
    assert "no attempt has an unknown" in await office.say("unknown spring")


async def test_what_a_manager_says_without_having_read_the_help(office: Office) -> None:
    await office.campaign()
    said = await office.say("copy spring as Summer fair")
    assert "*Summer fair* is a draft now" in said
    assert "belongs to <@U1> now" in await office.say("owner summer me")
    asked = await office.say("start the spring campaign now")  # "now" is no consent
    assert "would be contacted" in asked
    assert (await office.stage.overview("spring"))["state"] == "draft"
    assert "would be contacted" in await office.say("schedule spring for tomorrow 9am")
    assert "9am, 9pm or 9:00" in await office.say("schedule spring on monday at 9")
    assert "on its way by text" in await office.say("test spring to +12125550199")
    assert "window, flow, numbers, contacts" in await office.say("edit spring colours")
    refused = await office.say("block +12125550001")
    assert "write it after because" in refused
    offered = await office.slack.command("delete summer fair")
    assert "Summer fair is archived" in (await office.slack.click(offered, "/campaign archive")).whole
    assert "summer" not in await office.say("list")


async def test_the_red_button_of_a_question_comes_after_cancel(office: Office) -> None:
    await office.campaign()
    assert (await office.slack.command("start spring")).buttons[-1] == "Cancel"
    await office.say("start spring yes")
    assert (await office.slack.command("stop spring")).buttons == ["Cancel", "Stop the campaign"]
    assert (await office.slack.command("pause all")).buttons == ["Cancel", "Pause all"]
    await office.say("pause all yes")
    resume = await office.slack.command("resume all")
    assert resume.buttons == ["Resume all", "Cancel"]
    assert resume.button("Resume all")["style"] == "primary"
