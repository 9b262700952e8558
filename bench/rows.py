"""One row of the table: the measurement, its peer, and whether the target is met."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


class BenchFailed(Exception):
    """The measurement failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """`bar` is a ratio for rows with a peer, else in `unit`; `wants` says which side of it is good."""

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    bar: float
    wants: Literal["at least", "at most"] = "at least"
    note: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        judged = self.ours if self.ratio is None else self.ratio
        return judged >= self.bar if self.wants == "at least" else judged <= self.bar

    def as_json(self) -> dict[str, Any]:
        known = {"name": self.name, "ours": self.ours, "peer": self.peer, "unit": self.unit, "ratio": self.ratio}
        return {**known, "bar": self.bar, "ok": self.ok, "wants": self.wants, "note": self.note, **self.extra}


def compared(
    name: str, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], bar: float, **details: Any
) -> Row:
    """A row of pairs run in turn (fluentsd, peer): medians, and the median of each pair's ratio."""
    ours = [pair[0]["rate"] for pair in pairs]
    peer = [pair[1]["rate"] for pair in pairs]
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    extra = {
        "ours_runs": [round(rate) for rate in ours],
        "peer_runs": [round(rate) for rate in peer],
        "ours_cpu_us": median([pair[0] for pair in pairs], "cpu_us"),
        "peer_cpu_us": median([pair[1] for pair in pairs], "cpu_us"),
        **details.pop("extra", {}),
    }
    if pairs[0][0]["durable_writes"] is not None:
        extra["ours_durable_writes"] = median([pair[0] for pair in pairs], "durable_writes")
        extra["peer_durable_writes"] = median([pair[1] for pair in pairs], "durable_writes")
    rates = round(statistics.median(ours)), round(statistics.median(peer))
    return Row(name, *rates, "steps/s", round(ratio, 2), bar, extra=extra, **details)


def median(runs: Sequence[Mapping[str, Any]], key: str) -> float:
    """The median of one figure over several runs."""
    return round(float(statistics.median(run[key] for run in runs)), 2)
