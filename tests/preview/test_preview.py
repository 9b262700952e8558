"""The preview as a whole: the real daemon answers what a person types and clicks on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.preview.conftest import a_preview


def figure(state: dict[str, Any], name: str) -> int:
    """A figure of the campaign's card; -1 without a card."""
    for message in state["messages"]:
        if found := re.search(rf"\*{name}\* ([\d,]+)", str(message["blocks"])):
            return int(found[1].replace(",", ""))
    return -1


@pytest.mark.slow
async def test_a_campaign_is_started_watched_and_paused_on_the_page() -> None:
    async with a_preview() as visitor:
        await visitor.do("say", channel="C01", text="/campaign strat autumn")
        assert "/campaign start autumn" in str((await visitor.read("is not a command"))["blocks"])
        await visitor.do("say", channel="C01", text="/campaign start autumn")
        card = await visitor.read("would be contacted")
        assert "*27 legal points* to check" in str(card["blocks"])
        await visitor.click(card, "Show")
        assert await visitor.wait(lambda state: "(47 CFR 64.1200" in str(state["views"].get("U01")))
        await visitor.click(card, "Start")
        assert await visitor.wait(lambda state: figure(state, "Total") == 60)
        await visitor.do("clock", seconds=600)
        await visitor.wait(lambda state: figure(state, "Exited") > 0, 60)
        lead = await visitor.read("is *interested*")
        assert "The person is interested" in str(lead["blocks"])
        await visitor.click(lead, "Take over")
        assert await visitor.read("taken over by <@U01>")
        await visitor.do("say", channel="C01", text="@fluents status autumn")
        mine = await visitor.wait(
            lambda state: [one for one in state["messages"] if one["author"] == "U01" and "<@UBOT>" in one["text"]]
        )
        await visitor.wait(lambda state: [one for one in state["messages"] if one["thread"] == mine[0]["ts"]])
        visitor.user = "U04"
        await visitor.do("say", channel="C01", text="/campaign pause autumn")
        assert await visitor.read("needs the role operator")
        visitor.user = "U01"
        await visitor.do("say", channel="C01", text="/campaign pause autumn because the desk is closed")
        assert await visitor.read("the desk is closed")
        await visitor.do("home")
        home = await visitor.wait(lambda state: state["homes"].get("U01"))
        assert "Autumn fair" in str(home["blocks"])


@pytest.mark.slow
async def test_a_time_is_picked_in_a_form_and_the_form_says_what_is_wrong() -> None:
    async with a_preview() as visitor:
        await visitor.do("say", channel="C01", text="/campaign schedule autumn")
        await visitor.click(await visitor.read("or pick it"), "Pick a time")
        [view] = await visitor.wait(lambda state: state["views"].get("U01"))
        assert view["title"]["text"] == "Schedule"
        picked = {"when": {"moment": {"type": "datetimepicker", "selected_date_time": 1}}}
        answer = await visitor.do("submit", view=view["id"], state={"values": picked})
        shown = await visitor.wait(lambda state: state["views"]["U01"][-1] if not answer["errors"] else answer)
        assert "in the past" in str(shown)
        await visitor.do("close", view=view["id"])
        assert await visitor.wait(lambda state: state["views"]["U01"] == [])
        again = await visitor.do("submit", view=view["id"], state={"values": picked})
        assert again == {"problem": "this form is closed."}
