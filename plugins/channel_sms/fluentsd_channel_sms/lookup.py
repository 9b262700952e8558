"""The look-up of an attempt after a lost answer: finds its message among Twilio's messages to the person.

A message at Twilio carries no token of ours, so it is identified by recipient, sender, text and time. The list is not
filtered by DateSent, which is empty until a message is sent. One match is the message; several prove only that
something was sent; none proves nothing, because lists lag.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fluentsd.api import Absent, Attempt, CannotTell, Found, Lookup, Made, Outcome, Receipt
from fluentsd_channel_sms.error_codes import ON_THE_WAY, end_of
from fluentsd_channel_sms.settings import SECOND, Settings

#: Twilio gives whole seconds, and its clock may be a little behind ours; an older message is another attempt's.
SKEW = 2 * SECOND
#: Without the text, only messages within this time after the attempt match.
WORDLESS_WITHIN = 600 * SECOND
#: The most messages of one person that are compared, newest first.
LOOK_AT = 200
#: Twilio's prefix of every text of a trial account.
TRIAL = "Sent from your Twilio trial account - "
#: The most remembered messages with a known attempt; they match no other attempt.
REMEMBERED = 10_000


class Owners:
    """The attempts of known messages, as far as this process has seen them."""

    def __init__(self) -> None:
        self._token: OrderedDict[str, str] = OrderedDict()

    def learn(self, ref: str, token: str) -> None:
        self._token[ref] = token
        while len(self._token) > REMEMBERED:
            self._token.popitem(last=False)

    def may_be(self, ref: str, token: str) -> bool:
        return self._token.get(ref, token) == token


def judge(settings: Settings, attempt: Attempt, messages: Iterable[Any], owners: Owners) -> Lookup:
    """The result of comparing the messages to a person with an attempt."""
    mine = (one for one in messages if one.sid not in attempt.other_refs and owners.may_be(one.sid, attempt.token))
    fits = [one for one in mine if _fits(settings, attempt, one)]
    if not fits:
        return Absent()
    if len(fits) > 1:
        return CannotTell(f"{len(fits)} messages to this person match; it is unknown which one is this attempt's")
    owners.learn(fits[0].sid, attempt.token)
    return Found(receipt_of(settings, fits[0]))


def made(settings: Settings, messages: Iterable[Any], since: int) -> list[Made]:
    """The messages of a list that were made through the API since an instant; of those from another sender than the
    one in the settings, none."""
    found = []
    for one in messages:
        if one.direction != "outbound-api" or not isinstance(one.date_created, datetime):
            continue
        at = round(one.date_created.timestamp() * SECOND)
        if at < since:
            continue
        ours = settings.sender or settings.service
        if ours and ours not in (one.from_, one.messaging_service_sid):
            continue
        found.append(Made(one.sid, one.to, at, None if ours else one.from_))
    return found


def receipt_of(settings: Settings, message: Any, segments: int = 0) -> Receipt:
    """The receipt of a Twilio message; a message in transit has been accepted, which is the end of an SMS step.
    `segments` is our own count, for a service that has not chosen a sender yet (it reports 0)."""
    counted = message.num_segments or "0"
    segments = (int(counted) if counted.isdecimal() else 0) or segments
    end = None if message.status in ON_THE_WAY else end_of(message.status or "", message.error_code)
    outcome = end.outcome if end else Outcome.sent
    fault = end.fault if end else "person"
    return Receipt(message.sid, outcome, segments * settings.segment_price, settings.currency, fault=fault)


def _fits(settings: Settings, attempt: Attempt, message: Any) -> bool:
    """Whether a message can be this attempt's: recipient, sender, text, time."""
    if not (message.direction or "").startswith("outbound") or message.to != attempt.to:
        return False
    if not _same_sender(settings, attempt, message) or not isinstance(message.date_created, datetime):
        return False
    age = round(message.date_created.timestamp() * SECOND) - attempt.claimed_at
    if attempt.text is None:
        return -SKEW <= age <= WORDLESS_WITHIN
    return age >= -SKEW and (message.body or "").removeprefix(TRIAL).strip() == attempt.text.strip()


def _same_sender(settings: Settings, attempt: Attempt, message: Any) -> bool:
    sender = attempt.sender or settings.sender
    if sender:
        return bool(message.from_ == sender)
    return bool(message.messaging_service_sid == settings.service) if settings.service else True
