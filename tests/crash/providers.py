"""Providers of texts and mails with bad luck, in the test's process, so that their memory outlives every kill.

They accept and answer with an error, or not at all; they refuse, they ask to slow down, their list lags. They record
what they did to each attempt, so that every unknown attempt has one of two causes: its request had begun when a process
died, or the provider hid its own answer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from fluentsd.testing.smtp_faults import Phase, SinkFault
from fluentsd.testing.smtp_sink import SmtpSink
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, Bad, FakeTwilio

#: Faults are frequent here, and the campaign is to go on through them.
TOP = """
[http]
public_url = "https://team.example"

[breakers]
email_bounces = "off"
sms_filtered = "off"
failures = "off"
number_undelivered = "off"
"""
SMS = """
[channel.sms]
plugin = "twilio"
{limits}
account_sid = "{account}"
auth_token = "{token}"
sender = "{number}"
base_url = "{url}"
"""
EMAIL = """
[channel.email]
plugin = "email"
{limits}
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Dana <dana@team.example>"
purpose = "transactional"
"""
#: Chances of one create. With `accept_…` the message is kept; `500` and `hang` keep nothing; `429` refuses.
SMS_FAULTS = {"accept_500": 0.06, "accept_hang": 0.01, "accept_drop": 0.03, "429": 0.03, "500": 0.02, "hang": 0.005}
#: Chances of one mail at each phase: an answer that refuses, or a dropped connection; at the dot the mail may be kept
#: and the answer withheld by a drop or by silence, or the mail lost as quietly.
MAIL_FAULTS: dict[Phase, dict[str, float]] = {
    Phase.mail: {"451 4.3.0 Later": 0.02},
    Phase.rcpt: {"450 4.2.0 Greylisted": 0.03},
    Phase.body: {"": 0.02},
    Phase.dot: {"keep, drop": 0.05, "keep, slow": 0.01, "421 4.3.2 Closing": 0.02, "drop": 0.02, "slow": 0.01},
}
#: Microseconds until a message is in the list: the first question after a lost answer comes too early.
LAG = 300_000
#: Seconds a provider thinks, before and after it keeps a message: a kill finds some on either side.
THINKS = 0.01
#: Seconds a mail server says nothing; the channel waits for half as long.
SILENCE = 1.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """One message a provider accepted."""

    token: str
    to: str
    words: str


@dataclass(slots=True)
class Diary:
    """The provider's record: `withheld` tokens got no answer, `lost` mails were not kept either."""

    chance: random.Random
    requests: int = 0
    withheld: set[str] = field(default_factory=set)
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fate(self, chances: Mapping[T, float], otherwise: T) -> T:
        """One of these, by chance."""
        with self.lock:
            die = self.chance.random()
        for what, chance in chances.items():
            die -= chance
            if die < 0:
                return what
        return otherwise

    def request(self) -> None:
        """A message is being sent."""
        with self.lock:
            self.requests += 1


class Provider(Protocol):
    """The methods that the test needs of each provider."""

    diary: Diary
    can_be_asked: bool

    def settings(self, limits: str) -> str: ...
    def steps(self) -> list[dict[str, Any]]: ...
    def kept(self) -> list[Kept]: ...


class RoughTwilio(FakeTwilio):
    """A Twilio with bad luck, and with people who opted out, have no mobile, are out of coverage."""

    can_be_asked = True

    def __init__(self, seed: int, people: int) -> None:
        refusals = {7: 21610, 13: 21614, 17: 30003}
        codes = {f"+1212555{n:04d}": refusals[n % 20] for n in range(people) if n % 20 in refusals}
        super().__init__(lag=LAG, codes=codes)
        self.diary = Diary(random.Random(seed))
        self._mood = threading.local()

    def _create(self, given: dict[str, str]) -> dict[str, Any]:
        self._mood.kind = self.diary.fate(SMS_FAULTS, "")
        self.diary.request()
        if self._mood.kind not in ("", "429"):
            self.diary.withheld.add(_token(given["StatusCallback"]))
        self._over.wait(THINKS)
        answer = super()._create(given)
        self._over.wait(THINKS)
        return answer

    def _bad(self, to: str) -> Bad:
        return Bad(self._mood.kind)

    def settings(self, limits: str) -> str:
        return SMS.format(limits=limits, account=ACCOUNT, token=TOKEN, number=NUMBER, url=self.url)

    def steps(self) -> list[dict[str, Any]]:
        return [{"id": name, "channel": "sms", "text": f"This is the {name} text"} for name in ("first", "second")]

    def kept(self) -> list[Kept]:
        return [Kept(_token(one.callback or ""), one.to, one.body) for one in self.messages]


def _token(callback: str) -> str:
    return callback.rpartition("/")[2]


class RoughSink(SmtpSink):
    """A mail server with bad luck, and with mailboxes that are gone or do not want this."""

    can_be_asked = False

    def __init__(self, seed: int, people: int) -> None:
        super().__init__()
        self.diary = Diary(random.Random(seed))
        for n in range(people):
            if n % 20 == 7:
                self.refuse(f"p{n}@example.com")
            if n % 20 == 13:
                self.refuse(f"p{n}@example.com", "554 5.7.1 Not wanted")
        self._withholds = False

    def fault_at(self, phase: Phase, to: str | None = None) -> SinkFault | None:
        """A scripted fault, else one by chance."""
        if (scripted := super().fault_at(phase, to)) is not None:
            return scripted
        fate = self.diary.fate(MAIL_FAULTS.get(phase, {}), "nothing")
        if phase == Phase.dot:
            return self._at_dot(fate)
        if fate == "nothing":
            return None
        # the sender has sent a short mail, dot included, before it can notice that the connection is gone
        self.diary.lost += phase == Phase.body
        return SinkFault(phase, fate, drop=not fate)

    def _at_dot(self, fate: str) -> SinkFault:
        self.diary.request()
        self._withholds = fate.startswith("keep")
        self.diary.lost += fate in ("drop", "slow")
        if fate == "nothing":
            return SinkFault(Phase.dot, slow=THINKS, keep=True)
        if fate[0].isdigit():
            return SinkFault(Phase.dot, fate)
        return SinkFault(Phase.dot, drop=True, slow=SILENCE * ("slow" in fate), keep=self._withholds)

    def keep(self, sender: str, recipients: tuple[str, ...], data: bytes, envid: str, notify: str) -> None:
        """Keep a mail, right after its fault was chosen on the same thread."""
        if self._withholds:
            self.diary.withheld.add(envid)
        super().keep(sender, recipients, data, envid, notify)

    def settings(self, limits: str) -> str:
        return EMAIL.format(limits=limits, port=self.port)

    def steps(self) -> list[dict[str, Any]]:
        mail = {"channel": "email", "text": "Hello"}
        return [mail | {"id": name, "subject": f"The {name} mail"} for name in ("first", "second")]

    def kept(self) -> list[Kept]:
        return [Kept(mail.envid, mail.recipients[0], str(mail.message["Subject"])) for mail in self.mails]
