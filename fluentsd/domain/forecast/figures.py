"""The figures of a forecast, and its bottleneck.

What must not live here: the simulation itself (`walk`). Waiting time is summed by cause, in microseconds of people's
time: the flow's own delays, closed hours, and missing capacity. The bottleneck, the cause to fix first, follows from
these sums.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fluentsd.api import Kind, Outcome
from fluentsd.domain.forecast.assumptions import NOBODY, Assumed
from fluentsd.domain.time.durations import SECOND

HOUR = 3600 * SECOND
#: A lack of capacity below this share of all waiting (without the flow's own delays) is not a bottleneck.
WORTH_RELIEF = 0.1
#: Up to `FEW` people, several seeds show the effect of chance; with more it evens out.
FEW, SEEDS = 2_000, 5


class Cause(StrEnum):
    """Causes of waiting besides the gate's own reasons."""

    delay = "delay"  #: the flow's own delays
    pace = "pace"  #: the campaign's pace on the channel
    channel_pace = "channel_pace"  #: the installation's pace of the channel
    concurrency = "concurrency"  #: the campaign's limit of contacts at a time
    channel_concurrency = "channel_concurrency"  #: the installation's limit of the channel


#: Advice by cause.
RELIEF: Mapping[str, str] = {
    "delay": "the flow's own delays decide how long it takes; nothing else holds people up",
    "window": "people wait mostly for the contact window: longer hours or more days would help",
    "pace": "the campaign's pace holds people up: raise limits.pace",
    "channel_pace": "the channel's pace holds people up: raise it in fluentsd.toml, or use a second account",
    "concurrency": "the campaign's limit of contacts at a time holds people up: raise limits.concurrency",
    "channel_concurrency": "the channel's limit of contacts at a time holds people up: raise its concurrency",
    "number_pace": "the caller IDs are at their pace: add numbers, or raise numbers.pace",
    "budget": "the day's budget is spent before the day is over: raise limits.budget",
    "contact_cap": "the limit of contacts per person holds people up: raise limits.per_contact, or space the steps",
    "point_cap": "people who share a phone or mailbox wait for each other: raise limits.per_contact",
}
_NO_CAPACITY = (
    *(cause.value for cause in Cause if cause is not Cause.delay),
    "number_pace",
    "budget",
    "contact_cap",
    "point_cap",
)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The cause to fix first; `share` of all waiting except the flow's own delays, `hours` per person."""

    cause: str
    share: float
    hours: float
    people: int

    @property
    def sentence(self) -> str:
        """The finding in words."""
        return RELIEF.get(self.cause, f"people wait for {self.cause}")


@dataclass(slots=True)
class Forecast:
    """The result of a forecast. Instants are epoch microseconds; steps and reasons are keyed by their ids.

    People: `completed` + `exited` + `held` + `errored` + `waiting` is everybody, always. `waiting` are in the queue
    or in flight when the forecast ends.
    """

    start_at: int
    until_at: int
    people: int
    contacts: Counter[str] = field(default_factory=Counter)  #: started, by step
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)  #: ended, by step and outcome
    skips: Counter[tuple[str, str]] = field(default_factory=Counter)  #: by step and reason
    completed: int = 0
    exited: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    errored: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    load: dict[Kind, array[int]] = field(default_factory=dict)  #: contacts started in each UTC hour from `hours_from`
    numbers: Counter[int] = field(default_factory=Counter)  #: uses, by the number's id
    call_time: Counter[Kind] = field(default_factory=Counter)  #: microseconds, by channel
    money: Counter[Kind] = field(default_factory=Counter)  #: micros by the campaign's own prices, by channel
    waits: Counter[str] = field(default_factory=Counter)  #: microseconds of people's waiting, by cause
    last_contact_at: int | None = None
    last_end_at: int | None = None  #: the end of the last enrollment that ended

    @property
    def hours_from(self) -> int:
        """The start of the first hour of `load`."""
        return self.start_at - self.start_at % HOUR

    @property
    def finish_at(self) -> int | None:
        """The end of the last enrollment; None if people still wait."""
        return None if self.waiting else self.last_end_at

    @property
    def made(self) -> int:
        """Contacts started in all."""
        return self.contacts.total()

    def minutes(self, channel: Kind) -> float:
        """Minutes of this channel, of contacts that ended."""
        return self.call_time[channel] / (60 * SECOND)

    def contacts_by(self, channel: Kind) -> int:
        """Contacts started on this channel: calls, messages."""
        return sum(self.load.get(channel, ()))

    @property
    def peak(self) -> tuple[int, int]:
        """The UTC hour with the most contacts of all channels together: its start, and how many."""
        totals = [sum(hour) for hour in zip(*self.load.values(), strict=True)]
        if not any(totals):
            return self.hours_from, 0
        most = max(totals)
        return self.hours_from + totals.index(most) * HOUR, most

    @property
    def bottleneck(self) -> Bottleneck:
        """The cause to fix first: the worst lack of capacity if it matters, else the window, else the flow's delays."""
        lost = {cause: micros for cause, micros in self.waits.items() if cause != Cause.delay and micros > 0}
        total = sum(lost.values())
        capacity = {cause: micros for cause, micros in lost.items() if cause in _NO_CAPACITY}
        worst = max(sorted(capacity), key=capacity.__getitem__, default="")
        if not worst or capacity[worst] < WORTH_RELIEF * total:
            worst = max(sorted(lost), key=lost.__getitem__, default="")
        if not worst or lost[worst] < WORTH_RELIEF * self.waits[Cause.delay]:
            delay = self.waits[Cause.delay]
            return Bottleneck(Cause.delay, 0.0, delay / HOUR / max(self.people, 1), self.people)
        return Bottleneck(worst, lost[worst] / total, lost[worst] / HOUR / max(self.people, 1), self.people)


@dataclass(frozen=True, slots=True)
class Finish:
    """The earliest and latest end of the last enrollment; None: after the end of the forecast."""

    early_at: int | None
    late_at: int | None
    likely: Forecast


def finish(run: Callable[[Assumed, int], Forecast], assumed: Assumed, seed: int = 0) -> Finish:
    """The range of the campaign's end. `run(assumed, seed)` makes one forecast; it is called a few times.

    With few people chance decides, so the range is that of several seeds. With many it is the assumption that may be
    wrong, so the range goes from the assumed outcomes to the longest run, in which no person is reached.
    That is two walks, the second the longer: with 100,000 people some 7 and 13 seconds.
    """
    likely = run(assumed, seed)
    if likely.people <= FEW:
        others = [likely, *(run(assumed, seed + n) for n in range(1, SEEDS))]
    else:
        others = [likely, run(NOBODY, seed)]
    ends = [other.finish_at for other in others]
    known = [end for end in ends if end is not None]
    return Finish(min(known, default=None), None if None in ends else max(known, default=None), likely)
