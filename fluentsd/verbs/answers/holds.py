"""Answers about the installation: holds, the audit log, the daemon's status. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """An attempt that caused a hold. `to` is None once the person is erased."""

    id: str = ""
    ref: str = ""
    contact_id: int | None = None
    step: str = ""
    channel: str = ""
    to: str | None = None
    outcome: str | None = None
    reason: str | None = None
    claimed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """An open hold. `scope`: campaign, channel, number, contact (its `target` is like "#12") or installation;
    `until_at`: None until a person lifts it."""

    scope: str = ""
    target: str = ""
    reason: str = ""
    by: str = ""
    since_at: int | None = None
    until_at: int | None = None
    cases: tuple[Case, ...] = ()


def hold_of(ref: str, holds: Sequence[Hold]) -> Hold | None:
    """The hold because of which nobody of this campaign is contacted; None if there is none."""
    return next((one for one in holds if one.scope == "installation" or (one.scope, one.target) == ("campaign", ref)),
                None)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holds:
    """`holds`: the open holds, oldest first."""

    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """`release`: the lifted holds of one target."""

    scope: str = ""
    target: str = ""
    released: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One act in the audit log; `details` depend on the verb."""

    at: int = 0
    actor: str = ""
    verb: str = ""
    target: str = ""
    details: Any = None


@dataclass(frozen=True, slots=True)
class Log:
    """`log`: the newest entries first."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """`state`: attempts in flight by channel, wake-ups since the start, the address of the web front, dead letters by
    target."""

    in_flight: Mapping[str, int] = field(default_factory=dict)
    wakeups: int = 0
    channels: tuple[str, ...] = ()
    closing: bool = False
    database: str = ""
    http: Any = None
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    targets_down: tuple[str, ...] = ()
