"""The daily digest: once a day, at the time of `[slack] digest` or of `digest here`, the overview of all campaigns.

A digest that is due while the daemon is down or Slack does not answer is left out: the next one says the same and more.
What must not live here: the words (`blocks.lists`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import trio

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.session import Services
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.unavailable import StoreUnavailable

#: Seconds until the times are read again while the database does not answer.
AGAIN = 5.0


def next_digest(now: int, at: str) -> int:
    """The next moment of `09:00 America/New_York` after `now`, both in epoch microseconds."""
    time, _, zone = at.partition(" ")
    here = dt.datetime.fromtimestamp(now / SECOND, ZoneInfo(zone))
    today = dt.datetime.combine(here.date(), dt.time.fromisoformat(time), here.tzinfo)
    due = today if today > here else dt.datetime.combine(here.date() + dt.timedelta(1), today.time(), here.tzinfo)
    return round(due.timestamp()) * SECOND


async def post_daily(services: Services, make: Callable[[], Awaitable[Message]]) -> None:
    """Post the digests every day until cancelled."""
    clock, routes = services.runtime.clock, services.routes
    due: dict[tuple[str, str], int] = {}
    while True:
        try:
            found = await routes.digests()
        except StoreUnavailable:
            await trio.sleep(AGAIN)
            continue
        now = clock.now()
        due = {digest: due.get(digest, next_digest(now, digest[1])) for digest in found.items()}
        for channel, at in [digest for digest, moment in due.items() if moment <= now]:
            await _post(services, channel, make)
            due[channel, at] = next_digest(now, at)
        await routes.changed.wait_until(clock, min(due.values(), default=None))


async def _post(services: Services, channel: str, make: Callable[[], Awaitable[Message]]) -> None:
    try:
        await services.api.call("chat.postMessage", channel=channel, **(await make()).body())
    except (StoreUnavailable, Unavailable, SlackRefused) as why:
        services.log.warning("slack.digest_left_out", channel=channel, error=type(why).__name__)
