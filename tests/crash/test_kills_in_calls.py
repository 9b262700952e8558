"""Kill a whole daemon while it makes calls through the real Twilio SDK: created, ringing, talking; Twilio is the judge.

Twilio lives in the test's process, so its calls go on while the daemon is dead: what it posts then is refused, and
lost. Each attempt must be bound to its own call, by the token in its callbacks or by a look-up, or be unknown; nobody
is called twice for one try, and nobody is called again who was told that they will not be.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from plugins.channel_phone.tests.fake_calls import BusyTwilio, token_of
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN
from tests.crash.test_kills import CAMPAIGN
from tests.processes import Child, start

#: httpx leaves a body half read when the daemon dies under a request; this side is only the test's Twilio.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ROOT = Path(__file__).parents[2]
CONCURRENCY = 12
SETTINGS = """
[database]
path = "crash.db"

[http]
listen = "127.0.0.1:{port}"
public_url = "{base}"

[daemon]
call_grace = "5 s"

# faults are strewn thickly here, and the campaign is to go on through them
[breakers]
failures = "off"
number_undelivered = "off"

[channel.phone]
plugin = "twilio-voice"
concurrency = {n}
timeout = "2 s"
calls = "200/second"
account_sid = "{account}"
auth_token = "{token}"
sender = "{number}"
base_url = "{url}"

[channel.phone.model]
base_url = "{chat}"
model = "m"
"""
AGENT = {"name": "a", "company": "Acme", "prompt": "Sell.", "start_delay": "0"}
STEPS = [
    {"id": "call", "channel": "phone", "agent": "a", "retry": {"busy": "0", "no_answer": "0", "limit": 2}},
    {"id": "again", "channel": "phone", "agent": "a"},
]
#: Chances of one create. With `accept_…` the call is made; `500` makes none; `429` refuses.
FAULTS = {"accept_500": 0.05, "accept_drop": 0.04, "accept_nonsense": 0.03, "429": 0.04, "500": 0.02}
#: Seconds for the last daemon to make all calls that are left.
ENDS_WITHIN = 400
#: Microseconds until a call is in the list: the first look-up after a lost answer comes too early.
LAG = 500_000
#: What an attempt may have come to, by the last status of its call; a call that was picked up is known by its
#: conversation, and one whose report was lost is found by a look-up, or unknown.
TRUE_OF: dict[str, set[str]] = {
    "busy": {"busy"}, "no-answer": {"no_answer"}, "failed": {"failed"}, "canceled": {"no_answer"},
    "talk": {"answered", "no_answer"}, "stop": {"opted_out", "answered", "no_answer"},
    "key": {"opted_out", "answered", "no_answer"}, "machine": {"voicemail", "no_answer"},
}  # fmt: skip


def prepare(folder: Path, twilio: BusyTwilio, people: int) -> None:
    """A database with a started campaign, as the verbs leave it."""
    settings = SETTINGS.format(
        n=CONCURRENCY, account=ACCOUNT, token=TOKEN, number=NUMBER, url=twilio.url, chat=twilio.chat,
        base=twilio.base, port=twilio.port,
    )  # fmt: skip
    (folder / "fluentsd.toml").write_text(settings)
    trio.run(_prepare, folder, people)


async def _prepare(folder: Path, count: int) -> None:
    from fluentsd.clock import SystemClock
    from fluentsd.config import load
    from fluentsd.daemon import open_runtime
    from fluentsd.plugins import discover
    from fluentsd.verbs import Call
    from fluentsd.verbs.execute import execute

    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:

        async def do(verb: str, **arguments: object) -> Any:
            return await execute(runtime, verb, arguments, Call("test", runtime.clock.now(), role="admin"))

        await do("agents apply", file={"agent": [AGENT]})
        exits = {"on": ["answered", "opted_out", "unreachable"], "unreachable_after": 3}
        await do("campaign apply", file=CAMPAIGN | {"step": STEPS, "exit": exits})
        run = await do("contacts begin-import", source="people.csv", ref="crash")
        people = [{"key": f"k{n}", "points": [["phone", f"+1212555{n:04d}"]], "zones": ["UTC"]} for n in range(count)]
        await do("contacts take", run=run, people=people)
        await do("campaign start", ref="crash")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def child(folder: Path) -> Child:
    return start("tests.crash.calling_child:live", str(folder), output=folder / "child.log", folder=ROOT)


def soak(folder: Path, twilio: BusyTwilio, kills: int, stride: int, chance: random.Random) -> list[set[str]]:
    """Kill at random moments, at most `stride` calls apart, then let it finish; the open attempts at each kill."""
    open_then = []
    for _ in range(kills):
        victim, wanted = child(folder), twilio.creates + chance.randint(1, stride)
        until = time.monotonic() + 30
        while twilio.creates < wanted and victim.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        try:
            victim.wait(timeout=chance.uniform(0, 0.4))  # then some ring, and some talk
            break  # completed before the kill
        except subprocess.TimeoutExpired:
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
        with sqlite3.connect(folder / "crash.db") as db:  # nobody else has it open now
            open_then.append({token for (token,) in db.execute("SELECT id FROM attempt WHERE state = 'open'")})
        db.close()
    last = child(folder)
    try:
        assert last.wait(timeout=ENDS_WITHIN) == 0, (folder / "child.log").read_text()[-3000:]
    finally:
        last.kill()
        last.wait()
    return open_then


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


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one run."""

    kills: int
    calls: int
    unknown: int
    bound_when_dead: int
    answered: int


def judge(folder: Path, twilio: BusyTwilio, people: int, open_then: list[set[str]]) -> Figures:
    """Compare Twilio's calls with the promises."""
    with sqlite3.connect(folder / "crash.db") as db:
        rows = db.execute("SELECT attempt.id, enrollment_id, step, try_no, state, outcome, provider_ref, point.value"
                          " FROM attempt JOIN point ON point.id = point_id").fetchall()  # fmt: skip
        states = Counter(state for (state,) in db.execute("SELECT state FROM enrollment"))
        stopped = {value for (value,) in db.execute("SELECT value FROM suppression WHERE lifted_at IS NULL")}
    db.close()
    tries = {row[0]: Tried(*row) for row in rows}
    assert sum(states.values()) == people
    assert states.keys() <= {"completed", "exited"}
    _judge_calls(twilio, tries)
    _judge_tries(tries)
    unknown = {one.token for one in tries.values() if one.state == "unknown"}
    under_way = set().union(*open_then)
    assert unknown <= under_way | twilio.withheld, unknown - under_way - twilio.withheld
    promised = {one.to for one in twilio.calls if twilio.lives[one.sid].promised}
    assert promised <= stopped
    bound = sum(tries[token].ref is not None for token in under_way)
    answered = sum(one.outcome == "answered" for one in tries.values())
    return Figures(len(open_then), len(twilio.calls), len(unknown), bound, answered)


def _judge_calls(twilio: BusyTwilio, tries: dict[str, Tried]) -> None:
    """Each call is of one committed attempt, which is bound to it or to none, and says what is true of it."""
    calls = {token_of(one): one for one in twilio.calls}
    assert len(calls) == len(twilio.calls)  # no attempt called twice
    assert calls.keys() <= tries.keys()
    for token, call in calls.items():
        tried, life = tries[token], twilio.lives[call.sid]
        assert tried.to == call.to
        assert tried.ref in (None, call.sid)
        assert tried.ref == call.sid or tried.state == "unknown", tried
        truth = TRUE_OF["canceled" if call.status == "canceled" else life.fate]
        assert tried.outcome in truth | {"unknown"}, (tried, life)
    assert not {one.ref for token, one in tries.items() if token not in calls} - {None}
    promised: set[str] = set()
    for call in twilio.calls:  # in the order in which they were made
        assert call.to not in promised
        promised |= {call.to} if twilio.lives[call.sid].promised else set()


def _judge_tries(tries: dict[str, Tried]) -> None:
    """A step is tried again only after a proven outcome of the last try."""
    steps: dict[tuple[int, str], list[Tried]] = {}
    for one in sorted(tries.values(), key=lambda one: one.number):
        steps.setdefault((one.enrollment, one.step), []).append(one)
    for made in steps.values():
        assert [one.number for one in made] == list(range(1, len(made) + 1))
        assert all(one.outcome in ("not_sent", "busy", "no_answer") for one in made[:-1]), made


def run(folder: Path, *, seed: int, people: int, kills: int) -> Figures:
    """One whole story."""
    with BusyTwilio(seed=seed, faults=FAULTS, lag=LAG, port=free_port()) as twilio:
        prepare(folder, twilio, people)
        open_then = soak(folder, twilio, kills, max(2, people // kills), random.Random(seed))
        return judge(folder, twilio, people, open_then)


@pytest.mark.slow
def test_killed_while_calls_are_made_ring_and_talk(tmp_path: Path) -> None:
    figures = run(tmp_path, seed=5, people=24, kills=2)
    assert figures.kills >= 1
    assert figures.bound_when_dead >= 1
    assert figures.answered >= 1


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_killed_seventy_five_times_while_it_calls(tmp_path: Path, seed: int) -> None:
    figures = run(tmp_path, seed=seed, people=200, kills=15)
    assert figures.calls >= 200
    assert figures.bound_when_dead >= 10
