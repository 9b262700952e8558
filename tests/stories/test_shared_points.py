"""Random people who share phones and mailboxes, against a slow second implementation of what counts for a point.

The model knows people by name, their points, and the list of what was sent. It never looks into the database: before
each attempt it counts what the limit allows for the person and for the point, and who is stopped.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fluentsd.api import Attempt, Inbound, Kind, Message, Outcome, Receipt
from fluentsd.clock import SimClock
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, Stage, spec, staged

CAP, SPAN = 2, DAY
STEPS = (
    {"id": "s0", "channel": "sms", "text": "for {{ first_name }}"},
    {"id": "s1", "channel": "email", "subject": "s", "text": "for {{ first_name }}", "after": "3 hours"},
    {"id": "s2", "channel": "phone", "agent": "for {{ first_name }}", "after": "1 hour"},
    {"id": "s3", "channel": "sms", "text": "for {{ first_name }}", "after": "1 day"},
)


@dataclass
class Model:
    """Everything that happened, in lists."""

    points: dict[str, tuple[str, ...]]  #: name → points, in order of preference
    stopped: set[str] = field(default_factory=set)  #: points on the suppression list
    erased: set[str] = field(default_factory=set)
    unowned: set[str] = field(default_factory=set)  #: of those, whose people were all erased before
    sent: list[tuple[int, str, str]] = field(default_factory=list)  #: when, to which point, for whom
    tokens: list[str] = field(default_factory=list)  #: of the same attempts
    faults: list[str] = field(default_factory=list)

    def is_stopped(self, name: str) -> bool:
        return any(point in self.stopped for point in self.points[name])

    def sharers(self, point: str) -> set[str]:
        return {name for name, points in self.points.items() if point in points and name not in self.erased}

    def note(self, at: int, to: str, name: str, token: str) -> None:
        """Judge one attempt when it reaches the provider."""
        recent = [(point, whose) for when, point, whose in self.sent if when > at - SPAN]
        if sum(1 for point, whose in recent if point == to or whose == name) >= CAP:
            self.faults.append(f"{name} at {to}: the cap of the person or the point was reached")
        if self.is_stopped(name):
            self.faults.append(f"{name} at {to}: stopped")
        if name in self.erased or to not in self.points[name]:
            self.faults.append(f"{name} at {to}: not theirs")
        self.sent.append((at, to, name))
        self.tokens.append(token)

    def latest(self, point: str) -> list[int]:
        """The latest attempts to a point, or else to its people; several were made at once."""
        to_it = [n for n, (_, to, whose) in enumerate(self.sent) if to == point and whose not in self.erased]
        known = to_it or [n for n, (_, _, whose) in enumerate(self.sent) if whose in self.sharers(point)]
        return [n for n in known if self.sent[n][0] == self.sent[known[-1]][0]]

    def opt_out(self, point: str) -> str | None:
        """By a message from a point: the one who wrote is the one it was last sent for, or the only one. Returns the
        token to quote, where the moment alone does not say which attempt is the latest."""
        if latest := self.latest(point):
            self.stopped |= set(self.points[self.sent[latest[-1]][2]])
            return self.tokens[latest[-1]] if len(latest) > 1 else None
        sharers = self.sharers(point)
        self.unowned |= set() if sharers else {point}
        self.stopped |= set(self.points[sharers.pop()]) if len(sharers) == 1 else {point}
        return None


def random_people(chance: random.Random) -> dict[str, tuple[str, ...]]:
    """Ten people, four phones, and mailboxes of which some are shared; nobody has the same points as another."""
    people = dict[str, tuple[str, ...]]()
    while len(people) < 10:
        phones = chance.sample([f"+1212555010{n}" for n in range(4)], 1)
        mails = chance.sample([f"m{n}@example.com" for n in range(8)], chance.choice([1, 1, 2]))
        if (*phones, *mails) not in people.values():
            people[chr(ord("A") + len(people)) * 3] = (*phones, *mails)
    return people


def row(name: str, points: tuple[str, ...], key: str) -> dict[str, Any]:
    kinds = [["email" if "@" in point else "phone", point] for point in points]
    place = {"zones": ["America/New_York"], "zone_basis": "field"}
    return {"key": key, "points": kinds, "fields": {"first_name": name}, **place}


class Story:
    """One run: the stage, the model beside it, and the acts that both are told."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage, self.chance, self.model = stage, chance, Model(random_people(chance))
        self.keys = {name: f"K{name}" if chance.random() < 0.5 else "" for name in self.model.points}
        for kind, channel in stage.channels.items():
            channel.always = self.provider(kind)

    def provider(self, kind: Kind) -> Callable[[Message, Attempt], Receipt]:
        def send(message: Message, attempt: Attempt) -> Receipt:
            name = (message.text or str(message.agent)).removeprefix("for ")
            if kind == "phone":
                name = str(message.variables["first_name"])
            self.model.note(self.stage.clock.now(), attempt.to, name, attempt.token)
            return Receipt(f"ref-{attempt.token}", Outcome.no_answer if kind == "phone" else Outcome.sent)

        return send

    async def bring(self, names: list[str]) -> dict[str, Any]:
        points = self.model.points
        return await self.stage.enroll(*(row(name, points[name], self.keys[name]) for name in names))

    async def opts_out(self) -> None:
        point = self.chance.choice(sorted({p for points in self.model.points.values() for p in points}))
        token = self.model.opt_out(point)
        await self.stage.inbox.take(Inbound(Outcome.opted_out, token=token, address=point, text="STOP"))

    async def is_erased(self) -> None:
        here = sorted(set(self.model.points) - self.model.erased)
        if len(here) > 4:
            name = self.chance.choice(here)
            person = await self.id_of(name)
            await self.stage.do("contacts erase", person=person, because="asked by letter")
            self.model.erased.add(name)

    async def comes_again(self) -> None:
        names = sorted(set(self.model.points) - self.model.erased)
        answer = await self.bring(self.chance.sample(names, 4))
        assert (answer["new"], answer["enrolled"]) == (0, 0), answer

    async def id_of(self, name: str) -> str:
        found = (await self.stage.do("contacts find", words=name))["people"]
        (person,) = [one for one in found if one["fields"].get("first_name") == name]
        return f"#{person['id']}"

    async def agrees(self) -> None:
        """The database and the model say the same of everybody."""
        model = self.model
        assert model.faults == []
        for name in model.points:
            found = [
                p for p in (await self.stage.do("contacts find", words=name))["people"] if name in str(p["fields"])
            ]
            if name in model.erased:
                assert found == [], name
                continue
            (person,) = found
            assert tuple(person["points"]) == model.points[name]
            (place,) = person["campaigns"]
            if model.is_stopped(name):
                assert (place["state"], place["reason"]) in (("exited", "opted_out"), ("completed", "")), name
            else:
                assert place["state"] in ("queued", "active", "completed"), (name, place)
        entries = (await self.stage.do("suppression list"))["entries"]
        here = {point for name in set(model.points) - model.erased for point in model.points[name]}
        assert {e["value"] for e in entries if not e["value"].startswith("erased:")} == (
            model.stopped & here
        ) | model.unowned


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
async def test_caps_opt_outs_and_erasures_are_those_of_the_slow_implementation(database_url: str, seed: int) -> None:
    chance, clock = random.Random(seed), SimClock(MONDAY)
    async with open_whole(database_url, busy=clock.busy) as store, staged(store, clock) as stage:
        story = Story(stage, chance)
        window = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}
        file = spec(*map(dict, STEPS), window=window, limits={"per_contact": f"{CAP}/day"})
        await stage.do("campaign apply", file=file)
        names = list(story.model.points)
        chance.shuffle(names)
        for start in range(0, len(names), 3):
            assert (await story.bring(names[start : start + 3]))["new"] == len(names[start : start + 3])
        await stage.do("campaign start", ref="test", yes=True)
        acts: list[Callable[[], Awaitable[None]]] = [story.opts_out, story.is_erased, story.comes_again]
        for _ in range(8):
            await stage.until(clock.now() + chance.randrange(1, 10) * HOUR + 7 * MINUTE)
            if chance.random() < 0.7:
                await chance.choice(acts)()
            await story.agrees()
        await stage.until(clock.now() + 60 * DAY)
        await story.agrees()
        left = set(names) - story.model.erased
        done = {name for name in left if not story.model.is_stopped(name)}
        assert (await stage.overview())["queued"] == 0
        for name in done:  # nobody is forgotten because of somebody else
            assert sum(1 for _, _, whose in story.model.sent if whose == name) == len(STEPS), name
        assert len({to for _, to, _ in story.model.sent}) > 3
