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

from fluentsd.domain.campaign_values import DAYS
from fluentsd.fronts.slack.blocks.layout import OPTION_VALUE, Block, option, plain_text
from fluentsd.fronts.slack.blocks.wording import plain
from fluentsd.verbs.catalogue import OUTCOMES

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

    def holds(self, value: Any) -> bool:
        """Whether the element can hold this value whole; a field whose value it cannot hold is not shown as an
        input."""
        return True


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

    def holds(self, value: Any) -> bool:
        return len(self.show(value)) <= self.at_most

    def show(self, value: Any) -> str:
        return self.default if value is None else str(value)

    def read(self, state: State) -> Any:
        typed = str(state.get("value") or "")
        return self.parse(typed if self.lines and type(self) is Text else typed.strip())

    def parse(self, typed: str) -> Any:
        return None if not typed.strip() or typed == self.default else typed


@dataclass(frozen=True, slots=True)
class Lines(Text):
    """A list of texts, one in each line."""

    at_most: int = 2000
    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ""

    def parse(self, typed: str) -> Any:
        return [line.strip() for line in re.split(r"[\n,;]", typed) if line.strip()] or None


@dataclass(frozen=True, slots=True)
class HoursOfDays(Text):
    """Hours for all days ("09:00-17:00"), or for each day of its own, one in each line: "mon 09:00-17:00"."""

    lines: bool = True

    def show(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return "\n".join(f"{day} {hours}" for day, hours in value.items())
        return "" if value is None else str(value)

    def parse(self, typed: str) -> Any:
        lines = [re.split(r"[\s:]+", line.strip(), maxsplit=1) for line in typed.splitlines() if line.strip()]
        if lines and all(len(line) == 2 and line[0][:3].casefold() in DAYS for line in lines):
            return {line[0][:3].casefold(): line[1] for line in lines}
        return " ".join(typed.split()) or None


@dataclass(frozen=True, slots=True)
class Pairs(Text):
    """A list of tables of two values, one in each line: "2026-12-24 09:00-12:00"."""

    lines: bool = True
    at_most: int = 2000
    names: tuple[str, str] = ("date", "hours")

    def show(self, value: Any) -> str:
        rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        first, second = self.names
        return "\n".join(f"{row.get(first, '')} {row.get(second, '')}" for row in rows if isinstance(row, Mapping))

    def parse(self, typed: str) -> Any:
        split = [line.strip().partition(" ") for line in typed.splitlines() if line.strip()]
        return [{self.names[0]: first.rstrip(":"), self.names[1]: rest.strip()} for first, _, rest in split] or None


@dataclass(frozen=True, slots=True)
class Rows(Text):
    """A list of tables, one in each line, its values divided by "|": "US.hours | agreed with counsel | Ada"."""

    lines: bool = True
    at_most: int = 3000
    names: tuple[str, ...] = ()

    def show(self, value: Any) -> str:
        rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        return "\n".join(
            " | ".join(str(row.get(name, "")) for name in self.names) for row in rows if isinstance(row, Mapping)
        )

    def parse(self, typed: str) -> Any:
        split = [[part.strip() for part in line.split("|", len(self.names) - 1)] for line in typed.splitlines()]
        return [dict(zip(self.names, row, strict=False)) for row in split if any(row)] or None


@dataclass(frozen=True, slots=True)
class Condition(Text):
    """One or several words ("interested, callback"), or a condition ("call.fields.budget > 1000")."""

    def show(self, value: Any) -> str:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return ", ".join(map(str, value))
        return "" if value is None else str(value)

    def parse(self, typed: str) -> Any:
        words = [word for word in re.split(r"[,;\s]+", typed) if word]
        if len(words) > 1 and ("," in typed or ";" in typed) and all(word.isidentifier() for word in words):
            return words
        return typed.strip() or None


_OUTCOME = re.compile(r"last\.outcome\s*==\s*['\"](\w+)['\"]")
_ANY_OF = re.compile(rf"{_OUTCOME.pattern}(?:\s+or\s+{_OUTCOME.pattern})*")


def outcomes_in(when: str) -> list[str]:
    """The outcomes of the step before that a condition names in words ("no answer"), if it says nothing else."""
    return [name.replace("_", " ") for name in _OUTCOME.findall(when)] if _ANY_OF.fullmatch(when.strip()) else []


@dataclass(frozen=True, slots=True)
class Outcomes(Text):
    """Outcomes of the step before ("voicemail, no answer"), which stand in the file as a condition; or a condition."""

    def show(self, value: Any) -> str:
        words = ", ".join(outcomes_in(str(value or "")))
        return words if words and self.parse(words) == value else str(value or "")

    def parse(self, typed: str) -> Any:
        words = [re.sub(r"[\s-]+", "_", word.strip().casefold()) for word in re.split(r",|;|\bor\b", typed)]
        if all(word in OUTCOMES for word in words):
            return " or ".join(f"last.outcome == '{word}'" for word in words)
        return typed.strip() or None


@dataclass(frozen=True, slots=True)
class Amounts(Text):
    """A table of numbers, one in each line: "phone 0.12"."""

    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(f"{name} {amount}" for name, amount in value.items()) if isinstance(value, Mapping) else ""

    def parse(self, typed: str) -> Any:
        split = [re.split(r"[\s:=]+", line.strip(), maxsplit=1) for line in typed.splitlines() if line.strip()]
        return {line[0]: _number(line[-1]) for line in split} or None


@dataclass(frozen=True, slots=True)
class Names(Text):
    """A table of texts, one in each line: "sales +12125550123"."""

    lines: bool = True

    def show(self, value: Any) -> str:
        return "\n".join(f"{name} {text}" for name, text in value.items()) if isinstance(value, Mapping) else ""

    def parse(self, typed: str) -> Any:
        split = [re.split(r"[\s:=]+", line.strip(), maxsplit=1) for line in typed.splitlines() if line.strip()]
        return {line[0]: line[1] if len(line) == 2 else "" for line in split} or None


@dataclass(frozen=True, slots=True)
class Decimal(Text):
    """A number with a fraction."""

    def parse(self, typed: str) -> Any:
        return _number(typed) if typed else None


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


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
    """One of few values, each with its words; the first is the default and is not written, unless `is_written`."""

    options: tuple[tuple[str, str], ...]
    is_written: bool = False
    radio: bool = False

    def element(self, value: Any) -> Block:
        made = [option(words, key) for key, words in self.options]
        wanted = self.options[0][0] if value is None else str(value)
        chosen = next((one for one in made if one["value"] == wanted), made[0])
        return {"type": "radio_buttons" if self.radio else "static_select", "options": made, "initial_option": chosen}

    def read(self, state: State) -> Any:
        found = (state.get("selected_option") or {}).get("value")
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
    """One of many values, which `wizard.pickers` offers while a person types. `words`: what a value is called."""

    of: str
    default: str = ""
    placeholder: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    def element(self, value: Any) -> Block:
        shown = value if isinstance(value, str) and value else self.default
        block: Block = {"type": "external_select", "min_query_length": 0}
        if self.placeholder:
            block["placeholder"] = plain_text(self.placeholder, OPTION_VALUE)
        said = plain(self.words.get(shown, shown), 75)
        return block | ({"initial_option": option(said, shown)} if fits(shown) else {})

    def read(self, state: State) -> Any:
        found = (state.get("selected_option") or {}).get("value")
        return None if found == self.default else found

    def holds(self, value: Any) -> bool:
        return value is None or fits(value)


@dataclass(frozen=True, slots=True)
class Picks(Kind):
    """Several of many values."""

    of: str
    placeholder: str = ""

    def element(self, value: Any) -> Block:
        chosen = [option(plain(one, 75), one) for one in value if fits(one)] if isinstance(value, Sequence) else []
        block: Block = {"type": "multi_external_select", "min_query_length": 0}
        if self.placeholder:
            block["placeholder"] = plain_text(self.placeholder, OPTION_VALUE)
        return block | ({"initial_options": chosen[:OPTIONS_AT_MOST]} if chosen else {})

    def read(self, state: State) -> Any:
        return [one["value"] for one in state.get("selected_options") or ()] or None

    def holds(self, value: Any) -> bool:
        return not isinstance(value, Sequence) or (len(value) <= OPTIONS_AT_MOST and all(map(fits, value)))


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
