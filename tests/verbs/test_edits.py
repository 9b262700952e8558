"""Edits of campaigns: kept with their mistakes, applied at once to a draft, on demand to a started campaign."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.verbs import Call, Refused, presets
from fluentsd.verbs.execute import execute
from tests.engine.stage import MONDAY, SMS, Stage, person, spec


async def by(stage: Stage, actor: str, verb: str, **arguments: Any) -> dict[str, Any]:
    call = Call(actor, stage.clock.now(), role="manager")
    return await execute(stage.runtime, verb, arguments, call)


def with_hours(file: Any, hours: str) -> dict[str, Any]:
    return {**file, "window": {**file["window"], "hours": hours}}


async def test_a_new_campaign_is_a_draft_as_soon_as_it_is_valid(stage: Stage) -> None:
    begun = await by(stage, "dana", "campaign begin", name="Spring fair", file=presets.preset("simple-call").file)
    assert (begun["ref"], begun["state"], begun["is_pending"]) == ("spring-fair", "draft", False)
    assert (await stage.do("campaign show", ref="spring-fair"))["owner"] == "dana"
    again = await by(stage, "dana", "campaign begin", name="Spring fair", file={"window": {}})
    assert (again["ref"], again["state"]) == ("spring-fair-2", "")
    assert "step: is missing" in again["problems"]
    assert [one["ref"] for one in (await stage.do("campaign edits"))["edits"]] == ["spring-fair-2"]
    await by(stage, "dana", "campaign discard-edit", ref="spring-fair-2")
    assert (await stage.do("campaign edits"))["edits"] == []


async def test_a_save_with_a_mistake_is_kept_and_changes_nothing(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    opened = await stage.do("campaign open-edit", ref="test")
    kept = await stage.do(
        "campaign save-edit", ref="test", file=with_hours(opened["file"], "9 to five"), seen=opened["seen"]
    )
    assert kept["is_pending"]
    assert kept["problems"][0].startswith("window.hours: ")
    assert (await stage.do("campaign show", ref="test"))["file"]["window"]["hours"] == "09:00-17:00"
    later = await stage.do("campaign open-edit", ref="test")
    assert later["file"]["window"]["hours"] == "9 to five"
    good = await stage.do(
        "campaign save-edit", ref="test", file=with_hours(later["file"], "10:00-16:00"), seen=kept["seen"]
    )
    assert (good["is_pending"], good["problems"]) == (False, [])
    assert (await stage.do("campaign show", ref="test"))["file"]["window"]["hours"] == "10:00-16:00"


async def test_the_later_of_two_saves_is_refused_and_a_repeated_one_is_not(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.do("campaign owner", ref="test", owner="@sales")
    opened = await stage.do("campaign open-edit", ref="test")
    mine, theirs = (with_hours(opened["file"], hours) for hours in ("9 to", "8 to"))
    await by(stage, "slack:U1 Dana", "campaign save-edit", ref="test", file=mine, seen=opened["seen"])
    await by(stage, "slack:U1 Dana", "campaign save-edit", ref="test", file=mine, seen=opened["seen"])
    with pytest.raises(Refused, match="Dana has changed test since you opened it; nothing of yours was saved"):
        await by(stage, "slack:U2 Kim", "campaign save-edit", ref="test", file=theirs, seen=opened["seen"])
    assert (await stage.do("campaign open-edit", ref="test"))["file"]["window"]["hours"] == "9 to"
    seen = (await stage.do("campaign open-edit", ref="test"))["seen"]
    await stage.do("campaign apply", file=spec(SMS, priority=60))
    with pytest.raises(Refused, match="nothing of yours was saved"):
        await by(stage, "slack:U1 Dana", "campaign save-edit", ref="test", file=theirs, seen=seen)


async def test_a_started_campaign_changes_only_when_its_edit_is_applied(stage: Stage) -> None:
    await stage.launch(spec(SMS, {**SMS, "id": "later", "after": "1 day"}), person(1))
    opened = await stage.do("campaign open-edit", ref="test")
    later = with_hours(opened["file"], "10:00-16:00")
    kept = await stage.do("campaign save-edit", ref="test", file=later, seen=opened["seen"])
    assert (kept["is_pending"], kept["problems"]) == (True, [])
    assert (await stage.do("campaign show", ref="test"))["file"]["window"]["hours"] == "09:00-17:00"
    shown = await stage.do("campaign apply-edit", ref="test", seen=kept["seen"], dry_run=True)
    assert [change["path"] for change in shown["changes"]] == ["window.hours"]
    with pytest.raises(Refused, match="since you opened it"):
        await stage.do("campaign apply-edit", ref="test", seen="1.0")
    await stage.do("campaign apply-edit", ref="test", seen=kept["seen"])
    assert (await stage.do("campaign show", ref="test"))["file"]["window"]["hours"] == "10:00-16:00"
    with pytest.raises(Refused, match="no changes that wait"):
        await stage.do(
            "campaign apply-edit", ref="test", seen=(await stage.do("campaign open-edit", ref="test"))["seen"]
        )


async def test_answers_that_are_not_submitted_are_kept_until_the_next_save(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    opened = await stage.do("campaign open-edit", ref="test")
    await stage.do("campaign keep-edit", ref="test", typed={"page": "window"})
    kept = await stage.do("campaign open-edit", ref="test")
    assert (kept["typed"], kept["is_pending"], kept["seen"]) == ({"page": "window"}, False, opened["seen"])
    later = with_hours(opened["file"], "10:00-16:00")
    await stage.do("campaign owner", ref="test", owner="@sales")
    await by(stage, "kim", "campaign keep-edit", ref="test", typed={"page": "exit"})
    assert (await stage.do("campaign open-edit", ref="test"))["typed"] == {"page": "window"}
    saved = await stage.do("campaign save-edit", ref="test", file=later, seen=kept["seen"])
    assert "typed" not in saved
    assert (await by(stage, "kim", "campaign open-edit", ref="test"))["typed"] == {"page": "exit"}
    assert (await stage.do("campaign edits"))["edits"] == []
    await by(stage, "kim", "campaign save-edit", ref="test", file=saved["file"], seen=saved["seen"])
    assert "typed" not in await by(stage, "kim", "campaign open-edit", ref="test")


async def test_an_edit_before_there_is_a_campaign_belongs_to_its_author(stage: Stage) -> None:
    begun = await by(stage, "dana", "campaign begin", name="Spring", file={})
    for verb, more in (("save", {"file": {}, "seen": begun["seen"]}), ("keep", {"typed": {}}), ("discard", {})):
        with pytest.raises(Refused, match="belongs to dana"):
            await by(stage, "kim", f"campaign {verb}-edit", ref="spring", **more)
    with pytest.raises(Refused, match="name is empty"):
        await by(stage, "dana", "campaign begin", name=" ", file={})
    with pytest.raises(Refused, match="too large"):
        await by(stage, "dana", "campaign begin", name="x", file={"description": "x" * 600_000})
    assert stage.clock.now() >= MONDAY


async def test_a_repeated_begin_makes_one_campaign(stage: Stage) -> None:
    file = presets.preset("simple-call").file
    call = Call("dana", stage.clock.now(), "request-1", role="manager")
    given = {"name": "Spring fair", "file": file}
    first, again = [await execute(stage.runtime, "campaign begin", given, call) for _ in range(2)]
    assert (first["ref"], again["ref"]) == ("spring-fair", "spring-fair")
    assert [one["ref"] for one in (await stage.do("campaign list"))["campaigns"]] == ["spring-fair"]
