"""Stories of the wizard: a campaign from nothing to its report by clicks, two managers, a form left open for a day."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import DAY
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person


def greens(person: Person) -> list[dict[str, Any]]:
    """The green buttons in the view on top, without its submit."""
    elements = [one for block in person.view["blocks"] for one in block.get("elements", ())]
    return [one for one in elements if one.get("style") == "primary"]


PEOPLE = b"First Name,Mobile,Email\nJane,+12125550101,jane@example.com\nLee,+12125550102,lee@example.com\nBad,123,\n"


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def first_step(person: Person) -> None:
    """Open the form of the first step from the page of the flow."""
    await person.choose("step:entry:1", "Edit")
    await person.until(lambda: person.page == "step")


async def test_the_whole_life_of_a_campaign_by_clicks(office: Office) -> None:
    dana = Person(office.slack)
    await dana.say("new Spring fair")
    assert (dana.page, "Spring fair" in dana.text) == ("name", True)
    await dana.next("window")
    assert await dana.submit() == {}
    assert (await office.stage.overview("spring-fair"))["state"] == "draft"
    assert dana.page == "flow"
    await dana.choose("step:entry:0", "Edit")
    await dana.until(lambda: dana.page == "step")
    assert "sales" in await dana.options("step.agent", "sales")
    assert await dana.fill(step__agent="our sales").submit() == {}
    await dana.shows("agent our sales")
    assert "3 of 9 · *Flow*" in dana.text
    assert "draft saved" in dana.text
    await dana.press("Add a text")
    await dana.until(lambda: dana.page == "step")
    assert "3 of 9 · *Flow* · new text" in dana.text
    assert set(await dana.fill(step__text="Hi {{ first_name }", step__after="2 moons").submit()) == {"step.after"}
    assert await dana.options("step.after", "90") == ["90 min", "90 hours", "90 days"]
    assert set(await dana.fill(step__after="1 day").submit()) == {"step.text"}
    assert await dana.fill(step__text="Hi {{ first_name | default: 'there' }}", step__after="0").submit() == {}
    await dana.shows("*2. Text*")
    await dana.choose("step:entry:1", "Move up")
    await dana.shows("*1. Text*")
    await dana.next("numbers")
    await dana.next("people")
    await dana.press("Upload a CSV")
    await dana.until(lambda: dana.page == "upload")
    assert await dana.upload("people.csv", PEOPLE).submit() == {}
    assert "Jane" in dana.text
    dana.fill(csv__basis="written", csv__given="2026-02-01", csv__scope=["phone", "sms"], csv__by="Dana Roe")
    assert await dana.fill(csv__scrubbed="2026-02-20").submit() == {}
    assert "✅ *2 of 3 people added* · 1 left out" in dana.text
    assert "(line 4)" in dana.text
    assert await dana.submit() == {}
    assert "2 people enrolled so far" in dana.text
    await dana.next("exit")
    await dana.next("limits")
    await dana.next("law")
    await dana.next("review")
    await dana.shows("*2 people* of 2 would be contacted")
    assert [one["text"]["text"] for one in greens(dana)] == ["Start…"]
    assert "submit" not in dana.view
    await dana.press("Start")
    await dana.shows("is started: 2 people queued")
    await dana.press("Report")
    await dana.shows("*Total* 2")
    assert (await office.stage.overview("spring-fair"))["state"] == "active"
    await until(lambda: len(office.stage.sms.accepted) == 2)


async def test_the_later_of_two_managers_sees_what_the_first_did_and_loses_nothing(office: Office) -> None:
    await office.campaign()
    dana, kim = Person(office.slack, "U1"), Person(office.slack, "U2")
    await dana.say("edit spring window")
    await kim.say("edit spring exit")
    await dana.shows("When may people be contacted?")
    await kim.shows("When is a person done?")
    await kim.more()
    await kim.fill(exit__unreachable_after=5).next("limits")
    assert await dana.fill(window__hours="10:00-16:00").submit() == {}
    await dana.shows("Kim has changed this campaign while you had it open, and nothing of yours was saved")
    assert dana.page == "window"
    await dana.next("flow")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert (file["window"]["hours"], file["exit"]["unreachable_after"]) == ("10:00-16:00", 5)


async def test_a_form_that_is_closed_or_left_open_for_a_day_loses_nothing(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring window")
    await dana.shows("When may people be contacted?")
    await dana.more()
    await dana.fill(window__fallback_timezone="America/Chicago").change("window.hours", "8 to ")

    async def is_kept() -> bool:
        call = Call("slack:U1 Dana", office.stage.clock.now())
        return "typed" in await execute(office.stage.runtime, "campaign open-edit", {"ref": "spring"}, call)

    await until(is_kept)
    await dana.close()
    kept = await office.slack.wait_shown("is a draft; everything that you entered is kept")
    assert kept.buttons == ["Continue…"]
    office.stage.clock.step(DAY)
    await dana.say("edit spring window")
    await dana.shows("What you had entered here is shown again")
    assert dana.state()["values"]["window.hours"]["window.hours"]["value"] == "8 to"
    assert dana.state()["values"]["window.fallback_timezone"]["window.fallback_timezone"]["selected_option"][
        "value"
    ] == ("America/Chicago")
    errors = await dana.submit()
    assert "cannot read the hours" in errors["window.hours"]
    office.stage.clock.step(DAY)
    await dana.fill(window__hours="8am-6pm").next("flow")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["window"] == {"hours": "8am-6pm", "fallback_timezone": "America/Chicago"}


async def test_a_running_campaign_changes_when_its_changes_are_applied(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    dana = Person(office.slack)
    await dana.say("edit spring window")
    await dana.shows("When may people be contacted?")
    await dana.fill(window__hours="10:00-16:00").next("flow")
    await dana.choose("wizard:goto", "Review")
    await dana.shows("*1 change*")
    line = "• *Contact window · Hours*: 09:00-17:00 → 10:00-16:00 · for everybody, at once"
    assert line in dana.text.replace("\u200b", "")
    assert (await office.stage.do("campaign show", ref="spring"))["file"]["window"]["hours"] == "09:00-17:00"
    assert await dana.submit() == {}
    await dana.shows("1 change is applied to *Spring fair*")
    assert (await office.stage.do("campaign show", ref="spring"))["file"]["window"]["hours"] == "10:00-16:00"
    await dana.say("edit spring flow")
    await dana.shows("step by step")
    await dana.choose("step:entry:1", "Remove")
    await dana.until(lambda: "*2." not in dana.text)
    await dana.choose("wizard:goto", "Review")
    await dana.shows("people who enter from now on")
    await dana.press("Discard the changes")
    await dana.shows("Nothing has been changed")


async def test_every_page_can_be_reached_and_goes_back(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    for part in ("name", "window", "flow", "numbers", "contacts", "exit", "limits", "review"):
        await dana.say(f"edit spring {part}")
        await dana.until(lambda part=part: dana.page != "name" or part == "name")
    await dana.press("Back")
    await dana.until(lambda: dana.page == "law")
    await dana.press("Back")
    await dana.until(lambda: dana.page == "limits")
    await dana.fill(limits__budget="50 USD/day").more()
    await dana.fill(limits__cost="phone 0.12", priority=60).press("Back")
    await dana.until(lambda: dana.page == "exit")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert (file["limits"], file["priority"]) == ({"cost": {"phone": 0.12}, "budget": "50 USD/day"}, 60)
    assert "has no part 'colour'" in await office.say("edit spring colour")


async def test_who_may_only_look_makes_and_changes_nothing(office: Office) -> None:
    await office.campaign()
    for text in ("new Autumn", "edit spring"):
        assert "this needs the role manager, and yours is viewer" in await office.say(text, "U3")
    await office.stage.do("campaign owner", ref="spring", owner="slack:U2 Kim")
    dana = Person(office.slack)
    await dana.say("edit spring window")
    await dana.shows("When may people be contacted?")
    assert "spring belongs to" in next(iter((await dana.fill(window__hours="9am-1pm").submit()).values()))


#: Formatting, a mention, an emoji, a turned direction, a link, and length.
NASTY = "*bold* <!channel> :smile: \u202eRTL <https://x.example|y> & " + "x" * 40


async def test_nasty_names_are_shown_as_they_are_and_mention_nobody(office: Office) -> None:
    await office.campaign(name=NASTY, description="`<!here>`" * 20)
    dana = Person(office.slack)
    for part in ("name", "flow", "contacts", "review"):
        await dana.say(f"edit spring {part}")
        await dana.until(lambda part=part: dana.page != "name" or part == "name")
        assert "&lt;!channel&gt;" in dana.mrkdwn
        assert not {"<!channel>", "<https", "\u202e", ":smile:", "*bold*"} & set(re.split(r"[ \n]", dana.mrkdwn))


async def test_a_preset_becomes_a_flow_of_five_steps(office: Office) -> None:
    dana = Person(office.slack)
    await dana.say("new")
    await dana.fill(name="Autumn", preset="call-and-follow-up").next("window")
    await dana.next("flow")
    await dana.press("Add a text")
    await dana.until(lambda: dana.page == "step")
    await dana.fill(step__text="One more").more()
    assert "step.id" in await dana.fill(step__id="call").submit()
    assert await dana.fill(step__id="one-more").submit() == {}
    await dana.shows("*4. Text*")
    await dana.press("Add a call")
    await dana.until(lambda: dana.page == "step")
    await dana.fill(step__agent="closer").more()
    dana.fill(step__hours="13:00-17:00", step__retry__busy="30 min", step__retry__limit=3)
    assert await dana.submit() == {}
    await dana.shows("*5. Call*")
    await dana.choose("step:entry:4", "Move up")
    await dana.shows("*4. Call*")
    flow = (await office.stage.do("campaign show", ref="autumn"))["file"]["step"]
    assert [step["id"] for step in flow] == ["call", "sorry-we-missed-you", "email-follow-up", "call-2", "one-more"]
    assert flow[3] == {
        "id": "call-2", "channel": "phone", "after": "1 day", "agent": "closer", "hours": "13:00-17:00",
        "retry": {"busy": "30 min", "limit": 3},
    }  # fmt: skip
    await dana.choose("step:entry:0", "Edit")
    await dana.until(lambda: dana.page == "step")
    assert "step.id" not in {block.get("block_id") for block in dana.view["blocks"]}
    assert "More options · 2 set" in dana.text
    assert "Try again after no answer: 2 hours · Try again after busy: 30 min" in dana.text
    await dana.more()
    dana.fill(step__retry__no_answer="none", step__retry__busy="none")
    assert await dana.submit() == {}
    await dana.until(lambda: dana.page == "flow")
    assert "retry" not in (await office.stage.do("campaign show", ref="autumn"))["file"]["step"][0]


async def test_what_was_entered_stays_when_the_other_fields_open_and_mistakes_in_them_open_them(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring window")
    await dana.shows("When may people be contacted?")
    await dana.fill(window__hours="10-16", window__blackout__holidays=["us-tx", "gb"]).more()
    await dana.shows("window.override")
    values = dana.state()["values"]
    assert values["window.hours"]["window.hours"]["value"] == "10-16"
    await dana.fill(window__override="2026-12-31 9-12").next("flow")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["window"]["blackout"] == ["us-tx", "gb"]
    await dana.press("Back")
    await dana.shows("Dates with other hours: 2026-12-31 9-12")
    assert "window.override" not in dana.text
    assert "Texas, United States" in dana.text
    await dana.pick_date("date:add", "2026-12-31")
    await dana.shows("Thu Dec 31, 2026")
    assert "appears twice in override and blackout" in (await dana.submit())["window.blackout.holidays"]
    await dana.press("Remove")
    await dana.shows("No contact on these dates*\\nnone")
    for date, words in (("2026-12-23", "Wed Dec 23, 2026"), ("2026-12-24", "Thu Dec 24, 2026")):
        await dana.pick_date("date:add", date)
        await dana.shows(words)
    rows = [one["accessory"] for one in dana.view["blocks"] if "accessory" in one]
    assert [(one["text"]["text"], one["action_id"]) for one in rows] == [
        ("Remove", "date:remove:2026-12-23"), ("Remove", "date:remove:2026-12-24"),
    ]  # fmt: skip
    await dana.press("Remove")  # of the first row
    await dana.until(lambda: "Dec 23" not in dana.text)
    await dana.next("flow")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["window"]["blackout"] == ["us-tx", "gb", "2026-12-24"]
    assert file["window"]["override"] == [{"date": "2026-12-31", "hours": "9-12"}]
    await dana.press("Back")
    await dana.shows("When may people be contacted?")
    await dana.more()
    await dana.fill(window__override="2026-12-31 in the morning").press("Back")
    await dana.until(lambda: dana.page == "name")
    await dana.next("window")
    assert "window.override" not in str([one.get("block_id") for one in dana.view["blocks"]])
    assert await dana.submit() == {}
    assert "⚠️ Dates with other hours: " in dana.text
    await dana.fill(window__override="2026-12-31 9-12", window__hours="10-15").next("flow")
    assert (await office.stage.do("campaign show", ref="spring"))["file"]["window"]["hours"] == "10-15"


async def test_conditions_are_picked_from_what_the_step_before_may_come_to(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring flow")
    await dana.shows("step by step")
    await first_step(dana)
    picker = next(one for one in dana.view["blocks"] if one.get("block_id") == "step.when.picked")
    assert [one["value"] for one in picker["element"]["options"]] == ["sent", "delivered", "failed", "replied"]
    assert await dana.fill(step__when__picked=["failed"]).submit() == {}
    await dana.shows("only after: failed")
    await first_step(dana)
    await dana.more()
    assert await dana.fill(step__when="contact.stage == 'new'").submit() == {}
    await dana.shows("only if contact.stage")
    await first_step(dana)
    assert "a condition of its own counts" in dana.text
    assert "step.when.picked" not in dana.text
    await dana.more()
    assert await dana.fill(step__when=None).submit() == {}
    await dana.until(lambda: dana.page == "flow" and "only if" not in dana.text)
    await dana.say("edit spring exit")
    await dana.shows("When is a person done?")
    assert await dana.options("exit.goal.picked", "stage is customer") == ["contact.stage == 'customer'"]
    assert "steps['text'].outcome == 'delivered'" in await dana.options("exit.goal.picked")
    await dana.fill(exit__goal__picked="contact.stage == 'customer'", exit__reenter="after 30 days").next("limits")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["exit"] == {"goal": "contact.stage == 'customer'", "reenter": "after 30 days"}


def older(person: Person, block_id: str, label: str, value: str) -> dict[str, Any]:
    """The state of the view on top as it was before an update: with a text in place of what is picked today."""
    element = {"type": "plain_text_input", "action_id": block_id}
    person.view["blocks"].append({"type": "input", "block_id": block_id, "element": element,
                                  "label": {"type": "plain_text", "text": label}})  # fmt: skip
    person.enter(block_id, value)
    return element


async def test_a_form_that_was_opened_before_an_update_is_answered(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring flow")
    await dana.shows("step by step")
    await first_step(dana)
    dana.view["blocks"] = [one for one in dana.view["blocks"] if one["type"] != "input"]
    older(dana, "step.text", "Text", "Hello")
    older(dana, "step.after", "Wait after the previous step", "2 hours")
    older(dana, "step.when", "Only if the previous step ended in", "failed, replied")
    assert await dana.submit() == {}
    await dana.shows("only after: failed or replied")
    step = (await office.stage.do("campaign show", ref="spring"))["file"]["step"][1]
    assert (step["after"], step["text"]) == ("2 hours", "Hello")
    await dana.choose("wizard:goto", "Limits")
    await dana.shows("How fast")
    older(dana, "law.waive", "Legal rules that do not apply here", "US.hours | agreed in writing | Ada")
    older(dana, "limits.pace", "Pace of the campaign", "200/hour")
    assert await dana.submit() == {}
    assert dana.page == "limits"
    assert "saved, but for what stood under “Legal rules that do not apply here”" in dana.text
    await dana.next("law")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["limits"] == {"pace": "200/hour"}
    assert "law" not in file
    dana.view["callback_id"], dana.view["submit"] = "wizard:review", {"type": "plain_text", "text": "Save draft"}
    assert await dana.submit() == {}
    assert "is a draft" in dana.text


async def test_mistakes_that_are_found_too_late_for_slack_stand_above_the_form(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring flow")
    await dana.shows("step by step")
    await dana.press("Add a text")
    await dana.until(lambda: dana.page == "step")
    monkeypatch.setattr("fluentsd.fronts.slack.router.ACK_WITHIN", 0.0)
    await dana.fill(step__text="Hi {{ first_name }").submit()
    await dana.shows("🚫")
    assert dana.page == "step"
    await dana.fill(step__text="Hi").submit()
    await dana.shows("It is saved")
    await dana.close()
    await dana.shows("*3. Text*")
