"""Kinds of inputs: each shows a value of a file as a Block Kit element, and reads what a person entered as a value.

Reading never fails: what cannot be read stays as it was typed, and the check of the file says what is wrong with it.
None leaves the value out, so that its default counts. What must not live here: the check of values (`domain.campaign`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluentsd.fronts.slack.blocks.layout import OPTION_VALUE, Block, option, plain_text
from fluentsd.fronts.slack.blocks.wording import plain

State = Mapping[str, Any]
#: Slack's limits of an input.
OPTIONS_AT_MOST = 100
_ON_CHANGE = {"trigger_actions_on": ["on_character_entered"]}
_ON_ENTER = {"trigger_actions_on": ["on_enter_pressed"]}


class Kind(ABC):
    """A kind of input."""

    __slots__ = ()

    @abstractmethod
    def element(self, value: Any) -> Block:
        """The element that shows a value, None for none; its id is set by the field."""

    @abstractmethod
    def read(self, state: State) -> Any:
        """What was entered, None for nothing."""

    def put(self, entered: Any, before: Any) -> Any:
        """The file's value after this was entered; an input that shows a part of the value keeps the rest."""
        return entered

    def instead(self, value: Any) -> str:
        """A sentence in place of an input that cannot hold this value whole; "" if it can."""
        return ""

    def is_set(self, value: Any) -> bool:
        """Whether the input differs from that of a file without this value."""
        return bool(self.instead(value)) or self.element(value) != self.element(None)

    def shown(self, value: Any) -> str:
        """What the input shows, in a line."""
        element = self.element(value)
        initial = element.get("initial_option")
        chosen = element.get("initial_options") or ([initial] if initial else [])
        words = ", ".join(one["text"]["text"] for one in chosen)
        return plain(words or element.get("initial_value") or element.get("initial_date") or "–", 100)


#: The sentence about a value that is too long for Slack.
TOO_LONG = "longer than a form of Slack holds, so the campaign's file changes it."


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text. `default`: a value that is not written into the file; `on_enter`: a change is told at the end of it
    only."""

    at_most: int = 500
    lines: bool = False
    default: str = ""
    placeholder: str = ""
    on_enter: bool = False

    def element(self, value: Any) -> Block:
        block: Block = {"type": "plain_text_input", "multiline": self.lines, "max_length": self.at_most,
                        "dispatch_action_config": _ON_ENTER if self.on_enter else _ON_CHANGE}  # fmt: skip
        if shown := self.show(value):
            block["initial_value"] = shown[: self.at_most]
        if self.placeholder:
            block["placeholder"] = plain_text(self.placeholder, OPTION_VALUE)
        return block

    def instead(self, value: Any) -> str:
        return "" if len(self.show(value)) <= self.at_most else TOO_LONG

    def show(self, value: Any) -> str:
        return self.default if value is None else str(value)

    def read(self, state: State) -> Any:
        typed = str(state.get("value") or "")
        return self.parse(typed if self.lines and type(self) is Text else typed.strip())

    def parse(self, typed: str) -> Any:
        return None if not typed.strip() or typed == self.default else typed


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number."""

    least: int = 0
    most: int = 10_000
    default: int | None = None

    def element(self, value: Any) -> Block:
        shown = self.default if value is None else value
        block: Block = {"type": "number_input", "is_decimal_allowed": False, "min_value": str(self.least),
                        "max_value": str(self.most), "dispatch_action_config": _ON_CHANGE}  # fmt: skip
        return block | ({"initial_value": str(shown)} if isinstance(shown, int) else {})

    def read(self, state: State) -> Any:
        typed = str(state.get("value") or "").strip()
        if not typed:
            return None
        number = int(typed) if re.fullmatch(r"-?\d{1,9}", typed) else typed
        return None if number == self.default else number


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of few values, each with its words; the first is the default and is not written, unless `is_written`. A text
    of a form that is older than the select is read, too."""

    options: tuple[tuple[str, str], ...]
    is_written: bool = False
    radio: bool = False

    def element(self, value: Any) -> Block:
        made = [option(words, key) for key, words in self.options]
        wanted = self.options[0][0] if value is None else str(value)
        chosen = next((one for one in made if one["value"] == wanted), made[0])
        return {"type": "radio_buttons" if self.radio else "static_select", "options": made, "initial_option": chosen}

    def read(self, state: State) -> Any:
        found = (state.get("selected_option") or {}).get("value") or str(state.get("value") or "").strip() or None
        return None if found == self.options[0][0] and not self.is_written else found


@dataclass(frozen=True, slots=True)
class Many(Kind):
    """Some of at most ten values. `usual`: those that are not written when all of them are chosen; `always`: a value
    that cannot be left out, and is not shown."""

    options: tuple[tuple[str, str], ...]
    usual: tuple[str, ...] = ()
    always: tuple[str, ...] = ()

    def element(self, value: Any) -> Block:
        wanted = value if isinstance(value, Sequence) and not isinstance(value, str) else self.usual
        made = [option(words, key) for key, words in self.options]
        chosen = [one for one in made if one["value"] in wanted]
        return {"type": "checkboxes", "options": made} | ({"initial_options": chosen} if chosen else {})

    def read(self, state: State) -> Any:
        found = [*self.always, *(one["value"] for one in state.get("selected_options") or ())]
        return None if set(found) == {*self.usual, *self.always} else found


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """Yes or no, in words."""

    words: str
    default: bool = False

    def element(self, value: Any) -> Block:
        made = [option(self.words, "yes")]
        is_set = self.default if value is None else value is True
        return {"type": "checkboxes", "options": made} | ({"initial_options": made} if is_set else {})

    def read(self, state: State) -> Any:
        found = bool(state.get("selected_options"))
        return None if found == self.default else found


@dataclass(frozen=True, slots=True)
class Date(Kind):
    """A date."""

    def element(self, value: Any) -> Block:
        is_date = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
        return {"type": "datepicker"} | ({"initial_date": value} if is_date else {})

    def read(self, state: State) -> Any:
        return state.get("selected_date") or None


@dataclass(frozen=True, slots=True)
class Pick(Kind):
    """One of many values, which `wizard.pickers` offers while a person types. `words`: what a value is called;
    `default`: a value that is not written into the file. A text of a form that is older than the select is read, too.
    """

    of: str
    default: str = ""
    placeholder: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    def element(self, value: Any) -> Block:
        shown = value if isinstance(value, str) and value else self.default
        block: Block = {"type": "external_select", "min_query_length": 0}
        if self.placeholder:
            block["placeholder"] = plain_text(self.placeholder, OPTION_VALUE)
        label = plain(self.words.get(shown, shown), 75)
        return block | ({"initial_option": option(label, shown)} if fits(shown) else {})

    def read(self, state: State) -> Any:
        found = (state.get("selected_option") or {}).get("value") or str(state.get("value") or "").strip() or None
        return None if found == self.default else found

    def instead(self, value: Any) -> str:
        return "" if value is None or fits(value) else TOO_LONG


@dataclass(frozen=True, slots=True)
class Picks(Kind):
    """Several of many values."""

    of: str
    placeholder: str = ""

    def element(self, value: Any) -> Block:
        given = value if isinstance(value, Sequence) else ()
        chosen = [option(plain(self.said(one), 75), one) for one in given if fits(one)]
        block: Block = {"type": "multi_external_select", "min_query_length": 0}
        if self.placeholder:
            block["placeholder"] = plain_text(self.placeholder, OPTION_VALUE)
        return block | ({"initial_options": chosen[:OPTIONS_AT_MOST]} if chosen else {})

    def said(self, value: str) -> str:
        """What a value is called."""
        return value

    def read(self, state: State) -> Any:
        return [one["value"] for one in state.get("selected_options") or ()] or None

    def instead(self, value: Any) -> str:
        is_whole = not isinstance(value, Sequence) or (len(value) <= OPTIONS_AT_MOST and all(map(fits, value)))
        return "" if is_whole else TOO_LONG


@dataclass(frozen=True, slots=True)
class File(Kind):
    """One uploaded file; its value is Slack's file object."""

    types: tuple[str, ...] = ("csv", "txt", "tsv")

    def element(self, value: Any) -> Block:
        return {"type": "file_input", "max_files": 1}

    def read(self, state: State) -> Any:
        return next(iter(state.get("files") or ()), None)


def fits(value: Any) -> bool:
    """Whether a value can be that of an option."""
    return isinstance(value, str) and 0 < len(value) <= OPTION_VALUE
