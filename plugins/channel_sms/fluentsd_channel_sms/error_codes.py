"""The meaning of Twilio's error codes, in the answer to a request or with a later status.

One table by code; an unknown code is judged by the HTTP status. Only a refusal from Twilio itself (4xx) proves that
nothing was accepted; a server error, a redirect or an unreadable answer proves nothing (`NoAnswer`). Codes:
https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from fluentsd.api import Fault, NeedsHuman, Outcome, Rejected, Unavailable


class NoAnswer(Exception):
    """Twilio's answer is missing or unreadable: it is unknown whether the message was accepted."""


class NotReached(Exception):
    """No connection to Twilio; not a byte was sent."""


class Refusal(Exception):
    """Twilio (or a proxy) answered with an error.

    `code` is Twilio's own, None when the answer is not from Twilio; `retry_after` is seconds, or None.
    """

    def __init__(self, status: int, code: int | None, words: str, retry_after: float | None = None) -> None:
        super().__init__(f"HTTP {status}{'' if code is None else f', code {code}'}: {words}")
        self.status, self.code, self.words, self.retry_after = status, code, words, retry_after


class Act(StrEnum):
    """The action for a code."""

    opt_out = "opt_out"  #: the person opted out at Twilio
    dead = "dead"  #: no SMS can reach this number
    give_up = "give_up"  #: this message cannot reach this person
    blocked = "blocked"  #: the content of the message is refused
    sender = "sender"  #: the sender is held until a person acts
    human = "human"  #: the channel is held until a person acts
    later = "later"  #: the channel waits a little
    this_later = "this_later"  #: this message waits


#: Whose fault a code is that comes with a later status. What a person on our side must mend is the sender's: it stops
#: more of the same; a queue that was full lets this one message down, and nobody else.
_FAULTS: dict[Act, Fault] = {
    Act.blocked: "message", Act.later: "message", Act.this_later: "message", Act.sender: "sender", Act.human: "sender",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of a code for people, and the fix if a person must act. `is_theirs`: it is about the person's number,
    such as its country."""

    act: Act
    what: str
    fix: str = ""
    is_theirs: bool = False

    @property
    def fault(self) -> Fault:
        """The cause of the failure, for a later status: the person's only where it is about them."""
        return "person" if self.is_theirs else _FAULTS.get(self.act, "person")

    def say(self, code: int) -> str:
        return f"Twilio {code}: {self.what}{f'; {self.fix}' if self.fix else ''}"


def _human(what: str, fix: str, *, is_theirs: bool = False) -> Verdict:
    return Verdict(Act.human, what, fix, is_theirs)


def _sender(what: str, fix: str) -> Verdict:
    return Verdict(Act.sender, what, fix)


def _blocked(what: str, fix: str) -> Verdict:
    return Verdict(Act.blocked, what, fix)


CODES: dict[int, Verdict] = {
    21610: Verdict(Act.opt_out, "the person has opted out of this sender"),
    # Numbers without SMS
    21211: Verdict(Act.dead, "the number is not valid"),
    21614: Verdict(Act.dead, "the number is not a mobile number"),
    21635: Verdict(Act.dead, "the number is a landline"),
    30005: Verdict(Act.dead, "the number is unknown or not in service"),
    30006: Verdict(Act.dead, "the number is a landline, or its carrier cannot be reached"),
    # This message, this person
    21612: Verdict(Act.give_up, "there is no route from this sender to this number"),
    21617: Verdict(Act.give_up, "the text is longer than 1,600 characters"),
    30003: Verdict(Act.give_up, "the phone is off or out of coverage"),
    30008: Verdict(Act.give_up, "the carrier gave no reason"),
    30036: Verdict(Act.give_up, "it could not be delivered before its validity ended"),
    30640: Verdict(Act.give_up, "the number belongs to a person known to sue over messages"),
    30610: Verdict(Act.this_later, "the Compliance Toolkit blocks messages to this number at this hour"),
    # Slow down
    14107: Verdict(Act.later, "too many requests at once"),
    60728: Verdict(Act.later, "the account's hourly limit is reached"),
    20429: Verdict(Act.later, "too many requests at once"),
    21611: Verdict(Act.later, "the sender's queue at Twilio is full"),
    30001: Verdict(Act.later, "the sender's queue at Twilio is full"),
    30017: Verdict(Act.later, "the carrier's network is congested"),
    30022: Verdict(Act.later, "the rate limit of the 10DLC registration is reached"),
    30023: Verdict(Act.later, "the daily limit of the 10DLC registration is reached"),
    30027: Verdict(Act.later, "T-Mobile's daily limit of the 10DLC registration is reached"),
    # The account
    20003: _human("the login is refused", "correct account_sid and auth_token, or api_key and api_secret"),
    20005: _human("the account is not active", "check its state in Twilio's console"),
    20404: _human("the account or service is not found", "correct account_sid and messaging_service"),
    21608: _human("a trial account sends only to verified numbers", "upgrade the account, or verify the number",
                  is_theirs=True),
    30002: _human("the account is suspended", "ask Twilio's support, and check the account's balance"),
    63038: _human("the account's daily limit is reached", "wait until tomorrow, or ask Twilio for a higher limit"),
    # The sender
    21212: _sender("the sender is not valid", "correct sender, or the campaign's numbers"),
    21408: _human("the account may not send to this country", "allow it under Messaging > Settings > Geo permissions",
                  is_theirs=True),
    21603: _human("there is no sender", "set sender or messaging_service, or give the campaign a number"),
    21606: _sender("the sender cannot send SMS or is not the account's", "correct sender, or the campaign's numbers"),
    21659: _sender("the sender is not the account's", "correct sender, or the campaign's numbers"),
    21660: _sender("the sender belongs to another account", "correct sender, or the campaign's numbers"),
    21601: _sender("the sender is not a number of the account", "correct sender, or the campaign's numbers"),
    21661: _sender("the sender cannot send SMS", "choose a number whose capabilities have SMS"),
    21701: _human("the messaging service does not exist", "correct messaging_service"),
    21703: _human("the messaging service has no senders", "add a number to it in Twilio's console"),
    21704: _human("the messaging service has no sender for this person", "add a matching number to it",
                  is_theirs=True),
    21705: _human("the messaging service is not valid", "correct messaging_service"),
    21609: _human("the address for delivery reports is refused", "set http.public_url to a public address"),
    # Registration and content
    30004: _blocked("the message is blocked", "ask Twilio's support why before anything else is sent"),
    30007: _blocked("the carrier filters the message as spam", "change the text: no link shortener, say who writes"),
    30032: _sender("the toll-free number is not verified", "finish its verification in Twilio's console"),
    30033: _sender("the 10DLC campaign is suspended", "ask Twilio's support why"),
    30034: _sender("the number is not registered for 10DLC", "register its brand and campaign at Twilio"),
    30035: _sender("the number's 10DLC registration is not finished", "wait until the console shows it as registered"),
}  # fmt: skip


def verdict_of(code: int) -> Verdict | None:
    """The table's verdict on a code; every channel error (63xxx) needs a person."""
    if code not in CODES and 63_000 <= code < 64_000:
        return _human("the messaging channel is not set up for this", "look the code up in Twilio's error list")
    return CODES.get(code)


#: A table of codes: the verdict on one, None for a code that it does not have.
Codes = Callable[[int], Verdict | None]


def asks_to_slow_down(refusal: Refusal, codes: Codes = verdict_of) -> bool:
    """Whether the channel has to wait."""
    found = codes(refusal.code) if refusal.code is not None else None
    return refusal.status == 429 or (refusal.status < 500 and found is not None and found.act == Act.later)


def refuse(refusal: Refusal, after: float, codes: Codes = verdict_of) -> NoReturn:
    """Raise the error for a refusal by the table `codes`; `after` is the back-off if it asks for one.

    A client error with Twilio's code proves that nothing was accepted. Without a code a proxy answered: then only a
    refusal of the login or of the pace is trusted, because such a request went no further.
    """
    status, code, words = refusal.status, refusal.code, refusal.words
    if not 400 <= status < 500:
        raise NoAnswer(f"Twilio's answer decides nothing (HTTP {status})")
    found = codes(code) if code is not None else None
    if code is not None and found is not None:
        _follow(found, found.say(code), after)
    if status == 429:
        raise Unavailable("Twilio: too many requests at once", after)
    if status == 401 or (status in (403, 404) and code is not None):
        raise NeedsHuman(f"Twilio refuses the request ({refusal}); check account_sid and the credentials")
    if code is None:
        raise NoAnswer(f"the answer is not from Twilio (HTTP {status})")
    raise Rejected(f"Twilio refused the request ({code}): {words}")


def _follow(verdict: Verdict, why: str, after: float) -> NoReturn:
    match verdict.act:
        case Act.opt_out:
            raise Rejected(why, outcome=Outcome.opted_out)
        case Act.dead:
            raise Rejected(why, dead=True)
        case Act.give_up:
            raise Rejected(why)
        case Act.blocked:
            raise Rejected(why, fault=verdict.fault)
        case Act.sender:
            raise NeedsHuman(why, only_sender=True)
        case Act.human:
            raise NeedsHuman(why)
        case Act.later:
            raise Unavailable(why, after)
        case Act.this_later:
            raise Unavailable(why, 3600.0, only_this=True)


#: Statuses that are not final; an SMS step counts as made at `sent`.
ON_THE_WAY = frozenset({"queued", "sending", "accepted", "scheduled", "receiving", "received"})
_ENDS = {"sent": Outcome.sent, "delivered": Outcome.delivered, "read": Outcome.delivered,
         "partially_delivered": Outcome.delivered, "undelivered": Outcome.failed, "failed": Outcome.failed,
         "canceled": Outcome.failed}  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """The outcome that a message's status proves."""

    outcome: Outcome
    reason: str = ""
    dead: bool = False
    fault: Fault = "person"


def end_of(status: str, code: int | None) -> End | None:
    """The outcome of a status with its error code; None for a status that is not final or not known."""
    outcome = _ENDS.get(status)
    if outcome is not Outcome.failed:
        return End(outcome) if outcome else None
    found = verdict_of(code) if code else None
    if code is None or found is None:
        return End(outcome, f"Twilio {code}: {status}; see Twilio's error list" if code else f"Twilio says {status}")
    if found.act == Act.opt_out:
        return End(Outcome.opted_out, found.say(code))
    return End(outcome, found.say(code), found.act == Act.dead, found.fault)
