"""Fields: a path of the file, a label and a kind, as an input of a modal. Reading gives the file with the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, context, plain_text
from fluentsd.fronts.slack.forms.kinds import File, Kind
from fluentsd.fronts.slack.forms.paths import value_at, with_value


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `path`: its place in the file; `required`: Slack does not submit the form without it. `channels`: only
    for steps on these. `more`: what few people change, so it stands below the button of the other options. `name`:
    tells a second input of the same path from the first."""

    path: str
    label: str
    kind: Kind
    hint: str = ""
    required: bool = False
    channels: tuple[str, ...] = ()
    more: bool = False
    name: str = ""

    @property
    def id(self) -> str:
        """The id of its block and element."""
        return f"{self.path}.{self.name}" if self.name else self.path

    def block(self, file: Mapping[str, Any]) -> Block:
        """The input with the file's value; a sentence, if an input of Slack cannot hold it."""
        value = value_at(file, self.path)
        if instead := self.kind.instead(value):
            return context(f"*{self.label}*: {instead}")
        found: Block = {
            "type": "input",
            "block_id": self.id,
            "label": plain_text(self.label, 2000),
            "element": self.kind.element(value) | {"action_id": self.id},
            "optional": not self.required and not self._is_never_empty,
        }
        if not isinstance(self.kind, File):
            found["dispatch_action"] = True
        return found | ({"hint": plain_text(self.hint, 2000)} if self.hint else {})

    @property
    def _is_never_empty(self) -> bool:
        """Whether it has a value from the first, so that Slack need not say that it is optional."""
        return not {"initial_option", "initial_value"}.isdisjoint(self.kind.element(None))

    def is_set(self, file: Mapping[str, Any]) -> bool:
        """Whether the file says something here."""
        return self.kind.is_set(value_at(file, self.path))

    def words(self, file: Mapping[str, Any]) -> str:
        """Its label and value in a line."""
        return f"{self.label}: {self.kind.shown(value_at(file, self.path))}"


Answers = Mapping[str, Mapping[str, Mapping[str, Any]]]


def filled(fields: Iterable[Field], file: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """The file with the answers of a view (`state.values`); a field that the view does not show stays as it is."""
    changed = dict(file)
    for field in fields:
        if (entered := answers.get(field.id)) is not None:
            before = value_at(changed, field.path)
            value = field.kind.put(field.kind.read(next(iter(entered.values()), {})), before)
            if not _has_same_members(value, before) and not _looks_same(field.kind, value, before):
                changed = with_value(changed, field.path, value)
    return changed


def _has_same_members(one: Any, other: Any) -> bool:
    """Whether two lists differ in their order alone, which means nothing where some of several values are chosen."""
    return isinstance(one, list) and isinstance(other, list) and sorted(map(str, one)) == sorted(map(str, other))


def _looks_same(kind: Kind, value: Any, before: Any) -> bool:
    """Whether two values are the same for a person, such as one word and a list of it."""
    return before is not None and not kind.instead(before) and kind.element(value) == kind.element(before)


def blocks(fields: Sequence[Field], file: Mapping[str, Any]) -> list[Block]:
    """The inputs of a form."""
    return [field.block(file) for field in fields]
