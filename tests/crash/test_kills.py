"""Kill a real process at its weakest points; the sandbox carriers count, and nobody is contacted twice or lost."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.installation import ALWAYS, Installation, Life

#: People of a long soak, and of one kill at a labelled point.
PEOPLE, FEW = 120, 40
SETTINGS = """
[channel.phone]
plugin = "sandbox"
{limits}
seed = {seed}
ring = "0.01-0.05 s"
talk = "0.01-0.1 s"
lookup = "{lookup}"
outcomes = {{ answered = 0.1, voicemail = 0.4, no_answer = 0.3, busy = 0.15, failed = 0.05 }}
faults = {{ accept_then_error = 0.05, accept_then_hang = 0.02, refuse = 0.02, list_lag = 0.2, latency = "0.02 s" }}
ledger = "{folder}/phone.jsonl"

[channel.sms]
plugin = "sandbox"
{limits}
seed = {seed}
delivery = "0.01-0.05 s"
reply = "0.05-0.2 s"
lookup = "{lookup}"
faults = {{ accept_then_error = 0.05, hang = 0.02, refuse = 0.02, list_lag = 0.2 }}
ledger = "{folder}/sms.jsonl"
"""
QUICK, WIDE = 'concurrency = 12\ntimeout = "1 s"', 'concurrency = 2000\ntimeout = "1 s"'
CAMPAIGN = {
    "name": "Crash",
    "ref": "crash",
    "window": ALWAYS,
    "step": [
        {"id": "call", "channel": "phone", "agent": "a", "retry": {"busy": "0", "no_answer": "0", "limit": 2}},
        {"id": "text", "channel": "sms", "text": "hello"},
        {"id": "again", "channel": "phone", "agent": "a"},
    ],
    "exit": {"on": ["answered", "opted_out", "unreachable", "replied"], "unreachable_after": 2},
}
LABELS = [
    ("before-commit:claim", 1),
    ("after-commit:claim", 1),
    ("after-commit:claim", 4),
    ("before-commit:record", 1),
    ("before-commit:record", 6),
    ("after-commit:record", 1),
    ("after-commit:record", 7),
    ("before-send", 1),
    ("before-send", 25),
    ("after-send", 1),
    ("after-send", 35),
    ("before-commit:hasten", 1),
    ("after-commit:complete_if_done", 1),
]


@dataclass(frozen=True, slots=True)
class Story:
    """One run: the channels' limits (none: the defaults), more of the campaign, people, and kills."""

    limits: str
    more: dict[str, Any]
    people: int = PEOPLE
    kills: int = 15


#: The stories of `make crash`, fifteen kills each.
STORIES = {
    "usual": Story("", {}, people=400),
    "wide": Story(WIDE, {"limits": {"pace": "25/second"}}, people=250),
    "fast": Story(QUICK, {}),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one run."""

    kills: int
    attempts: int
    accepted: int
    unknown: int
    begun: int  #: requests begun at the kills
    slowest_start: float


def prepared(folder: Path, story: Story, *, seed: int, lookup: str = "final", url: str = "") -> Installation:
    """An installation with a started campaign."""
    home = Installation(folder, url)
    home.configure(SETTINGS.format(limits=story.limits, seed=seed, folder=folder, lookup=lookup))
    people = [
        {"key": f"k{n}", "points": [["phone", f"+1212555{n:04d}"]], "zones": ["UTC"]} for n in range(story.people)
    ]
    home.prepare(CAMPAIGN | story.more, people)
    return home


def carried(folder: Path) -> list[dict[str, Any]]:
    """The carriers' ledgers. A line is whole: it is one write."""
    files = [folder / f"{kind}.jsonl" for kind in ("phone", "sms")]
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def requests(folder: Path) -> int:
    """The requests that a carrier noted so far."""
    files = [folder / f"{kind}.jsonl" for kind in ("phone", "sms")]
    return sum(file.read_bytes().count(b"\n") for file in files if file.exists())


def judge(home: Installation, people: int, lookup: str = "final") -> Figures:
    """Compare the carriers' counts with the promises."""
    entries = carried(home.folder)
    accepted = Counter(entry["token"] for entry in entries if entry.get("accepted"))
    refused = {entry["token"] for entry in entries if entry.get("why") == "refuse"}
    assert set(accepted.values()) == {1}
    rows = home.ask("SELECT id, enrollment_id, step, try_no, state, outcome FROM attempt")
    assert accepted.keys() <= {row[0] for row in rows}  # no message without a committed attempt
    tries: dict[tuple[int, str], list[tuple[int, str, str]]] = {}
    for _, enrollment, step, try_no, state, outcome in rows:
        tries.setdefault((enrollment, step), []).append((try_no, state, outcome))
    for made in tries.values():  # another try only after a proven outcome
        assert all(state == "settled" for _, state, _ in sorted(made)[:-1]), made
        assert [t for t, *_ in sorted(made)] == list(range(1, len(made) + 1))
    assert not {row[0] for row in rows if row[5] == "not_sent"} & accepted.keys()
    assert {row[0] for row in rows if row[5] not in ("not_sent", "unknown")} <= accepted.keys() | refused
    unknown = {row[0] for row in rows if row[4] == "unknown"}
    begun: set[str] = set().union(*(life.begun for life in home.lives))
    hidden = people // 5 if lookup == "fuzzy" else 0  # a carrier that cannot tell hides its own faults too
    assert len(unknown - begun) <= hidden
    home.judge_people(people)
    slowest = max((life.sent_after or 0 for life in home.lives), default=0)
    return Figures(len(home.lives), len(rows), len(accepted), len(unknown), len(begun), round(slowest, 2))


@pytest.mark.slow
@pytest.mark.parametrize(  # every third in each run, all of them in `make crash`
    ("label", "nth"), [pytest.param(*one, marks=[pytest.mark.crash] if n % 3 else []) for n, one in enumerate(LABELS)]
)
def test_killed_at_a_labelled_point(tmp_path: Path, label: str, nth: int) -> None:
    home = prepared(tmp_path, Story(QUICK, {}, FEW), seed=nth)
    assert home.start(label, str(nth)).wait(timeout=60) == -signal.SIGKILL, home.last_words()
    home.lives.append(Life(home.begun(), None))
    home.finish()
    judge(home, FEW)


def soaked(home: Installation, story: Story, seed: int) -> None:
    home.soak(story.kills, lambda: requests(home.folder), 2 * story.people // story.kills, random.Random(seed))
    home.finish(within=400)


@pytest.mark.slow
@pytest.mark.parametrize(("lookup", "database"), [("final", "postgresql"), ("fuzzy", "sqlite")])
def test_killed_again_and_again(tmp_path: Path, a_url: Callable[[str], str], lookup: str, database: str) -> None:
    story = Story(QUICK, {}, people=60, kills=3)
    home = prepared(tmp_path, story, seed=11, lookup=lookup, url=a_url(database))
    soaked(home, story, seed=11)
    judge(home, story.people, lookup)


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("lookup", ["final", "fuzzy"])
@pytest.mark.parametrize("seed", range(2))
def test_killed_fifteen_times(
    tmp_path: Path, a_url: Callable[[str], str], record_property: Callable[[str, object], None],
    story: str, database: str, lookup: str, seed: int,
) -> None:  # fmt: skip
    one = STORIES[story]
    home = prepared(tmp_path, one, seed=seed, lookup=lookup, url=a_url(database))
    soaked(home, one, seed)
    figures = judge(home, one.people, lookup)
    record_property("figures", str(figures))
    home.judge_starts()
    assert figures.kills >= 10
