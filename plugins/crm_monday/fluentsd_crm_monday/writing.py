"""What is written to an item: values and opt-outs to its columns, and each activity as an update.

Columns are tried together, and one by one when they are refused; the update is written in any case
(`WriteLedger.all_parts`). monday has no key for "once": an update ends with our key, by which it is found when the
answer to its creation was lost.
"""

from __future__ import annotations

import html
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fluentsd.api import Activity, Part, Rejected, WriteLedger, activity_facts, activity_heading, written_mark
from fluentsd_crm_monday.boards import Board, Boards
from fluentsd_crm_monday.client import MondayClient
from fluentsd_crm_monday.settings import Settings
from fluentsd_crm_monday.values import value_for

_EVERYTHING = frozenset({"phone", "sms", "email"})


class Writing:
    """The writes of one account."""

    def __init__(self, client: MondayClient, boards: Boards, settings: Settings, ledger: WriteLedger) -> None:
        self._client, self._boards, self._settings, self._ledger = client, boards, settings, ledger

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity once; returns the id of its update."""
        if not activity.record.isdecimal():
            raise Rejected(f"{activity.record!r} is not the id of an item")
        urgent = activity.kind == "opt_out"

        async def parts() -> Sequence[Part]:
            return await self._parts(activity)

        async def update(in_doubt: bool) -> str:
            if in_doubt:
                items = (await self._client.read("Updates", {"ids": [activity.record]}, urgent=urgent)).data["items"]
                for one in (items[0].get("updates") or []) if items else []:
                    if written_mark(key) in str(one.get("body") or ""):
                        return str(one["id"])
            variables = {"item": activity.record, "body": _body(activity, key)}
            reply = await self._client.write("CreateUpdate", variables, urgent=urgent)
            return str(reply.data["create_update"]["id"])

        return await self._ledger.all_parts(key, parts, update)

    async def _parts(self, activity: Activity) -> list[Part]:
        """The columns that `fields` and the rules of an opt-out set. A group is no column: nobody is moved."""
        values: dict[str, Any] = dict(activity.fields)
        if activity.kind == "opt_out":
            wanted: set[str] = set(activity.channels) or {*_EVERYTHING}
            wanted |= {"all"} if wanted >= _EVERYTHING else set()
            for rule in self._settings.opt_outs:
                if rule.channel in wanted and rule.field != "Group":
                    values[rule.field] = rule.values[0] if rule.values else True
        if not values:
            return []
        urgent = activity.kind == "opt_out"
        variables = {"ids": [activity.record], "limit": 1, "columns": ["name"]}
        items = (await self._client.read("Items", variables, urgent=urgent)).data["items"]
        board = (await self._boards.all(urgent=urgent)).get(str(items[0]["board"]["id"])) if items else None
        if board is None:
            raise Rejected(f"monday.com has no item {activity.record} on the boards that are followed")
        pieces = [Part(f"the column {name}", self._change(activity.record, board, {name: value}, urgent))
                  for name, value in values.items()]  # fmt: skip
        if len(pieces) == 1:
            return pieces
        name = f"the columns {', '.join(values)}"
        return [Part(name, self._change(activity.record, board, values, urgent), pieces)]

    def _change(
        self, item: str, board: Board, values: Mapping[str, Any], urgent: bool
    ) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            found: dict[str, Any] = {}
            for name, value in values.items():
                column = board.columns.get(name)
                if column is None:
                    raise Rejected(f"the board {board.name!r} has no column {name!r}")
                try:
                    found[column.id] = value_for(column, value)
                except ValueError as why:
                    raise Rejected(str(why)) from why
            variables = {"board": board.id, "item": item, "values": json.dumps(found)}
            await self._client.write("ChangeColumns", variables, urgent=urgent)

        return write


def _body(activity: Activity, key: str) -> str:
    """An update's HTML."""
    lines = [activity_heading(activity), activity.summary, *activity_facts(activity)]
    lines += [*activity.text[:30_000].splitlines(), written_mark(key)]
    return "<br>".join(html.escape(line) for line in lines if line)
