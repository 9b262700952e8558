"""What a view of the wizard remembers in its private_metadata: which campaign, which page, and what its reader has
seen. Ids only, because Slack limits it to 3,000 characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

#: The beginning of the callback_id of every view of the wizard.
PREFIX = "wizard:"


@dataclass(frozen=True, slots=True)
class Place:
    """`ref`: "" before the campaign has one; `seen`: of the answer that the view shows; `nth`: the entry of a list;
    `new`: the channel of a step that is not in the list yet, or the name of an agent that gets a new version; `file`:
    Slack's id of an upload; `round`: raised when a form is drawn again with other values, which Slack would not show
    under the same ids; `more`: the fields that few people change are shown."""

    page: str
    ref: str = ""
    seen: str = ""
    nth: int = -1
    new: str = ""
    file: str = ""
    round: int = 0
    more: bool = False

    def as_json(self) -> dict[str, Any]:
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name] and name != "page"}

    @property
    def is_entry(self) -> bool:
        """Whether it is the form of an entry of a list."""
        return self.nth >= 0 or bool(self.new)

    def at(self, page: str, **more: Any) -> Place:
        """Another page of the same campaign."""
        return replace(Place(page, self.ref, self.seen), **more)


def place_in(view: Mapping[str, Any], value: Mapping[str, Any]) -> Place:
    """The place that a view holds; `value` is its private_metadata."""
    page = str(view.get("callback_id", "")).removeprefix(PREFIX)
    known = {field.name: type(field.default) for field in fields(Place) if field.name != "page"}
    kept = {name: value[name] for name, kind in known.items() if type(value.get(name)) is kind}
    return Place(page, **kept)
