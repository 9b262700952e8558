"""Names, cells and answers of strangers: formatting, mentions, links, emoji, right-to-left, ten thousand characters."""

from __future__ import annotations

import re

import pytest

from fluentsd.api import Inbound, Outcome
from tests.engine.stage import spec
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.modals import Person

NASTY = "*bold* <!channel> <@U9> :tada: \u202eRTL <https://x.example|y> مرحبا & `code` "
LONG = NASTY + "x" * 10_000
GREETING = {"id": "text", "channel": "sms", "text": "Hello {{ first_name | truncate: 60 }}"}


def is_safe(shown: str) -> bool:
    """Whether nothing of a stranger mentions, links, formats or turns in what is shown."""
    marks = {"<!channel>", "<@U9>", ":tada:", "*bold*", "`code`"} & set(re.split(r"[\s\\]+", shown))
    return not marks and "\u202e" not in shown and "<https://x.example" not in shown


@pytest.mark.slow
async def test_what_strangers_write_is_shown_safely_from_the_file_to_the_reply(office: Office) -> None:
    await office.stage.do("campaign apply", file=spec(GREETING, ref="spring", name="Spring fair"))
    await office.stage.do("campaign owner", ref="spring", owner="@sales")
    rows = f'First Name,Mobile,Note\n"{LONG}",+12125550101,"{LONG}"\n"{NASTY}",12,"{LONG}"\n'
    dana = Person(office.slack)
    await dana.say("edit spring contacts")
    await dana.shows("Who is contacted?")
    await dana.press("Upload a CSV")
    await dana.until(lambda: dana.page == "upload")
    assert await dana.upload(f"{NASTY[:60]}.csv", rows.encode()).submit() == {}
    await dana.until(lambda: dana.page == "columns")
    assert "line 2" in dana.text
    assert is_safe(dana.mrkdwn)
    dana.fill(csv__basis="written", csv__given="2026-02-01", csv__by="the desk", csv__scope=["sms"])
    assert await dana.submit() == {}
    await dana.shows("*1 of 2 people added*")
    assert "line 3" in dana.text
    assert is_safe(dana.mrkdwn)
    await dana.close()
    for line in ("start spring", "contacts spring find RTL", "why +12125550101", "report spring", "forecast spring"):
        shown = await office.say(line)
        assert is_safe(shown), line
        assert "5550101" not in shown or line.startswith("why"), line
    await office.say("start spring yes")
    sms = office.stage.sms
    await until(lambda: sms.accepted)
    await sms.tell(Inbound(Outcome.replied, token=sms.accepted[0][0].token, text=f"call +12125550177 {LONG}"))

    async def waits() -> str:
        shown = await office.say("replies")
        return shown if "1 reply not handled yet" in shown else ""

    shown = await until(waits)
    assert is_safe(shown)
    assert "5550177" not in shown
    assert len(shown) < 2000
