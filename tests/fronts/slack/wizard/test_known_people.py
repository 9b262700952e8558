"""Known people, their consent, follow-ups after calls, and waivers of law, by forms."""

from __future__ import annotations

from tests.engine.stage import SMS, person, spec
from tests.fronts.slack.conftest import Office
from tests.fronts.slack.modals import Person


async def at(office: Office, part: str, shows: str) -> Person:
    dana = Person(office.slack)
    await dana.say(f"edit spring {part}")
    await dana.shows(shows)
    return dana


async def test_people_of_a_file_and_of_another_campaign_enter(office: Office) -> None:
    await office.campaign(people=2)
    await office.stage.do("campaign apply", file=spec(SMS, ref="autumn", name="Autumn <!here> fair"))
    await office.stage.enroll(*map(person, range(1, 5)), ref="autumn")
    dana = await at(office, "contacts", "Pick known people")
    await dana.press("Pick known people")
    await dana.until(lambda: dana.page == "existing")
    found = await dana.options("existing.origin")
    assert found == ["source: people.csv", "campaign: autumn", "campaign: spring"]
    assert await dana.options("existing.origin", "autumn") == ["campaign: autumn"]
    dana.fill(existing__origin="campaign: spring")
    assert "in spring already" in (await dana.submit())["existing.origin"]
    dana.fill(existing__origin="campaign: autumn", existing__states=["queued"])
    assert await dana.submit() == {}
    assert "3 people enrolled. 1 person are or were in it already." in dana.text
    await dana.close()
    await dana.shows("5 people enrolled so far")
    assert (await office.stage.overview("spring"))["total"] == 5


async def test_consent_of_the_campaigns_people_is_attested(office: Office) -> None:
    await office.campaign(people=2)
    dana = await at(office, "law", "Attest consent")
    await dana.press("Attest consent")
    await dana.until(lambda: dana.page == "attest")
    dana.fill(attest__given="2099-01-01", attest__scope=["sms"], attest__by="Dana Roe")
    assert set(await dana.submit()) == {"attest.given"}
    assert await dana.fill(attest__given="2026-02-01", attest__scrubbed="2026-02-20").submit() == {}
    assert "2 people: written consent to texts, attested by Dana Roe." in dana.text
    entries = (await office.stage.do("log", target="spring"))["entries"]
    assert entries[0]["verb"] == "attest"


async def test_a_follow_up_is_added_after_the_flow_and_a_later_step_before_it(office: Office) -> None:
    await office.campaign()
    dana = await at(office, "flow", "Add a call")
    await dana.press("Add a call")
    await dana.until(lambda: dana.page == "step")
    await dana.more()
    assert await dana.fill(step__agent="ava", step__id="ring").submit() == {}
    await dana.press("Add a text")
    await dana.until(lambda: dana.page == "step")
    await dana.more()
    dana.fill(step__id="details", step__text="The details", step__after_call="intrested", step__after="10 min")
    assert "did you mean 'interested'" in (await dana.submit())["step.after_call"]
    dana.fill(step__after_call=None, step__after_call__picked=["interested", "callback"])
    assert await dana.submit() == {}
    await dana.shows("if the call came to interested or callback")
    await dana.press("Add a text")
    await dana.until(lambda: dana.page == "step")
    await dana.more()
    assert await dana.fill(step__id="last", step__text="Bye").submit() == {}
    await dana.shows("`last`")
    steps = (await office.stage.do("campaign show", ref="spring"))["file"]["step"]
    assert [one["id"] for one in steps] == ["text", "later", "ring", "last", "details"]
    assert steps[-1]["after_call"] == ["interested", "callback"]


async def test_a_rule_of_law_is_waived_with_its_reason_and_person(office: Office) -> None:
    await office.campaign()
    dana = await at(office, "law", "What the law asks, and who")
    assert "None is waived" in dana.text
    await dana.press("Waive a rule")
    await dana.until(lambda: dana.page == "waiver")
    assert "The person named answers for it" in dana.text
    assert "US.hours" in await dana.options("law.waive.rule", "us.hours")
    assert "TX.hours" in await dana.options("law.waive.rule", "texas")
    dana.fill(law__waive__rule="US.hours", law__waive__because="short", law__waive__by="Ada")
    assert set(await dana.submit()) == {"law.waive.because"}
    assert await dana.fill(law__waive__because="agreed with counsel in writing").submit() == {}
    await dana.shows("*US.hours* is waived: agreed with counsel in writing")
    assert "Ada answers for it" in dana.text
    await dana.fill(law__purpose="informational").next("review")
    file = (await office.stage.do("campaign show", ref="spring"))["file"]
    assert file["law"] == {"purpose": "informational", "waive": [
        {"rule": "US.hours", "because": "agreed with counsel in writing", "by": "Ada"}]}  # fmt: skip
    await dana.press("Back")
    await dana.shows("Ada answers for it")
    await dana.choose("waiver:entry:0", "Remove")
    await dana.shows("None is waived")
    assert "waive" not in (await office.stage.do("campaign show", ref="spring"))["file"]["law"]
