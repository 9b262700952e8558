"""Answers about agents. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.verbs.answers.templates import User


@dataclass(frozen=True, slots=True)
class Agent:
    """One version of an agent."""

    name: str = ""
    version: int = 0
    created_at: int | None = None
    created_by: str = ""
    company: str = ""
    language: str = ""
    skills: tuple[str, ...] = ()
    recording: bool = False


@dataclass(frozen=True, slots=True)
class Listed(Agent):
    """An agent with the refs of the campaigns that use it."""

    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """`agents list`."""

    agents: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """An agent of the file: its changed settings, those that count for everybody at once, what it says first."""

    name: str = ""
    version: int = 0
    changed: tuple[str, ...] = ()
    created: bool = False
    live: tuple[str, ...] = ()
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """`agents apply`."""

    agents: tuple[Change, ...] = ()
    campaigns: tuple[User, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Shown(Agent):
    """`agents show`: the file of one version, what it says first, and every version."""

    file: Mapping[str, Any] = field(default_factory=dict)
    opening: str = ""
    versions: tuple[Agent, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`agents rehearsal`: an agent rendered for one person, to talk with at a keyboard, and its analysis."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = ""
    to: str = ""
    analysis: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """`agents remove`."""

    name: str = ""
    removed: bool = True
