"""The state tables are enforced: no UPDATE of a state column goes around `store.db.state_columns.transition`."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from fluentsd.domain import state_machines
from fluentsd.domain.state_machines import (
    AFTER_CALL,
    ATTEMPT,
    CAMPAIGN,
    DELIVERY,
    ENROLLMENT,
    AfterCallState,
    AttemptState,
    CampaignState,
    DeliveryState,
    EnrollmentState,
)
from fluentsd.store.db.state_columns import transition
from fluentsd.store.tables import after_call, attempt, campaign, enrollment, metadata, outbox_delivery

STORE = Path(__file__).parents[3] / "fluentsd" / "store"
MACHINES: tuple[tuple[Any, Mapping[tuple[str, Any], Any], type[StrEnum]], ...] = (
    (campaign, CAMPAIGN, CampaignState),
    (enrollment, ENROLLMENT, EnrollmentState),
    (attempt, ATTEMPT, AttemptState),
    (outbox_delivery, DELIVERY, DeliveryState),
    (after_call, AFTER_CALL, AfterCallState),
)


def test_no_statement_sets_a_state_but_through_the_table() -> None:
    """`.values(state=…)`, `values["state"] = …`, `{"state": …}` and SQL text may set a state in two places only: an
    INSERT of a first state, and `transition`."""
    found = []
    for file in sorted(STORE.rglob("*.py")):
        if "migrations" in file.parts or file.name == "state_columns.py":
            continue
        text = file.read_text("utf-8")
        found += [f"{file.name}: {m}" for m in re.findall(r"UPDATE\s+\w+\s+SET[^\"]*\bstate\s*=", text)]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
                is_insert = "insert(" in (ast.get_source_segment(text, node.func) or "")
                if any(word.arg == "state" for word in node.keywords) and not is_insert:
                    found.append(f"{file.name}:{node.lineno}: .values(state=…)")
            is_stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
            if is_stored and isinstance(node.slice, ast.Constant) and node.slice.value == "state":
                found.append(f"{file.name}:{node.lineno}: […]['state'] = …")
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                if "state" in keys and file.name not in ("counters.py", "transitions.py"):
                    found.append(f"{file.name}:{node.lineno}: {{'state': …}}")
    assert found == []


@pytest.mark.parametrize(("table", "machine", "kind"), MACHINES, ids=lambda value: getattr(value, "name", ""))
def test_a_transition_moves_the_rows_of_its_from_states_and_no_others(
    table: Any, machine: Mapping[tuple[str, Any], Any], kind: type[StrEnum]
) -> None:
    for event in dict.fromkeys(event for event, _ in machine):
        targets = {after for (name, _), after in machine.items() if name == event}
        if len(targets) > 1:  # a campaign's `pause` leads to draft or paused; the store narrows it to one from-state
            continue
        with sqlite3.connect(":memory:") as conn:
            conn.execute("CREATE TABLE machine (state TEXT, was TEXT)")
            conn.executemany("INSERT INTO machine VALUES (?, ?)", [(state, state) for state in kind])
            statement = str(
                transition(table, machine, event).compile(
                    dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
                )
            )
            conn.execute(re.sub(rf"\b{table.name}\b", "machine", statement))
            moved = dict(conn.execute("SELECT was, state FROM machine").fetchall())
        expected = {state: machine.get((event, state), state) for state in kind}
        assert moved == expected, event
        conn.close()


def test_an_event_that_the_table_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError):
        transition(enrollment, ENROLLMENT, "revive")
    with pytest.raises(state_machines.IllegalTransition, match="cannot resume a campaign that is draft"):
        state_machines.next_campaign_state("resume", CampaignState.draft)


def test_every_state_can_be_entered_and_every_open_state_left() -> None:
    for _, machine, kind in MACHINES:
        first = next(iter(kind))
        assert set(machine.values()) | {first} == set(kind)
        assert {before for _, before in machine} >= {first}


def triggers() -> list[str]:
    """SQLite triggers that refuse a change of state which no row of the tables allows: the suite's second guard."""
    found = []
    for table, machine, _ in MACHINES:
        pairs = " OR ".join(
            f"(OLD.state = '{before}' AND NEW.state = '{after}')" for (_, before), after in machine.items()
        )
        found.append(
            f"CREATE TEMP TRIGGER legal_{table.name} BEFORE UPDATE OF state ON main.{table.name}"
            f" WHEN NOT ({pairs} OR OLD.state = NEW.state)"
            f" BEGIN SELECT RAISE(ABORT, 'illegal transition of {table.name}'); END"
        )
    return found


def test_the_guard_of_the_suite_refuses_what_no_table_allows() -> None:
    with sqlite3.connect(":memory:") as conn:
        conn.execute("CREATE TABLE enrollment (state TEXT)")
        conn.execute("INSERT INTO enrollment VALUES ('exited')")
        conn.execute(next(line for line in triggers() if "main.enrollment" in line))
        with pytest.raises(sqlite3.IntegrityError, match="illegal transition"):
            conn.execute("UPDATE enrollment SET state = 'queued'")
    conn.close()
    assert "enrollment" in metadata.tables
