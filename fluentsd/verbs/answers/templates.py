"""Answers about templates. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template."""

    name: str = ""
    version: int = 0
    channel: str = ""
    created_at: int | None = None
    created_by: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Listed(Template):
    """A template with the refs of the campaigns that use it."""

    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """`templates list`."""

    templates: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A template of the file: its changed parts, and its version from now on."""

    name: str = ""
    channel: str = ""
    version: int = 0
    changed: tuple[str, ...] = ()
    created: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """A campaign that uses a changed template, and how many of its people keep the earlier text."""

    ref: str = ""
    keep_their_flow: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """`templates apply`."""

    templates: tuple[Change, ...] = ()
    campaigns: tuple[User, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Shown(Template):
    """`templates show`: the file of one version, and every version."""

    file: Mapping[str, Any] = field(default_factory=dict)
    versions: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageFinding:
    """A finding of the channel about a message."""

    ok: bool = True
    what: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Preview(Template):
    """`templates preview`: the message as one person gets it. `sender`: of e-mails only."""

    reply_to: str | None = None
    text: str | None = None
    html: str | None = None
    to: str = ""
    sender: str | None = None
    findings: tuple[MessageFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class StepPreview:
    """`campaign preview-step`: the message as `person` of the campaign gets it, "" for an invented one."""

    person: str = ""
    to: str = ""
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    findings: tuple[MessageFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """`templates remove`."""

    name: str = ""
    removed: bool = True
