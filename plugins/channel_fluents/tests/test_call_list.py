"""The list of calls: which are ours, how their times are read, what cannot be read."""

from __future__ import annotations

import datetime as dt
from dataclasses import astuple, replace
from typing import Any

import pytest
from fluentsd_channel_fluents.call_list import SECOND, instant

from fluentsd.api import (
    Found,
    Unavailable,
)
from plugins.channel_fluents.tests.hosted import OURS, PERSON, Stage


async def test_a_lost_call_is_found_beyond_the_first_page(stage: Stage) -> None:
    channel = stage.use()
    ref, attempt = await stage.start(channel)
    for _ in range(70):
        await stage.start(channel)
    found = await stage.use().lookup(replace(attempt, provider_ref=None))
    assert isinstance(found, Found)
    assert found.receipt.ref == ref


async def test_calls_since_an_instant_are_listed_newest_first(stage: Stage) -> None:
    channel = stage.use()
    first, _ = await stage.start(channel)
    second, _ = await stage.start(channel)
    queued, _ = await stage.start(channel)
    stage.fluents.end(first)
    stage.fluents.end(second, start_time="2026-11-27T11:00:00")
    begun_at = round(dt.datetime(2026, 11, 27, 10, tzinfo=dt.UTC).timestamp() * SECOND)
    hour = 3600 * SECOND
    both = [(second, PERSON, begun_at + hour, None), (first, PERSON, begun_at, None)]
    assert [astuple(one) for one in await channel.made_since(begun_at, 50)] == both
    assert [one.ref for one in await channel.made_since(begun_at + 1, 50)] == [second]
    assert await channel.made_since(begun_at, 1) == []  # the newest is queued, without a time
    assert queued not in [one.ref for one in await channel.made_since(0, 50)]
    assert {one.sender for one in await stage.use(sender="+14155550199").made_since(0, 50)} == {OURS}


@pytest.mark.parametrize(
    ("facts", "is_ours"),
    [
        ({}, True),
        ({"context": None}, True),  # nothing says that it is not
        ({"context": {"first_name": "Dana"}}, False),  # another system's call
        ({"to_number": OURS}, False),  # a call to us
        ({"start_time": None}, False),
        ({"from_number": None}, False),
    ],
)
async def test_only_calls_that_may_be_ours_are_listed(stage: Stage, facts: dict[str, Any], is_ours: bool) -> None:
    channel = stage.use()
    ref, _ = await stage.start(channel)
    stage.fluents.end(ref, **facts)
    assert [one.ref for one in await channel.made_since(0, 50)] == [ref] * is_ours


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (1764237600, 1764237600 * SECOND),
        (1764237600.5, 1764237600_500_000),
        (1764237600000, 1764237600 * SECOND),
        ("2025-11-27T10:00:00", 1764237600 * SECOND),
        ("2025-11-27T11:00:00+01:00", 1764237600 * SECOND),
        ("yesterday", None), ("", None), (True, None), (float("nan"), None), (-1, None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_the_times_of_a_list_are_read(value: object, at: int | None) -> None:
    assert instant(value) == at


@pytest.mark.parametrize("bad", ["unavailable", "connect"])
async def test_a_list_that_cannot_be_read_is_an_error(stage: Stage, bad: str) -> None:
    channel = stage.use()
    stage.fluents.bad = bad
    with pytest.raises(Unavailable):
        await channel.made_since(0, 50)
