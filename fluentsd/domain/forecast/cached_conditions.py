"""Cached conditions: in a forecast, a hundred thousand people share a few histories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fluentsd.domain.flow import Flow
from fluentsd.domain.render import Template


class Remembered(Template):
    """A condition over outcomes only; its result is cached by history."""

    __slots__ = ("_known",)

    def __init__(self, of: Template) -> None:
        super().__init__(of.source, of.part)
        self._known: dict[tuple[str, ...], bool] = {}

    def holds(self, values: Mapping[str, Any]) -> bool:
        key = (values["last"]["outcome"], *values["steps"], *(result["outcome"] for result in values["steps"].values()))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = super().holds(values)
        return known


def remembering(flow: Flow) -> Flow:
    """The same flow, with cached results of conditions that read no field of a person."""
    steps = tuple(
        replace(step, when=Remembered(step.when))
        if step.when is not None and not step.when.variables and "contact" not in step.when.source
        else step
        for step in flow.steps
    )
    return Flow(steps, flow.index)
