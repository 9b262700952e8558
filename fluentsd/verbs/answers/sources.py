"""Answers about sources and their sync. Instants are epoch microseconds."""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.verbs.answers.codec import called


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of an account today; `allowed`: the part of the day's limit that this source may use."""

    today: int = 0
    daily: int | None = None
    allowed: int | None = None
    resets_at: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One source: its plugin and where it is configured, the instant for which all its segments are known, and how many
    segments wait with a change (`held`) or cannot be read."""

    source: str = ""
    plugin: str = ""
    origin: str = called("from", "")
    problem: str | None = None
    problem_since_at: int | None = None
    next_try_at: int | None = None
    segments: int = 0
    as_of_at: int | None = None
    held: int = 0
    unreadable: int = 0
    requests: Requests | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """`source list`."""

    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A list, stage or view that a source has."""

    id: str = ""
    kind: str = ""
    name: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Segments:
    """`source segments`. `unlisted`: a sentence for each kind that the credentials may not list."""

    source: str = ""
    segments: tuple[Segment, ...] = ()
    unlisted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a source, and what it means here."""

    name: str = ""
    label: str = ""
    kind: str = ""
    meaning: str = ""
    fetched: bool = True


@dataclass(frozen=True, slots=True)
class Fields:
    """`source fields`: `protected`: channels for which a field says who has opted out; `unknown`: settings that name no
    field."""

    source: str = ""
    fields: tuple[Field, ...] = ()
    protected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked, and how to mend it."""

    ok: bool = True
    what: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """`source check`."""

    source: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a plugin needs to sign in; `file`: it is the content of a file."""

    name: str = ""
    help: str = ""
    secret: bool = True
    file: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """One way to sign in."""

    title: str = ""
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Connectable:
    """A plugin that can be connected."""

    plugin: str = ""
    sign_ins: tuple[SignIn, ...] = ()


@dataclass(frozen=True, slots=True)
class Offers:
    """`source offers`: `connected`: the plugin of a source of this name that is connected already."""

    plugins: tuple[Connectable, ...] = ()
    connected: str = ""


@dataclass(frozen=True, slots=True)
class Connected:
    """`source connect`: `reloads`: the daemon takes the source in now; `problem`: why it could not."""

    source: str = ""
    plugin: str = ""
    findings: tuple[Finding, ...] = ()
    reloads: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """`source disconnect`: `campaigns`: those whose people wait until the source is connected again."""

    source: str = ""
    campaigns: tuple[str, ...] = ()
    reloads: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """A segment that campaigns follow: its people, who joined and left in its newest change, how many of its `size` a
    walk under way has named, and what holds it up."""

    source: str = ""
    segment: str = ""
    key: str = ""
    id: str = ""
    campaigns: tuple[str, ...] = ()
    people: int = 0
    missing: int = 0
    size: int | None = None
    as_of_at: int | None = None
    walked_at: int | None = None
    is_walking: bool = False
    named: int | None = None
    problem: str | None = None
    next_try_at: int | None = None
    held: str = ""
    joined: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """`sync status`."""

    segments: tuple[Followed, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """`sync now`: the segments that are read; `running`: whether a daemon does it at once."""

    source: str = ""
    segments: tuple[str, ...] = ()
    running: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """`sync hold`: `placed` is False when it was held already."""

    source: str = ""
    placed: bool = True
    because: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A change of a segment that a person has allowed."""

    segment: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """`sync release`: `lifted`: holds of the source."""

    source: str = ""
    lifted: int = 0
    changes: tuple[Allowed, ...] = ()
