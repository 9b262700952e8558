"""Selects that search, and things that are made on the way: numbers, texts, followed segments."""

from __future__ import annotations

import pytest
import trio

from fluentsd.api import Segment, Unavailable
from fluentsd.domain.sync_options import USUAL
from fluentsd.engine.sync.state import SyncState
from fluentsd.engine.wakeup import Wakeup
from fluentsd.fronts.slack.wizard import segments
from fluentsd.testing.slack.client import Client, Where
from tests.engine.sync.fake_source import FakeCrm
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person


class Crm(FakeCrm):
    """A CRM that can be silent."""

    silent = False

    async def segments(self) -> list[Segment]:
        if self.silent:
            await trio.sleep_forever()
        return list(await super().segments())


@pytest.fixture
async def crm(office: Office) -> Crm:
    """A source of the office. Its segments are not synced: only their lists are asked for."""
    made, runtime = Crm(office.stage.clock), office.stage.runtime
    runtime.sources["crm"], runtime.syncs["crm"] = made, SyncState(USUAL)
    runtime.sync_wakeups["crm"] = Wakeup()
    made.members["list:2"], made.names["list:2"] = [], "Autumn <!channel> *fair*"
    return made


async def at(office: Office, part: str, shows: str) -> Person:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say(f"edit spring {part}")
    await dana.shows(shows)
    return dana


async def test_a_segment_is_picked_followed_changed_and_removed(office: Office, crm: Crm) -> None:
    dana = await at(office, "contacts", "Follow a CRM segment")
    await dana.press("Follow a CRM segment")
    await dana.until(lambda: dana.page == "segment")
    assert await dana.options("segment.segment", "spring") == ["crm: list:1"]
    assert await dana.options("segment.segment", "fair") == ["crm: list:1", "crm: list:2"]
    assert await dana.options("segment.segment", "fair autumn crm") == ["crm: list:2"]
    assert crm.asked.count("segments") == 1
    assert "Written consent to texts is not confirmed here" in dana.text
    assert "segment.consent.basis" not in dana.text
    await dana.more()
    assert "The name of the person who answers for it" in dana.text
    dana.fill(segment__segment="crm: list:1", segment__leaves="in a while")
    assert set(await dana.submit()) == {"segment.leaves"}
    assert await dana.fill(segment__leaves="stay").submit() == {}
    await dana.shows("follows *Spring fair* in crm")
    followed = (await office.stage.do("campaign show", ref="spring"))["file"]["segment"]
    assert followed == [{"source": "crm", "segment": "list:1", "leaves": "stay"}]
    await dana.choose("segment:entry:0", "Remove")
    await dana.until(lambda: "follows" not in dana.text)
    assert "segment" not in (await office.stage.do("campaign show", ref="spring"))["file"]


async def test_a_picked_segment_keeps_its_name_in_its_form(office: Office, crm: Crm) -> None:
    dana = await at(office, "contacts", "Follow a CRM segment")
    await dana.press("Follow a CRM segment")
    await dana.until(lambda: dana.page == "segment")
    assert await dana.options("segment.segment") == ["crm: list:1", "crm: list:2"]
    dana.fill(segment__segment="crm: list:2")
    assert await dana.submit() == {}
    await dana.shows("follows *Autumn")
    await dana.choose("segment:entry:0", "Edit")
    await dana.until(lambda: dana.page == "segment")
    [picked] = [one["element"]["initial_option"] for one in dana.view["blocks"]
                if one.get("block_id") == "segment.segment"]  # fmt: skip
    assert picked["text"]["text"] == "Autumn <!channel> *fair*"
    assert picked["value"] == "crm: list:2"


async def test_segments_of_one_name_are_told_apart_and_long_names_keep_their_kind(office: Office, crm: Crm) -> None:
    crm.members |= {"list:7": ["a"], "list:8": [], "list:9": []}
    crm.names |= {"list:7": "Webinar", "list:8": "Webinar", "list:9": "x" * 200}
    dana = await at(office, "contacts", "Follow a CRM segment")
    await dana.press("Follow a CRM segment")
    await dana.until(lambda: dana.page == "segment")
    offered = await Client(office.slack, "U1").suggest(
        Where(view=dana.view["id"]), "segment.segment", "segment.segment", "list"
    )
    says = {one["value"]: (one["text"]["text"], one.get("description", {}).get("text")) for one in offered}
    assert says["crm: list:7"] == ("Webinar (list)", "1 person · 7")
    assert says["crm: list:8"] == ("Webinar (list)", "0 people · 8")
    assert says["crm: list:1"] == ("Spring fair (list)", "0 people")
    assert says["crm: list:9"][0].endswith("x… (list)")


async def test_a_crm_that_is_away_leaves_its_last_list_with_its_age(
    office: Office, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "FRESH_FOR", 0.0)
    monkeypatch.setattr(segments, "WAITS_FOR", 0.05)
    dana = await at(office, "contacts", "Follow a CRM segment")
    await dana.press("Follow a CRM segment")
    await dana.until(lambda: dana.page == "segment")
    assert len(await dana.options("segment.segment")) == 2
    crm.silent = True
    assert len(await dana.options("segment.segment")) == 2
    assert (
        "list of 10:0"
        in office.slack.acks[list(office.slack.acks)[-1]][-1].payload["option_groups"][0]["label"]["text"]
    )
    crm.silent, crm.fails = False, [Unavailable("the account is locked", None)]
    assert len(await dana.options("segment.segment")) == 2


async def test_a_crm_that_was_never_read_says_why_and_cannot_be_followed(office: Office, crm: Crm) -> None:
    crm.fails = [Unavailable("the account is locked", None)]
    dana = await at(office, "contacts", "Follow a CRM segment")
    await dana.press("Follow a CRM segment")
    await dana.until(lambda: dana.page == "segment")
    assert await dana.options("segment.segment") == ["crm: "]
    assert set(await dana.fill(segment__segment="crm: ").submit()) == {"segment.segment"}


async def test_without_a_crm_the_page_says_what_an_admin_does(office: Office) -> None:
    dana = await at(office, "contacts", "Who is contacted?")
    assert "`fluentsd source connect hubspot`" in dana.text
    assert "Follow a CRM" not in dana.text


async def test_zones_agents_numbers_and_tags_are_offered(office: Office) -> None:
    dana = await at(office, "window", "When may people be contacted?")
    await dana.more()
    assert await dana.options("window.fallback_timezone", "chicago") == ["America/Chicago"]
    assert (await dana.options("window.timezone", "cont"))[0] == "contact"
    assert len(await dana.options("window.fallback_timezone")) == 100
    await dana.choose("wizard:goto", "Numbers")
    await dana.shows("Which numbers do we use?")
    await dana.press("Add a number")
    await dana.until(lambda: dana.page == "number")
    assert "number.number" in await dana.fill(number__number="555").submit()
    assert await dana.fill(number__number="+12125550100", number__tag="sales, east").submit() == {}
    assert dana.page == "numbers"
    assert await dana.options("numbers.numbers", "east") == ["+12125550100"]
    assert await dana.options("numbers.tags") == ["east", "sales"]
    await dana.fill(numbers__tags=["east"]).more()
    await dana.fill(numbers__local_presence=[]).next("people")
    assert (await office.stage.do("campaign show", ref="spring"))["file"]["numbers"] == {
        "tags": ["east"], "local_presence": False,
    }  # fmt: skip


async def test_holidays_and_amounts_are_found_as_people_call_them(office: Office) -> None:
    dana = await at(office, "window", "When may people be contacted?")
    assert (await dana.options("window.blackout.holidays"))[0] == "us-federal-holidays"
    assert await dana.options("window.blackout.holidays", "texas") == ["us-tx"]
    assert await dana.options("window.blackout.holidays", "bayern") == ["de-by"]
    await dana.choose("wizard:goto", "Limits")
    await dana.shows("How fast")
    assert await dana.options("limits.per_contact", "3") == ["3/hour", "3/day", "3/week"]
    assert await dana.options("limits.per_contact", "2 per day") == ["2/day"]
    assert (await dana.options("limits.gap"))[:2] == ["none", "5 min"]
    await dana.fill(limits__per_contact="3/week", limits__gap="none").next("law")
    assert (await office.stage.do("campaign show", ref="spring"))["file"]["limits"] == {"per_contact": "3/week"}


async def test_a_text_is_stored_with_a_sample_and_used_by_a_step(office: Office) -> None:
    dana = await at(office, "flow", "step by step")
    await dana.press("Add an e-mail")
    await dana.until(lambda: dana.page == "step")
    await dana.press("Save a new text")
    await dana.until(lambda: dana.page == "text")
    dana.fill(text__name="hello mail", text__subject="Hi {{ first_name }}", text__text="<!channel> {{ first_name }")
    assert "text.name" in await dana.submit()
    assert "text.text" in await dana.fill(text__name="hello-mail").submit()
    assert await dana.fill(text__text="Dear {{ first_name }} <!channel>", text__sender="a@example.com").submit() == {}
    assert "is stored as version 1" in dana.text
    assert "Dear Jane &lt;!channel&gt;" in dana.mrkdwn
    await dana.close()
    assert await dana.options("step.template") == ["hello-mail"]
    assert await dana.fill(step__template="hello-mail").submit() == {}
    await dana.shows("*3. E-mail*")
    flow = (await office.stage.do("campaign show", ref="spring"))["file"]["step"]
    assert flow[2] == {"id": "email", "channel": "email", "after": "1 day", "template": "hello-mail"}


async def test_texts_are_listed_and_changed_as_new_versions(office: Office) -> None:
    text = {"name": "hello", "channel": "sms", "text": "Hi <!channel>"}
    await office.stage.do("templates apply", file={"template": [text]})
    dana = Person(office.slack)
    listed = await office.slack.command("texts")
    assert "`hello` · text · version 1" in listed.whole
    await office.slack.press(listed, "Change")
    await dana.until(lambda: dana.is_open and dana.page == "text" and "text.name" in dana.text)
    assert dana.state()["values"]["text.text"]["text.text"]["value"] == "Hi <!channel>"
    assert await dana.fill(text__text="Hello").submit() == {}
    assert "is stored as version 2" in dana.text
    await office.slack.press(listed, "New e-mail")
    await dana.until(lambda: dana.page == "text" and "text.subject" in dana.text)
    assert "Change" not in str((await office.slack.command("texts", "U3")).buttons)
    await office.campaign()
    await dana.say("contacts spring add")
    await dana.shows("Who is contacted?")


async def test_a_number_rests_is_used_again_and_is_given_up_from_its_menu(office: Office) -> None:
    await office.stage.do("numbers add", number="+12125550100", tag=["east"])
    dana = Person(office.slack)
    for choice, words in (
        ("Let it rest", "rests until"),
        ("Use it", "is used again"),
        ("Stop", "is not used any more"),
    ):
        listed = await office.slack.command("numbers")
        menu = listed.blocks[0]["accessory"]
        chosen = next(one for one in menu["options"] if one["text"]["text"].startswith(choice))
        where = Where(listed.channel, listed.ts)
        await Client(office.slack, "U1").click(where, "b0", menu["action_id"], {"selected_option": chosen}, {})
        await until(lambda listed=listed, words=words: words in listed.whole)
    assert "no caller ID" in await office.say("numbers")
    await office.slack.press(await office.slack.command("numbers"), "Add a number")
    await dana.until(lambda: dana.is_open and dana.page == "number")
    assert "accessory" not in str((await office.slack.command("numbers", "U3")).blocks)


async def test_sources_are_shown_and_read_by_a_button(office: Office, crm: Crm) -> None:
    consent = {"basis": "written", "date": "2026-01-02", "scope": ["sms"], "by": "Ada"}
    await office.campaign(segment=[{"source": "crm", "segment": "list:1", "consent": consent}])
    office.stage.runtime.syncs["crm"].problem = "the <key> is wrong"
    shown = await office.slack.command("sources")
    assert "⚠️ the &lt;key&gt; is wrong" in shown.whole
    assert "list:1" in shown.whole
    assert "crm is being read" in (await office.slack.click(shown, "Read now")).whole
    assert "no source is called 'salesforce'" in await office.say("sources salesforce")
    assert "Read now" not in await office.say("sources", "U3")
