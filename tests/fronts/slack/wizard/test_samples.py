"""The form of a text or e-mail shows what a person of the campaign gets, and what is wrong with it."""

from __future__ import annotations

from tests.engine.stage import SMS, person, spec
from tests.fronts.slack.conftest import Office
from tests.fronts.slack.modals import Person


async def at_the_step(office: Office, text: str, people: int = 1) -> Person:
    """The open form of the only step of a draft."""
    await office.stage.do("campaign apply", file=spec(SMS | {"text": text}, ref="spring", name="Spring fair"))
    await office.stage.do("campaign owner", ref="spring", owner="@sales")
    if people:
        await office.stage.enroll(*(person(n, stage="new") for n in range(people)), ref="spring")
    dana = Person(office.slack)
    await dana.say("edit spring flow")
    await dana.shows("What happens, step by step")
    await dana.choose("step:entry:0", "Edit")
    await dana.until(lambda: dana.page == "step")
    return dana


async def test_a_step_shows_its_words_with_the_values_of_a_person_of_the_campaign(office: Office) -> None:
    dana = await at_the_step(office, "Hi {{ first_name }}, you are {{ stage }}")
    assert "*Preview*: as P0 gets it\\n>Hi P0, you are new" in dana.text
    await dana.fill(step__text="Bye {{ first_name }}").press("Preview")
    await dana.shows(">Bye P0")
    # it is not saved by that
    assert ((await office.stage.do("campaign show", ref="spring"))["file"]["step"][0]["text"]).startswith("Hi")


async def test_a_step_says_what_is_wrong_with_its_words(office: Office) -> None:
    dana = await at_the_step(office, "Hi {{ company }}")
    assert "*Preview*\\n⚠️ 'company' is undefined for P0, who would get an error in place of" in dana.text
    assert "write {{ field | default: 'there' }}, or use a field that everybody has" in dana.text


async def test_a_step_of_a_campaign_without_people_shows_an_example_and_says_so(office: Office) -> None:
    dana = await at_the_step(office, "Hi {{ first_name }}", people=0)
    assert "*Example*, with the values of an invented person: nobody is in the campaign yet\\n>Hi Jane" in dana.text
