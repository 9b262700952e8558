"""The forecast: one campaign walked through from moment to moment, without a clock, a database or a provider.

The same gate, flow and pacing as the daemon's decide every step; here is only the order of things, which mirrors the
dispatcher and the mark: land what has ended, give lanes that are due and have room a turn each, go on to the next
moment. Given the same assumptions the daemon on a simulated clock makes the same contacts: person, step, try,
instant, number, outcome; a test holds it to that. What is handed in is read and never changed, so one population
serves several forecasts.

Left out, because nobody can know it: pauses, faults of providers, edits, new people, templates that fail. A reply or
an opt-out that would come hours after a message counts as that message's outcome at once.
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
    """What would happen from `start_at` up to and including `until_at`. Raises CannotForecast."""
    course = Walk(world, assumed, start_at, until_at, seed, on_event)
    with _collector_at_rest():
        for subject in subjects:
            course.enter(subject)
        return course.run()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A walk makes no cycles but millions of objects; looking for cycles would cost it a seventh of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
