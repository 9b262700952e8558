"""Fields: a path of the file, a label and a kind, as an input of a modal. Reading gives the file with the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, context, plain_text
from fluentsd.fronts.slack.forms.kinds import Choice, File, Kind, Text
from fluentsd.fronts.slack.forms.paths import value_at, with_value


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `path`: its place in the file, and the id of its block and element; `required`: Slack does not submit
    the form without it. `channels`: only for steps on these."""

    path: str
    label: str
    kind: Kind
    hint: str = ""
    required: bool = False
    channels: tuple[str, ...] = ()

    def block(self, file: Mapping[str, Any]) -> Block:
        """The input with the file's value; a sentence, if the value is longer than an input of Slack can hold."""
        if not self.kind.holds(value_at(file, self.path)):
            return context(f"*{self.label}*: longer than a form of Slack holds, so the campaign's file changes it.")
        element = self.kind.element(value_at(file, self.path)) | {"action_id": self.path}
        found: Block = {
            "type": "input",
            "block_id": self.path,
            "label": plain_text(self.label, 2000),
            "element": element,
            "optional": not self.required and not isinstance(self.kind, Choice),  # a choice has a value from the first
        }
        if not isinstance(self.kind, File):
            found["dispatch_action"] = True
        return found | ({"hint": plain_text(self.hint, 2000)} if self.hint else {})


Answers = Mapping[str, Mapping[str, Mapping[str, Any]]]


def filled(fields: Iterable[Field], file: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """The file with the answers of a view (`state.values`); a field that the view does not show stays as it is."""
    changed = dict(file)
    for field in fields:
        if (entered := answers.get(field.path)) is not None:
            value, before = field.kind.read(next(iter(entered.values()), {})), value_at(changed, field.path)
            if not _has_same_members(value, before) and not _reads_same(field.kind, value, before):
                changed = with_value(changed, field.path, value)
    return changed


def _has_same_members(one: Any, other: Any) -> bool:
    """Whether two lists differ in their order alone, which means nothing where some of several values are chosen."""
    return isinstance(one, list) and isinstance(other, list) and sorted(map(str, one)) == sorted(map(str, other))


def _reads_same(kind: Kind, value: Any, before: Any) -> bool:
    """Whether two values are the same text for a person, such as one word and a list of it."""
    return isinstance(kind, Text) and before is not None and kind.show(value) == kind.show(before)


def blocks(fields: Sequence[Field], file: Mapping[str, Any]) -> list[Block]:
    """The inputs of a form."""
    return [field.block(file) for field in fields]
