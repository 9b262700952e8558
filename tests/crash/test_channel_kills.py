"""Kill a real process while it writes through the real SMS and e-mail channels; the provider's own list is the judge.

The provider lives in the test's process, so its memory outlives every kill. It is rough: it accepts and answers with
an error, or not at all; it refuses, it asks to slow down, its list lags. It records what it did to each attempt, so
that every unknown attempt must have one of two causes: it was under way when a process died, or the provider hid its
own answer. Nobody may get the same message twice, and nobody may be lost, whatever happens.

SMS can be asked afterwards, so a message that was accepted is always found again; a mail cannot.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import trio

from fluentsd.testing.smtp_faults import Phase, SinkFault
from fluentsd.testing.smtp_sink import SmtpSink
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, Bad, FakeTwilio

CONCURRENCY = 12
ROOT = Path(__file__).parents[2]
SETTINGS = """
[database]
path = "crash.db"

[http]
public_url = "https://team.example"

# faults are strewn thickly here, and the campaign is to go on through them
[breakers]
email_bounces = "off"
sms_filtered = "off"
failures = "off"
number_undelivered = "off"
"""
SMS = """
[channel.sms]
plugin = "twilio"
concurrency = {n}
timeout = "2 s"
throughput = "100/second"
account_sid = "{account}"
auth_token = "{token}"
sender = "{number}"
base_url = "{url}"
"""
EMAIL = """
[channel.email]
plugin = "email"
concurrency = {n}
timeout = "3 s"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Dana <dana@team.example>"
answer_timeout = 0.5
connections = 6
messages_per_connection = 20
purpose = "transactional"
"""
CAMPAIGN = {
    "name": "Crash",
    "ref": "crash",
    "window": {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "hours": "00:00-24:00",
        "fallback_timezone": "UTC",
    },
    "exit": {"on": ["opted_out", "unreachable"]},
}
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
    letters: int = 0
    withheld: set[str] = field(default_factory=set)
    lost: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)

    def fate(self, chances: Mapping[T, float], otherwise: T) -> T:
        """One of these, by chance."""
        with self.lock:
            die = self.chance.random()
        for what, chance in chances.items():
            die -= chance
            if die < 0:
                return what
        return otherwise

    def letter(self) -> None:
        """A message is being sent."""
        with self.lock:
            self.letters += 1
            self.lock.notify_all()

    def wait_letters(self, more: int, victim: subprocess.Popen[bytes]) -> None:
        """Return after so many more messages were sent, or when the process has ended."""
        with self.lock:
            enough = self.letters + more
            while self.letters < enough and victim.poll() is None:
                self.lock.wait(0.05)


class Provider(Protocol):
    """The methods that the test needs of each provider."""

    diary: Diary
    can_be_asked: bool

    def settings(self) -> str: ...
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
        self.diary.letter()
        if self._mood.kind not in ("", "429"):
            self.diary.withheld.add(_token(given["StatusCallback"]))
        self._over.wait(THINKS)
        answer = super()._create(given)
        self._over.wait(THINKS)
        return answer

    def _bad(self, to: str) -> Bad:
        return Bad(self._mood.kind)

    def settings(self) -> str:
        return SMS.format(n=CONCURRENCY, account=ACCOUNT, token=TOKEN, number=NUMBER, url=self.url)

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
        self.diary.letter()
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

    def settings(self) -> str:
        return EMAIL.format(n=CONCURRENCY, port=self.port)

    def steps(self) -> list[dict[str, Any]]:
        mail = {"channel": "email", "text": "Hello"}
        return [mail | {"id": name, "subject": f"The {name} mail"} for name in ("first", "second")]

    def kept(self) -> list[Kept]:
        return [Kept(mail.envid, mail.recipients[0], str(mail.message["Subject"])) for mail in self.mails]


# ── the life and deaths of the daemon ────────────────────────────────────────────────────────────────────────────


def prepare(folder: Path, provider: Provider, people: int) -> None:
    """A database with a started campaign, as the verbs leave it."""
    (folder / "fluentsd.toml").write_text(SETTINGS + provider.settings())
    trio.run(_prepare, folder, provider.steps(), people)


async def _prepare(folder: Path, steps: list[dict[str, Any]], people: int) -> None:
    from fluentsd.clock import SystemClock
    from fluentsd.config import load
    from fluentsd.daemon import open_runtime
    from fluentsd.plugins import discover
    from fluentsd.verbs import Call
    from fluentsd.verbs.execute import execute

    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:

        async def do(verb: str, **arguments: object) -> dict[str, object]:
            return await execute(runtime, verb, arguments, Call("test", runtime.clock.now(), role="admin"))

        await do("campaign apply", file=CAMPAIGN | {"step": steps})
        run = await do("contacts begin-import", source="people.csv", ref="crash")
        points = [[["phone", f"+1212555{n:04d}"], ["email", f"p{n}@example.com"]] for n in range(people)]
        who = [{"key": f"k{n}", "points": both, "zones": ["UTC"]} for n, both in enumerate(points)]
        await do("contacts take", run=run, people=who)
        await do("campaign start", ref="crash")


def child(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "child.log").open("ab") as words:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crash.channel_child", str(folder)],
            stdout=words, stderr=words, stdin=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip


def soak(folder: Path, provider: Provider, kills: int, stride: int, chance: random.Random) -> list[set[str]]:
    """Kill at random moments, at most `stride` messages apart, then let it finish; returns the attempts under way at
    each kill."""
    under_way = []
    for _ in range(kills):
        victim = child(folder)
        patience = 1.0
        if chance.random() < 0.8:  # in the middle of its work, else perhaps before it begins
            provider.diary.wait_letters(chance.randint(1, stride), victim)
            patience = 0.05
        try:
            victim.wait(timeout=chance.uniform(0, patience))
            break  # completed before the kill
        except subprocess.TimeoutExpired:
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
        under_way.append(_under_way(folder))
    status = child(folder).wait(timeout=100)
    assert status == 0, (folder / "child.log").read_text()[-3000:]
    return under_way


def _under_way(folder: Path) -> set[str]:
    """The open attempts in a copy of the database: reading the original would clean up after the kill."""
    aside = folder / "aside"
    aside.mkdir(exist_ok=True)
    for old in aside.iterdir():
        old.unlink()
    for file in folder.glob("crash.db*"):
        if not file.name.endswith("-shm"):  # it is rebuilt from the log
            shutil.copy(file, aside / file.name)
    return {token for (token,) in _ask(aside, "SELECT id FROM attempt WHERE state = 'open'")}


def _ask(folder: Path, question: str) -> list[Any]:
    db = sqlite3.connect(folder / "crash.db")
    try:
        return db.execute(question).fetchall()
    finally:
        db.close()


# ── the judgement ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt in the database."""

    token: str
    enrollment: int
    step: str
    number: int
    state: str
    outcome: str
    ref: str | None
    to: str


TRIES = """
SELECT attempt.id, enrollment_id, step, try_no, state, outcome, provider_ref, point.value
FROM attempt JOIN point ON point.id = point_id
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one run."""

    kills: int
    tries: int
    kept: int
    unknown: int
    under_way: int
    withheld: int


def judge(folder: Path, provider: Provider, people: int, under_way: list[set[str]]) -> Figures:
    """Compare the provider's list with the promises."""
    tries, kept = [Tried(*row) for row in _ask(folder, TRIES)], provider.kept()
    assert len(tries) == _ask(folder, "SELECT count(*) FROM attempt")[0][0]
    _judge_messages(tries, kept)
    _judge_tries(tries)
    _judge_people(folder, people, tries)
    _judge_doubts(tries, provider, under_way)
    doubts = len(provider.diary.withheld) + provider.diary.lost  # an answer that proves nothing frees its slot
    for before, now in zip([set(), *under_way], under_way, strict=False):
        assert len(now - before) <= CONCURRENCY + doubts
    unknown = sum(one.state == "unknown" for one in tries)
    open_at_kills = len(set().union(*under_way))
    withheld = len(provider.diary.withheld) + provider.diary.lost
    return Figures(len(under_way), len(tries), len(kept), unknown, open_at_kills, withheld)


def _judge_messages(tries: list[Tried], kept: list[Kept]) -> None:
    """No message was sent twice, without a committed attempt, or with another outcome than recorded."""
    about = {one.token: one for one in tries}
    assert _most(one.token for one in kept) <= 1
    assert _most((one.to, one.words) for one in kept) <= 1
    assert all(about[one.token].to == one.to and about[one.token].step in one.words for one in kept)
    accepted = {one.token for one in kept}
    assert {one.token for one in tries if one.outcome == "sent"} <= accepted
    assert {about[token].outcome for token in accepted} <= {"sent", "unknown"}
    assert _most(one.ref for one in tries if one.ref) <= 1


def _judge_tries(tries: list[Tried]) -> None:
    """A step is tried again only after the proof that the last try accepted nothing."""
    steps: dict[tuple[int, str], list[Tried]] = {}
    for one in sorted(tries, key=lambda one: one.number):
        steps.setdefault((one.enrollment, one.step), []).append(one)
    for made in steps.values():
        assert [one.number for one in made] == list(range(1, len(made) + 1))
        assert all((one.state, one.outcome) == ("settled", "not_sent") for one in made[:-1]), made
        assert made[-1].outcome != "not_sent", made


def _judge_people(folder: Path, people: int, tries: list[Tried]) -> None:
    """Every enrollment has ended, and the counters agree with the rows."""
    states = dict(_ask(folder, "SELECT state, count(*) FROM enrollment GROUP BY state"))
    counted = dict(_ask(folder, "SELECT state, sum(count) FROM counter GROUP BY state HAVING sum(count) <> 0"))
    assert states == counted
    steps = "SELECT step, outcome, {0} FROM {1} GROUP BY 1, 2 HAVING {0} <> 0 ORDER BY 1, 2"
    closed = _ask(folder, steps.format("count(*)", "attempt WHERE state <> 'open'"))
    assert _ask(folder, steps.format("sum(count)", "step_count")) == closed
    assert sum(states.values()) == people
    assert states.keys() <= {"completed", "exited"}
    assert {one.state for one in tries} <= {"settled", "unknown"}
    done = {row[0] for row in _ask(folder, "SELECT id FROM enrollment WHERE state = 'completed'")}
    dead = {point for (point,) in _ask(folder, "SELECT value FROM point WHERE dead_on <> ''")}
    for step, excused in (("first", set()), ("second", {one.enrollment for one in tries if one.to in dead})):
        assert done - excused == {one.enrollment for one in tries if one.step == step} & done - excused


def _judge_doubts(tries: list[Tried], provider: Provider, under_way: list[set[str]]) -> None:
    """Every unknown attempt has a cause; with a look-up, none is about a message that the provider has."""
    unknown = {one.token for one in tries if one.state == "unknown"}
    unexcused = unknown - provider.diary.withheld - set().union(*under_way)
    kept = {one.token for one in provider.kept()}
    assert len(unexcused) <= provider.diary.lost, unexcused
    assert not unexcused & kept
    if provider.can_be_asked:
        assert not unknown & kept


def _most(things: Iterable[Any]) -> int:
    return max(Counter(things).values(), default=0)


def run(folder: Path, kind: str, *, seed: int, people: int, kills: int) -> Figures:
    """One whole story; `kind` is sms or email."""
    provider: RoughTwilio | RoughSink = RoughTwilio(seed, people) if kind == "sms" else RoughSink(seed, people)
    with provider:
        prepare(folder, provider, people)
        under_way = soak(folder, provider, kills, 2 * people // kills, random.Random(seed))
        return judge(folder, provider, people, under_way)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sms", "email"])
def test_killed_while_it_writes(tmp_path: Path, kind: str) -> None:
    figures = run(tmp_path, kind, seed=12, people=60, kills=3)
    assert figures.kills >= 2
    assert figures.kept >= 60


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sms", "email"])
@pytest.mark.parametrize("seed", range(5))
def test_killed_a_hundred_and_fifty_times_while_it_writes(tmp_path: Path, kind: str, seed: int) -> None:
    figures = run(tmp_path, kind, seed=seed, people=500, kills=15)
    assert figures.kept >= 500
