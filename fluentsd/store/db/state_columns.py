"""Transitions of a state column, derived from the tables in `domain.state_machines`.

Every UPDATE of a state column in the store begins with `transition`. Its WHERE names the from-states of the event and
its SET the to-state, so what the table does not allow cannot be written. `tests/store/db/test_state_columns.py` guards
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table, Update, or_, update

from fluentsd.domain.state_machines import from_states, to_state

S = TypeVar("S", bound=StrEnum)


def state_is(table: Table, *states: StrEnum) -> ColumnElement[bool]:
    """The row is in one of these states, spelt out: an IN list would be expanded again for every row of a batch."""
    return or_(*(table.c.state == state for state in states))


def transition(
    table: Table, machine: Mapping[tuple[str, S], S], event: str, *where: ColumnElement[bool], **values: Any
) -> Update:
    """An UPDATE that carries out `event` on the rows of `where` that are in one of its from-states."""
    mine = update(table).where(*where, state_is(table, *from_states(machine, event)))
    return mine.values(state=to_state(machine, event), **values)
