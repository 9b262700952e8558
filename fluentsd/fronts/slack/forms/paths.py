"""Values of a nested file by path: `window.hours`, `step.retry.busy`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def value_at(file: Mapping[str, Any], path: str) -> Any:
    """The value, None if there is none."""
    found: Any = file
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def with_value(file: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The file with another value; None takes it out, and a table that is empty then, too."""
    first, _, rest = path.partition(".")
    changed = dict(file)
    if rest:
        inner = changed.get(first)
        value = with_value(inner if isinstance(inner, Mapping) else {}, rest, value) or None
    if value is None:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed
