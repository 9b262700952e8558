"""Conditions and lists of a file that people pick: outcomes, results of a call, a goal, holidays.

The file keeps one value (`last.outcome == 'busy'`), which stands in two inputs: one that picks, for what can be picked,
and one that is typed, for everything else. What is typed counts in place of what is picked. What must not live here:
which words there are on a channel (`wizard.pages`), and the check of values (`domain.campaign`).
"""

from __future__ import annotations

import datetime as dt
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.domain.campaign_values import plain as short_name
from fluentsd.domain.time.blackouts import preset_words
from fluentsd.fronts.slack.blocks.layout import OPTION_VALUE, Block, option, plain_text
from fluentsd.fronts.slack.blocks.wording import safe, word
from fluentsd.fronts.slack.forms.kinds import Kind, Pick, Picks, State, Text
from fluentsd.verbs.options import OUTCOMES

_OUTCOME = re.compile(r"last\.outcome\s*==\s*['\"](\w+)['\"]")
_ANY_OF = re.compile(rf"{_OUTCOME.pattern}(?:\s+or\s+{_OUTCOME.pattern})*")
_FIELD_IS = re.compile(r"(?:contact\.)?([a-z_][a-z0-9_]{0,62}) == '([^'\"{}%]{1,60})'")
_STEP_CAME_TO = re.compile(r"steps\['([a-z0-9][a-z0-9_-]{0,62})'\]\.outcome == '(\w+)'")


class Picked(Kind):
    """A condition that is picked; None is "any"."""

    __slots__ = ()

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Whether this value, or none, can be picked."""

    def put(self, entered: Any, before: Any) -> Any:
        return before if entered is None and not self.holds(before) else entered

    def instead(self, value: Any) -> str:
        return "" if self.holds(value) else f"a condition of its own counts, `{safe(value, 200)}`"


@dataclass(frozen=True, slots=True)
class Words(Picked):
    """Some of several words, as the options of a select. `offered`: those that are offered, and what was picked."""

    offered: tuple[str, ...] = ()
    any_of: str = "any"

    @abstractmethod
    def apart(self, value: Any) -> list[str]:
        """The words of a value; none, if it is another condition."""

    @abstractmethod
    def together(self, words: list[str]) -> Any:
        """The value of one word or more."""

    def element(self, value: Any) -> Block:
        made = {one: option(word(one), one) for one in dict.fromkeys([*self.offered, *self.apart(value)])}
        chosen = [made[one] for one in self.apart(value)]
        block: Block = {"type": "multi_static_select", "options": list(made.values()),
                        "placeholder": plain_text(self.any_of, OPTION_VALUE)}  # fmt: skip
        return block | ({"initial_options": chosen} if chosen else {})

    def read(self, state: State) -> Any:
        words = [one["value"] for one in state.get("selected_options") or ()]
        return self.together(words) if words else None

    def typed(self, text: str) -> Any:
        """Words as people write them ("no answer, busy"); None for anything else."""
        words = [re.sub(r"[\s-]+", "_", one.strip().casefold()) for one in re.split(r",|;|\bor\b", text)]
        return self.together(words) if set(words) <= set(self.offered) else None


@dataclass(frozen=True, slots=True)
class EndedIn(Words):
    """Outcomes of the step before, which stand in the file as a condition."""

    offered: tuple[str, ...] = OUTCOMES
    any_of: str = "any outcome"

    def apart(self, value: Any) -> list[str]:
        return _OUTCOME.findall(value) if isinstance(value, str) and _ANY_OF.fullmatch(value.strip()) else []

    def together(self, words: list[str]) -> Any:
        return " or ".join(f"last.outcome == '{one}'" for one in words)

    def holds(self, value: Any) -> bool:
        return value is None or (bool(words := self.apart(value)) and self.together(words) == value)


@dataclass(frozen=True, slots=True)
class CameTo(Words):
    """Results of a call, which stand in the file as words."""

    any_of: str = "not after a call"

    def apart(self, value: Any) -> list[str]:
        words = [value] if isinstance(value, str) else list(value or ())
        return words if all(one in self.offered for one in words) else []

    def together(self, words: list[str]) -> Any:
        return words if words[1:] else words[0]

    def holds(self, value: Any) -> bool:
        return value is None or bool(self.apart(value))


@dataclass(frozen=True, slots=True)
class Goal(Picked, Pick):
    """One condition about a field of the person, or about what a step came to."""

    of: str = "goal"

    def holds(self, value: Any) -> bool:
        return value is None or bool(goal_words(value))

    def instead(self, value: Any) -> str:
        return Picked.instead(self, value)

    def element(self, value: Any) -> Block:
        block: Block = {"type": "external_select", "min_query_length": 0,
                        "placeholder": plain_text(self.placeholder, OPTION_VALUE)}  # fmt: skip
        words = goal_words(value)
        return block | ({"initial_option": option(words, value)} if words else {})

    def read(self, state: State) -> Any:
        return (state.get("selected_option") or {}).get("value")


@dataclass(frozen=True, slots=True)
class Written(Text):
    """The same condition, typed: what cannot be picked. Words that can be picked become what they are when picked."""

    picked: Picked = EndedIn()

    def show(self, value: Any) -> str:
        return "" if self.picked.holds(value) else str(value)

    def parse(self, typed: str) -> Any:
        words = self.picked.typed(typed) if isinstance(self.picked, Words) else None
        return words or typed.strip() or None

    def put(self, entered: Any, before: Any) -> Any:
        return before if entered is None and self.picked.holds(before) else entered


@dataclass(frozen=True, slots=True)
class Holidays(Picks):
    """The sets of holidays among the dates without contact."""

    of: str = "holidays"

    def element(self, value: Any) -> Block:
        return Picks.element(self, [one for one in _texts(value) if not is_date(one)])

    def put(self, entered: Any, before: Any) -> Any:
        return [*(entered or []), *own_dates(before)] or None

    def said(self, value: str) -> str:
        return preset_words(value)

    def shown(self, value: Any) -> str:
        return ", ".join(map(preset_words, _texts(value))) or "–"


def own_dates(value: Any) -> list[str]:
    """The single dates among the dates without contact."""
    return [one for one in _texts(value) if is_date(one)]


def is_date(text: str) -> bool:
    """Whether a text is a single date, such as "2026-12-24"."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def goal_of_field(typed: str) -> str:
    """The condition that a person types as "stage is customer" or "stage = customer"; "" for other words."""
    match = re.fullmatch(r"\s*(.{1,60}?)\s*(?:\bis\b|==?|:)\s*['\"“]?(.{1,60}?)['\"”]?\s*", typed)
    name = short_name(match[1].removeprefix("contact.")).replace("-", "_") if match else ""
    made = f"contact.{name} == '{match[2]}'" if match else ""
    return made if _FIELD_IS.fullmatch(made) else ""


def goal_of_step(step: str, outcome: str) -> str:
    """The condition that a step came to an outcome."""
    return f"steps['{step}'].outcome == '{outcome}'"


def goal_words(value: Any) -> str:
    """A goal that can be picked, in words; "" for another condition."""
    if not isinstance(value, str) or len(value) > OPTION_VALUE:
        return ""
    if match := _FIELD_IS.fullmatch(value):
        return f"{match[1].replace('_', ' ')} is {match[2]}"
    if match := _STEP_CAME_TO.fullmatch(value):
        return f"the step {match[1]} came to {word(match[2])}"
    return ""


def outcome_words(value: Any) -> str:
    """A condition about the step before in words: `voicemail, no answer or busy`; "" for another condition."""
    names = [word(one) for one in EndedIn().apart(value)]
    return ", ".join(names[:-1]) + f" or {names[-1]}" if names[1:] else "".join(names)
