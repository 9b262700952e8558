"""The account's list of calls: which of them were made through the API, when, and from which caller ID."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Any

from fluentsd.api import Made

SECOND = 1_000_000
#: The key of our token in a call's context.
MARK = "fluentsd_attempt"
#: Seconds since 1970 are below this until the year 5138; milliseconds are above it since 1973.
MILLISECONDS_FROM = 100_000_000_000


def token_of(call: Mapping[str, Any] | None) -> str | None:
    """Our token in a call's context."""
    context = call.get("context") if call is not None else None
    token = context.get(MARK) if isinstance(context, Mapping) else None
    return token if isinstance(token, str) else None


def made(sender: str | None, calls: Iterable[Mapping[str, Any]], since: int) -> list[Made]:
    """The calls of a list that began at `since` or later and may be ours. A call to a number of the account is not
    ours, nor is one with a context that has no token of ours; a call without any context may be."""
    found = []
    for one in calls:
        ref, to, ours, at = one.get("id"), one.get("to_number"), one.get("from_number"), instant(one.get("start_time"))
        if not isinstance(ref, str) or not isinstance(to, str) or not isinstance(ours, str):
            continue
        if at is None or at < since or to == one.get("agent_phone_number"):
            continue
        if one.get("context") and token_of(one) is None:
            continue
        found.append(Made(ref, to, at, None if ours == sender else ours))
    return found


def instant(value: object) -> int | None:
    """A time of the API in epoch microseconds: a number in the list, a text in a call (UTC where it has no zone)."""
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
        return round((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * SECOND)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    return round(value * (SECOND if value < MILLISECONDS_FROM else SECOND // 1000))
