"""The daily digest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from fluentsd.config.schema import Slack
from fluentsd.fronts.slack.digest import next_digest
from tests.fronts.slack.conftest import Office

DAY = 86_400_000_000


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-02T08:59:00-05:00", "2026-03-02T09:00:00-05:00"),
        ("2026-03-02T09:00:00-05:00", "2026-03-03T09:00:00-05:00"),
        ("2026-03-07T12:00:00-05:00", "2026-03-08T09:00:00-04:00"),  # the clock changes that night
    ],
)
def test_the_digest_is_due_at_the_wall_time_of_its_zone(now: str, due: str) -> None:
    assert next_digest(at(now), "09:00 America/New_York") == at(due)


@pytest.mark.parametrize("text", ["9am", "09:00", "25:00 America/New_York", "09:00 Mars/Base", ""])
def test_a_time_without_its_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="09:00 America/New_York"):
        Slack(app_token="xapp-1", bot_token="xoxb-1", digest=text)


async def test_the_overview_is_posted_every_day(
    make_office: Callable[..., AbstractAsyncContextManager[Office]],
) -> None:
    async with make_office(digest="09:00 America/New_York") as office:
        clock: Any = office.stage.clock
        await office.campaign()
        clock.step(DAY)
        await office.slack.wait_shown("Spring fair")
        assert office.slack.calls["chat.postMessage"] == 1
