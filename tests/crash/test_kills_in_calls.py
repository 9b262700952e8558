"""Kill a whole daemon while it makes calls through the real Twilio SDK: created, ringing, talking; Twilio is the judge.

Twilio lives in the test's process, so its calls go on while the daemon is dead: what it posts then is refused, and
lost. Each attempt must be bound to its own call, by the token in its callbacks or by a look-up, or be unknown; nobody
is called twice for one try, and nobody is called again who was told that they will not be.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from plugins.channel_phone.tests.fake_calls import BusyTwilio, token_of
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN
from tests.crash.attempts import Tried, attempts_of, judge_tries
from tests.crash.installation import Installation, people
from tests.crash.test_kills import CAMPAIGN

#: httpx leaves a body half read when the daemon dies under a request; this side is only the test's Twilio.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CONCURRENCY = 12
SETTINGS = """
[http]
listen = "127.0.0.1:{port}"
public_url = "{base}"

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
#: conversation (`agent_error`: it broke with the daemon, and what had been said came to nothing), and one whose report
#: was lost is found by a look-up, or unknown.
TRUE_OF: dict[str, set[str]] = {
    "busy": {"busy"}, "no-answer": {"no_answer"}, "failed": {"failed"}, "canceled": {"no_answer"},
    "talk": {"answered", "no_answer", "agent_error"}, "stop": {"opted_out", "answered", "no_answer", "agent_error"},
    "key": {"opted_out", "answered", "no_answer", "agent_error"}, "machine": {"voicemail", "no_answer"},
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one run."""

    kills: int
    calls: int
    unknown: int
    bound_when_dead: int
    answered: int


def judge(home: Installation, twilio: BusyTwilio, count: int) -> Figures:
    """Compare Twilio's calls with the promises."""
    tries = {one.token: one for one in attempts_of(home)}
    home.judge_people(count)
    _judge_calls(twilio, tries)
    judge_tries(tries.values(), again_after=("busy", "no_answer"))
    unknown = {one.token for one in tries.values() if one.state == "unknown"}
    begun: set[str] = set().union(*(life.begun for life in home.lives))
    assert unknown <= begun | twilio.withheld, unknown - begun - twilio.withheld
    promised = {one.to for one in twilio.calls if twilio.lives[one.sid].promised}
    assert promised <= {value for (value,) in home.ask("SELECT value FROM suppression WHERE lifted_at IS NULL")}
    bound = sum(tries[token].ref is not None for token in begun)
    answered = sum(one.outcome == "answered" for one in tries.values())
    return Figures(len(home.lives), len(twilio.calls), len(unknown), bound, answered)


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


def run(folder: Path, *, seed: int, count: int, kills: int, lost: float = 0.0) -> Figures:
    """One whole story."""
    home = Installation(folder, main="tests.crash.calling_child:live")
    with BusyTwilio(seed=seed, faults=FAULTS, lost=lost, lag=LAG, port=free_port()) as twilio:
        home.configure(SETTINGS.format(
            n=CONCURRENCY, account=ACCOUNT, token=TOKEN, number=NUMBER, url=twilio.url, chat=twilio.chat,
            base=twilio.base, port=twilio.port,
        ))  # fmt: skip
        exits = {"on": ["answered", "opted_out", "unreachable"], "unreachable_after": 3}
        campaign = CAMPAIGN | {"step": STEPS, "exit": exits}
        home.prepare(campaign, people(count), ("agents apply", {"file": {"agent": [AGENT]}}))
        # calls ring and talk for some tenths of a second
        home.soak(kills, lambda: twilio.creates, max(2, count // kills), random.Random(seed), lingers=0.4)
        home.finish(within=ENDS_WITHIN)
        return judge(home, twilio, count)


@pytest.mark.slow
def test_killed_while_calls_are_made_ring_and_talk(tmp_path: Path) -> None:
    figures = run(tmp_path, seed=5, count=24, kills=2)
    assert figures.kills >= 1
    assert figures.bound_when_dead >= 1
    assert figures.answered >= 1


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_killed_seventy_five_times_while_it_calls(
    tmp_path: Path, record_property: Callable[[str, object], None], seed: int
) -> None:
    figures = run(tmp_path, seed=seed, count=200, kills=15, lost=0.06)
    record_property("figures", str(figures))
    assert figures.calls >= 200
    assert figures.bound_when_dead >= 10
