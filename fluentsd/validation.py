"""Validation messages: all mistakes of a file at once, one line each with place, problem and fix.

pydantic finds the mistakes of a file in one pass; this module turns its report into messages for people. Configuration
and campaign files both use it. A value with a secret name, or from the environment or a credential, is never repeated,
because messages appear in logs and chats.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from fluentsd.plugin_config import hint

Place = tuple[int | str, ...]

_SECRET = re.compile(r"pass(word|wd|phrase)|token|secret|key|auth|credential", re.IGNORECASE)
_SHOULD = " should be "
_KINDS = {
    "string": "text in quotes", "str": "text in quotes", "list": "a list [ … ]", "tuple": "a list [ … ]",
    "dict": "a table { … }", "model": "a table { … }", "int": "a whole number", "float": "a number",
    "bool": "true or false", "date": "a date like 2026-12-24",
}  # fmt: skip
#: pydantic's names of validators and alternatives within a place; not part of the file.
_INNER = re.compile(r"(function-|tagged-|dict\[|list\[|tuple\[|literal\[|union\[).*|str")
#: pydantic's name for the key itself.
_KEY = "[key]"


class Problems(ValueError):
    """The mistakes in a file, one line each; nothing was changed."""

    def __init__(self, what: str, lines: Iterable[str]) -> None:
        self.what = what
        self.lines = list(lines)
        count = len(self.lines)
        heading = f"{what}: {count} mistake{'' if count == 1 else 's'}; nothing was changed"
        super().__init__("\n".join([heading, *(f"  {line}" for line in self.lines)]))


class AddressInUse(Problems):
    """An address of the settings cannot be opened now, most often because another process still has it."""


def is_secret(name: object) -> bool:
    """Whether a key's name marks its value as secret."""
    return isinstance(name, str) and _SECRET.search(name) is not None


def explain(
    model: type[BaseModel] | None,
    error: ValidationError,
    *,
    origin: Mapping[Place, str] | None = None,
    data: Any = None,
) -> list[str]:
    """The lines of one validation report, in the file's own order of paths, each mistake once.

    `model` is the validated model (None for a plugin's own); `origin` is the source of values that are not in the file;
    `data` is the parsed file, so that an entry of a list can be named by its `id`.
    """
    lines: dict[str, str] = {}
    for item in _relevant(error, model):
        place = _shown_place(item)
        source = (origin or {}).get(place)
        words = _words(model, item)
        if source or any(is_secret(part) for part in place):
            words = words.replace(repr(item.get("input")), "the value given")
        where = f"{show_place(place, data)}{f' (from {source})' if source else ''}"
        _add(lines, where, words)
    return [f"{where}: {words}" for where, words in lines.items()]


def _relevant(error: ValidationError, model: type[BaseModel] | None) -> list[Any]:
    """The report without mistakes that follow from another: an alternative type that was not meant, and a key that is
    missing because it is misspelt."""
    items = error.errors(include_url=False)
    wrong = [_outer(item["loc"]) for item in items if not item["type"].endswith("_type")]
    meant = [(*i["loc"][:-1], _near(i, model)) for i in items if i["type"] == "extra_forbidden"]
    return [
        item
        for item in items
        if not (
            item["type"].endswith("_type") and any(_outer(item["loc"]) == w[: len(_outer(item["loc"]))] for w in wrong)
        )
        and not (item["type"] == "missing" and item["loc"] in meant)
    ]


def _shown_place(item: Any) -> Place:
    place: Place = item["loc"]
    return place[:-1] if place[-1:] == (_KEY,) else place


def _outer(place: Place) -> Place:
    """A place in the file, without pydantic's inner names."""
    return tuple(p for p in place if isinstance(p, int) or not (_INNER.fullmatch(p) or p == _KEY))


def _add(lines: dict[str, str], where: str, words: str) -> None:
    """One line per place: a value that fits none of several shapes is one mistake."""
    before = lines.get(where)
    if before is not None and before.split(_SHOULD)[0] == words.split(_SHOULD)[0]:
        words = before if words == before else f"{before} or {words.split(_SHOULD)[-1]}"
    elif before is not None:
        words = f"{before}; {words}"
    lines[where] = words


def explain_toml(text: str, error: Exception) -> str:
    """The message for a text that is not TOML: the line, its content, and the fix."""
    where = re.search(r"\(at line (\d+), column \d+\)", str(error))
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        return "it is empty"
    if where is None:  # the text ends too early
        number, line = len(lines), lines[-1]
    else:
        number, line = int(where[1]), (lines[int(where[1]) - 1 :] or [""])[0]
    shown = line.strip() if len(line.strip()) <= 60 else f"{line.strip()[:60]}…"
    message = re.sub(r" \(at .*\)$", "", str(error))
    return f"line {number}, {shown!r}: {_toml_hint(line, message) or message[:1].lower() + message[1:]}"


def _toml_hint(line: str, message: str) -> str:
    """Messages for the most common slips."""
    name, sign, value = (part.strip() for part in line.partition("="))
    if line.lstrip().startswith("{"):
        return "this looks like JSON; the file must be TOML: lines of name = value"
    if "Cannot overwrite" in message or "Cannot declare" in message:
        two = "; or write each table of a list with two brackets: [[…]]" if line.startswith("[") else ""
        return f"this appears twice; keep one{two}"
    if "Invalid date" in message:
        return "no such date or time; write a date like 2026-12-24"
    if not sign and re.search(r"\w[,;\t]\w", line):
        return "this looks like a list of people; import it with: fluentsd contacts import FILE"
    if not sign and re.match(r"[\w-]+\s*:", line):
        return f'write {line.split(":")[0].strip()} = "…", with = instead of :'
    if sign and re.fullmatch(r"[\w-]+", name) and re.match(r"[A-Za-z\u201c\u2018]", value):
        return f'write text between straight quotes: {name} = "…"'
    return "a quote is not closed" if value.count('"') % 2 == 1 else ""


def show_place(place: Place, data: Any = None) -> str:
    """A place as text: `step[2].hours`; with the data, `step[2] (second-call).hours`."""
    text = ""
    for index, part in enumerate(place):
        data = _inside(data, part)
        if isinstance(part, int):
            name = data.get("id") if isinstance(data, Mapping) else None
            text += f"[{part + 1}]"  # people count from one
            text += f" ({name[:40]})" if isinstance(name, str) and name else ""
        elif index == 0 or not _INNER.fullmatch(part):
            text += f".{part}" if text else part
    return text or "file"


def _inside(data: Any, part: int | str) -> Any:
    try:
        return data[part]
    except (TypeError, LookupError):  # pydantic's inner name, or not there
        return None if isinstance(part, int) else data


def _words(model: type[BaseModel] | None, item: Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        return "is not a known key" + hint(str(item["loc"][-1]), _names_at(model, item["loc"]))
    if kind == "missing":
        return "is missing"
    if kind in {"value_error", "assertion_error"}:
        return str(item["ctx"]["error"])
    if kind == "literal_error":
        return _choice(item, str(item["ctx"]["expected"]))
    if kind == "string_too_short" or (kind == "too_short" and not value):
        return "is empty"
    if kind in {"string_too_long", "too_long"}:
        return f"is too long: at most {item['ctx']['max_length']}"
    if kind.endswith(("_type", "_parsing")):
        expected = kind.removesuffix("_type").removesuffix("_parsing")
        if expected in ("list", "tuple") and isinstance(value, Mapping):
            return "should be a list of tables; write each with two brackets: [[…]]"
        return f"{_short(value)}{_SHOULD}{_KINDS.get(expected, expected.replace('_', ' '))}"
    message: str = item["msg"]
    return f"{_short(value)}: {message[0].lower()}{message[1:]}"


def _short(value: Any) -> str:
    """A value, shortened for one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _choice(item: Any, expected: str) -> str:
    known = re.findall(r"'([^']*)'", expected)
    if item["loc"][-1:] == (_KEY,):
        return "is not a known key" + hint(str(item["input"]), known)
    near = difflib.get_close_matches(str(item["input"]), known, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"{_short(item['input'])} is not one of {expected}{meant}"


def _near(item: Any, model: type[BaseModel] | None) -> str:
    """The known key that is most similar to an unknown one, or ""."""
    return next(iter(difflib.get_close_matches(str(item["loc"][-1]), _names_at(model, item["loc"]), 1)), "")


def _names_at(model: type[BaseModel] | None, place: Place) -> list[str]:
    """The known keys of the table with the unknown one."""
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
