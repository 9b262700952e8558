"""CRMs in Slack: what a card, the overview and the list of sources say of followed segments, and alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd.clock import AdjustableClock
from fluentsd.domain.subscriptions import SLACK, SLACK_TOPICS, Subscriptions
from fluentsd.domain.sync_options import SyncOptions
from fluentsd.engine.outbox.deliver import deliver
from tests.databases import open_whole
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, spec, staged
from tests.engine.sync.conftest import SEGMENT
from tests.engine.sync.fake_source import FakeCrm
from tests.fronts.slack.conftest import LATER, Office, an_office, until


@dataclass
class Followed:
    """An office, and the CRM whose segment its campaign follows."""

    office: Office
    crm: FakeCrm

    async def segment(self) -> dict[str, Any]:
        [found] = (await self.office.stage.do("sync status"))["segments"]
        return dict(found)

    async def read_again(self) -> None:
        """Let the sync ask the CRM again."""
        asked, clock = len(self.crm.asked), self.crm.clock
        clock.step(16 * MINUTE)  # type: ignore[attr-defined]
        await until(lambda: len(self.crm.asked) > asked)

    async def known(self, **wanted: Any) -> None:
        """Wait until the segment is so."""

        async def is_so() -> bool:
            found = await self.segment()
            return all(found[name] == value for name, value in wanted.items())

        await until(is_so)


@pytest.fixture
def database_url(tmp_path: object) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock: Any = AdjustableClock(MONDAY)
    crm, topics = FakeCrm(clock), Subscriptions({SLACK: SLACK_TOPICS})
    for n in range(60):
        crm.put(n)
    syncs = {"crm": SyncOptions(every=15 * MINUTE)}
    async with (
        open_whole(database_url, busy=clock.busy, subscriptions=topics) as store,
        staged(store, clock, sources={"crm": crm}, sync_options=syncs) as stage,
    ):
        yield stage


@pytest.fixture
async def followed(stage: Stage) -> AsyncIterator[Followed]:
    """A campaign that has started, with sixty people of a segment; nobody is due before tomorrow."""
    crm: Any = stage.runtime.sources["crm"]
    async with an_office(stage) as office, trio.open_nursery() as nursery:
        await nursery.start(deliver, stage.runtime, [office.front.target])
        made = Followed(office, crm)
        steps = (SMS | {"after": "1 day"}, LATER)
        await stage.do("campaign apply", file=spec(*steps, ref="spring", name="Spring 2026", segment=[SEGMENT]))
        await stage.do("campaign owner", ref="spring", owner="@sales")
        await made.known(people=60, is_walking=False)
        await until(lambda: stage.runtime.syncs["crm"].protected is not None)
        await stage.do("campaign start", ref="spring", yes=True)
        yield made
        nursery.cancel_scope.cancel()


async def test_the_card_names_the_segment_with_its_people_and_age(followed: Followed) -> None:
    card = await followed.office.say("status spring")
    assert "follows *Spring fair* in crm: 60 people, as of <!date^" in card
    assert "🟢" in await followed.office.say("sources")


async def test_a_crm_that_needs_a_person_is_an_alert_once_and_said_everywhere(followed: Followed) -> None:
    office = followed.office
    followed.crm.fails = [NeedsHuman("the key is revoked. Nothing was changed. Set token")] * 3
    await followed.read_again()
    alert = await office.slack.wait_shown("*crm* cannot be read: the key is revoked. Set token")
    assert "`fluentsd source connect crm`" in alert.whole
    for command in ("", "sources", "status spring"):
        said = await office.say(command)
        assert "the key is revoked" in said
        assert "needs a person" not in said
    assert "next try" in await office.say("sources")
    answered = await office.slack.click(alert, "Sources")
    assert "the key is revoked" in answered.whole
    for _ in range(3):
        await followed.read_again()
    await office.slack.wait_shown("✅ *crm* can be read again")
    assert sum("*crm* cannot be read" in one.whole for one in office.slack.messages.values()) == 1
    assert "the key is revoked" not in await office.say("")


async def test_a_short_outage_of_a_crm_is_no_alert_and_a_long_one_is(followed: Followed) -> None:
    office = followed.office
    followed.crm.fails = [Unavailable("no answer", after=60)]
    await followed.read_again()
    await followed.known(problem="no answer")
    followed.crm.fails = [Unavailable("still no answer", after=60)]
    followed.crm.clock.step(HOUR)  # type: ignore[attr-defined]
    await office.slack.wait_shown("*crm* cannot be read: still no answer")
    assert not any("read: no answer" in one.whole for one in office.slack.messages.values())


async def test_a_segment_that_is_deleted_is_an_alert_with_what_to_do(followed: Followed) -> None:
    office = followed.office
    followed.crm.fails = [LookupError("the list was deleted")]
    await followed.read_again()
    alert = await office.slack.wait_shown("*Spring fair* of crm cannot be read: the list was deleted")
    assert "pick another one" in alert.whole


async def test_a_change_that_is_held_is_shown_with_the_button_that_allows_it(followed: Followed) -> None:
    office = followed.office
    for n in range(40):
        followed.crm.take_out(n)
    await followed.read_again()
    alert = await office.slack.wait_shown("it would remove 40 of 60 people at once")
    for command in ("", "sources", "status spring"):
        assert "crm would remove 40 of 60 people at once" in await office.say(command)
    answered = await office.slack.click(alert, "Allow the held changes…")
    assert "goes on with the changes" in answered.whole
    await followed.known(held="")


async def test_a_viewer_sees_a_held_change_without_the_button(followed: Followed) -> None:
    for n in range(40):
        followed.crm.take_out(n)
    await followed.read_again()
    await followed.known(held="would remove 40 of 60 people at once")
    said = await followed.office.slack.command("", "U3")
    assert "would remove 40" in said.whole
    assert "Allow the held changes" not in said.whole


async def test_a_hold_of_a_sync_is_released_where_it_is_shown(followed: Followed) -> None:
    office = followed.office
    await office.stage.do("sync hold", source="crm", because="the list is being cleaned")
    shown = await office.slack.command("", "U1")
    answered = await office.slack.click(shown, "Release…")
    assert "goes on" in answered.whole
    assert (await office.stage.do("holds"))["holds"] == []


async def test_the_segments_of_a_crm_are_listed_with_who_follows_them(followed: Followed) -> None:
    office, crm = followed.office, followed.crm
    crm.members["list:2"], crm.names["list:2"] = [], "Autumn <!channel> 🎉"
    said = await office.say("segments")
    assert "• crm: *Spring fair* (list) · 60 people · followed by spring" in said
    assert "Autumn &lt;!channel&gt; 🎉" in said
    assert "0 people" in said
    found = await office.say("segments fair spring")
    assert "Spring fair" in found
    assert "Autumn" not in found
    assert "No segment has 'winter' in its name" in await office.say("segments winter")


async def test_without_a_crm_segments_says_how_one_is_connected(followed: Followed) -> None:
    followed.office.stage.runtime.sources.clear()  # type: ignore[attr-defined]
    assert "`fluentsd source connect hubspot`" in await followed.office.say("segments")
