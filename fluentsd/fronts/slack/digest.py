"""The daily digest: once a day, at the time of `[slack] digest`, the overview of all campaigns in the cards' channel.

A digest that is due while the daemon is down or Slack does not answer is left out: the next one says the same and more.
What must not live here: the words (`blocks.lists`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.unavailable import StoreUnavailable


def next_digest(now: int, at: str) -> int:
    """The next moment of `09:00 America/New_York` after `now`, both in epoch microseconds."""
    time, _, zone = at.partition(" ")
    here = dt.datetime.fromtimestamp(now / SECOND, ZoneInfo(zone))
    today = dt.datetime.combine(here.date(), dt.time.fromisoformat(time), here.tzinfo)
    due = today if today > here else dt.datetime.combine(here.date() + dt.timedelta(1), today.time(), here.tzinfo)
    return round(due.timestamp()) * SECOND


async def post_daily(services: Services, channel: str, at: str, make: Callable[[], Awaitable[Message]]) -> None:
    """Post a digest every day until cancelled."""
    clock = services.runtime.clock
    while True:
        await clock.sleep_until(next_digest(clock.now(), at))
        try:
            await services.api.call("chat.postMessage", channel=channel, **(await make()).body())
        except (StoreUnavailable, Unavailable, SlackRefused) as why:
            services.log.warning("slack.digest_left_out", error=type(why).__name__)
