"""Templates: the template file, and the resolution of a flow's templates into texts.

A campaign's step names a template; a flow version holds the texts as they were when the version was made. So a change
of a template does not change the messages of people who are already in the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fluentsd.domain.campaign import Step
from fluentsd.domain.campaign_values import Slug
from fluentsd.domain.message_parts import TEXTS, check_parts
from fluentsd.validation import Problems, explain


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Template(_Table):
    """A named message: an SMS text, or an e-mail with its subject, From and Reply-To."""

    name: Slug
    channel: Literal["sms", "email"]
    subject: str = ""
    sender: str = ""
    reply_to: str = ""
    text: str = ""
    html: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Template:
        check_parts(self.channel, self.parts, "template")
        return self

    @property
    def parts(self) -> dict[str, str]:
        """The parts it has."""
        return {part: getattr(self, part) for part in TEXTS if getattr(self, part)}


class _File(_Table):
    template: Annotated[list[Template], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _once(self) -> _File:
        names = [template.name for template in self.template]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two templates are called {twice[0]!r}; give each its own name")
        return self


def read_templates(data: Any, what: str = "template file") -> list[Template]:
    """Check parsed TOML or JSON; `Problems` lists every mistake with its path."""
    if isinstance(data, dict) and "step" in data and "template" not in data:
        raise Problems(what, ["this looks like a campaign file; apply it with: fluentsd campaign apply FILE"])
    try:
        return _File.model_validate(data).template
    except ValidationError as why:
        raise Problems(what, explain(_File, why, data=data)) from None


@dataclass(frozen=True, slots=True)
class KeptTemplate:
    """A stored template. `created_at` is epoch microseconds."""

    name: str
    version: int
    channel: str
    parts: Mapping[str, str] = field(repr=False)
    created_at: int
    created_by: str

    @property
    def file(self) -> dict[str, Any]:
        """The template in the shape of its file."""
        return {"name": self.name, "channel": self.channel, **{p: self.parts[p] for p in TEXTS if p in self.parts}}


class NoSuchTemplate(LookupError):
    """A step names a template that does not exist or is for another channel; nothing was changed."""

    suggestion = ("templates list", dict[str, str]())


def named_in(steps: Sequence[Step]) -> set[str]:
    """The names of the templates in a flow."""
    return {step.template for step in steps if step.template}


def resolve(steps: Sequence[Step], kept: Mapping[str, KeptTemplate]) -> list[Step]:
    """The flow with its templates replaced by their texts; raises `NoSuchTemplate`, which names the step."""
    return [_resolved(step, kept) if step.template else step for step in steps]


def _resolved(step: Step, kept: Mapping[str, KeptTemplate]) -> Step:
    found = kept.get(step.template or "")
    if found is None:
        raise NoSuchTemplate(
            f"step {step.id}: no template is called {step.template!r}; apply its file, or name one of the list"
        )
    if found.channel != step.channel:
        raise NoSuchTemplate(f"step {step.id} is by {step.channel}, but the template {found.name!r} is for "
                             f"{found.channel}; name another, or change the step's channel")  # fmt: skip
    return step.model_copy(update={"template": None, **found.parts})
