"""A small SOQL for the fake: SELECT, WHERE with AND, OR, NOT, comparisons, IN and semi-joins, ORDER BY Id, LIMIT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
_TOKEN = re.compile(r"\s*('(?:[^'\\]|\\.)*'|[\w.:+\-]+|<=|>=|!=|[=<>(),])")


class BadQuery(Exception):
    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Query:
    """One parsed query; `run` needs the rows of an object, and the columns that it has."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text):
            raise BadQuery("MALFORMED_QUERY", f"unexpected token in {text}")
        self.place, self.counts = 0, False

    def word(self, *expected: str) -> str:
        token = self.tokens[self.place] if self.place < len(self.tokens) else ""
        if expected and token.upper() not in expected:
            raise BadQuery("MALFORMED_QUERY", f"expected {expected}, found {token!r}")
        self.place += 1
        return token

    def ahead(self, *words: str) -> bool:
        found = [token.upper() for token in self.tokens[self.place : self.place + len(words)]]
        return found == list(words)

    def run(
        self, rows_of: Callable[[str], Iterable[Row]], columns_of: Callable[[str], set[str]]
    ) -> tuple[list[Row], str]:
        self.word("SELECT")
        columns = [self.word()]
        self.counts = columns == ["COUNT"] and self.ahead("(", ")")
        if self.counts:
            self.word(), self.word()
            columns = ["Id"]
        while self.ahead(","):
            self.word()
            columns.append(self.word())
        self.word("FROM")
        name = self.word()
        self.known = columns_of(name)
        for column in columns:
            if column not in self.known:
                raise BadQuery("INVALID_FIELD", f"\nNo such column '{column}' on entity '{name}'. If you are …")
        if self.ahead("USING", "SCOPE"):
            self.word(), self.word(), self.word()
        rows = list(rows_of(name))
        if self.ahead("WHERE"):
            self.word()
            condition = self.any_of(rows_of, columns_of)
            rows = [row for row in rows if condition(row)]
        if self.ahead("ORDER", "BY"):
            self.word(), self.word(), self.word("ID")
            rows.sort(key=lambda row: row["Id"])
        if self.ahead("LIMIT"):
            self.word()
            rows = rows[: int(self.word())]
        if not self.ahead(")") and self.place != len(self.tokens):
            raise BadQuery("MALFORMED_QUERY", f"unexpected token: {self.word()}")
        return [{column: row.get(column) for column in columns} for row in rows], columns[0]

    def any_of(self, *data: Any) -> Callable[[Row], bool]:
        found = [self.all_of(*data)]
        while self.ahead("OR"):
            self.word()
            found.append(self.all_of(*data))
        return lambda row: any(one(row) for one in found)

    def all_of(self, *data: Any) -> Callable[[Row], bool]:
        found = [self.one(*data)]
        while self.ahead("AND"):
            self.word()
            found.append(self.one(*data))
        return lambda row: all(one(row) for one in found)

    def one(self, *data: Any) -> Callable[[Row], bool]:
        if self.ahead("NOT"):
            self.word()
            inner = self.one(*data)
            return lambda row: not inner(row)
        if self.ahead("("):
            self.word()
            inner = self.any_of(*data)
            self.word(")")
            return inner
        column, operator = self.word(), self.word().upper()
        if column not in self.known:
            raise BadQuery("INVALID_FIELD", f"\nNo such column '{column}' on entity. If you are …")
        if operator == "IN":
            values = self.values(*data)
            return lambda row: row.get(column) in values
        want = self.value()
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a is not None and a > b,
            ">=": lambda a, b: a is not None and a >= b, "<": lambda a, b: a is not None and a < b,
            "<=": lambda a, b: a is not None and a <= b,
        }  # fmt: skip
        return lambda row: compare[operator](row.get(column), want)

    def values(self, *data: Any) -> set[Any]:
        self.word("(")
        if self.ahead("SELECT"):
            known = self.known
            rows, column = self.run(*data)
            self.known = known
            self.word(")")
            return {row[column] for row in rows} - {None}
        found = {self.value()}
        while self.ahead(","):
            self.word()
            found.add(self.value())
        self.word(")")
        return found

    def value(self) -> Any:
        token = self.word()
        if token.startswith("'"):
            return token[1:-1]
        if token.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.lower()]
        if re.match(r"\d{4}-\d\d-\d\dT", token):
            return token.replace("Z", "+0000")
        return token if re.match(r"\d{4}-\d\d-\d\d$", token) else float(token)
