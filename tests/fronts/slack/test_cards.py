"""The live card, its thread, alerts and replies; and Slack that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from fluentsd.api import Unavailable
from fluentsd.clock import AdjustableClock
from fluentsd.domain.subscriptions import LOG, LOG_TOPICS, SLACK, SLACK_TOPICS, Subscriptions
from fluentsd.engine.outbox.deliver import deliver
from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks.card import card as card_of_status
from fluentsd.fronts.slack.blocks.conversations import reply
from fluentsd.testing.slack import Shown
from fluentsd.verbs.answers.campaigns import ByResult, Status
from fluentsd.verbs.answers.people import Reply
from tests.databases import open_whole
from tests.engine.stage import MINUTE, MONDAY, Stage, staged
from tests.fronts.slack.conftest import Office, an_office, until


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """One database: `test_commands` runs on both."""
    return f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A stage whose events reach Slack too."""
    clock: Any = AdjustableClock(MONDAY)
    topics = Subscriptions({LOG: LOG_TOPICS, SLACK: SLACK_TOPICS})
    options = {"busy": clock.busy, "subscriptions": topics}
    async with open_whole(database_url, **options) as store, staged(store, clock) as stage:
        yield stage


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    async with an_office(stage) as office, trio.open_nursery() as nursery:
        await nursery.start(deliver, stage.runtime, [office.front.target])
        yield office
        nursery.cancel_scope.cancel()


async def settled(office: Office) -> None:
    """Wait until everybody has had the first step, and it is recorded."""

    async def has_settled() -> bool:
        found = await office.stage.do("campaign report", ref="spring")
        return found["steps"][1]["waiting"] == found["total"] and not found["active"]

    await until(has_settled)


def card_of(office: Office, state: str) -> Shown | None:
    return next(
        (one for one in office.slack.messages.values() if not one.thread_ts and f"· {state}" in one.whole), None
    )


def menu_of(shown: Shown) -> list[str]:
    """The entries of the menus in the actions of a message."""
    found = [one for block in shown.blocks for one in block.get("elements", ()) if one.get("type") == "overflow"]
    return [entry["text"]["text"] for one in found for entry in one["options"]]


def thread_of(office: Office, card: Shown) -> list[str]:
    return [one.whole for one in office.slack.messages.values() if one.thread_ts == card.ts]


async def test_one_card_follows_the_campaign_and_its_thread_tells_who_did_what(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    card = await until(lambda: card_of(office, "active"))
    await office.say("pause spring because lunch")
    await until(lambda: card_of(office, "paused"))
    await office.say("resume spring", "U2")
    await until(lambda: len(thread_of(office, card)) == 3)
    started, paused, resumed = thread_of(office, card)
    assert "started by <@U1>" in started
    assert "paused by <@U1> (lunch)" in paused
    assert "resumed by <@U2>" in resumed
    assert len([one for one in office.slack.messages.values() if not one.thread_ts]) == 1


async def test_the_card_has_the_figures_of_status(office: Office) -> None:
    await office.campaign(people=5)
    await office.say("start spring yes")
    card = await until(lambda: card_of(office, "active"))
    await settled(office)
    await office.front.target.refresh("spring")  # as the look at the counters does, every 15 s
    shown = await office.slack.command("status spring")
    assert card.blocks[:2] == shown.blocks[:2]
    found = await office.stage.overview("spring")
    words = ("Total", "Queued", "Active", "Errored", "Exited", "Completed")
    assert " · ".join(f"*{word}* {found[word.lower()]}" for word in words if found[word.lower()]) in card.whole
    assert "*Errored*" not in card.whole  # nobody is
    assert "*Started on* <!date^" in card.whole
    assert "*Owner* @sales" in card.whole


def test_the_card_says_why_people_have_exited_beside_their_number() -> None:
    found = Status(1, "spring", "Spring", "active", total=60, queued=38, exited=22,
                   exited_by_reason={"answered": 17, "opted_out": 5})  # fmt: skip
    assert "*Total* 60 · *Queued* 38 · *Exited* 22 (answered 17 · opted out 5)" in str(card_of_status(found).blocks)


def test_the_card_says_in_people_what_came_of_the_campaign() -> None:
    people = ByResult(contacted=1_044, conversations=417, came_to={"interested": 211, "callback": 9}, opted_out=5)
    found = Status(1, "spring", "Spring", "active", total=6_000, queued=4_000, people=people)
    assert ("*Contacted* 1,044 · *Conversations* 417 (40%): 211 interested, 9 callback · *Opted out* 5"
            in str(card_of_status(found).blocks))  # fmt: skip
    nobody = Status(1, "spring", "Spring", "draft", total=6_000, queued=6_000)
    assert "Contacted" not in str(card_of_status(nobody).blocks)


def test_a_card_names_the_zone_of_its_times() -> None:
    found = Status(1, "spring", "Spring", "active", started_at=MONDAY, next_at=MONDAY, zone="America/New_York")
    shown = str(card_of_status(found).blocks)
    assert shown.count("(Mon 10:00 AM New York time)") == 2
    said = str(reply(Reply(text="Yes", ref="spring", contact=1, created_at=MONDAY), "<@U1>").blocks)
    assert "2026-03-02 15:00 UTC> (your time)" in said


async def test_an_unchanged_card_is_not_edited(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    card = await until(lambda: card_of(office, "active"))
    await settled(office)
    await office.front.target.refresh("spring")
    edits = card.edits
    await office.front.target.refresh("spring")
    assert card.edits == edits


async def test_a_deleted_card_is_posted_again(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    card = await until(lambda: card_of(office, "active"))
    del office.slack.messages[card.channel, card.ts]
    await office.say("pause spring")
    assert (await until(lambda: card_of(office, "paused"))).ts != card.ts


async def test_a_stale_launch_card_starts_nothing(office: Office) -> None:
    await office.campaign()
    shown = await office.slack.command("start spring")
    found = await office.stage.do("campaign export", ref="spring")
    await office.stage.do("campaign apply", file=found["file"] | {"name": "Another"})
    assert "has changed since" in (await office.slack.click(shown, "Start")).whole
    assert (await office.stage.overview("spring"))["state"] == "draft"


async def test_slack_away_for_an_hour_loses_nothing(office: Office) -> None:
    clock: Any = office.stage.clock
    await office.campaign()
    office.slack.is_away = True
    for socket in list(office.slack.sockets):
        await socket.aclose()
    await office.stage.do("campaign start", ref="spring", yes=True)
    await until(lambda: len(office.stage.sms.accepted) == 3)  # the campaign runs all the same
    await until(lambda: SLACK in office.stage.runtime.targets_down)
    clock.step(60 * MINUTE)
    await office.stage.do("campaign pause", ref="spring")
    office.slack.is_away = False
    clock.step(60 * MINUTE)
    card = await until(lambda: card_of(office, "paused"))
    await until(lambda: len(thread_of(office, card)) == 2)
    assert len([one for one in office.slack.messages.values() if not one.thread_ts]) == 1


async def test_a_channel_without_the_app_is_the_targets_problem_not_the_events(office: Office) -> None:
    office.slack.channels["C1"] = False
    await office.campaign()
    event = Posted(1, "campaign.started", "spring", {"campaign": "spring", "by": "slack:U1 Dana"}, MONDAY)
    with pytest.raises(Unavailable, match="not_in_channel"):
        await office.front.target.deliver(event)


async def test_names_and_reasons_cannot_speak_for_the_app(office: Office) -> None:
    evil = "*bold* <!channel> <https://x.test|click> :tada: \u202eevil " + "x" * 60
    await office.campaign(name=evil[:120])
    await office.say("start spring yes")
    await office.say('pause spring because "<!here> call +12125550001 or p1@example.com"')
    card = await until(lambda: card_of(office, "paused"))
    await until(lambda: len(thread_of(office, card)) == 2)
    whole = card.whole + "".join(thread_of(office, card))
    assert "<!channel>" not in whole
    assert "<!here>" not in whole
    assert "\u202e" not in whole
    assert "5550001" not in whole
    assert "p1@example.com" not in whole


async def test_a_start_with_a_few_people_first_waits_for_a_go(office: Office) -> None:
    await office.campaign(people=4)
    shown = await office.slack.command("start spring first 2")
    assert "After 2 people it is held" in shown.whole
    await office.slack.click(shown, "Start")
    card = await office.slack.wait_shown("🟠 *Spring fair* · c1 · held")
    await until(lambda: len(office.stage.sms.accepted) == 2)
    assert card.buttons == ["Contact the others…", "Report", "Pause"]
    alert = await until(lambda: next((one for one in office.slack.messages.values()
                                      if one.thread_ts and "Look at the results" in one.whole), None))  # fmt: skip
    assert alert.buttons == ["Contact the others…", "Report"]
    for text in ("", "list", "report spring", "status spring"):
        shown = await office.say(text)
        assert "🟠 *Spring fair* · c1 · held" in shown, text
        assert "release it" not in shown, text
    await office.slack.click(card, "Contact the others…")
    await until(lambda: len(office.stage.sms.accepted) == 4)
    await until(lambda: "🟢 *Spring fair* · c1 · active" in card.whole)
