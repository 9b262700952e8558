"""The people of a campaign: page by page, with the reasons that `campaign why` counts, and as a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.verbs import RoleRefused, people_file
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import typed
from fluentsd.verbs.call import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import HOUR, MONDAY, SMS, Stage, person, spec

LATER = {"id": "later", "channel": "sms", "after": "1 day", "text": "Hello again"}


async def everybody(stage: Stage, most: int, **more: Any) -> list[dict[str, Any]]:
    """All pages of `campaign people`."""
    found, after = [], 0
    while True:
        page = await stage.do("campaign people", ref="test", after=after, most=most, **more)
        assert len(page["people"]) <= most
        found += page["people"]
        if page["next"] is None:
            return found
        after = page["next"]


async def test_a_campaigns_people_come_page_by_page_with_the_reasons_that_why_counts(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), *map(person, range(5)))
    await stage.until(MONDAY + HOUR)
    await stage.sms.tell(Inbound(Outcome.opted_out, text="STOP", address="+12125550001"))
    await stage.until(MONDAY + 2 * HOUR)
    found = await everybody(stage, 2)
    assert [one["contact"] for one in found] == sorted({one["contact"] for one in found})
    totals = (await stage.do("campaign why", ref="test"))["reasons"]
    assert Counter((one["state"], one["reason"], one["sentence"]) for one in found) == {
        (one["state"], one["reason"], one["sentence"]): one["people"] for one in totals
    }
    [gone] = await everybody(stage, 50, state=["exited"])
    assert gone["points"] == ["+12125550001", "p1@example.com"]
    assert (gone["sentence"], gone["due_at"]) == ("the person asked not to be contacted", None)
    waiting = next(one for one in found if one["state"] == "queued")
    assert (waiting["step"], waiting["channel"], waiting["tries"]) == ("later", "sms", 1)
    assert (waiting["last_outcome"], waiting["lists"], waiting["name"]) == ("sent", ["people.csv"], "P0")
    assert waiting["due_at"] >= MONDAY + 24 * HOUR
    assert waiting["last_contact_at"] >= MONDAY


async def test_contact_data_of_a_whole_campaign_need_a_manager(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1))
    with pytest.raises(RoleRefused, match="manager"):
        await execute(
            stage.runtime, "campaign people", {"ref": "test"}, Call("vera", stage.clock.now(), role="operator")
        )


async def test_the_file_of_people_has_every_page_and_no_formula(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_file, "PAGE", 2)
    names = ['=HYPERLINK("http://evil.test")', "@SUM(A1)", 'Zoë, "Z"', "‮drow", "-2+3"]
    await stage.launch(spec(SMS, LATER), *(person(n, first_name=name) for n, name in enumerate(names)))
    asked: list[int] = []

    async def perform(verb: str, arguments: dict[str, Any]) -> Any:
        asked.append(arguments.get("after", 0))
        return typed(ANSWERS, verb, await stage.do(verb, **arguments))

    out = io.StringIO(newline="")
    assert await people_file.write(perform, "test", (), out, str) == len(names)
    header, *rows = csv.reader(io.StringIO(out.getvalue()))
    assert tuple(header) == people_file.COLUMNS
    assert len(asked) == 3
    await people_file.begin(perform, "test", ["exited"])
    [entry, *_] = (await stage.do("log", target="test"))["entries"]
    assert (entry["verb"], entry["details"]) == ("export people", {"states": ["exited"]})
    assert [row[1][:2] for row in rows] == ["'=", "'@", "Zo", rows[3][1][:2], "'-"]
    assert all(row[2].startswith("'+1212555") for row in rows)
    out = io.StringIO()
    assert await people_file.write(perform, "test", ["errored"], out, str) == 0
