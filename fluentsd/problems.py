"""Every mistake at once, each in one line: where, what, and how to write it right.

pydantic finds the mistakes of a file in one pass; this module turns its report into the words a person can act on.
Configuration and campaign files both speak through it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError


class Problems(ValueError):
    """What is wrong with a file, one line each; nothing was changed."""

    def __init__(self, what: str, lines: Iterable[str]) -> None:
        self.what = what
        self.lines = list(lines)
        count = len(self.lines)
        heading = f"{what}: {count} mistake{'' if count == 1 else 's'}; nothing was changed"
        super().__init__("\n".join([heading, *(f"  {line}" for line in self.lines)]))


def explain(model: type[BaseModel], error: ValidationError) -> list[str]:
    """The lines of one validation report, in the file's own order of paths."""
    return [f"{_path(item['loc'])}: {_words(model, item)}" for item in error.errors(include_url=False)]


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"  # people count from one
        elif not part.startswith(("function-", "tagged-", "str", "dict[", "list[")) or not text:
            text += f".{part}" if text else part
    return text or "file"


def _words(model: type[BaseModel], item: Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        names = _names_at(model, item["loc"])
        near = difflib.get_close_matches(str(item["loc"][-1]), names, 1)
        return "is not a key that is known here" + (
            f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"
        )
    if kind == "missing":
        return "is missing"
    if kind in {"value_error", "assertion_error"}:
        return str(item["ctx"]["error"])
    if kind == "literal_error":
        return f"{value!r} is not one of {item['ctx']['expected']}"
    if kind.endswith("_type") or kind.endswith("_parsing"):
        expected = kind.removesuffix("_type").removesuffix("_parsing").replace("_", " ")
        expected = {"string": "text in quotes", "list": "a list [ … ]", "dict": "a table { … }"}.get(expected, expected)
        return f"{value!r} should be {expected}"
    message: str = item["msg"]
    return f"{value!r}: {message[0].lower()}{message[1:]}"


def _names_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys known at the table that holds the unknown one."""
    current: Any = model
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if isinstance(current, type) and issubclass(current, BaseModel) else None
        field = field or next((f for f in current.model_fields.values() if f.alias == part), None)
        if field is None:
            break
        current = _model_in(field.annotation)
        if current is None:
            return []
    return [f.alias or name for name, f in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if found := _model_in(inner):
            return found
    return None
