"""Which channels show what: alerts and digests, by what people have said there."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.fronts.slack.routes import Wish, channels, digests
from fluentsd.verbs import Refused
from fluentsd.verbs.options import SHOWN
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.test_cards import card_of, database_url, office, stage, thread_of
from tests.fronts.slack.test_replies import a_reply

__all__ = ["database_url", "office", "stage"]

ALL = ",".join(SHOWN)


@pytest.mark.parametrize(
    ("wishes", "ref", "kind", "shown"),
    [
        ([], "spring", "replies", ["C1"]),
        ([], "", "alerts", ["C1"]),
        ([Wish("C2", "alerts", "", ALL)], "spring", "leads", ["C2", "C1"]),
        ([Wish("C2", "alerts", "spring", ALL)], "autumn", "leads", ["C1"]),
        ([Wish("C2", "alerts", "spring", ALL)], "", "alerts", ["C1"]),
        ([Wish("C2", "alerts", "spring", "replies")], "spring", "changes", ["C1"]),
        ([Wish("C1", "alerts", "", "")], "spring", "replies", []),
        ([Wish("C1", "alerts", "spring", "")], "spring", "replies", []),
        ([Wish("C1", "alerts", "spring", "")], "autumn", "replies", ["C1"]),
        ([Wish("C2", "alerts", "", ALL), Wish("C2", "alerts", "spring", "")], "spring", "replies", ["C1"]),
    ],
)
def test_a_channel_shows_what_was_said_there_last_and_most_exactly(
    wishes: list[Wish], ref: str, kind: str, shown: list[str]
) -> None:
    assert channels(wishes, "C1", ref, kind) == shown


def test_digests_are_those_of_the_settings_unless_somebody_says_otherwise() -> None:
    assert digests([], "C1", "09:00 UTC") == {"C1": "09:00 UTC"}
    said = [Wish("C1", "digest", "", ""), Wish("C2", "digest", "", "08:00 UTC")]
    assert digests(said, "C1", "09:00 UTC") == {"C2": "08:00 UTC"}
    assert digests([], None, None) == {}


def in_channel(office: Office, channel: str, part: str) -> list[Any]:
    return [one for one in office.slack.messages.values() if one.channel == channel and part in one.whole]


async def test_a_channel_follows_one_campaign_from_then_on(office: Office) -> None:
    office.slack.channels["C2"] = True
    await office.campaign()
    await office.campaign("autumn", name="Autumn fair")
    said = await office.say("alerts here autumn changes, replies", channel="C2")
    assert "this channel shows changes, replies of autumn" in said
    await office.say("start autumn yes")
    await office.say("start spring yes")
    await until(lambda: in_channel(office, "C2", "Autumn fair") and in_channel(office, "C1", "Spring fair"))
    await until(lambda: in_channel(office, "C1", "Autumn fair"))
    [card] = [one for one in in_channel(office, "C2", "Autumn fair") if not one.thread_ts]
    await until(lambda: any("started by <@U1>" in line for line in thread_of(office, card)))
    assert not in_channel(office, "C2", "Spring fair")
    assert "Nothing about autumn is posted here any more. They are shown in <#C1>" in await office.say(
        "alerts off autumn", channel="C2"
    )
    before = len(in_channel(office, "C2", ""))
    await office.say("pause autumn")
    await until(lambda: any("paused by" in one.whole for one in office.slack.messages.values()))
    assert len(in_channel(office, "C2", "")) == before
    entries = (await office.stage.do("log", target="autumn"))["entries"]
    assert [entry["verb"] for entry in entries if entry["verb"].startswith("slack")] == ["slack alerts"] * 2


async def test_a_channel_gets_the_kinds_that_it_asked_for_alone(office: Office) -> None:
    office.slack.channels |= {"C2": True, "C3": True}
    await office.campaign(people=4)
    await office.say("alerts here spring alerts", channel="C2")
    await office.say("alerts here spring changes", channel="C3")
    await office.say("start spring first 2 yes")
    alert = await until(lambda: in_channel(office, "C2", "Contact the others…"))
    assert alert[0].thread_ts == ""
    assert not in_channel(office, "C2", "*Total*")  # no card
    await until(lambda: in_channel(office, "C3", "Spring fair") and in_channel(office, "C1", "Contact the others…"))
    await until(lambda: in_channel(office, "C3", "started by"))
    assert not [one for one in in_channel(office, "C3", "Contact the others…") if one.thread_ts]  # only on the card


async def test_the_last_channel_that_goes_off_is_told(office: Office) -> None:
    assert "No channel shows replies and hot leads" in await office.say("alerts off")
    await office.campaign()
    await office.say("start spring yes")
    await office.stage.do("contacts find", words="P1")
    assert card_of(office, "active") is None
    await office.say("alerts here")
    await office.say("pause spring")
    assert await until(lambda: card_of(office, "paused"))


async def test_a_channel_without_the_app_is_refused_and_one_that_lost_it_delays_nobody(office: Office) -> None:
    office.slack.channels["C2"] = False
    assert "cannot post in this channel" in await office.say("alerts here", channel="C2")
    office.slack.channels["C2"] = True
    await office.campaign()
    await office.say("alerts here", channel="C2")
    office.slack.channels["C2"] = False
    await office.say("start spring yes")
    assert await until(lambda: card_of(office, "active"))


async def test_a_digest_of_a_channel_comes_at_its_time_and_goes(office: Office) -> None:
    office.slack.channels["C2"] = True
    assert "every day at 09:30 America/New_York" in await office.say("digest here 9:30am", channel="C2")
    clock: Any = office.stage.clock
    await office.campaign()
    clock.step(24 * 3600 * 1_000_000)
    await until(lambda: in_channel(office, "C2", "Spring fair"))
    assert "no digest" in await office.say("digest off", channel="C2")
    seen = len(in_channel(office, "C2", "Spring fair"))
    clock.step(24 * 3600 * 1_000_000)
    await office.say("list")
    assert len(in_channel(office, "C2", "Spring fair")) == seen == 1


async def test_a_viewer_changes_no_channel(office: Office) -> None:
    for text in ("alerts here", "alerts off", "digest off"):
        assert "needs the role operator" in await office.say(text, "U3"), text
    assert (await office.stage.do("slack subscriptions"))["subscriptions"] == []


async def test_a_digest_without_a_zone_is_refused(office: Office) -> None:
    for at in ("09:00", "9am America/New_York", "09:00 Mars/Base"):
        with pytest.raises(Refused, match="needs its zone"):
            await office.stage.do("slack digest", channel="C1", at=at)


async def test_a_reply_that_is_handled_in_one_channel_is_settled_in_all(office: Office) -> None:
    office.slack.channels["C2"] = True
    await office.say("alerts here replies", channel="C2")
    card = await a_reply(office)
    [there, here] = await until(
        lambda: (
            len(found := in_channel(office, "C2", "answered in") + in_channel(office, "C1", "answered in")) == 2
            and found
        )
    )
    assert card.ts in (there.ts, here.ts)
    await office.slack.press(here, "Mark as handled")
    await until(lambda: "handled by <@U1>" in here.whole)
    await office.front.target.look()
    assert "handled by <@U1>" in there.whole
    assert there.buttons == ["Open again"]
    await office.slack.press(there, "Open again")
    await until(lambda: "Mark as handled" in there.buttons)
    await office.front.target.look()
    assert "Mark as handled" in here.buttons
