"""What lists, rows and menus offer, and what the launch card says of the law."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fluentsd.domain import statutes
from fluentsd.fronts.slack.blocks import attempts as blocks_attempts
from fluentsd.fronts.slack.blocks import card, conversations, duties, launch, lists
from fluentsd.fronts.slack.blocks import people as blocks_people
from fluentsd.fronts.slack.blocks.layout import OPTION_VALUE, WHOLE_AT_MOST, button, confirm, menu
from fluentsd.fronts.slack.blocks.paging import Page
from fluentsd.store import holds
from fluentsd.testing.slack import Shown
from fluentsd.testing.slack.limits import problems
from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.campaigns import Counted, Status, state_word
from fluentsd.verbs.answers.explain import Check, Duty
from fluentsd.verbs.answers.holds import Hold
from fluentsd.verbs.answers.people import Lead, Person, Place, Reply
from tests.engine.explain.test_launch_check import TEXAN
from tests.engine.stage import person
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person as Manager
from tests.fronts.slack.test_cards import database_url, menu_of, office, stage

__all__ = ["database_url", "office", "stage"]

LONG = "*n* <!here> " * 12


def row_menu(shown: Shown) -> list[str]:
    """The entries of the menu beside the first campaign."""
    beside = next(one["accessory"] for one in shown.blocks if one.get("accessory", {}).get("type") == "overflow")
    return [entry["text"]["text"] for entry in beside["options"]]


async def test_an_active_campaign_is_paused_and_resumed_at_its_row_of_the_overview(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    shown = await office.slack.command("")
    assert row_menu(shown) == ["Open", "Pause", "Report", "Edit…", "Stop…"]
    assert "is paused" in (await office.slack.click(shown, "Pause")).whole
    shown = await office.slack.command("")
    assert row_menu(shown) == ["Open", "Resume", "Report", "Edit…", "Stop…"]
    assert "⏸️ *Spring fair* · c1 · paused" in (await office.slack.click(shown, "Open")).whole


async def test_the_first_part_of_the_overview_has_a_button_for_each_thing(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    at = office.stage.clock.now()
    await office.stage.runtime.store.run(holds.place, "channel", "sms", reason="a test", by="fluentsd", at=at)
    shown = await office.slack.command("")
    assert "⚠️ On hold: all texts, by fluentsd (a test)" in shown.whole
    assert "is lifted" in (await office.slack.click(shown, "Release…")).whole


async def test_a_list_opens_a_campaign_and_the_history_of_a_person(office: Office) -> None:
    await office.campaign()
    await office.campaign("autumn", name="Autumn fair")
    shown = await office.slack.command("list")
    assert chosen(shown) == ["status c2", "status c1"]
    assert "status" not in (await office.say("list active"))
    found = await office.slack.command("contacts find P1")
    assert chosen(found) == ["person #2"]
    assert "👤 *P1* · ••• 0001" in found.whole
    assert "Spring fair (queued" in found.whole
    assert "Autumn fair (queued" in found.whole


async def test_a_draft_goes_on_from_the_overview_for_those_who_may(office: Office) -> None:
    await office.campaign()
    shown = await office.slack.command("")
    assert "New campaign…" in shown.buttons
    await office.slack.press(shown, "Continue…")
    await until(lambda: "Spring fair · draft" in str(office.slack.views))
    seen = await office.slack.command("", "U3")
    assert "Spring fair" in seen.whole
    assert not {"New campaign…", "Continue…"} & {*seen.buttons, *words_beside(seen)}


def words_beside(shown: Shown) -> list[str]:
    """The buttons beside paragraphs."""
    found = [one["accessory"] for one in shown.blocks if one.get("accessory", {}).get("type") == "button"]
    return [one["text"]["text"] for one in found]


async def test_why_leads_to_the_history(office: Office) -> None:
    await office.campaign()
    await office.say("pause spring")
    shown = await office.slack.command("why P1")
    for part in ("👤 *P1*", "*Spring fair* (draft) · queued", "For this person it is Mon 10:00 AM New York time"):
        assert part in shown.whole, part
    assert "*0 attempts" not in shown.whole
    assert "👤 *P1* · ••• 0001" in (await office.slack.click(shown, "History")).whole


def test_a_button_that_asks_says_so() -> None:
    sure = confirm("Start now?", "Everybody is contacted.", "Start")
    words = [button(words, "say:go", {}, confirm=one)["text"]["text"]
             for words, one in (("Start", sure), ("Release…", sure), ("Pause", None))]  # fmt: skip
    assert words == ["Start…", "Release…", "Pause"]


def chosen(shown: Shown) -> list[str]:
    """The commands of the select below a list."""
    [select] = [one for block in shown.blocks for one in block.get("elements", ()) if one["type"] == "static_select"]
    return [json.loads(option["value"])["text"] for option in select["options"]]


async def test_the_launch_card_shows_the_legal_points_in_a_view_of_their_own(office: Office) -> None:
    await office.campaign()
    await office.stage.enroll(person(9) | TEXAN, ref="spring")
    shown = await office.slack.command("start spring")
    for part in (
        "*First contact* <!date^",
        "New York time",
        "*Done* <!date^",
        "*Cost* ",
        "legal points* to check before",
        "\\n• Registration, licenses and permits: ",
    ):
        assert part in shown.whole, part
    assert "CFR" not in shown.whole
    assert "• 1 person not: the consent required" in shown.whole
    assert "held there" not in shown.whole  # it is said once
    await office.slack.press(shown, "Show")
    await until(lambda: "CFR" in str(office.slack.views))
    view = await office.slack.opened_view()
    assert view["title"]["text"] == "Legal points"
    assert "What the law asks of you for Spring fair" in str(view)


def test_every_point_of_the_law_has_a_subject() -> None:
    points = [Duty(rule.id, rule.says, rule.cite) for rule in statutes.all_rules() if rule.kind == "duty"]
    found = duties.by_subject(points)
    assert list(found) == list(duties.SUBJECTS)
    assert sum(map(len, found.values())) == len(points)


def test_what_blocks_a_start_stands_on_top() -> None:
    check = Check(1, "spring", "Spring fair", "draft", errors=("no channel serves sms",), warnings=("late",), people=9)
    [first, *others] = launch.launch(check).blocks
    assert "⛔ *Spring fair* cannot start; nothing was changed" in first["text"]["text"]
    assert "• no channel serves sms" in first["text"]["text"]
    assert "no channel" not in str(others)
    assert "actions" not in {one["type"] for one in others}
    ready = launch.launch(replace(check, errors=(), ready=9)).blocks
    assert ready[0]["text"]["text"] == "Start *Spring fair*?"


async def test_the_legal_points_open_on_top_of_the_review_and_leave_it_as_it_is(office: Office) -> None:
    await office.campaign()
    await office.stage.enroll(person(9) | TEXAN, ref="spring")
    dana = Manager(office.slack)
    await dana.say("edit spring review")
    await dana.shows("would be contacted")
    await dana.press("Show")
    await dana.shows("What the law asks of you for Spring fair")
    await dana.close()
    await dana.shows("would be contacted")


async def test_a_mistyped_command_is_answered_with_the_word_and_what_may_be_meant(office: Office) -> None:
    await office.campaign()
    shown = await office.slack.command("stauts spring")
    assert "🤔 `stauts` is not a command. Did you mean *status*?" in shown.whole
    assert shown.buttons == ["/campaign status spring"]
    assert "c1 · draft" in (await office.slack.click(shown, "/campaign status")).whole
    nasty = await office.say("<!channel>`*x*` spring")
    assert "<!channel>" not in nasty
    assert "is not a command" in nasty


def campaigns(state: str, count: int) -> list[Counted]:
    return [Counted(n, f"{'r' * 60}{n}", f"{LONG}{n}", state, total=10**6, exited=n, errored=n, zone="America/New_York",
                    starts_at=10**15) for n in range(1, count)]  # fmt: skip


def test_large_lists_are_within_slacks_limits() -> None:
    found = [one for state in ("active", "paused", "scheduled", "draft") for one in campaigns(state, 60)]
    held = [Hold("campaign", one.ref, "because " * 30, "fluentsd", until_at=10**15) for one in found]
    people = [Person(n, points=("+12125550000",) * 5, fields={"first_name": LONG}, campaigns=(Place(ref="r" * 60),) * 9,
                     record="https://crm.example/" + "x" * 90) for n in range(60)]  # fmt: skip
    attempts = [Attempt("a" * 32, "r" * 60, "s" * 60, channel="phone", to="+12125550000", claimed_at=10**15, contact=n,
                        outcome="answered", disposition="interested", duration_s=7200) for n in range(60)]  # fmt: skip
    leads = [Lead("a" * 32, "r" * 60, contact=n, person="+12125550000", summary=LONG * 9, created_at=10**15,
                  campaign_name=LONG, record="https://crm.example/" + "x" * 90) for n in range(60)]  # fmt: skip
    replies = [Reply(n, "a" * 32, "r" * 60, channel="sms", person="+12125550000", text=LONG * 9, contact=n,
                     campaign_name=LONG) for n in range(60)]  # fmt: skip
    pages = [Page("list"), Page("list all", 20, "20")]
    for made in (
        lists.overview(found, held, "/campaign", 100, 100, is_manager=True),
        *(lists.campaigns(found, held, "", page, is_manager=True) for page in pages),
        *(blocks_people.people(people, "x", page, {}, hidden=False) for page in pages),
        *(blocks_attempts.calls(attempts, "x", page) for page in pages),
        *(blocks_people.leads(leads, page) for page in pages),
        *(blocks_people.replies(replies, page) for page in pages),
    ):
        assert problems(made.body(), "message") == []
        assert len(json.dumps(made.body()["blocks"])) < WHOLE_AT_MOST + 300
        assert "New campaign…" in str(made.body()) or "static_select" in str(made.body()), made.text
        assert "<!here>" not in "".join(formatted(made.body()["blocks"]))


def formatted(part: Any) -> Iterator[str]:
    """The texts in which Slack reads mentions."""
    if isinstance(part, dict):
        yield from [part["text"]] if part.get("type") == "mrkdwn" else formatted(list(part.values()))
    elif isinstance(part, list):
        for one in part:
            yield from formatted(one)


@pytest.mark.parametrize("state", ["draft", "scheduled", "active", "paused", "stopped", "completed"])
def test_a_card_has_three_buttons_and_a_menu_that_ends_with_what_ends_it(state: str) -> None:
    found = Status(1, "spring", "Spring fair", state, total=9, errored=2, unknown=1, zone="America/New_York")
    shown = Shown("C1", "1", "", list(card.card(found).blocks))
    assert len(shown.buttons) <= 3
    assert len(menu_of(shown)) <= 5
    assert (menu_of(shown)[-1] == "Stop…") == (state in ("active", "paused"))
    assert "danger" not in shown.whole


def test_a_held_campaign_is_never_shown_as_active() -> None:
    held = Hold("installation", "all", "the database is older than its mark", "fluentsd")
    found = Status(1, "spring", "Spring fair", "active", holds=(held,), next_at=10**15, zone="America/New_York")
    shown = Shown("C1", "1", "", list(card.card(found).blocks))
    assert "🟠 *Spring fair* · c1 · held" in shown.whole
    assert shown.buttons[0] == "Release…"
    assert "next contact" not in shown.whole
    part = Hold("number", "+12125550123", "many failures", "fluentsd")
    assert state_word(found, (part, Hold("campaign", "autumn", "x", "y"))) == "active"


@pytest.mark.parametrize(
    ("zones", "there"),
    [("America/Chicago", "> (Mon 9:02 AM Chicago time)"), ("America/Chicago,America/Denver", ""), ("", "")],
)
def test_a_call_back_is_told_in_the_persons_zone_if_it_is_certain(zones: str, there: str) -> None:
    at = 1_772_463_720_000_000
    lead = Lead("a", "spring", contact=1, disposition="callback", callback_at=at, zones=zones, campaign_name="Spring",
                record="https://crm.example/1")  # fmt: skip
    shown = str(conversations.lead(lead, "@sales").blocks)
    asked = shown.partition("asked to be called ")[2].partition("'")[0]
    assert asked.partition("UTC")[2].startswith(there or ">")
    assert ("time)" in asked) == bool(there)
    assert "<https://crm.example/1|Open in the CRM>" in shown


def test_the_values_of_menus_are_not_cut() -> None:
    """The longest: a person's entry of a lead's card, and a campaign's."""
    person = {"person": "#999999999", "attempt": "a" * 32}
    made: dict[str, Any] = menu("x", ("Call back…", "open:callback", person), ("Stop…", "say:stop", {"text": "c9" * 9}))
    for entry in made["options"]:
        assert len(entry["value"]) < OPTION_VALUE
        assert json.loads(entry["value"])["act"]
