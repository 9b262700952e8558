"""Maps a mail server's refusal to an API error: retry later, never for this person, or a person must act.

Only refusals are judged here: the server accepted nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fluentsd.api import Fault, NeedsHuman, Outcome, Rejected, Unavailable

#: Enhanced status codes (RFC 3463, RFC 7505) of a dead address, or a disabled one (5.2.1).
#: Not every 5.1.x: 5.1.7 and 5.1.8 are about the sender's address.
DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
#: The account may not send at all (RFC 4954): it must log in, or with another mechanism.
_LOGIN = (530, 534, 535)
#: The sender's own address or account is refused, at whatever step (RFC 3463; 5.7.60 is Exchange's).
_SENDER = frozenset({"5.1.7", "5.1.8", "5.7.60"})
#: The account has reached its limit of the day, at whatever step; seconds until the next try.
_LIMIT, LIMIT_LASTS = "5.4.5", 3600.0
#: "Relay" as the server's word: of an address or a host's name it is a part.
_RELAY = re.compile(r"(?<![\w.@-])relay(?:ing|ed)?(?![\w@-]|\.\w)", re.IGNORECASE)
STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_NO_MAILBOX = re.compile(
    r"(user|recipient|mailbox|address|account)\s+(is\s+)?(unknown|not found|does not exist|doesn't exist)"
    r"|(unknown|no such) (user|recipient|mailbox|address|person)",
    re.IGNORECASE,
)

Step = Literal["MAIL", "RCPT", "DATA", "message", "final dot"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's reply."""

    code: int
    text: str

    @classmethod
    def of(cls, reply: tuple[int, bytes | str]) -> Answer:
        """From smtplib's reply."""
        code, text = reply
        return cls(code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    @property
    def status(self) -> str:
        """The enhanced status code, "" if there is none."""
        found = STATUS.search(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:300]


def no_such_mailbox(text: str) -> bool:
    """Whether the server's text means that there is no such mailbox."""
    return _NO_MAILBOX.search(text) is not None


def judge(step: Step, answer: Answer, wanted: int, sender: str) -> None:
    """Return if the server goes on; else raise `Unavailable`, `Rejected` or `NeedsHuman`."""
    if answer.code == wanted or (wanted == 250 and answer.code // 100 == 2):
        return
    if answer.code // 100 != 5:
        # at RCPT only this mailbox has to wait (greylisting)
        greylisted = step == "RCPT"
        why = f"the mail server refused temporarily at {step}: {answer}"
        raise Unavailable(why, 300.0 if greylisted else 30.0, only_this=greylisted)
    if answer.status == _LIMIT:
        raise Unavailable(f"the mail server takes no more mail of this account now ({step}): {answer}", LIMIT_LASTS)
    if answer.code in _LOGIN or (step in ("MAIL", "RCPT") and answer.status not in DEAD and _RELAY.search(answer.text)):
        raise NeedsHuman(f"the mail server does not allow this account to send ({step}): {answer}")
    # at MAIL, 552 says that this message is too large; other codes are about this sender
    if answer.status in _SENDER or (step == "MAIL" and answer.code != 552):
        raise NeedsHuman(f"the mail server refuses the sender {sender}: {answer}")
    dead = answer.status in DEAD or (answer.code == 550 and not answer.status and no_such_mailbox(answer.text))
    bounced = dead or answer.status.startswith(("5.1.", "5.2."))
    outcome = Outcome.bounced if bounced else Outcome.failed
    fault: Fault = "message" if answer.status.startswith("5.7.") else "person"  # policy: the content
    raise Rejected(f"the mail server refused at {step}: {answer}", outcome=outcome, dead=dead, fault=fault)
