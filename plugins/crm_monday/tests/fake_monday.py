"""A monday.com on loopback: boards with groups and columns, items in no stable order, cursors that end, few calls.

It refuses a wrong token, a missing version, pages that are too long, unknown labels, long texts, and phones without
their country. It answers errors with HTTP 200. Its clock stands until the test moves it.
"""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fluentsd.testing import Answer, Asked, LoopbackServer

SECOND = 1_000_000
TOKEN, BOARD = "the-token", "9001"
COLUMNS = [
    {"id": "name", "title": "Name", "type": "name"},
    {"id": "phone_1", "title": "Phone", "type": "phone"},
    {"id": "email_1", "title": "Email", "type": "email"},
    {"id": "status", "title": "Status", "type": "status", "labels": {"0": "New", "1": "Won"}},
    {"id": "boolean_1", "title": "Do not call", "type": "checkbox"},
    {"id": "text_1", "title": "Case", "type": "text"},
]


class FakeMonday(LoopbackServer):
    def __init__(self, now: int = 1_767_625_200 * SECOND) -> None:
        super().__init__()
        self.now, self.left, self.page = now, 900, 500
        self.boards = {BOARD: "Leads", "9002": "Other"}
        self.kinds: dict[str, str] = {}
        self.columns = [dict(one) for one in COLUMNS]
        self.groups = {"topics": "Leads", "done": "Done"}
        self.items: dict[str, dict[str, Any]] = {}
        self.updates: dict[str, dict[str, Any]] = {}
        self.cursors: dict[str, tuple[int, list[str]]] = {}
        self.next_id = 100
        self.random = random.Random(1)

    # The account, from its own side.

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def iso(self) -> str:
        return datetime.fromtimestamp(self.now / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def item(self, group: str = "topics", board: str = BOARD, **values: Any) -> str:
        self.next_id += 1
        ref = str(self.next_id)
        self.items[ref] = {"board": board, "name": f"I{ref}", "state": "active", "values": {"status": "New"}}
        self.edit(ref, group=group, **values)
        return ref

    def edit(self, ref: str, group: str | None = None, state: str | None = None, **values: Any) -> None:
        one = self.items[ref]
        one["values"] = {**one["values"], **values}
        one |= {"group": group or one.get("group")} | ({"state": state} if state else {}) | {"updated_at": self.iso()}

    def rename(self, column: str, number: str, label: str) -> None:
        """Give a label another name; items keep its number."""
        [mine] = [one for one in self.columns if one["id"] == column]
        before, mine["labels"] = mine["labels"][number], {**mine["labels"], number: label}
        for one in self.items.values():
            if one["values"].get(column) == before:
                one["values"] = {**one["values"], column: label}

    # monday's side.

    def answer(self, request: Asked) -> Answer:
        found = self._answer(request)
        date = format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
        return Answer(found.status, found.body, {"Date": date, **found.headers})

    def _answer(self, request: Asked) -> Answer:
        if request.headers.get("authorization") != TOKEN:
            return Answer(401, {"errors": [{"message": "Not Authenticated"}]})
        if not request.headers.get("api-version"):
            return _error("INVALID_VERSION", "API-Version is missing")
        self.left -= 1
        if self.left < 0:
            return _error("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded")
        body = request.json
        variables = body["variables"]
        return getattr(self, f"_{body['operationName']}")(variables)

    def _Me(self, given: dict[str, Any]) -> Answer:
        return _data({"me": {"id": "1", "name": "Ann"}, "account": {"id": "1", "name": "Acme", "slug": "acme"}})

    def _Boards(self, given: dict[str, Any]) -> Answer:
        rows = [ref for ref in self.boards if not given["ids"] or ref in given["ids"]]
        start = (given["page"] - 1) * given["limit"]
        columns = [
            {"id": one["id"], "title": one["title"], "type": one["type"], "archived": False,
             "settings_str": json.dumps({"labels": one["labels"]} if "labels" in one else {})}
            for one in self.columns
        ]  # fmt: skip
        groups = [{"id": ref, "title": title} for ref, title in self.groups.items()]
        return _data({"boards": [
            {"id": ref, "name": self.boards[ref], "type": self.kinds.get(ref, "board"), "groups": groups,
             "columns": columns,
             "items_count": sum(one["board"] == ref and one["state"] == "active" for one in self.items.values())}
            for ref in rows[start : start + given["limit"]]
        ]})  # fmt: skip

    def _FirstPage(self, given: dict[str, Any]) -> Answer:
        if given["limit"] > 500:
            return _error("InvalidArgumentException", "limit is at most 500")
        if given["board"][0] not in self.boards:
            return _data({"boards": []})
        refs = [
            ref for ref, one in self.items.items() if one["board"] == given["board"][0] and one["state"] == "active"
        ]
        for rule in (given["rules"] or {}).get("rules", []):
            if rule["column_id"] not in ["group", *(one["id"] for one in self.columns)]:
                return _error("InvalidColumnIdException", "Column not found")
            refs = [ref for ref in refs if self._holds(self.items[ref], rule)]
        self.random.shuffle(refs)
        count = sum(one["board"] == given["board"][0] and one["state"] == "active" for one in self.items.values())
        return _data({"boards": [{"items_count": count, "items_page": self._page(refs, given, self.now)}]})

    def _NextPage(self, given: dict[str, Any]) -> Answer:
        began, refs = self.cursors.get(given["cursor"], (0, []))
        if self.now - began > 3600 * SECOND:
            return _error("CursorException", "CursorExpiredError: The cursor provided for pagination has expired")
        return _data({"next_items_page": self._page(refs, given, began)})

    def _page(self, refs: list[str], given: dict[str, Any], began: int) -> dict[str, Any]:
        size = min(given["limit"], self.page)
        cursor = f"cursor-{len(self.cursors)}" if len(refs) > size else None
        if cursor:
            self.cursors[cursor] = (began, refs[size:])
        return {"cursor": cursor, "items": [self._item(ref, given["columns"]) for ref in refs[:size]]}

    def _Items(self, given: dict[str, Any]) -> Answer:
        if len(given["ids"]) > 100:
            return _error("InvalidArgumentException", "at most 100 ids")
        refs = [ref for ref in given["ids"] if ref in self.items and self.items[ref]["state"] == "active"]
        return _data({"items": [self._item(ref, given["columns"]) for ref in refs]})

    def _item(self, ref: str, columns: list[str]) -> dict[str, Any]:
        one = self.items[ref]
        return {
            "id": ref, "name": one["name"], "state": one["state"], "updated_at": one["updated_at"],
            "url": f"https://acme.monday.com/boards/{one['board']}/pulses/{ref}", "group": {"id": one["group"]},
            "board": {"id": one["board"]},
            "column_values": [self._value(one, column) for column in self.columns if column["id"] in columns],
        }  # fmt: skip

    def _value(self, one: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
        value = one["values"].get(column["id"])
        found = {"id": column["id"], "type": column["type"], "text": value, "value": None}
        if column["type"] == "checkbox":
            return found | {"text": "v" if value else "", "checked": bool(value)}
        if column["type"] == "phone" and value:
            number, country = value if isinstance(value, tuple) else (value, "US")
            return found | {
                "text": number, "value": json.dumps({"phone": number, "countryShortName": country}),
            }  # fmt: skip
        if column["type"] == "status":
            number = next((int(ref) for ref, label in column["labels"].items() if label == value), None)
            return found if number is None else found | {"value": json.dumps({"index": number, "post_id": None})}
        if column["type"] == "mirror":
            return found | {"text": None, "display_value": value or ""}
        return found

    def _holds(self, one: dict[str, Any], rule: dict[str, Any]) -> bool:
        if rule["column_id"] == "group":
            return one["group"] in rule["compare_value"]
        labels = next(column["labels"] for column in self.columns if column["id"] == rule["column_id"])
        value = one["values"].get(rule["column_id"])
        if value is None:  # a status that was never set has the number 5
            return 5 in rule["compare_value"]
        return value in [labels.get(str(number)) for number in rule["compare_value"]]

    def _Updates(self, given: dict[str, Any]) -> Answer:
        rows = [{"id": ref, "body": one["body"]} for ref, one in self.updates.items() if one["item"] == given["ids"][0]]
        return _data({"items": [{"updates": rows}]})

    def _CreateUpdate(self, given: dict[str, Any]) -> Answer:
        if self.items.get(given["item"], {}).get("state") != "active":
            return _error("ResourceNotFoundException", "Item not found")
        self.next_id += 1
        self.updates[str(self.next_id)] = {"item": given["item"], "body": given["body"]}
        return _data({"create_update": {"id": str(self.next_id)}})

    def _ChangeColumns(self, given: dict[str, Any]) -> Answer:
        assert isinstance(given["values"], str)
        for ref, value in json.loads(given["values"]).items():
            column = next((one for one in self.columns if one["id"] == ref), None)
            if column is None:
                return _error("InvalidColumnIdException", "This column id doesn't exist for the board")
            if column["type"] == "status":
                if value["label"] not in column["labels"].values():
                    return _error("ColumnValueException", "This status label doesn't exist")
                value = value["label"]
            if column["type"] == "checkbox":
                value = bool(value and value["checked"] == "true")
            if column["type"] == "long_text" and len(value["text"]) > 2000:
                return _error("ColumnValueException", "The text is too long")
            if column["type"] == "phone":
                if not re.fullmatch("[A-Z]{2}", value["countryShortName"]):
                    return _error("ColumnValueException", "invalid value: the phone number has no country code")
                value = (value["phone"], value["countryShortName"])
            self.edit(given["item"], **{ref: value})
        return _data({"change_multiple_column_values": {"id": given["item"]}})


def _data(data: dict[str, Any]) -> Answer:
    return Answer(200, {"data": data, "account_id": 1})


def _error(code: str, words: str, **more: Any) -> Answer:
    return Answer(200, {"errors": [{"message": words, "extensions": {"code": code, **more}}], "account_id": 1})
