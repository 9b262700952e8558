"""The settings of `[channel.x] plugin = "sandbox"`; lists all mistakes at once.

Durations are text ("20 s", "2 min-3 hours") or a number of seconds, and kept in microseconds.
Weights of outcomes are relative; chances of faults are probabilities from 0 to 1 that exclude each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, cast

from fluentsd.api import Kind, Outcome, Table

SECOND = 1_000_000
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400}
_PIECE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_KINDS = 'write kind = "phone", "sms" or "email"'
_RATE = re.compile(r"\s*(\d+)\s*/\s*(second|minute|hour)\s*", re.IGNORECASE)

#: The outcomes of each kind, with their default weights.
USUAL: Mapping[Kind, Mapping[Outcome, float]] = {
    "phone": {
        Outcome.answered: 0.30,
        Outcome.voicemail: 0.25,
        Outcome.no_answer: 0.30,
        Outcome.busy: 0.10,
        Outcome.failed: 0.04,
        Outcome.opted_out: 0.01,
    },
    "sms": {Outcome.delivered: 0.88, Outcome.failed: 0.03, Outcome.replied: 0.06, Outcome.opted_out: 0.03},
    "email": {Outcome.delivered: 0.90, Outcome.bounced: 0.03, Outcome.replied: 0.05, Outcome.opted_out: 0.02},
}
#: The faults with a probability, in the order of the draw.
FAULTS = ("refuse", "refuse_dead", "unavailable", "accept_then_error", "accept_then_hang", "hang")


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high` microseconds."""

    low: int
    high: int

    def at(self, share: float) -> int:
        """The duration at `share` (0 to 1) of the way."""
        return self.low + round((self.high - self.low) * share)


RING = Span(5 * SECOND, 25 * SECOND)
TALK = Span(20 * SECOND, 180 * SECOND)
DELIVERY = Span(1 * SECOND, 30 * SECOND)
REPLY = Span(120 * SECOND, 3 * 3600 * SECOND)


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of the carrier. `chances` are (fault, upper end of its share of 0…1), cumulated."""

    chances: tuple[tuple[str, float], ...] = ()
    throttle: tuple[int, int] | None = None  #: (most requests, in this many microseconds)
    list_lag: int = 0  #: microseconds until a look-up sees an accepted attempt
    latency: int = 0  #: microseconds that each request takes, half of them before acceptance


@dataclass(frozen=True, slots=True)
class Settings:
    """One sandbox carrier. `outcomes` are (outcome, upper end of its share of 0…1), cumulated."""

    kind: Kind
    outcomes: tuple[tuple[Outcome, float], ...]
    seed: str = "0"
    ring: Span = RING
    talk: Span = TALK
    delivery: Span = DELIVERY
    reply: Span = REPLY
    faults: Faults = Faults()
    ledger: str | bool = True  #: a path; True: in the plugin's folder; False: in memory only
    lookup: Literal["final", "fuzzy"] = "final"
    cost_micros: int = 0
    currency: str = "USD"
    webhook_secret: str = ""  #: signs webhooks of a phone; without it there are none
    conversations: bool = False  #: an answered call has a transcript (`dialogues`)
    agents: str = ""  #: the `[agents.<name>]` whose agents speak on a phone


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, [*Settings.__dataclass_fields__])
    kind = read_kind(table)
    settings = Settings(
        kind=kind,
        outcomes=_outcomes(kind, table),
        seed=table.take("seed", "0", _seed),
        ring=table.take("ring", RING, read_span),
        talk=table.take("talk", TALK, read_span),
        delivery=table.take("delivery", DELIVERY, read_span),
        reply=table.take("reply", REPLY, read_span),
        faults=_faults(table),
        ledger=table.take("ledger", _ledger(True), _ledger),
        lookup=table.take("lookup", "final", _lookup),
        cost_micros=table.take("cost_micros", 0, _whole),
        currency=table.take("currency", "USD", _currency),
        webhook_secret=table.take("webhook_secret", "", _secret),
        conversations=table.take("conversations", False, _flag),
        agents=table.take("agents", "", _name),
    )
    table.finish("sandbox")
    return settings


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} should be true or false")
    return value


def read_kind(table: Table) -> Kind:
    """Take `kind` out of the table; a phone when it is missing or wrong, so that reading goes on."""
    if "kind" not in table:
        table.mistakes.append(f"kind: is missing; {_KINDS}")
    otherwise: Kind = "phone"
    return table.take("kind", otherwise, _kind)


def read_span(value: Any) -> Span:
    """Read "2 min-3 hours", "20 s" or a number of seconds; raises `ValueError`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return Span(round(value * SECOND), round(value * SECOND))
    pieces = value.split("-") if isinstance(value, str) else []
    found = [_PIECE.fullmatch(piece) for piece in pieces]
    if len(found) not in (1, 2) or any(piece is None for piece in found):
        raise ValueError(f'{value!r} is not a duration or range; write it like "20 s", "5-25 s" or "2 min-3 hours"')
    matches = [piece for piece in found if piece is not None]
    last = matches[-1][2]
    low, *more = [_micros(piece[1], piece[2] or last) for piece in matches]
    span = Span(low, more[0] if more else low)
    if span.low > span.high:
        raise ValueError(f"{value!r} starts above its end; write the shorter time first")
    return span


def _micros(number: str, unit: str) -> int:
    word = unit.lower() if unit.lower() in _UNITS else unit.lower().removesuffix("s")
    if word not in _UNITS:
        raise ValueError(f"{unit or 'nothing'!r} is not a unit of time; use s, min, hours or days")
    return round(float(number) * _UNITS[word] * SECOND)


def _outcomes(kind: Kind, outer: Table) -> tuple[tuple[Outcome, float], ...]:
    usual = USUAL[kind]
    table = outer.inner("outcomes", [outcome.value for outcome in usual], _a_table)
    if table and table.rest:
        given = [(outcome, table.take(outcome.value, 0.0, _weight)) for outcome in usual]
    else:
        given = list(usual.items())
    whole = sum(weight for _, weight in given)
    if whole <= 0:
        outer.mistakes.append("outcomes: no outcome has a weight above 0; give at least one")
        return ((next(iter(usual)), 1.0),)
    ends = accumulate(weight / whole for _, weight in given)
    return tuple((outcome, end) for (outcome, weight), end in zip(given, ends, strict=True) if weight)


def _faults(outer: Table) -> Faults:
    table = outer.inner("faults", [*FAULTS, "throttle", "list_lag", "latency"], _a_table)
    if table is None:
        return Faults()
    chances = [(name, table.take(name, 0.0, _chance)) for name in FAULTS]
    ends = list(accumulate(chance for _, chance in chances))
    if ends[-1] > 1 + 1e-9:
        outer.mistakes.append(f"faults: the chances sum to {ends[-1]:g}; they exclude each other and sum to 1 at most")
    return Faults(
        chances=tuple((name, end) for (name, chance), end in zip(chances, ends, strict=True) if chance),
        throttle=table.take("throttle", None, _throttle),
        list_lag=table.take("list_lag", 0, _duration),
        latency=table.take("latency", 0, _duration),
    )


def _kind(value: Any) -> Kind:
    if not isinstance(value, str) or value not in USUAL:
        raise ValueError(f"{value!r} is not a kind of channel; {_KINDS}")
    return cast("Kind", value)


def _a_table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} should be a table {{ … }}")
    return value


def _number(value: Any, otherwise: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} {otherwise}")
    return float(value)


def _weight(value: Any) -> float:
    return _number(value, "is not a weight; write a number from 0 up, like 0.3")


def _chance(value: Any) -> float:
    chance = _number(value, "is not a chance; write a number from 0 to 1, like 0.05")
    if chance > 1:
        raise ValueError(f"{value!r} is not a chance; write a number from 0 to 1, like 0.05")
    return chance


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} should be a whole number of millionths, like 13000 for 0.013")
    return value


def _duration(value: Any) -> int:
    span = read_span(value)
    if span.low != span.high:
        raise ValueError(f'{value!r} should be one duration, like 0.3 or "2 s"')
    return span.low


def _throttle(value: Any) -> tuple[int, int] | None:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f'{value!r} is not a rate; write it like "50/second"')
    return int(match[1]), _UNITS[match[2].lower()] * SECOND


def _seed(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} should be a whole number or text")
    return str(value)


def _ledger(value: Any) -> str | bool:
    if isinstance(value, bool) or (isinstance(value, str) and value):
        return value
    raise ValueError(f"{value!r} should be the path of a file, or false to keep it in memory")


def _lookup(value: Any) -> Literal["final", "fuzzy"]:
    if value == "final" or value == "fuzzy":
        return cast('Literal["final", "fuzzy"]', value)
    raise ValueError(f'{value!r} should be "final" or "fuzzy"')


def _secret(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("should be text in quotes")  # never repeat a secret
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} should be the name of an [agents.<name>] table, in quotes")
    return value


def _currency(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value):
        return value
    raise ValueError(f'{value!r} is not a currency; write three capitals, like "USD"')
