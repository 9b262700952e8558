"""Lists page by page: in the same message or view, whatever arrives or is handled between two clicks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fluentsd.fronts.slack.blocks import paging
from fluentsd.fronts.slack.blocks.paging import ENTRIES, MOST, NEWEST_FIRST, Page
from fluentsd.testing.slack.client import Client, Where
from tests.engine.stage import SMS, person, spec
from tests.fronts.slack.conftest import LATER, Office, until
from tests.fronts.slack.modals import Person
from tests.fronts.slack.test_cards import database_url, office, stage

__all__ = ["database_url", "office", "stage"]


def words_of(blocks: list[Any]) -> list[str]:
    return [one["text"]["text"] for block in blocks for one in block.get("elements", ()) if one["type"] == "button"]


def page_at(page: Page, found: list[int]) -> tuple[list[int], list[str]]:
    part = page.of(found, lambda one: one, 5)
    return list(part.shown), words_of(part.buttons(NEWEST_FIRST))


def the_value(page: Page, found: list[int], words: str) -> dict[str, object]:
    [row] = [one for one in page.of(found, lambda one: one, 5).buttons(NEWEST_FIRST) if one["type"] == "actions"]
    [value] = [one["value"] for one in row["elements"] if one["text"]["text"] == words]
    return dict(json.loads(value))


def test_a_page_begins_at_its_entry_wherever_that_stands() -> None:
    newest_first = list(range(12, 0, -1))
    first = Page("log")
    assert page_at(first, newest_first) == ([12, 11, 10, 9, 8], ["Older"])
    older = Page.read("log", the_value(first, newest_first, "Older"))
    assert page_at(older, newest_first) == ([7, 6, 5, 4, 3], ["Newer", "Older"])
    arrived = [15, 14, 13, *newest_first]
    assert page_at(older, arrived) == ([7, 6, 5, 4, 3], ["Newer", "Older"])
    handled = [one for one in newest_first if one != 7]
    assert page_at(older, handled)[0] == [6, 5, 4, 3, 2]
    assert page_at(older, [1, 2]) == ([1, 2], [])
    newer = Page.read("log", the_value(older, arrived, "Newer"))
    assert page_at(newer, arrived)[0] == [12, 11, 10, 9, 8]


def test_a_list_of_one_page_has_no_buttons_and_a_long_one_says_that_there_is_more() -> None:
    assert Page("log").of([1, 2], lambda one: one).buttons(NEWEST_FIRST) == []
    page = Page("log", MOST - ENTRIES)
    assert page.most == MOST
    below = page.of(list(range(MOST)), lambda one: one).buttons(NEWEST_FIRST)
    assert f"{MOST - ENTRIES + 1}–{MOST} of {MOST} or more" in str(below)
    assert words_of(below) == ["Newer"]


def test_a_value_that_no_button_of_ours_holds_is_the_first_page() -> None:
    for value in ({}, {"at": "x"}, {"at": -3, "begins": 7}, {"begins": None}):
        assert page_at(Page.read("log", value), list(range(7))) == ([0, 1, 2, 3, 4], ["Older"])


async def a_long_history(office: Office) -> None:
    """Twenty-five attempts of as many people."""
    stage = office.stage
    people = [person(n) for n in range(25)]
    await stage.launch(spec(SMS, LATER, ref="spring", name="Spring fair"), *people, checked=False)
    await until(lambda: len(stage.sms.accepted) == 25)


def people_of(blocks: list[Any]) -> list[str]:
    """The last figures of the numbers on the page."""
    return re.findall(r"••• (\d{4}) · ", "".join(one["text"]["text"] for one in blocks if one["type"] == "section"))


async def test_people_are_found_inside_a_campaign_however_many_others_fit(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "AHEAD", 2)
    await office.campaign("spring", 1)
    await office.stage.do("campaign apply", file=spec(SMS, ref="autumn"))
    await office.stage.enroll(*(person(n) for n in range(1, 6)), ref="autumn")
    found = await office.say("contacts spring find 2125550")
    assert "*P0*" in found
    assert "*P1*" not in found


async def test_the_history_is_paged_in_the_same_message(office: Office) -> None:
    await a_long_history(office)
    shown = await office.slack.command("calls spring")
    first = people_of(shown.blocks)
    assert (len(first), shown.buttons) == (20, ["Older"])
    assert "1–20 of 25" in shown.whole
    before = len(office.slack.ephemerals)
    shown = await office.slack.click(shown, "Older")
    assert len(office.slack.ephemerals) == before
    assert "21–25 of 25" in shown.whole
    assert (len(people_of(shown.blocks)), shown.buttons) == (5, ["Newer"])
    assert len({*first, *people_of(shown.blocks)}) == 25
    assert people_of((await office.slack.click(shown, "Newer")).blocks) == first

    said = Client(office.slack, "U1")  # a direct message has one reader, so its page is turned in place
    await said.say("DU1", "calls spring")
    direct = await office.slack.wait_shown("1–20 of 25")
    await office.slack.press(direct, "Older")
    await until(lambda: "21–25 of 25" in direct.whole)

    await said.say("C1", "@fluents calls spring")  # a thread is of everybody, so one person's page is shown to that one
    thread = await office.slack.wait_shown("1–20 of 25")
    own = await office.slack.click(thread, "Older")
    assert own.user == "U1"
    assert "21–25 of 25" in own.whole
    assert "1–20 of 25" in thread.whole


async def test_the_history_is_paged_in_a_form(office: Office) -> None:
    await a_long_history(office)
    client, dana = Client(office.slack, "U1"), Person(office.slack)
    await client.open_home()
    await until(lambda: "U1" in office.slack.homes)
    [(at, menu)] = [(n, one["accessory"]) for n, one in enumerate(office.slack.homes["U1"]["blocks"])
                    if one.get("accessory", {}).get("type") == "overflow"]  # fmt: skip
    chosen = {"type": "overflow", "selected_option": menu["options"][0]}
    await client.click(Where(), f"b{at}", menu["action_id"], chosen, {})
    await dana.shows("Report")
    await dana.choose("say:menu", "Attempts")
    await dana.shows("1–20 of 25")
    [view] = office.slack.stacks["U1"]
    await dana.press("Older")
    await dana.shows("21–25 of 25")
    assert office.slack.stacks["U1"] == [view]
    await dana.choose("say:person", "••• ")
    await dana.shows("*1 attempt, newest first*")
    assert len(office.slack.stacks["U1"]) == 2
    await dana.close()
    await dana.shows("21–25 of 25")


async def test_a_history_that_is_opened_from_a_list_leaves_the_list(office: Office) -> None:
    await office.campaign()
    found = await office.slack.command("contacts find P1")
    option = next(one for block in found.blocks for one in block.get("elements", ()))["options"][0]
    chosen = {"type": "static_select", "selected_option": option}
    before = len(office.slack.ephemerals)
    await Client(office.slack, "U1").click(Where("C1", found.ts), "b1", "say:person", chosen, {})
    await until(lambda: len(office.slack.ephemerals) > before)
    assert "👤 *P1* · ••• 0001" in office.slack.ephemerals[-1].whole
    assert "1 person found" in found.whole
