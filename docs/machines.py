"""Draws `docs/machines.md` from the tables in `fluentsd.domain.state_machines`: `python docs/machines.py`.

Every enum whose name ends in "State" gets a diagram from the table of the same name (`CampaignState`: `CAMPAIGN`), and
a row per state from the `#:` comment beside or above its member.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from fluentsd.domain import state_machines

_HEAD = """# State machines

Drawn from the tables in `fluentsd/domain/state_machines.py` by `python docs/machines.py`; a test compares them. A
transition that is missing from a table cannot happen: the store's transitions have the same from-states in their WHERE.
"""
_TITLES = {"EnrollmentState": "Enrollment: one person in one campaign", "AfterCallState": "After a call"}
#: Used while `state_machines` has no table of its own for attempts.
_ATTEMPT = {
    ("settle", state_machines.AttemptState.open): state_machines.AttemptState.settled,
    ("give up", state_machines.AttemptState.open): state_machines.AttemptState.unknown,
    ("evidence", state_machines.AttemptState.unknown): state_machines.AttemptState.settled,
}


def draw() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_machine(machine, table) for machine, table in machines())])


def machines() -> Iterator[tuple[type[StrEnum], Mapping[tuple[str, Any], Any]]]:
    """Each state enum of `state_machines` with its table of transitions, in the order of the module."""
    for name, thing in vars(state_machines).items():
        if inspect.isclass(thing) and issubclass(thing, StrEnum) and name.endswith("State"):
            yield thing, getattr(state_machines, _table_name(name), _ATTEMPT)


def _table_name(name: str) -> str:
    """The name of an enum's table: AfterCallState → AFTER_CALL."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("State")).upper()


def _machine(machine: type[StrEnum], table: Mapping[tuple[str, Any], Any]) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (verb, before), after in table.items():
        if before != after:
            arrows.setdefault((str(before), str(after)), []).append(verb)
    name, first = machine.__name__, next(iter(machine))
    title = _TITLES.get(name, name.removesuffix("State"))
    lines = [f"## {title}\n", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {before} --> {after}: {', '.join(verbs)}" for (before, after), verbs in arrows.items()]
    lines += ["```\n", "| state | meaning |", "|---|---|"]
    lines += [f"| {state} | {meaning} |" for state, meaning in _meanings(machine)]
    return "\n".join([*lines, ""])


def _meanings(machine: type[StrEnum]) -> Iterator[tuple[str, str]]:
    above: list[str] = []
    for line in inspect.getsource(machine).splitlines():
        if comment := re.fullmatch(r"\s+#: (.+)", line):
            above.append(comment[1])
        elif member := re.fullmatch(r'\s+(\w+) = "\w+"(?:  #: (.+))?', line):
            yield member[1], " ".join([*above, member[2] or ""]).strip()
            above = []


if __name__ == "__main__":
    (Path(__file__).parent / "machines.md").write_text(draw(), "utf-8")
