"""The attempts that a killed installation has made, and what is true of them whatever the channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tests.crash.installation import Installation


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


_TRIES = """
SELECT attempt.id, enrollment_id, step, try_no, state, outcome, provider_ref, point.value
FROM attempt JOIN point ON point.id = point_id
"""


def attempts_of(home: Installation) -> list[Tried]:
    """Every attempt."""
    tries = [Tried(*row) for row in home.ask(_TRIES)]
    assert home.ask("SELECT count(*) FROM attempt") == [(len(tries),)]
    return tries


def judge_tries(tries: Iterable[Tried], again_after: Collection[str] = ()) -> list[Tried]:
    """A step is tried again only after the proof that the last try accepted nothing, or after one of these outcomes.
    Returns the last try of each step."""
    steps: dict[tuple[int, str], list[Tried]] = {}
    for one in sorted(tries, key=lambda one: one.number):
        steps.setdefault((one.enrollment, one.step), []).append(one)
    for made in steps.values():
        assert [one.number for one in made] == list(range(1, len(made) + 1))
        assert all(one.state == "settled" and one.outcome in ("not_sent", *again_after) for one in made[:-1]), made
    return [made[-1] for made in steps.values()]
