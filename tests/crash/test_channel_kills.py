"""Kill a real process while it writes through the real SMS and e-mail channels; the provider's own list is the judge.

Nobody may get the same message twice, and nobody may be lost. An unknown attempt has one of two causes: its request had
begun when a process died, or the provider hid its own answer. SMS can be asked afterwards, so a message that was
accepted is always found again; a mail cannot.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.attempts import Tried, attempts_of, judge_tries
from tests.crash.installation import ALWAYS, Installation
from tests.crash.providers import TOP, Kept, Provider, RoughSink, RoughTwilio

CAMPAIGN = {"name": "Crash", "ref": "crash", "window": ALWAYS, "exit": {"on": ["opted_out", "unreachable"]}}
QUICK = {
    "sms": 'concurrency = 12\ntimeout = "2 s"\nthroughput = "100/second"',
    "email": 'concurrency = 12\ntimeout = "3 s"\nanswer_timeout = 0.5\nconnections = 6\nmessages_per_connection = 20',
}
WIDE = {
    "sms": 'concurrency = 2000\ntimeout = "2 s"\nthroughput = "1000/second"',
    "email": 'concurrency = 2000\ntimeout = "3 s"\nanswer_timeout = 0.5\nconnections = 200',
}
PACE = {"limits": {"pace": "25/second"}}


@dataclass(frozen=True, slots=True)
class Story:
    """One run: the channel's settings (none: the defaults), more of the campaign, people, kills, and the requests
    between two kills at most."""

    limits: dict[str, str]
    more: dict[str, Any]
    people: int
    kills: int
    stride: int


#: The stories of `make crash`, fifteen kills each.
STORIES = {
    "usual": Story({"sms": "", "email": ""}, {}, 100, 15, 3),
    "wide": Story(WIDE, PACE, 250, 15, 25),
    "fast": Story(QUICK, {}, 500, 15, 60),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of one run."""

    kills: int
    attempts: int
    kept: int
    unknown: int
    begun: int  #: requests begun at the kills
    withheld: int  #: by the provider
    slowest_start: float


def judge(home: Installation, provider: Provider, people: int) -> Figures:
    """Compare the provider's list with the promises."""
    tries, kept = attempts_of(home), provider.kept()
    _judge_messages(tries, kept)
    assert not [one for one in judge_tries(tries) if one.outcome == "not_sent"]
    home.judge_people(people)
    _judge_steps(home, tries)
    begun: set[str] = set().union(*(life.begun for life in home.lives))
    _judge_doubts(tries, provider, begun)
    unknown = sum(one.state == "unknown" for one in tries)
    withheld = len(provider.diary.withheld) + provider.diary.lost
    slowest = max((life.sent_after or 0 for life in home.lives), default=0)
    return Figures(len(home.lives), len(tries), len(kept), unknown, len(begun), withheld, round(slowest, 2))


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


def _judge_steps(home: Installation, tries: list[Tried]) -> None:
    """Who completed the flow was tried at both steps, unless their point is dead."""
    done = {row[0] for row in home.ask("SELECT id FROM enrollment WHERE state = 'completed'")}
    dead = {point for (point,) in home.ask("SELECT value FROM point WHERE dead_on <> ''")}
    for step, excused in (("first", set()), ("second", {one.enrollment for one in tries if one.to in dead})):
        assert done - excused == {one.enrollment for one in tries if one.step == step} & done - excused


def _judge_doubts(tries: list[Tried], provider: Provider, begun: set[str]) -> None:
    """Every unknown attempt has a cause; with a look-up, none is about a message that the provider has."""
    unknown = {one.token for one in tries if one.state == "unknown"}
    unexcused = unknown - provider.diary.withheld - begun
    kept = {one.token for one in provider.kept()}
    assert len(unexcused) <= provider.diary.lost, unexcused
    assert not unexcused & kept
    if provider.can_be_asked:
        assert not unknown & kept


def _most(things: Iterable[Any]) -> int:
    return max(Counter(things).values(), default=0)


def run(home: Installation, kind: str, story: Story, seed: int) -> Figures:
    """One whole story; `kind` is sms or email."""
    people = story.people
    provider: RoughTwilio | RoughSink = RoughTwilio(seed, people) if kind == "sms" else RoughSink(seed, people)
    points = [[["phone", f"+1212555{n:04d}"], ["email", f"p{n}@example.com"]] for n in range(people)]
    with provider:
        home.configure(TOP + provider.settings(story.limits[kind]))
        home.prepare(
            CAMPAIGN | story.more | {"step": provider.steps()},
            [{"key": f"k{n}", "points": both, "zones": ["UTC"]} for n, both in enumerate(points)],
        )
        home.soak(story.kills, lambda: provider.diary.requests, story.stride, random.Random(seed))
        home.finish(within=400)
        return judge(home, provider, people)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "database"), [("sms", "sqlite"), ("email", "postgresql")])
def test_killed_while_it_writes(tmp_path: Path, a_url: Callable[[str], str], kind: str, database: str) -> None:
    home = Installation(tmp_path, a_url(database), main="tests.crash.channel_child:live")
    figures = run(home, kind, Story(QUICK, {}, 60, 3, 40), seed=12)
    assert figures.kills >= 2
    assert figures.kept >= 60


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("kind", ["sms", "email"])
@pytest.mark.parametrize("seed", range(2))
def test_killed_fifteen_times_while_it_writes(
    tmp_path: Path, a_url: Callable[[str], str], record_property: Callable[[str, object], None],
    story: str, database: str, kind: str, seed: int,
) -> None:  # fmt: skip
    home = Installation(tmp_path, a_url(database), main="tests.crash.channel_child:live")
    figures = run(home, kind, STORIES[story], seed)
    record_property("figures", str(figures))
    home.judge_starts()
    assert figures.kills >= 10
    assert figures.kept >= STORIES[story].people
