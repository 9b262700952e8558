"""The answer of a chat service as it comes in: its text, and the skills that the model wants to use.

Services keep OpenAI's protocol loosely; what is read here is what each of them means. What must not live here:
requests, time-outs, and any decision about what was read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The longest line of a stream, bytes.
LINE_AT_MOST = 1_000_000
#: The mark of a stream's end. A service may leave out the reason of the end, and the mark is its contract.
DONE = b"[DONE]"
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to use a skill; `arguments` is its JSON, not checked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a model: text that has been said already, and the skills it wants to use."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()

    @property
    def wish(self) -> dict[str, Any]:
        """The message by which the model has asked for its skills, as every service takes it back: without arguments
        that are no JSON object, and with a name of the protocol's alphabet. The skill's result says what was wrong."""
        calls = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": _named(one.name), "arguments": _object(one.arguments)},
            }
            for one in self.calls
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}


def tool_result(call_id: str, content: str) -> dict[str, Any]:
    """The message that tells the model what a skill came to."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


@dataclass(slots=True)
class _Wish:
    """A tool call as it comes in."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""

    def goes_on_with(self, index: int | None, id: str, name: str, arguments: str) -> bool:
        """Whether a part belongs to this call. Services leave out the index, or the id, or give every call the index
        0; another id, or a name after arguments that are whole, begins the next call."""
        if index is not None and self.index is not None and index != self.index:
            return False
        if id and self.id and id != self.id:
            return False
        return not (name and self.name and (arguments or name != self.name) and _is_json(self.arguments))


@dataclass(slots=True)
class Pieces:
    """An answer as it comes in: in lines of events, or as one JSON document, whatever the service calls it. `count`
    grows with each piece of the answer; `failed` says what is wrong with it."""

    text: str = ""
    wishes: list[_Wish] = field(default_factory=list)
    count: int = 0
    is_whole: bool = False
    failed: str = ""
    _rest: bytes = b""

    def feed(self, chunk: bytes) -> str:
        """Add bytes of the stream; the text that was in them."""
        self._rest = (self._rest + chunk).removeprefix(b"\xef\xbb\xbf")
        lines: list[bytes] = []
        if self._rest.lstrip().startswith(b"{"):
            self.count += 1
        elif self._rest.strip():
            *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > LINE_AT_MOST:
            self.failed = "the model's answer cannot be read"
        return "".join(self._add(data) for line in lines if (data := _data(line)))

    def end(self) -> str:
        """The text in what is left at the end."""
        rest, self._rest = self._rest.strip(), b""
        data = rest if rest.startswith(b"{") else _data(rest)
        return self._add(data) if data else ""

    def _add(self, data: bytes) -> str:
        """Add one event; the text in it."""
        if data == DONE:
            self.is_whole = True
            return ""
        try:
            event = json.loads(data)
            if event.get("error"):
                self.failed = "the model's service reports an error in its answer"
                return ""
            fresh = ""
            for choice in event.get("choices") or ():
                self.count += 1
                delta = choice.get("delta") or choice.get("message") or {}
                fresh += _text(delta.get("content"))
                for call in delta.get("tool_calls") or ():
                    self._add_call(call)
                self.is_whole = self.is_whole or bool(choice.get("finish_reason"))
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.failed = "the model's answer cannot be read"
            return ""
        self.text += fresh
        return fresh

    def _add_call(self, call: Mapping[str, Any]) -> None:
        """Add a part of a call."""
        index, id, function = call.get("index"), call.get("id") or "", call.get("function") or {}
        index = int(index) if isinstance(index, int | float) else None
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        arguments = _text(arguments) if isinstance(arguments, str) else json.dumps(arguments)
        of_index = [one for one in self.wishes if index is None or one.index in (index, None)]
        if not of_index or not of_index[-1].goes_on_with(index, id, name, arguments):
            self.wishes.append(_Wish(index))
            of_index = self.wishes
        wish = of_index[-1]
        wish.id, wish.name, wish.arguments = wish.id or id, wish.name or name, wish.arguments + arguments

    def answer(self) -> Answer:
        """The whole."""
        in_order = sorted(self.wishes, key=lambda one: one.index or 0)  # stable: else as they came
        calls: dict[str, ToolCall] = {}
        for n, one in enumerate(in_order):
            id = one.id or f"call_{n}"
            while id in calls:
                id += f"_{n}"
            calls[id] = ToolCall(id, one.name, one.arguments)
        return Answer(self.text, tuple(calls.values()))


def _is_json(text: str) -> bool:
    return text.strip() == "null" or _parsed(text) is not None


def _object(arguments: str) -> str:
    """The arguments if they are a JSON object, else an empty one."""
    return arguments if isinstance(_parsed(arguments), dict) else "{}"


def _parsed(text: str) -> Any:
    """The value of a JSON text; None for null, and for what is none: Python reads NaN, services refuse it."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _named(name: str) -> str:
    """A function's name in the alphabet and length that the protocol sets."""
    return _STRANGE.sub("_", name)[:64] or "unknown"


def _text(content: Any) -> str:
    """The text of a delta; some services give it in parts. Half of a character, cut by a service, is marked."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, Mapping))
    return (content or "").encode("utf-8", "replace").decode()


def _data(line: bytes) -> bytes:
    """The data in a line of a stream; empty for comments and other fields."""
    return line[5:].strip() if line.startswith(b"data:") else b""
