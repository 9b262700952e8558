"""Answers about the outbox. Instants are epoch microseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is not done. `next_at`: the next try; None for a dead letter and behind an earlier one."""

    id: int = 0
    target: str = ""
    topic: str = ""
    key: str = ""
    state: str = ""
    tries: int = 0
    problem: str | None = None
    created_at: int | None = None
    next_at: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver of events; `down_until`: its next probe while it does not answer."""

    target: str = ""
    waiting: int = 0
    dead: int = 0
    down_until: int | None = None
    configured: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """`outbox list`: dead letters first."""

    deliveries: tuple[Delivery, ...] = ()
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """`outbox retry`."""

    retried: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """`outbox drop`."""

    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Reloaded:
    """`reload`: the daemon takes in its settings now."""

    reloads: bool = True
