"""Random histories of a segment: joins, leaves, edits, outages and restarts, after which a source must know the truth.

The double says what happens in its CRM (`SegmentOwner`); the source is asked as the engine asks it (`Follower`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from fluentsd.api import Source
from fluentsd.testing.follower import Follower
from fluentsd.testing.loopback import Answer, LoopbackServer
from fluentsd.testing.run_checks import ConformanceFailure

#: Whole questions after the end of all faults, before the source must know everything.
QUIET = 3


class SegmentOwner(Protocol):
    """A CRM's own side of one segment; each change is at the double's present."""

    def join(self) -> str:
        """A new record in the segment; its id."""

    def leave(self, record: str) -> None:
        """The record is not in the segment any more."""

    def edit(self, record: str) -> None:
        """A field of the record changes."""

    def other(self, record: str) -> str | None:
        """Something else, as the CRM has it: a record elsewhere, or a merge or conversion of this one, which is then
        named by the returned id."""

    def pass_time(self, seconds: float) -> None:
        """The double's clock goes on."""


async def exercise_history(
    seed: int,
    connect: Callable[[], Source],
    double: LoopbackServer,
    owner: SegmentOwner,
    segment: str,
    events: int = 12,
) -> None:
    """One random history; afterwards the follower's members must be those of the segment. `connect` builds the source
    as after a restart. Raises `ConformanceFailure`."""
    chance, members, source = random.Random(seed), set[str](), connect()  # noqa: S311 - a history, no secret
    follower, acts = Follower(segment), list[str]()
    for _ in range(events):
        act = chance.choice(["join", "join", "leave", "edit", "follow", "follow", "outage", "restart", "other"])
        one = chance.choice(sorted(members)) if members else ""
        if act == "join" or not one:
            members.add(owner.join())
        elif act == "leave":
            owner.leave(one)
            members.discard(one)
        elif act == "edit":
            owner.edit(one)
        elif act == "other":
            if (following := owner.other(one)) is not None:
                members = (members - {one}) | {following}
        elif act == "outage":
            fault = chance.choice([None, Answer(500, b"oops"), Answer(200, b"<html>")])
            double.fail("", fault, times=chance.randint(1, 9), skip=chance.randint(0, 3))
        elif act == "restart":
            source = connect()
        else:
            await follower.follow(source)
        acts.append(act)
        owner.pass_time(chance.choice([0.002, 1, 90]))  # some stamps have whole milliseconds only
    double.mend()
    owner.pass_time(1200)
    for _ in range(QUIET):
        if not await follower.follow(source):
            raise ConformanceFailure(f"seed {seed}: the source is not available after all faults ({', '.join(acts)})")
        owner.pass_time(90)
    if follower.members != members:
        lost, kept = sorted(members - follower.members), sorted(follower.members - members)
        raise ConformanceFailure(f"seed {seed}: lost {lost}, still has {kept}, after {', '.join(acts)}")
    found, ids = set[str](), sorted(members)
    for start in range(0, len(ids), source.limits.refresh):
        found |= {record.id for record in await source.refresh(ids[start : start + source.limits.refresh])}
    if found != members:
        raise ConformanceFailure(f"seed {seed}: refresh gives {sorted(found)} for {ids}, after {', '.join(acts)}")
