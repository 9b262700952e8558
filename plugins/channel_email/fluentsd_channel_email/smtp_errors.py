"""What a mail server's refusal means for the house: later, never for this person, or a person must act.

Only refusals are judged here, and each of them is an answer: the server accepted nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fluentsd.api import Fault, NeedsHuman, Outcome, Rejected, Unavailable

#: Enhanced status codes (RFC 3463, RFC 7505) which say that nobody lives at this address, or does no longer (5.2.1).
#: Not every 5.1.x: 5.1.7 and 5.1.8 blame the sender's address.
DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
#: The account may not send at all (RFC 4954): it must log in, or differently.
_LOGIN = (530, 534, 535)
STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_NOBODY = re.compile(
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
        """What smtplib calls a reply."""
        code, text = reply
        return cls(code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    @property
    def status(self) -> str:
        """The enhanced status code, "" if there is none."""
        found = STATUS.search(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:300]


def says_nobody(text: str) -> bool:
    """The server's plain words mean that there is no such mailbox."""
    return _NOBODY.search(text) is not None


def judge(step: Step, said: Answer, wanted: int, sender: str) -> None:
    """Return if the server goes on; else raise `Unavailable`, `Rejected` or `NeedsHuman`."""
    if said.code == wanted or (wanted == 250 and said.code // 100 == 2):
        return
    if said.code // 100 != 5:
        # at RCPT it is this mailbox that has to wait (greylisting), not everybody's mail
        greylisted = step == "RCPT"
        why = f"the mail server refused for now at {step}: {said}"
        raise Unavailable(why, 300.0 if greylisted else 30.0, only_this=greylisted)
    if said.code in _LOGIN or (step in ("MAIL", "RCPT") and "relay" in said.text.lower()):
        raise NeedsHuman(f"the mail server does not let this account send ({step}): {said}")
    if step == "MAIL" and said.code != 552:  # 552: this message is too large; anything else: this sender
        raise NeedsHuman(f"the mail server refuses the sender {sender}: {said}")
    dead = said.status in DEAD or (said.code == 550 and not said.status and says_nobody(said.text))
    bounced = dead or said.status.startswith(("5.1.", "5.2."))
    outcome = Outcome.bounced if bounced else Outcome.failed
    fault: Fault = "message" if said.status.startswith("5.7.") else "person"  # policy: what we say, or how it looks
    raise Rejected(f"the mail server refused at {step}: {said}", outcome=outcome, dead=dead, fault=fault)
