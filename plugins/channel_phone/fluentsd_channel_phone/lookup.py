"""The look-up of an attempt after a lost answer: finds its call among Twilio's calls to the person.

A call at Twilio carries no token of ours, so it is identified by recipient, caller ID and time; the list is not
filtered by StartTime, which is empty until the call rings. One match is the call; several prove only that something
was dialled; none proves nothing, because lists lag. Better proof arrives by itself: every callback has the token.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fluentsd.api import Absent, Attempt, CannotTell, Found, Lookup, Made, Outcome, Receipt
from fluentsd_channel_phone.error_codes import end_of
from fluentsd_channel_phone.settings import SECOND, Settings

#: Twilio gives whole seconds, and its clock may be a little behind ours; an older call is another attempt's.
SKEW = 2 * SECOND
#: A call created later than this after the claim is another attempt's: a send takes at most half a minute.
CREATED_WITHIN = 120 * SECOND
#: The most calls of one person that are compared, newest first.
LOOK_AT = 100


def judge(settings: Settings, attempt: Attempt, calls: Iterable[Any]) -> Lookup:
    """The result of comparing the calls to a person with an attempt."""
    fits = [one for one in calls if one.sid not in attempt.other_refs and _fits(settings, attempt, one)]
    if not fits:
        return Absent()
    if len(fits) > 1:
        return CannotTell(f"{len(fits)} calls to this person match; it is unknown which one is this attempt's")
    return Found(receipt_of(settings, fits[0]))


def made(settings: Settings, calls: Iterable[Any], since: int) -> list[Made]:
    """The calls of a list that were made through the API since an instant; of those from another caller ID than the
    one in the settings, none."""
    found = []
    for one in calls:
        if one.direction != "outbound-api" or not isinstance(one.date_created, datetime):
            continue
        at = round(one.date_created.timestamp() * SECOND)
        if at >= since and settings.sender in ("", None, one._from):
            found.append(Made(one.sid, one.to, at, None if settings.sender else one._from))
    return found


def receipt_of(settings: Settings, call: Any) -> Receipt:
    """The receipt of a Twilio call. One that was completed was picked up, and only its conversation says by whom:
    without it the outcome is unknown."""
    status = call.status or ""
    seconds = _seconds(call.duration)
    if status == "completed":
        return Receipt(call.sid, Outcome.unknown, price_of(settings, seconds or 0) or 0, settings.currency, seconds)
    end = end_of(status)
    if end is None:
        return Receipt(call.sid, currency=settings.currency)
    return Receipt(call.sid, end.outcome, 0, settings.currency, seconds, end.fault)


def _seconds(duration: Any) -> int | None:
    """The length of a call, which the API gives as text; None while there is none."""
    try:
        return max(0, int(float(duration)))
    except (TypeError, ValueError, OverflowError):
        return None


def price_of(settings: Settings, seconds: int) -> int | None:
    """What a call of so many seconds costs in millionths, None without `minute_price`; Twilio counts whole minutes."""
    return -(-seconds // 60) * settings.minute_price if settings.minute_price else None


def _fits(settings: Settings, attempt: Attempt, call: Any) -> bool:
    """Whether a call can be this attempt's: recipient, caller ID, time."""
    if not (call.direction or "").startswith("outbound") or call.to != attempt.to:
        return False
    sender = attempt.sender or settings.sender
    created = call.date_created
    caller_id = call._from  # the SDK's name for it, because "from" is Python's
    if (sender and caller_id != sender) or not isinstance(created, datetime):
        return False
    return -SKEW <= round(created.timestamp() * SECOND) - attempt.claimed_at <= CREATED_WITHIN
