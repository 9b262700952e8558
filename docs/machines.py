"""Draw `docs/machines.md` from the tables in `fluentsd.domain.states`: `python docs/machines.py`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from fluentsd.domain import states

_HEAD = """# The machines

Drawn from the tables in `fluentsd/domain/states.py` by `python docs/machines.py`; a test keeps it so. What is not in a
table cannot happen: the store's transitions carry the same from-states in their WHERE.
"""


def draw() -> str:
    """The whole page."""
    attempts = {("settle", states.AttemptState.open): "settled", ("give up", states.AttemptState.open): "unknown",
                ("evidence", states.AttemptState.unknown): "settled"}  # fmt: skip
    parts = [
        _HEAD,
        _machine("A campaign", states.CampaignState, states.CAMPAIGN),
        _machine("A person in a campaign (enrollment)", states.EnrollmentState, states.ENROLLMENT),
        _machine("An attempt", states.AttemptState, attempts),
    ]
    return "\n".join(parts)


def _machine(title: str, machine: type[StrEnum], table: Mapping[tuple[str, Any], Any]) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (verb, before), after in table.items():
        if before != after:
            arrows.setdefault((str(before), str(after)), []).append(verb)
    first = next(iter(machine))
    lines = [f"## {title}\n", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {before} --> {after}: {', '.join(verbs)}" for (before, after), verbs in arrows.items()]
    lines += ["```\n", "| state | its doors |", "|---|---|"]
    lines += [f"| {name} | {doors} |" for name, doors in _doors(machine)]
    return "\n".join([*lines, ""])


def _doors(machine: type[StrEnum]) -> list[tuple[str, str]]:
    return re.findall(r'^\s+(\w+) = "\w+"  #: (.+)$', inspect.getsource(machine), re.MULTILINE)


if __name__ == "__main__":
    (Path(__file__).parent / "machines.md").write_text(draw(), "utf-8")
