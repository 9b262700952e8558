"""The meaning of Twilio's voice error codes and call statuses.

Codes: https://www.twilio.com/docs/api/errors. Codes of the account itself (login, balance, pace) are the SMS plugin's.
"""

from __future__ import annotations

from fluentsd_channel_sms import error_codes as account
from fluentsd_channel_sms.error_codes import Act, Verdict

from fluentsd.api import Fault, Outcome

CODES: dict[int, Verdict] = {
    # Numbers that cannot be called
    13224: Verdict(Act.dead, "the number is not valid"),
    13223: Verdict(Act.dead, "the number is not valid"),
    21211: Verdict(Act.dead, "the number is not valid"),
    21217: Verdict(Act.dead, "the number is not valid"),
    21214: Verdict(Act.dead, "the number cannot be reached"),
    # This call, this person
    21202: Verdict(Act.give_up, "Twilio calls no premium numbers"),
    13225: Verdict(Act.give_up, "Twilio refuses calls to this number"),
    21216: Verdict(Act.give_up, "the account may not call this number"),
    # The account
    10001: Verdict(Act.human, "the account is not active", "check its state in Twilio's console"),
    10004: Verdict(Act.later, "the account has as many calls at once as it may"),
    13227: Verdict(Act.human, "the account may not call this country",
                   "allow it under Voice > Settings > Geo permissions", is_theirs=True),
    21215: Verdict(Act.human, "the account may not call this country",
                   "allow it under Voice > Settings > Geo permissions", is_theirs=True),
    21203: Verdict(Act.human, "the account may not call this country",
                   "allow it under Voice > Settings > Geo permissions", is_theirs=True),
    21219: Verdict(Act.human, "a trial account calls only verified numbers", "upgrade it, or verify the number",
                   is_theirs=True),
    21205: Verdict(Act.human, "the webhook's URL is refused", "set http.public_url to a public address"),
    21220: Verdict(Act.give_up, "the call has ended already"),
    # The caller ID
    21210: Verdict(Act.sender, "the caller ID is not verified", "buy or verify it in Twilio's console"),
    21212: Verdict(Act.sender, "the caller ID is not valid", "correct sender, or the campaign's numbers"),
    21213: Verdict(Act.sender, "there is no caller ID", "set sender, or give the campaign a number"),
}  # fmt: skip
#: SIP codes that prove a number does not exist.
NO_SUCH_NUMBER = frozenset({404, 410, 484, 604})
#: SIP codes by which the person's network refuses one call as unwanted. It is no fault of the person, and no proof that
#: the caller ID is not allowed: a person who declines one call must not stop the others.
BLOCKED = frozenset({607, 608})
#: Statuses of a call that has not ended.
ON_THE_WAY = frozenset({"queued", "initiated", "ringing", "in-progress"})


def verdict_of(code: int) -> Verdict | None:
    """The verdict on a code; None when neither table has it."""
    return CODES.get(code) or account.CODES.get(code)


class End:
    """What the end of a call proves that was not picked up."""

    __slots__ = ("dead", "fault", "outcome", "reason")

    def __init__(self, outcome: Outcome, reason: str, *, dead: bool = False, fault: Fault = "person") -> None:
        self.outcome, self.reason, self.dead, self.fault = outcome, reason, dead, fault


def end_of(status: str, sip: int | None = None, code: int | None = None) -> End | None:
    """The outcome of a call's last status; None while it goes on, and for `completed`, which says only that somebody
    or something picked it up."""
    match status:
        case "busy":
            return End(Outcome.busy, "Twilio: the line was busy")
        case "no-answer":
            return End(Outcome.no_answer, "Twilio: it rang and nobody answered")
        case "canceled":
            return End(Outcome.no_answer, "Twilio: cancelled before it was answered", fault="message")
        case "failed":
            found = verdict_of(code) if code is not None else None
            if found is not None and code is not None:
                return End(Outcome.failed, found.say(code), dead=found.act == Act.dead, fault=found.fault)
            reason = f"Twilio: the call failed{f' (SIP {sip})' if sip else ''}"
            fault: Fault = "message" if sip in BLOCKED else "person"
            return End(Outcome.failed, reason, dead=sip in NO_SUCH_NUMBER, fault=fault)
    return None
