"""Breakers: when bad outcomes stop a campaign or a number.

Pure: figures in, a decision and its text out. Each attempt with a known outcome counts as exactly one `Figure`, so the
sum of an attempt's figures is 1 and a share needs no second table; later evidence moves it from one to another. The
figures are kept by hour (`store.attempts.outcome_stats`); an hour in which a campaign was resumed is cut in two, so
that a resumed campaign is judged only by the attempts since then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from fluentsd.api import Fault, Kind, Outcome
from fluentsd.domain.time.durations import SECOND

HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
#: How long a number rests when its calls or texts reach too few people.
COOLS_AFTER = DAY
#: How many of the attempts that tripped a breaker are shown.
CASES = 5
#: The whole, in millionths: the unit of `Breaker.bar`.
WHOLE = 1_000_000


class Figure(StrEnum):
    """The kind that an attempt with a known outcome is counted as."""

    made = "made"  #: made, with a neutral outcome: sent, voicemail, no answer, busy, an agent that failed
    reached = "reached"  #: it arrived, or a person spoke
    failed = "failed"  #: it did not arrive, for a reason on the person's side
    dead = "dead"  #: there is no such number on this channel
    bounced = "bounced"
    filtered = "filtered"  #: the carrier or mail server refuses the content
    barred = "barred"  #: our caller ID is not allowed for this
    barred_service = "barred_service"  #: the sender that the provider chose is not allowed for this
    complained = "complained"  #: the person called it spam


_BY_OUTCOME: Mapping[str, Figure] = {
    Outcome.sent: Figure.made,
    Outcome.voicemail: Figure.made,
    Outcome.no_answer: Figure.made,
    Outcome.busy: Figure.made,
    Outcome.agent_error: Figure.made,
    Outcome.answered: Figure.reached,
    Outcome.delivered: Figure.reached,
    Outcome.replied: Figure.reached,
    Outcome.opted_out: Figure.reached,
    Outcome.failed: Figure.failed,
    Outcome.bounced: Figure.bounced,
}
_FAILURES = (Figure.failed, Figure.bounced)


def figure_of(outcome: str, fault: Fault, *, dead: bool, reason: str, has_caller_id: bool) -> Figure | None:
    """The figure of an outcome; None for an attempt of unknown outcome or one that was never made."""
    found = _BY_OUTCOME.get(outcome)
    if found in _FAILURES and fault == "sender":
        return Figure.barred if has_caller_id else Figure.barred_service
    if found in _FAILURES and fault == "message":
        return Figure.filtered
    if found == Figure.failed and dead:
        return Figure.dead
    if outcome == Outcome.opted_out and reason.startswith("complaint"):
        return Figure.complained
    return found


def bucket(claimed_at: int, since_at: int) -> int:
    """The start of the period an attempt is counted in: its hour, or the campaign's resumption within that hour."""
    hour = claimed_at - claimed_at % HOUR
    return since_at if hour < since_at <= claimed_at else hour


Scope = Literal["campaign", "number"]
#: What a tripped breaker does: pause the campaign · let the number rest for a day · hold the number until a person
#: releases it.
Follows = Literal["pause", "cool", "hold"]
Sums = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Breaker:
    """One rule: of the figures `among` in the last `span`, more than `bar` (millionths) are `bad`, with at least
    `least` bad ones of at least `of` in all. With `beside`, a number is compared with the other numbers of the
    installation: its share of good figures is less than `bar` of theirs, and they have at least `beside` attempts."""

    name: str
    scope: Scope
    channels: tuple[Kind, ...]
    bad: frozenset[Figure]
    among: frozenset[Figure]
    bar: int
    least: int
    of: int
    follows: Follows
    says: str
    span: int = DAY
    beside: int = 0

    def trips(self, mine: Sums, others: Sums | None = None) -> bool:
        """Whether these figures trip it; `others` are those of the other numbers, where it compares."""
        bad, total = self.counted(mine)
        if bad < self.least or total < self.of:
            return False
        if not self.beside:
            return bad * WHOLE > self.bar * total
        bad_there, there = self.counted(others or {})
        return there >= self.beside and (total - bad) * there * WHOLE < self.bar * (there - bad_there) * total

    def counted(self, sums: Sums) -> tuple[int, int]:
        """The number of bad figures, and of all figures that count."""
        return sum(sums.get(f, 0) for f in self.bad), sum(sums.get(f, 0) for f in self.among)

    def tell(self, mine: Sums, others: Sums | None = None) -> str:
        """The reason that it tripped, with the figures."""
        bad, total = self.counted(mine)
        if not self.beside:
            bar = f" (bar {show_share(self.bar)})" if self.bar else ""
            return f"{self.says}: {bad} of {total} in the last {self.span // HOUR} hours{bar}"
        bad_there, there = self.counted(others or {})
        return (
            f"{self.says}: {total - bad} of {total} in the last {self.span // HOUR} hours, "
            f"and {there - bad_there} of {there} from the others (bar {show_share(self.bar)} of their share)"
        )


_ALL = frozenset(Figure)
_F = Figure
_UNDELIVERED = frozenset({_F.failed, _F.filtered, _F.barred, _F.barred_service})
_PHONES: tuple[Kind, ...] = ("phone", "sms")
_ANY: tuple[Kind, ...] = ("phone", "sms", "email")
#: The rules, without the bars that an operator may set (see `Shares`).
_RULES = (
    Breaker("number_not_allowed", "number", _PHONES, frozenset({_F.barred}), _ALL, 0, 1, 1,
            "hold", "the number is not allowed to send this"),
    Breaker("sender_not_allowed", "campaign", _ANY, frozenset({_F.barred_service}), _ALL, 0, 1, 1,
            "pause", "the sender is not allowed to send this"),
    Breaker("email_bounces", "campaign", ("email",), frozenset({_F.bounced, _F.dead, _F.filtered}), _ALL, 0, 5, 100,
            "pause", "e-mails bounce"),
    Breaker("email_complaints", "campaign", ("email",), frozenset({_F.complained}), _ALL, 0, 2, 100,
            "pause", "people call the e-mails spam"),
    Breaker("sms_filtered", "campaign", ("sms",), frozenset({_F.filtered}), _ALL, 0, 3, 20,
            "pause", "carriers filter the texts"),
    Breaker("failures", "campaign", _ANY, frozenset({_F.failed}), _ALL, 0, 1, 50,
            "pause", "attempts fail"),
    Breaker("number_undelivered", "number", ("sms",), _UNDELIVERED, _UNDELIVERED | {_F.reached}, 0, 1, 30,
            "cool", "texts from this number do not arrive"),
    Breaker("number_answers", "number", ("phone",), _ALL - {_F.reached}, _ALL, 0, 1, 50,
            "cool", "calls from this number are answered less often", beside=100),
)  # fmt: skip

_SHARE = re.compile(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*%\s*")
OFF = "off"


def read_share(text: str) -> int | None:
    """A share in text ("5%") in millionths; None for "off"."""
    if text.strip() == OFF:
        return None
    match = _SHARE.fullmatch(text)
    share = int(Decimal(match[1]) * (WHOLE // 100)) if match else 0
    if not 0 < share <= WHOLE:
        raise ValueError(f'{text!r} is not a share; write it like "5%" or "0.3%", or "off"')
    return share


def show_share(share: int) -> str:
    """Millionths as text: "0.3 %"."""
    return f"{share / 10_000:g} %"


def _checked(text: str) -> str:
    read_share(text)
    return text


Share = Annotated[str, AfterValidator(_checked)]


class Shares(BaseModel):
    """`[breakers]` of the configuration: the bar of each rule. A sender that is not allowed at all (a number that is
    not registered) always trips."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    email_bounces: Share = "5%"
    email_complaints: Share = "0.3%"
    sms_filtered: Share = "2%"
    failures: Share = "40%"
    number_undelivered: Share = "30%"
    number_answers: Share = "50%"

    def breakers(self) -> tuple[Breaker, ...]:
        """The rules with these bars, without those that are off."""
        return tuple(self._barred())

    def _barred(self) -> Iterable[Breaker]:
        for rule in _RULES:
            share = read_share(getattr(self, rule.name)) if rule.name in Shares.model_fields else 0
            if share is not None:
                yield replace(rule, bar=share)


#: The rules where the configuration names none.
STANDARD = Shares().breakers()
