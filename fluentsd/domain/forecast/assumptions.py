"""The assumptions of a forecast: the outcome of each contact, and how long it takes.

What lives here: shares of outcomes by channel, lengths by outcome, and the draw that turns them into one person's
outcome. What must not: the simulation itself; that is `walk`. The draw is a hash of (seed, enrollment, step, try), so
it is the same in any order, in any process and any version of Python. A fake channel that uses it and the forecast get
the same outcomes. Shares are assumed until a campaign has its own history, and are labelled as assumed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from fluentsd.api import Kind, Outcome
from fluentsd.domain.time.durations import SECOND

Shares = Mapping[Kind, Mapping[Outcome, float]]
Seconds = Mapping[Kind, Mapping[Outcome, float]]

#: The weight of the assumed shares, in contacts, when they are mixed with counted ones.
PSEUDO_COUNT = 50
_ONE = 1 << 32
_NO_END = frozenset({Outcome.unknown, Outcome.not_sent})


class BadAssumption(ValueError):
    """A share or a length is out of range."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """Shares of outcomes by channel (each channel's are taken in proportion to their sum), and the seconds that a
    contact takes, by channel and outcome (0 if not named). A length varies by half either way, drawn to the
    microsecond. Raises BadAssumption."""

    shares: Shares
    seconds: Seconds = field(default_factory=dict)
    #: By channel: the upper bound of each outcome on the scale of the draw, and the outcomes with their lengths.
    _scales: dict[Kind, tuple[list[int], list[tuple[Outcome, float]]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scales = {kind: _scale(kind, shares, self.seconds.get(kind, {})) for kind, shares in self.shares.items()}
        object.__setattr__(self, "_scales", scales)
        for kind, lengths in self.seconds.items():
            for outcome, seconds in lengths.items():
                if not 0 <= seconds <= 86_400:
                    raise BadAssumption(f"{kind} {outcome}: {seconds} seconds; a contact takes from 0 to 86400")

    def ends(self, channel: Kind, draw: int) -> tuple[Outcome, int]:
        """The outcome of the contact with this draw, and its length in microseconds."""
        bounds, ends = self._scales[channel]
        outcome, length = ends[bisect_right(bounds, draw >> 32)]
        return outcome, round(length * (0.5 + (draw & (_ONE - 1)) / _ONE)) if length else 0

    def outcome(self, seed: int, enrollment_id: int, step: str, try_no: int, channel: Kind) -> Outcome:
        """The outcome of this try."""
        return self.ends(channel, draw(seed, enrollment_id, step, try_no))[0]

    def length(self, seed: int, enrollment_id: int, step: str, try_no: int, channel: Kind) -> int:
        """Microseconds from the start of this try to its outcome."""
        return self.ends(channel, draw(seed, enrollment_id, step, try_no))[1]


def draw(seed: int, enrollment_id: int, step: str, try_no: int) -> int:
    """64 random bits for one try: the upper half decides the outcome, the lower half the length."""
    key = f"{seed}|{enrollment_id}|{step}|{try_no}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


def from_history(
    counts: Mapping[Kind, Mapping[Outcome, int]],
    seconds: Seconds | None = None,
    assumed: Assumed | None = None,
    weight: int = PSEUDO_COUNT,
) -> Assumed:
    """Assumptions mixed with counted outcomes: (counted + `weight` x assumed share) / (all counted + `weight`).

    So `weight` contacts of history count as much as the assumption, twenty times as many leave 5 % of it; the mix needs
    no threshold. Outcomes that prove nothing (unknown, not sent) are left out. `seconds` are measured means; one
    replaces the assumed length when at least `weight` contacts of that outcome were counted.
    """
    base = assumed or DEFAULTS
    shares: dict[Kind, dict[Outcome, float]] = {}
    lengths = {kind: dict(known) for kind, known in base.seconds.items()}
    for kind, before in base.shares.items():
        counted: dict[Outcome, int] = {o: n for o, n in counts.get(kind, {}).items() if o not in _NO_END}
        whole, total = sum(before.values()), sum(counted.values())
        every = [*before, *(o for o in counted if o not in before)]
        shares[kind] = {o: (counted.get(o, 0) + weight * before.get(o, 0) / whole) / (total + weight) for o in every}
        for outcome, mean in (seconds or {}).get(kind, {}).items():
            if counted.get(outcome, 0) >= weight:
                lengths.setdefault(kind, {})[outcome] = mean
    return Assumed(shares, lengths)


def _scale(
    kind: Kind, shares: Mapping[Outcome, float], seconds: Mapping[Outcome, float]
) -> tuple[list[int], list[tuple[Outcome, float]]]:
    """Outcomes in the order of the enum, so that the order in which shares were written does not matter."""
    whole = sum(shares.values())
    if whole <= 0 or min(shares.values()) < 0:
        raise BadAssumption(f"{kind}: shares must not be negative and some must be above 0; they are {dict(shares)}")
    if invalid := [o for o in shares if o in _NO_END]:
        raise BadAssumption(f"{kind}: {invalid[0]} is not a final outcome; leave it out")
    outcomes = [outcome for outcome in Outcome if shares.get(outcome)]
    bounds, reached = [], 0.0
    for outcome in outcomes[:-1]:
        reached += shares[outcome]
        bounds.append(round(reached / whole * _ONE))
    return bounds, [(outcome, seconds.get(outcome, 0) * SECOND) for outcome in outcomes]


#: Assumed, not measured. Each line is a round figure, plausible and rather too low than too high.
DEFAULTS = Assumed(
    shares={
        # Assumed: of a hundred calls to people who left their number, 22 are taken; machines take the most.
        "phone": {
            Outcome.answered: 0.22,
            Outcome.voicemail: 0.38,
            Outcome.no_answer: 0.30,
            Outcome.busy: 0.04,
            Outcome.failed: 0.05,
            Outcome.opted_out: 0.01,
        },
        # Assumed: the end of an SMS step is its acceptance; six in a hundred write back, one of them STOP.
        "sms": {Outcome.sent: 0.91, Outcome.replied: 0.05, Outcome.failed: 0.03, Outcome.opted_out: 0.01},
        # Assumed: most e-mails are accepted without a reply; two in a hundred addresses do not exist.
        "email": {Outcome.sent: 0.96, Outcome.replied: 0.015, Outcome.bounced: 0.02, Outcome.opted_out: 0.005},
    },
    seconds={
        # Assumed: a talk of two minutes, a greeting and a message of forty seconds, half a minute of ringing.
        "phone": {
            Outcome.answered: 120,
            Outcome.voicemail: 40,
            Outcome.no_answer: 30,
            Outcome.busy: 5,
            Outcome.failed: 5,
            Outcome.opted_out: 45,
        },
        # SMS and e-mail steps end at acceptance; the request's fraction of a second is left out.
    },
)

#: The longest run: no person is reached and no person opts out, so everybody goes through every step and retry.
NOBODY = Assumed(
    shares={"phone": {Outcome.no_answer: 1.0}, "sms": {Outcome.sent: 1.0}, "email": {Outcome.sent: 1.0}},
    seconds={"phone": {Outcome.no_answer: 30}},
)
