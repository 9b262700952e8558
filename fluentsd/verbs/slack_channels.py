"""What each channel of Slack shows: alerts of all campaigns or of some, and the daily digest.

What must not live here: the settings' own channel, and who posts what (`fronts.slack`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from zoneinfo import ZoneInfo

from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, slack_subscriptions
from fluentsd.store.db import Connection
from fluentsd.store.slack_subscriptions import SlackSubscription
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change

_CHANNEL = re.compile(r"[A-Z0-9]{1,24}")
_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d (\S+)")


def _check(channel: str) -> None:
    if not _CHANNEL.fullmatch(channel):
        raise Refused(f"{channel[:40]!r} is no id of a channel of Slack, like C0123456789; nothing was changed")


async def listing(runtime: Runtime, call: Call) -> Answer:
    """What people have said of each channel."""
    return {"subscriptions": [asdict(one) for one in await runtime.store.read(slack_subscriptions.every)]}


async def alerts(runtime: Runtime, call: Call, channel: str, campaign: Sequence[str], kind: Sequence[str]) -> Answer:
    """Show these kinds of messages in a channel, none of them if `kind` is empty, about some campaigns or all."""

    _check(channel)

    async def unit(conn: Connection) -> Answer:
        refs = [(await campaigns.get(conn, ref)).ref for ref in campaign]
        for ref in refs or [""]:
            new = SlackSubscription(channel, "alerts", ref, ",".join(kind), call.actor, call.at)
            await slack_subscriptions.keep(conn, new)
        return {"channel": channel, "campaigns": refs, "kinds": list(kind),
                "_details": {"channel": channel, "kinds": list(kind)}}  # fmt: skip

    target = campaign[0] if len(campaign) == 1 else channel
    return await change(runtime, call, "slack alerts", target, unit)


async def digest(runtime: Runtime, call: Call, channel: str, at: str) -> Answer:
    """Post the digest in a channel every day at a time like "09:00 America/New_York"; "" is not at all."""
    if at:
        try:
            match = _AT.fullmatch(at)
            at = f"{at.partition(' ')[0]} {ZoneInfo(match[2]).key}" if match else ""
        except (ValueError, OSError, KeyError):
            at = ""
        if not at:
            raise Refused('the time of the digest needs its zone, like "09:00 America/New_York"; nothing was changed')

    _check(channel)

    async def unit(conn: Connection) -> Answer:
        await slack_subscriptions.keep(conn, SlackSubscription(channel, "digest", "", at, call.actor, call.at))
        return {"channel": channel, "at": at, "_details": {"channel": channel, "at": at}}

    return await change(runtime, call, "slack digest", channel, unit)
