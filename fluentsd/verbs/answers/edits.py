"""Answers about edits of campaigns. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.verbs.answers.codec import absent


@dataclass(frozen=True, slots=True)
class Edit:
    """A campaign's file as its edit has it. `state`: of the campaign, "" before there is one; `seen`: what the next
    save names, so that it notices a change by another person; `is_pending`: the campaign differs from the edit;
    `problems`: what is wrong with the file, `path: words` each; `typed`: answers of a form that was not submitted
    yet."""

    ref: str = ""
    name: str = ""
    id: int | None = absent()
    state: str = ""
    owner: str = ""
    file: Mapping[str, Any] = field(default_factory=dict)
    seen: str = ""
    is_pending: bool = False
    problems: tuple[str, ...] = ()
    saved_by: str = ""
    saved_at: int | None = None
    typed: Mapping[str, Any] | None = absent()


@dataclass(frozen=True, slots=True)
class Listed:
    """One edit that is not applied yet."""

    ref: str = ""
    name: str = ""
    state: str = ""
    owner: str = ""
    saved_by: str = ""
    saved_at: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """`campaign edits`: the last saved first."""

    edits: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Discarded:
    """`campaign discard-edit`."""

    ref: str = ""
    discarded: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """`campaign keep-edit`."""

    ref: str = ""
