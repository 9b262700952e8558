"""monday's boards: their columns as fields, their items as records. Pure but for one read of the boards.

A field is named by its column's title, so that boards of one kind share their fields; a second column with a title is
named by its id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fluentsd.api import OptOutRule, Record, SourceField, Tools
from fluentsd_crm_monday.client import MondayClient
from fluentsd_crm_monday.settings import Settings
from fluentsd_crm_monday.values import Column, value_of

#: How long boards are remembered, and how old they may be where a person asks or a segment is not found.
BOARDS_AT_ONCE, REMEMBERED, FRESH = 25, 3600 * 1_000_000, 60 * 1_000_000
#: What monday lists as boards and has no items of its own, and what `boards` must name to be followed.
_NO_BOARDS, _SUBITEMS = ("document", "custom_object"), "sub_items_board"
_Kind = Literal["text", "number", "flag", "date", "choice"]
_KINDS: Mapping[str, _Kind] = {
    "checkbox": "flag", "numbers": "number", "date": "date", "status": "choice", "dropdown": "choice",
}  # fmt: skip
#: Columns that can be written, and how a value of each looks in monday's JSON.
_WRITABLE = ("text", "long_text", "numbers", "status", "dropdown", "checkbox", "date", "phone", "email")


@dataclass(frozen=True, slots=True)
class Board:
    """One board: its groups by id, and its columns by the name of their field."""

    id: str
    name: str
    size: int | None
    groups: Mapping[str, str]
    columns: Mapping[str, Column]

    def lacks_label(self, rule: OptOutRule) -> bool:
        """Whether a rule names labels, and its column has none of them: they may have been renamed."""
        column = self.columns.get(rule.field)
        if column is None or not rule.values or not column.labels:
            return False
        return not any(rule.holds(label) for label in column.labels.values())


class Boards:
    """The boards of one account."""

    def __init__(self, client: MondayClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools
        self._boards: dict[str, Board] = {}
        self._read_at: int | None = None
        #: Labels of items, by column, that the boards do not have: found since they were read, and found before.
        self._strange, self._accepted = set[tuple[str, str]](), set[tuple[str, str]]()

    async def all(self, max_age: int = REMEMBERED, *, urgent: bool = False) -> Mapping[str, Board]:
        """The boards to follow, by id. `urgent`: for an opt-out, which may use the whole quota."""
        now = self._tools.clock.now()
        if self._read_at is None or now - self._read_at > max_age:
            found: dict[str, Board] = {}
            page, more = 1, True
            while more:
                ids = list(self._settings.boards) or None
                variables = {"ids": ids, "limit": BOARDS_AT_ONCE, "page": page}
                rows = (await self._client.read("Boards", variables, urgent=urgent)).data["boards"]
                found |= {str(one["id"]): _board(one) for one in rows if one is not None and self._is_followed(one)}
                page, more = page + 1, len(rows) >= BOARDS_AT_ONCE
            self._boards, self._read_at = found, now
            self._accepted |= self._strange
            self._strange.clear()
        return self._boards

    async def fields(self) -> list[SourceField]:
        """The item's name, and the columns of all boards."""
        found = {"Name": SourceField("Name", "Name", meaning="name")}
        for board in (await self.all()).values():
            for column in board.columns.values():
                kind: _Kind = _KINDS.get(column.type, "text")
                options = tuple(dict.fromkeys(column.labels.values())) if kind == "choice" else ()
                found.setdefault(column.name, SourceField(
                    column.name, column.name, kind, options, column.meaning, self._is_read(column),
                    column.type in _WRITABLE,
                ))  # fmt: skip
        for rule in self._settings.opt_outs:
            found[rule.meaning] = SourceField(rule.meaning, rule.field, "flag", meaning=rule.meaning, writable=True)
        return list(found.values())

    def columns(self, boards: Sequence[Board], extra: Sequence[str] = ()) -> list[str]:
        """The ids of the columns to ask for: only those that are read, because others cost."""
        wanted = [one.id for board in boards for one in board.columns.values() if self._is_read(one)]
        return list(dict.fromkeys([*wanted, *extra])) or ["name"]

    def record(self, board: Board, item: Mapping[str, Any]) -> Record:
        """An item as a record."""
        values = {str(one["id"]): one for one in item.get("column_values") or []}
        fields: dict[str, Any] = {"Name": item.get("name")}
        known: dict[str, Any] = {
            "Name": item.get("name"),
            "Group": board.groups.get(str((item.get("group") or {}).get("id"))),
        }
        for column in board.columns.values():
            if self._is_read(column) and column.id in values:
                fields[column.name] = value_of(column, values[column.id])
                if self._is_known(column, fields[column.name]):
                    known[column.name] = fields[column.name]
        for meaning in dict.fromkeys(rule.meaning for rule in self._settings.opt_outs):
            mine = [rule for rule in self._settings.opt_outs if rule.meaning == meaning]
            fields[meaning] = any(rule.holds(_many(known.get(rule.field))) for rule in mine)
        unreadable = frozenset(
            rule.meaning for rule in self._settings.opt_outs if rule.field not in known or board.lacks_label(rule)
        )
        ref = str(item["id"])
        return Record(
            ref, fields, moment(item.get("updated_at")), object="item", url=str(item.get("url") or ""),
            unreadable=unreadable,
        )  # fmt: skip

    def _is_known(self, column: Column, value: Any) -> bool:
        """Whether a status can be compared with the labels of a rule. A label that the board did not have may be the
        new name of an opt-out: the boards are read again first, once for each."""
        one = (column.id, str(value))
        if column.type != "status" or not value or not column.labels or value in column.labels.values():
            return True
        if one not in self._accepted:
            self._strange.add(one)
            self._read_at = None
        return one in self._accepted

    def _is_followed(self, one: Mapping[str, Any]) -> bool:
        kind = one.get("type")
        return kind not in _NO_BOARDS and (kind != _SUBITEMS or str(one["id"]) in self._settings.boards)

    def _is_read(self, column: Column) -> bool:
        named = {*self._settings.fields, *(rule.field for rule in self._settings.opt_outs)}
        return bool(column.meaning) or column.name in named


def moment(given: Any) -> int | None:
    """An instant of monday (ISO 8601) in epoch microseconds."""
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000) * 1000


def _many(given: Any) -> Any:
    """A text, and its parts, if it may be several values."""
    return [given, *(one.strip() for one in given.split(","))] if isinstance(given, str) and "," in given else given


def _board(one: Mapping[str, Any]) -> Board:
    columns: dict[str, Column] = {}
    for each in one.get("columns") or []:
        if each.get("archived") or each["type"] in ("name", "subtasks"):
            continue
        title = str(each["title"])
        name = title if title not in {*columns, "Name"} else str(each["id"])
        columns[name] = Column(str(each["id"]), name, str(each["type"]), _labels(each))
    groups = {str(each["id"]): str(each["title"]) for each in one.get("groups") or []}
    return Board(str(one["id"]), str(one["name"]), one.get("items_count"), groups, columns)


def _labels(column: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of a status column by their number."""
    try:
        labels = json.loads(column.get("settings_str") or "{}").get("labels") or {}
    except (ValueError, AttributeError):
        return {}
    if isinstance(labels, dict):
        return {str(key): str(value) for key, value in labels.items() if value and isinstance(value, str)}
    return {str(one.get("id")): str(one.get("label") or one.get("name")) for one in labels if isinstance(one, dict)}
