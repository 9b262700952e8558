"""Templates and conditions: liquid, strict, bounded, and never applied to data.

A template is compiled once per flow version. A variable without a value and without `default:` is an error that
names it. `template_limits` bound its work and memory. Values are inserted and never read as templates again; they are
escaped in the HTML part, and line breaks are removed in headers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from liquid import Environment, StrictDefaultUndefined, Undefined
from liquid.exceptions import LiquidError, ResourceLimitError, UndefinedError

from fluentsd.domain import template_limits
from fluentsd.domain.template_limits import BoundedEnvironment

#: Fluents writes {first_name}; liquid writes {{ first_name }}. A brace pair inside a pair is liquid already.
_SINGLE = re.compile(r"(?<![{%])\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}(?![}%])")
_BREAKS = re.compile(r"[\r\n\x00-\x08\x0b\x0c\x0e-\x1f]+")
#: Names a template may use that are not contact fields.
BUILT_IN_NAMES = frozenset({"contact", "last", "steps", "campaign", "sender"})

#: Most cached results per condition.
MOST_KNOWN = 1024
#: Liquid's names for the clock: such a condition is evaluated each time.
_CLOCK = re.compile(r"\b(?:now|today)\b")

Part = Literal["text", "html", "subject", "sender", "reply_to", "condition", "prompt"]
#: Parts that go into a header, on one line.
_ONE_LINE = ("subject", "sender", "reply_to")


class TemplateProblem(ValueError):
    """A template that cannot be parsed, or cannot be rendered for one person."""


class MissingVariable(TemplateProblem):
    """A variable has no value for this person and the template gives no default."""


_ENVIRONMENTS: dict[str, Environment] = {
    "text": BoundedEnvironment(undefined=StrictDefaultUndefined),
    "html": BoundedEnvironment(undefined=StrictDefaultUndefined, autoescape=True),
    "condition": BoundedEnvironment(undefined=Undefined),
    "prompt": BoundedEnvironment(undefined=StrictDefaultUndefined, autoescape=True),  # see `compiled_agent`
    **{part: BoundedEnvironment(undefined=StrictDefaultUndefined) for part in _ONE_LINE},
}


class Template:
    """One compiled part of a message."""

    __slots__ = ("_known", "_paths", "_plain", "_template", "part", "reads_outcomes", "source", "variables")

    def __init__(self, source: str, part: Part) -> None:
        text = source if part == "condition" else _SINGLE.sub(r"{{ \1 }}", source)
        self.source, self.part = source, part
        if part == "condition":
            text = f"{{% if {source} %}}1{{% endif %}}"
        try:
            self._template = _ENVIRONMENTS[part].from_string(text)
            used = self._template.analyze(include_partials=False)
            unknown = sorted(set(used.filters) - set(_ENVIRONMENTS[part].filters))
        except RecursionError:
            raise TemplateProblem(f"the {part} {_short(source)!r} is nested too deeply") from None
        except LiquidError as why:
            raise TemplateProblem(f"the {part} {_short(source)!r} is not valid liquid: {_reason(why)}") from None
        if unknown:
            near = difflib.get_close_matches(unknown[0], list(_ENVIRONMENTS[part].filters), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            what = f"a filter that does not exist: {unknown[0]}{hint}"
            raise TemplateProblem(f"the {part} {_short(source)!r} uses {what}")
        found = used.globals
        #: Contact fields that it reads, with or without a default.
        self.variables = frozenset(_field(str(v)) for refs in found.values() for v in refs) - BUILT_IN_NAMES
        #: Whether it reads the outcomes of steps.
        self.reads_outcomes = bool({"last", "steps"} & {_field(str(v)) for refs in found.values() for v in refs})
        self._plain = text if "{" not in text else None
        self._paths = _paths(found) if part == "condition" and not _CLOCK.search(source) else None
        self._known: dict[tuple[Any, ...], bool] = {}

    def render(self, values: Mapping[str, Any]) -> str:
        """The text for one person; raises `MissingVariable` or `TemplateProblem`."""
        if self._plain is not None:
            return self._plain
        template_limits.begin()
        try:
            text = self._template.render(values)
        except UndefinedError as why:
            raise MissingVariable(_reason(why)) from None
        except ResourceLimitError as why:
            raise TemplateProblem(f"the {self.part} {_short(self.source)!r} was stopped: {_reason(why)}") from None
        except RecursionError:
            raise TemplateProblem(f"the {self.part} {_short(self.source)!r} is nested too deeply") from None
        except LiquidError as why:
            raise TemplateProblem(f"the {self.part} cannot be rendered: {_reason(why)}") from None
        return _BREAKS.sub(" ", text).strip() if self.part in _ONE_LINE else text

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition is true for this person; results are cached by the values that it reads."""
        if self._paths is None:
            return self.render(values) == "1"
        key = tuple([_at(values, path) for path in self._paths])
        if (known := self._known.get(key)) is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = self.render(values) == "1"
        return known


def _paths(found: Mapping[str, Any]) -> list[tuple[str, ...]] | None:
    """The paths of the values that a condition reads; None when a path depends on other values."""
    paths = [tuple(variable.segments) for variables in found.values() for variable in variables]
    counts = any(segment in ("size", "first", "last") for path in paths for segment in path[1:])  # liquid's own words
    if counts or not all(isinstance(segment, str) for path in paths for segment in path):
        return None
    return list(dict.fromkeys(paths))


def _at(values: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, with its type, because 1 and "1" differ in a condition."""
    for segment in path:
        if not isinstance(values, Mapping) or segment not in values:
            return None
        values = values[segment]
    return (type(values), values) if isinstance(values, (str, int, float, bool)) else (type(values), str(values))


@lru_cache(maxsize=4096)
def template(source: str, part: Part) -> Template:
    """The compiled template, from a bounded cache; raises `TemplateProblem`."""
    return Template(source, part)


def _field(path: str) -> str:
    head, _, rest = path.partition(".")
    if head == "contact" and rest:
        return rest.partition(".")[0].partition("[")[0]
    return head.partition("[")[0]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _reason(why: LiquidError) -> str:
    return str(why.args[0] if why.args else why).splitlines()[0].removesuffix(" at line 1")
