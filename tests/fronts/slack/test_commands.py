"""Commands and clicks, from the socket to the engine and back."""

from __future__ import annotations

from tests.fronts.slack.conftest import Office


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
    stopped = await slack.click(resumed, "Stop")
    assert "is stopped" in stopped.whole
    reopened = await slack.click(stopped, "Reopen")
    assert "paused" in reopened.whole
    assert (await office.stage.overview("spring"))["state"] == "paused"
