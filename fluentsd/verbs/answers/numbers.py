"""Answers about caller IDs. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluentsd.verbs.answers.codec import absent


@dataclass(frozen=True, slots=True)
class CallerId:
    """A caller ID in use. `carries`: "phone,sms"; `held`: why it is held, "" when it is not. A call to it is answered
    by `inbound_agent`, or goes on to `forward_to`, or hears an announcement."""

    e164: str = ""
    label: str | None = None
    pace: str | None = None
    next_slot_at: int = 0
    used: int = 0
    carries: str = ""
    tags: tuple[str, ...] = ()
    held: str = ""
    held_until_at: int | None = None
    inbound_agent: str | None = None
    forward_to: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """`numbers list`: every caller ID in use, by number."""

    numbers: tuple[CallerId, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """`numbers add`, `untag`, `rest`, `inbound` and `remove`: the number, and what became of it. `answered_by` is an
    agent's name, a number, or "announcement"."""

    number: str = ""
    tags: tuple[str, ...] | None = absent()
    untagged: tuple[str, ...] | None = absent()
    removed: bool | None = absent()
    rests: bool | None = absent()
    until_at: int | None = absent()
    answered_by: str | None = absent()


@dataclass(frozen=True, slots=True)
class Added:
    """A number of a provider that is new here."""

    number: str = ""
    label: str = ""
    tags: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A number of a provider that cannot be a caller ID, and why."""

    number: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Synced:
    """`numbers sync`: the providers' numbers compared with ours; `failed`: channel → why it was not queried."""

    added: tuple[Added, ...] = ()
    known: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    tagged: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
