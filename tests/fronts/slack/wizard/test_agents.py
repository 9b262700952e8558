"""Agents from Slack: made and versioned in a form, and chosen in a step."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel

from fluentsd.domain.agents import Agent
from fluentsd.fronts.slack.wizard.agents import AGENT, WITHOUT_INPUT
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person

#: What the form has no input for.
IN_FILE = {
    "analysis": {"field": [{"name": "budget", "kind": "number"}]},
    "webhook": [{"name": "slots", "description": "Free times.", "url": "https://crm.example/slots"}],
    "skills": ["end_call", "opt_out", "webhook"],
}  # fmt: skip


def paths(model: type[BaseModel], before: str = "") -> set[str]:
    """The fields of an agent's file; those of a table within it, too."""
    found = set()
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *(get_args(field.annotation) if get_origin(field.annotation) is not list else ()))
        inner = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
        found |= paths(inner[0], f"{before}{name}.") if inner else {f"{before}{name}"}
    return found


def test_every_field_of_an_agent_has_an_input_or_a_reason() -> None:
    with_input = {field.path.removeprefix("agent.") for field in AGENT}
    assert with_input | set(WITHOUT_INPUT) == paths(Agent)
    assert not with_input & set(WITHOUT_INPUT)


async def stored(office: Office, name: str) -> dict[str, Any]:
    return dict((await office.stage.do("agents show", name=name))["file"]["agent"][0])


async def a_form(office: Office, label: str = "New agent", user: str = "U1") -> Person:
    dana = Person(office.slack, user)
    await office.slack.press(await office.slack.command("agents", user), label, user)
    await dana.shows("agent.company")
    return dana


async def test_an_agent_is_made_and_then_changed_as_a_new_version(office: Office) -> None:
    dana = await a_form(office)
    assert len([one for one in dana.view["blocks"] if one["type"] == "input"]) == 7
    dana.fill(agent__name="Ava!", agent__company="Acme", agent__prompt="Sell.")
    assert set(await dana.submit()) == {"agent.name"}
    dana.fill(agent__name="ava", agent__skills=["end_call", "opt_out", "transfer"])
    assert set(await dana.submit()) == {"agent.skills"}
    dana.fill(agent__transfer="sales +12125550123\nservice: +12125550124", agent__greeting="Hi {{ first_name }}")
    await dana.more()
    dana.fill(agent__temperature="0.3", agent__limits__length="5 min", agent__voice="nova", agent__model="fast")
    assert await dana.submit() == {}
    assert "stored as version 1" in dana.text
    assert "automated assistant calling for Acme" in dana.text
    assert await stored(office, "ava") == {
        "name": "ava", "company": "Acme", "prompt": "Sell.", "greeting": "Hi {{ first_name }}", "voice": "nova",
        "skills": ["end_call", "opt_out", "transfer"], "temperature": 0.3, "limits": {"length": "5 min"},
        "transfer": {"sales": "+12125550123", "service": "+12125550124"}, "model": "fast",
    }  # fmt: skip
    await office.stage.do("campaign apply", file={
        "name": "Calls", "ref": "calls", "window": {"hours": "09:00-17:00", "timezone": "America/New_York"},
        "step": [{"id": "call", "channel": "phone", "agent": "ava"}],
    })  # fmt: skip
    assert "version 1 · Acme · en-US\\nused by calls" in await office.say("agents")
    lee = await a_form(office, "Edit", "U2")
    assert "agent.name" not in [block.get("block_id") for block in lee.view["blocks"]]
    assert await lee.fill(agent__prompt="Sell well.").submit() == {}
    assert "stored as version 2" in lee.text
    assert "used by calls" in lee.text
    assert (await stored(office, "ava"))["prompt"] == "Sell well."


async def test_what_the_form_has_no_input_for_stays(office: Office) -> None:
    before = {"name": "ava", "company": "Acme", "prompt": "Sell.", **IN_FILE}
    await office.stage.do("agents apply", file={"agent": [before]})
    dana = await a_form(office, "Edit")
    await dana.more()
    assert await dana.fill(agent__analysis__instructions="Find the budget.").submit() == {}
    found = await stored(office, "ava")
    assert found["webhook"][0]["url"] == "https://crm.example/slots"
    assert found["analysis"]["field"][0]["name"] == "budget"
    assert found["analysis"]["instructions"] == "Find the budget."
    assert found["skills"] == IN_FILE["skills"]


async def test_two_people_in_one_agent_overwrite_nothing(office: Office) -> None:
    await office.stage.do("agents apply", file={"agent": [{"name": "ava", "company": "Acme", "prompt": "Sell."}]})
    dana, lee = await a_form(office, "Edit"), await a_form(office, "Edit", "U2")
    assert await dana.fill(agent__company="Acme Solar").submit() == {}
    [words] = (await lee.fill(agent__company="Zenith").submit()).values()
    assert "version 2" in words
    assert (await stored(office, "ava"))["company"] == "Acme Solar"


async def test_a_viewer_sees_agents_and_makes_none(office: Office) -> None:
    await office.stage.do("agents apply", file={"agent": [{"name": "ava", "company": "Acme", "prompt": "Sell."}]})
    shown = await office.slack.command("agents", "U3")
    assert "`ava` version 1" in shown.whole
    assert shown.buttons == []
    dana = await a_form(office)
    dana.fill(agent__name="eve", agent__company="Acme", agent__prompt="Sell.")
    office.slack.groups["S1"].remove("U1")
    await office.slack.event({"type": "subteam_members_changed", "subteam_id": "S1"})
    assert "no role" in str(await dana.submit())
    assert [one["name"] for one in (await office.stage.do("agents list"))["agents"]] == ["ava"]


async def test_an_agent_is_made_on_the_way_and_chosen_in_a_step(office: Office) -> None:
    await office.campaign()
    dana = Person(office.slack)
    await dana.say("edit spring flow")
    await dana.shows("Add a call")
    await dana.press("Add a call")
    await dana.until(lambda: dana.page == "step")
    await dana.press("New agent")
    await dana.until(lambda: dana.page == "agent")
    assert await dana.fill(agent__name="ava", agent__company="Acme", agent__prompt="Sell.").submit() == {}
    await dana.close()
    await until(lambda: dana.page == "step")
    assert await dana.options("step.agent", "av") == ["ava", "av"]
    assert await dana.fill(step__agent="ava").submit() == {}
    steps = (await office.stage.do("campaign show", ref="spring"))["file"]["step"]
    assert steps[-1]["agent"] == "ava"
