"""Every mistake at once, each in one line: where, what, and how to write it right.

pydantic finds the mistakes of a file in one pass; this module turns its report into the words a person can act on.
Configuration and campaign files both speak through it. A value that is secret by its name, or that came from
elsewhere (the environment, a credential), is never repeated: a mistake is read in logs and chats.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

Place = tuple[int | str, ...]

_SECRET = re.compile(r"pass(word|wd|phrase)|token|secret|key|auth|credential", re.IGNORECASE)
_SHOULD = " should be "
_KINDS = {
    "string": "text in quotes", "str": "text in quotes", "list": "a list [ … ]", "tuple": "a list [ … ]",
    "dict": "a table { … }", "model": "a table { … }", "int": "a whole number", "float": "a number",
    "bool": "true or false", "date": "a date like 2026-12-24",
}  # fmt: skip
#: What pydantic adds to a place to say which validator or which alternative it means; not written in any file.
_INNER = re.compile(r"(function-|tagged-|dict\[|list\[|tuple\[|literal\[|union\[).*|str")


class Problems(ValueError):
    """What is wrong with a file, one line each; nothing was changed."""

    def __init__(self, what: str, lines: Iterable[str]) -> None:
        self.what = what
        self.lines = list(lines)
        count = len(self.lines)
        heading = f"{what}: {count} mistake{'' if count == 1 else 's'}; nothing was changed"
        super().__init__("\n".join([heading, *(f"  {line}" for line in self.lines)]))


def is_secret(name: object) -> bool:
    """Whether a key's name says that its value must not be shown."""
    return isinstance(name, str) and _SECRET.search(name) is not None


def explain(
    model: type[BaseModel] | None, error: ValidationError, *, origin: Mapping[Place, str] | None = None
) -> list[str]:
    """The lines of one validation report, in the file's own order of paths, each mistake once.

    `model` is what was validated (None when it is a plugin's own); `origin` says of values that are not in the file
    where they came from.
    """
    lines: dict[str, str] = {}
    for item in error.errors(include_url=False):
        place = item["loc"]
        source = (origin or {}).get(place)
        words = _words(model, item)
        if source or any(is_secret(part) for part in place):
            words = words.replace(repr(item.get("input")), "the value given")
        where = f"{show_place(place)}{f' (from {source})' if source else ''}"
        _add(lines, where, words)
    return [f"{where}: {words}" for where, words in lines.items()]


def _add(lines: dict[str, str], where: str, words: str) -> None:
    """One line per place: a value that fits none of several shapes is one mistake."""
    before = lines.get(where)
    if before is not None and before.split(_SHOULD)[0] == words.split(_SHOULD)[0]:
        words = before if words == before else f"{before} or {words.split(_SHOULD)[-1]}"
    elif before is not None:
        words = f"{before}; {words}"
    lines[where] = words


def explain_toml(text: str, error: Exception) -> str:
    """What is wrong with a text that is not TOML: in which line, what stands there, and how to write it."""
    where = re.search(r"\(at line (\d+), column \d+\)", str(error))
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        return "it is empty"
    if where is None:  # it ends too early
        number, line = len(lines), lines[-1]
    else:
        number, line = int(where[1]), (lines[int(where[1]) - 1 :] or [""])[0]
    shown = line.strip() if len(line.strip()) <= 60 else f"{line.strip()[:60]}…"
    said = re.sub(r" \(at .*\)$", "", str(error))
    return f"line {number}, {shown!r}: {_toml_hint(line) or said[:1].lower() + said[1:]}"


def _toml_hint(line: str) -> str:
    """The commonest slips, in words."""
    name, sign, value = (part.strip() for part in line.partition("="))
    if not sign and re.search(r"\w[,;\t]\w", line):
        return "that looks like a list of people; take it in with: fluentsd contacts import FILE"
    if not sign and re.match(r"[\w-]+\s*:", line):
        return f'write {line.split(":")[0].strip()} = "…", with = instead of :'
    if sign and re.fullmatch(r"[\w-]+", name) and re.match(r"[A-Za-z\u201c\u2018]", value):
        return f'text goes between straight quotes: {name} = "…"'
    if value.count('"') % 2 == 1:
        return "a quote is opened and never closed"
    return ""


def show_place(place: Place) -> str:
    """A place as people write it: `step[2].hours`."""
    text = ""
    for index, part in enumerate(place):
        if isinstance(part, int):
            text += f"[{part + 1}]"  # people count from one
        elif index == 0 or not _INNER.fullmatch(part):
            text += f".{part}" if text else part
    return text or "file"


def _words(model: type[BaseModel] | None, item: Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        return "is not a key that is known here" + _hint(str(item["loc"][-1]), _names_at(model, item["loc"]))
    if kind == "missing":
        return "is missing"
    if kind in {"value_error", "assertion_error"}:
        return str(item["ctx"]["error"])
    if kind == "literal_error":
        return f"{value!r} is not one of {item['ctx']['expected']}"
    if kind.endswith(("_type", "_parsing")):
        expected = kind.removesuffix("_type").removesuffix("_parsing")
        return f"{value!r}{_SHOULD}{_KINDS.get(expected, expected.replace('_', ' '))}"
    message: str = item["msg"]
    return f"{value!r}: {message[0].lower()}{message[1:]}"


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def _names_at(model: type[BaseModel] | None, place: Place) -> list[str]:
    """The keys known at the table that holds the unknown one."""
    current: Any = model
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        if current is None:
            return []
        field = current.model_fields.get(part) or next(
            (f for f in current.model_fields.values() if f.alias == part), None
        )
        if field is None:
            break
        current = _model_in(field.annotation)
    return [f.alias or name for name, f in current.model_fields.items()] if current is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if found := _model_in(inner):
            return found
    return None
