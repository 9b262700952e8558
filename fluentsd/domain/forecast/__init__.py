"""The forecast: a simulation of one campaign without a clock, a database or a provider.

The daemon's own gate, flow and pacing decide every step; only the order of events lives here. It mirrors the dispatcher
and the claim: record finished contacts, give each lane that is due and has capacity a turn, go on to the next instant.
With the same assumptions the daemon on a simulated clock makes the same contacts: person, step, try, instant, number,
outcome; a test compares the two. The arguments are never changed, so one population serves several forecasts.

Left out, because they cannot be known: pauses, provider faults, edits, new people, templates that fail. A reply or an
opt-out that would come hours after a message counts as that message's outcome at once.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fluentsd.domain.forecast.assumptions import Assumed
from fluentsd.domain.forecast.figures import Forecast
from fluentsd.domain.forecast.lanes import CannotForecast, Channel, Lane, Subject
from fluentsd.domain.forecast.walk import OnEvent, Walk, World

__all__ = ["CannotForecast", "Channel", "Lane", "OnEvent", "Subject", "World", "forecast"]


def forecast(
    subjects: Sequence[Subject],
    world: World,
    assumed: Assumed,
    *,
    start_at: int,
    until_at: int,
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> Forecast:
    """Forecast the campaign from `start_at` up to and including `until_at`. Raises CannotForecast."""
    walk = Walk(world, assumed, start_at, until_at, seed, on_event)
    with _without_gc():
        walk.shared = _shared(subjects)
        for subject in subjects:
            walk.enter(subject)
        return walk.run()


def _shared(subjects: Sequence[Subject]) -> frozenset[int]:
    """Ids of the points that several of these people share."""
    once, again = set[int](), set[int]()
    for subject in subjects:
        for point in subject.person.points:
            (again if point.id in once else once).add(point.id)
    return frozenset(again)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Switch off the cyclic collector, which costs a seventh of a walk's time: a walk makes no cycles."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
