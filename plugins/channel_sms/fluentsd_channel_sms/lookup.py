"""What became of an attempt whose answer was lost: the message it would be, among those Twilio has for that person.

A message at Twilio carries no mark of ours, so it is known by whom it went to, who sent it, what it says and when. The
list is not narrowed by DateSent, which is empty until a message is sent. One that fits is found; several prove only
that something was sent; none proves nothing, for lists lag behind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fluentsd.api import Absent, Attempt, CannotTell, Found, Lookup, Outcome, Receipt
from fluentsd_channel_sms.error_codes import ON_THE_WAY, end_of
from fluentsd_channel_sms.settings import SECOND, Settings

#: Twilio's clock and ours may differ by this much.
SKEW = 120 * SECOND
#: Without its words a message is known by little more than the hour; later ones are not this one.
WORDLESS_WITHIN = 600 * SECOND
#: Newest messages of one person that are looked at.
LOOK_AT = 200
#: What Twilio writes before every text of a trial account.
TRIAL = "Sent from your Twilio trial account - "
#: Messages whose attempt is known, kept so that no other attempt takes one for its own.
REMEMBERED = 10_000


class Owners:
    """Which attempt a message belongs to, as far as this process has seen it."""

    def __init__(self) -> None:
        self._token: OrderedDict[str, str] = OrderedDict()

    def learn(self, ref: str, token: str) -> None:
        self._token[ref] = token
        while len(self._token) > REMEMBERED:
            self._token.popitem(last=False)

    def may_be(self, ref: str, token: str) -> bool:
        return self._token.get(ref, token) == token


def judge(settings: Settings, attempt: Attempt, messages: Iterable[Any], owners: Owners) -> Lookup:
    """What the messages to a person prove about an attempt."""
    fits = [one for one in messages if owners.may_be(one.sid, attempt.token) and _fits(settings, attempt, one)]
    if not fits:
        return Absent()
    if len(fits) > 1:
        return CannotTell(f"{len(fits)} messages to this person fit; which of them is this one's cannot be told")
    owners.learn(fits[0].sid, attempt.token)
    return Found(receipt_of(settings, fits[0]))


def receipt_of(settings: Settings, message: Any, segments: int = 0) -> Receipt:
    """The receipt a message of Twilio's amounts to; a message that is still on its way has been accepted, and that is
    the end of an SMS step. `segments` is our own count, for a service that has not chosen a sender yet (it says 0)."""
    said = message.num_segments or "0"
    segments = (int(said) if said.isdecimal() else 0) or segments
    end = None if message.status in ON_THE_WAY else end_of(message.status or "", message.error_code)
    outcome = end.outcome if end else Outcome.sent
    fault = end.fault if end else "person"
    return Receipt(message.sid, outcome, segments * settings.segment_price, settings.currency, fault=fault)


def _fits(settings: Settings, attempt: Attempt, message: Any) -> bool:
    """Whether a message can be this attempt's: person, sender, words, time."""
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
