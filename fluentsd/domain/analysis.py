"""The analysis of a call: what an agent's file asks for, and what of a model's answer is kept.

The answer is data of a model that has read a stranger's words, so only what the schema names is kept. That is a
summary, one of the known dispositions, and the fields of the file with values of their kind. It can add an opt-out and
lift none; the field of a CRM that a value goes to is named by the file alone. Pure.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fluentsd.api import Disposition, SourceField, check_json
from fluentsd.domain.campaign_values import Slug
from fluentsd.text import clean

#: The longest summary and the longest text of a field, characters; the largest number.
SUMMARY_AT_MOST, TEXT_AT_MOST, NUMBER_AT_MOST = 1000, 300, 1e15
#: Dispositions that a skill has proved; no analysis changes them.
PROVED = (Disposition.transferred, Disposition.callback)
_JUDGED = [str(one) for one in Disposition if one != Disposition.transferred]
Value = str | int | float | bool


def _name(text: str) -> str:
    if not text.isidentifier() or text != text.lower() or len(text) > 63:
        raise ValueError(f'{text!r} is not a field name; write it like "budget"')
    return text


Name = Annotated[str, AfterValidator(_name)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AnalysisField(_Table):
    """One value to find in a conversation, and the fields of CRMs that it is written to, by the source's name."""

    name: Name
    kind: Literal["text", "number", "flag", "date", "choice"] = "text"
    about: Annotated[str, Field(max_length=300)] = ""
    options: list[Annotated[str, Field(min_length=1, max_length=80)]] = []
    write_to: dict[Slug, Annotated[str, Field(min_length=1, max_length=120)]] = {}

    @model_validator(mode="after")
    def _whole(self) -> AnalysisField:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError('kind and options do not agree; write kind = "choice" with options = ["…"], or neither')
        return self

    @property
    def shape(self) -> dict[str, Any]:
        """The JSON schema of its value."""
        shapes: dict[str, dict[str, Any]] = {
            "text": {"type": "string", "maxLength": TEXT_AT_MOST},
            "number": {"type": "number"},
            "flag": {"type": "boolean"},
            "date": {"type": "string", "maxLength": 10, "description": "a date like 2026-12-24"},
            "choice": {"type": "string", "enum": list(self.options)},
        }
        return shapes[self.kind] | ({"description": self.about} if self.about else {})


class AnalysisSettings(_Table):
    """`[agent.analysis]`: after each conversation a model reads the transcript."""

    instructions: Annotated[str, Field(max_length=5_000)] = ""
    field: Annotated[list[AnalysisField], Field(max_length=30)] = []

    @model_validator(mode="after")
    def _once(self) -> AnalysisSettings:
        names = [one.name for one in self.field]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two fields are called {twice[0]!r}; give each its own name")
        return self


def written_to(settings: AnalysisSettings | None) -> dict[str, dict[str, str]]:
    """By source, the CRM's fields that an analysis writes, each with the name of its own field."""
    found: dict[str, dict[str, str]] = {}
    for one in settings.field if settings is not None else ():
        for source, target in one.write_to.items():
            found.setdefault(source, {})[target] = one.name
    return found


def unwritable(targets: Mapping[str, str], source: str, catalogue: Sequence[SourceField]) -> list[str]:
    """What keeps these fields of a CRM from being written, in words; `targets` are one source's of `written_to`. A
    source that says of no field that it can be written is not judged."""
    able = {one.name for one in catalogue if one.writable}
    if not able:
        return []
    known, labels = {one.name for one in catalogue}, {one.label.casefold(): one.name for one in catalogue}
    found = []
    for target, name in targets.items():
        if target in able:
            continue
        near = labels.get(target.casefold()) or next(iter(difflib.get_close_matches(target, able, 1)), "")
        hint = f"; did you mean {near!r}?" if near in able else ""
        what = f"{source} lets nobody write it" if target in known else f"{source} has no such field"
        found.append(f"the field {name} is written to {target!r}, but {what}{hint}")
    return found


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is kept of an answer. `writes`: by source, the values for fields of the person's record there."""

    summary: str = field(default="", repr=False)
    disposition: Disposition | None = None
    opted_out: bool = False
    fields: Mapping[str, Value] = field(default_factory=dict, repr=False)
    writes: Mapping[str, Mapping[str, Value]] = field(default_factory=dict, repr=False)


def schema_of(settings: AnalysisSettings) -> dict[str, Any]:
    """The JSON schema of an answer."""
    fields = {one.name: one.shape for one in settings.field}
    properties: dict[str, Any] = {
        "summary": {"type": "string", "maxLength": SUMMARY_AT_MOST, "description": "one or two sentences"},
        "disposition": {"type": "string", "enum": _JUDGED, "description": "what it came to; leave it out if unclear"},
        "opted_out": {"type": "boolean", "description": "whether the person asked not to be contacted any more"},
    }
    if fields:
        about = "what the person said; leave out what was not said"
        properties["fields"] = {"type": "object", "properties": fields, "description": about}
    return {"type": "object", "properties": properties, "required": ["summary"]}


def read_analysis(found: Any, settings: AnalysisSettings) -> Analysis:
    """The analysis in an answer. Raises ValueError when the answer does not keep the schema; the message holds no text
    of the answer."""
    try:
        check_json(found, schema_of(settings), "the analysis")
    except ValueError as why:
        raise ValueError(_without_names(str(why))) from None
    if not isinstance(found, dict) or not (summary := clean(found["summary"], SUMMARY_AT_MOST).strip()):
        raise ValueError("the analysis has no summary")
    known = {one.name: one for one in settings.field}
    fields = {name: _value(known[name], value) for name, value in found.get("fields", {}).items()}
    writes: dict[str, dict[str, Value]] = {}
    for name, value in fields.items():
        for source, target in known[name].write_to.items():
            writes.setdefault(source, {})[target] = value
    word = found.get("disposition")
    return Analysis(summary, Disposition(word) if word else None, found.get("opted_out", False), fields, writes)


def _value(one: AnalysisField, value: Any) -> Value:
    if one.kind == "date":
        try:
            return dt.date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError(f"the field {one.name} is no date like 2026-12-24") from None
    if one.kind == "number" and abs(value) > NUMBER_AT_MOST:
        raise ValueError(f"the field {one.name} is too large")
    return " ".join(clean(value, TEXT_AT_MOST).split()) if isinstance(value, str) else value


def _without_names(why: str) -> str:
    """The message without names that the answer has made up: they may hold a person's words."""
    return "the analysis has properties that the schema does not name" if " have no " in why else why


def settled(before: str | None, analysis: Analysis) -> Disposition | None:
    """The disposition of a call after its analysis. `before`: the conversation's own, None without one."""
    known = Disposition(before) if before else None
    return known if known in PROVED else analysis.disposition or known
