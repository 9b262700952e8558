"""Walks that break off, cursors that are not good, segments and records that cannot be read: nobody leaves by them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fluentsd.api import Malformed, NeedsHuman, Page, PluginError, Record, SegmentList, Unavailable
from tests.engine.stage import HOUR, MINUTE, SMS
from tests.engine.sync.conftest import SEGMENT, Followed


async def test_only_a_complete_walk_finds_a_silent_leaver(followed: Followed) -> None:
    for n in range(30):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.take_out(7, silently=True)
    await followed.pass_time(30 * MINUTE)
    assert (await followed.segment())["missing"] == 0
    await followed.pass_time(3 * HOUR)
    assert (await followed.stage.overview())["exited_by_reason"] == {"left_segment": 1}


@pytest.mark.parametrize(
    "error", [Unavailable("502", after=5), NeedsHuman("the token was revoked"), RuntimeError("a bug"), OSError("gone")]
)
async def test_a_walk_that_breaks_off_makes_nobody_leave(followed: Followed, error: Exception) -> None:
    for n in range(30):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.take_out(7, silently=True)
    await followed.stage.do("sync now", source="crm")
    followed.crm.fails = [error] * 3
    await followed.pass_time(10_000)
    [listed] = (await followed.stage.do("source list"))["sources"]
    known = isinstance(error, PluginError)
    assert (str(error) if known else "could not read an answer") in listed["problem"]
    assert known or str(error) not in listed["problem"]  # a bug's own words are in the log
    assert (await followed.segment())["missing"] == 0
    await followed.pass_time(4 * HOUR)  # it recovers alone
    assert (await followed.stage.overview())["exited_by_reason"] == {"left_segment": 1}
    assert (await followed.stage.do("source list"))["sources"][0]["problem"] == ""


async def test_a_walk_that_could_not_name_everybody_makes_nobody_leave(followed: Followed) -> None:
    for n in range(12):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.is_complete = False
    followed.crm.take_out(7, silently=True)
    await followed.pass_time(3 * HOUR)
    found = await followed.segment()
    assert (found["missing"], "nobody leaves" in found["problem"]) == (0, True)


async def test_an_expired_cursor_begins_the_walk_again(followed: Followed) -> None:
    for n in range(30):
        followed.crm.put(n)
    followed.crm.walks_gone = {"20"}
    await followed.start()
    assert (await followed.segment())["people"] == 30


async def test_a_cursor_that_is_never_good_leads_to_no_tight_loop(followed: Followed) -> None:
    for n in range(25):
        followed.crm.put(n)
    followed.crm.walks_are_short = True
    await followed.apply()
    await followed.pass_time(HOUR)
    assert 8 <= followed.crm.asked.count("walk") <= 24
    followed.crm.walks_are_short = False
    await followed.pass_time(HOUR)
    assert (await followed.segment())["people"] == 25


async def test_a_bug_of_a_plugin_is_no_lost_segment(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    followed.crm.fails = [KeyError("properties")]
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(1_000_000)
    problem = (await followed.segment())["problem"]
    assert "could not read an answer (sync.error in the log); nobody leaves" in problem
    assert "KeyError" not in problem
    await followed.pass_time(HOUR)
    found = await followed.segment()
    assert (found["problem"], found["people"]) == ("", 1)


@pytest.mark.parametrize(
    "error", [Malformed('the answer to GET /x has no "results"'), NeedsHuman("grant Read on Lead", only_this=True)]
)
async def test_a_segment_that_cannot_be_read_stops_no_other_one(followed: Followed, error: Exception) -> None:
    followed.crm.members["list:2"], followed.crm.names["list:2"] = [], "Autumn fair"
    for n in range(3):
        followed.crm.put(n)
    followed.crm.put(9, segment="list:2")
    walk = followed.crm.walk

    async def refused(segment: str, cursor: str | None) -> Page:
        if segment == "list:1":
            raise error
        return await walk(segment, cursor)

    followed.crm.walk = refused  # type: ignore[method-assign]
    await followed.apply(segment=[SEGMENT, SEGMENT | {"segment": "list:Autumn fair"}])
    await followed.pass_time(HOUR)
    found = {one["segment"]: one for one in (await followed.stage.do("sync status"))["segments"]}
    assert found["Autumn fair"]["people"] == 1
    assert found["Autumn fair"]["problem"] == ""
    assert str(error) in found["Spring fair"]["problem"]
    assert (await followed.stage.do("source list"))["sources"][0]["problem"] == ""
    followed.crm.walk = walk  # type: ignore[method-assign]
    await followed.pass_time(HOUR)
    found = {one["segment"]: one for one in (await followed.stage.do("sync status"))["segments"]}
    assert (found["Spring fair"]["people"], found["Spring fair"]["problem"]) == (3, "")


async def test_a_record_that_cannot_be_read_leaves_nothing_and_is_not_contacted(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "3 hours"})
    page_of, refresh = followed.crm.walk, followed.crm.refresh

    async def ids_only(segment: str, cursor: str | None) -> Page:
        return replace(await page_of(segment, cursor), records=None)

    async def not_all(ids: list[str]) -> list[Record]:
        return [Record.not_read("r1") if one.id == "r1" else one for one in await refresh(ids)]

    monkeypatch.setattr(followed.crm, "walk", ids_only)
    monkeypatch.setattr(followed.crm, "refresh", not_all)
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(5 * HOUR)
    assert (await followed.segment())["missing"] == 0
    assert (await followed.stage.overview())["exited"] == 0
    assert followed.texted() == ["+12125550000", "+12125550002"]
    monkeypatch.setattr(followed.crm, "refresh", refresh)
    await followed.pass_time(3 * HOUR)
    assert followed.texted() == ["+12125550000", "+12125550001", "+12125550002"]


async def test_changes_that_only_a_walk_can_tell_lead_to_no_tight_loop(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS | {"after": "5 days"})
    asked: list[str | None] = []

    async def changes(segment: str, since: str | None) -> Page:
        asked.append(since)
        raise ValueError("walk it")

    followed.crm.changes = changes  # type: ignore[method-assign]
    followed.crm.asked.clear()
    await followed.pass_time(24 * HOUR)
    assert 20 <= len(asked) <= 40
    assert len(asked) - 2 <= followed.crm.asked.count("walk") <= len(asked) + 26  # and the usual walk of each hour


async def test_a_kind_of_segment_that_may_not_be_listed_is_named(followed: Followed) -> None:
    segments = followed.crm.segments

    async def some() -> SegmentList:
        return SegmentList(await segments(), ["Campaigns cannot be listed: give the user Read on Campaign"])

    followed.crm.segments = some  # type: ignore[method-assign]
    await followed.apply(segment=[SEGMENT | {"segment": "campaign:Summer"}])
    await followed.pass_time(MINUTE)
    assert "give the user Read on Campaign" in (await followed.segment())["problem"]
