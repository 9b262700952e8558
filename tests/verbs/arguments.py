"""Values that `execute` accepts for a parameter, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.verbs.verb import Kind, Param, Shape
from tests.engine.stage import MONDAY

VALUES: Mapping[Kind, Any] = {
    "int": 1,
    "flag": False,
    "texts": ["x"],
    "moment": MONDAY,
    "date": "2026-02-01",
    "duration": "2 days",
}
#: A structure of each shape.
STRUCTURES: Mapping[Shape, Any] = {"object": {}, "counts": {"rows": 1}, "people": [1], "texts": ["x"]}


def example(param: Param) -> Any:
    """A value of the parameter's kind, or its first option."""
    if param.kind in ("data", "file"):
        return STRUCTURES[param.shape]
    if param.options:
        return [param.options[0]] if param.kind == "texts" else param.options[0]
    return VALUES.get(param.kind, "x")
