"""Answers about people: who they are, what they wrote, what became of their enrollments. Instants are epoch
microseconds; the data about a person that no reader of ours looks into stays a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.verbs.answers.codec import absent, called


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is in one campaign."""

    ref: str = ""
    state: str = ""
    reason: str = ""
    step: str = ""
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person with points, fields and campaigns. `zones`: as they are stored, separated by commas; `record`: the
    address in the CRM, "" if none is known; `former`: points that newer ones have replaced."""

    id: int = 0
    zones: str = ""
    zone_basis: str = ""
    points: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    campaigns: tuple[Place, ...] = ()
    record: str = ""
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`contacts find`."""

    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a person in a campaign. `sentence`: why the person is in this state, in words; `due_at`: of the next
    contact, None if none is planned; `tries`: attempts that were made; `lists`: the files and segments that the person
    comes from."""

    contact: int = 0
    entry: int = 1
    name: str = ""
    points: tuple[str, ...] = ()
    state: str = ""
    reason: str = ""
    sentence: str = ""
    step: str = ""
    channel: str = ""
    due_at: int | None = None
    tries: int = 0
    last_outcome: str = ""
    lists: tuple[str, ...] = ()
    enrolled_at: int | None = None
    last_contact_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """`campaign people`: some of them in the order of their ids. `next`: the `after` that goes on, None at the end."""

    ref: str = ""
    name: str = ""
    people: tuple[Member, ...] = ()
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """`campaign begin-export`: how many are in the campaign."""

    ref: str = ""
    name: str = ""
    people: int = 0


@dataclass(frozen=True, slots=True)
class Attested:
    """`contacts attest`: how many people, what is said, by whom; of a source or of a campaign."""

    people: int = 0
    said: str = ""
    by: str = ""
    source: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """A conversation after which somebody has to act. `disposition`: what it came to; `recording`: whether it can be
    heard; `record`: the person's address in the CRM, "" if none is known; `taken_over_by`: "" for nobody;
    `called_us`: the person made the call; then `attempt` is the id of the call, and it has no step; `zones`: in which
    the person may be, separated by commas; `can_call`: their flow in the campaign has a call."""

    attempt: str = ""
    ref: str = ""
    owner: str = ""
    step: str = ""
    contact: int = 0
    person: str | None = None
    outcome: str | None = None
    disposition: str = ""
    callback_at: int | None = None
    duration_s: int | None = None
    summary: str = ""
    recording: bool = False
    created_at: int | None = None
    record: str = ""
    taken_over_by: str = ""
    campaign_name: str = ""
    called_us: bool = False
    zones: str = ""
    name: str = ""
    can_call: bool = True


@dataclass(frozen=True, slots=True)
class Leads:
    """`campaign leads`: open ones, the oldest first."""

    leads: tuple[Lead, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """`listen`: a link to a recording until an instant, or its file on the daemon's machine."""

    attempt: str = ""
    link: str | None = None
    file: str | None = None
    until_at: int | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`campaign enroll`: of so many people, how many entered."""

    ref: str = ""
    people: int = 0
    enrolled: int = 0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class OfSource:
    """A source, and how many of its records are known."""

    name: str = ""
    kind: str = ""
    people: int = 0


@dataclass(frozen=True, slots=True)
class OfCampaign:
    """A campaign whose people are known."""

    ref: str = ""
    name: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Origins:
    """`contacts origins`: sources and campaigns that known people come from."""

    sources: tuple[OfSource, ...] = ()
    campaigns: tuple[OfCampaign, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenOver:
    """`contacts take-over`."""

    person: str = ""
    contact: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class GoesOn:
    """`contacts resume`: enrollments that are not held any more because the person called or was taken over."""

    person: str = ""
    released: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """`contacts export`: all data about a person, as one document."""

    exported_at: int | None = None
    contact: Mapping[str, Any] = field(default_factory=dict)
    points: tuple[Mapping[str, Any], ...] = ()
    enrollments: tuple[Mapping[str, Any], ...] = ()
    texts: tuple[Mapping[str, Any], ...] = ()
    stop_list: tuple[Mapping[str, Any], ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()
    attempts: tuple[Mapping[str, Any], ...] = ()
    inbound_calls: tuple[Mapping[str, Any], ...] = ()
    acts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Erased:
    """`contacts erase`: rows deleted by kind, points that stay stopped as a hash, and what providers still delete."""

    erased: bool = True
    points: int = 0
    records: int = 0
    texts: int = 0
    stopped: int = 0
    at_providers: int = 0
    campaigns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """`contacts begin-import`: the run, which is passed to every batch. `at_once`: people in one batch."""

    source: str = ""
    source_id: int = 0
    at: int = 0
    ref: str | None = None
    campaign_id: int | None = None
    needs_phone: bool = False
    at_once: int = 0
    attestation: Mapping[str, Any] | None = absent()


@dataclass(frozen=True, slots=True)
class Choices:
    """What was said of a file's columns: meaning → column, ignored columns, those that are only a field, the order of
    dates."""

    asked: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    only_fields: tuple[str, ...] = ()
    dates: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """`contacts columns`: `source` is empty when no earlier file has these headings."""

    source: str = ""
    choices: Choices = field(default_factory=Choices)


@dataclass(frozen=True, slots=True)
class Taken:
    """`contacts take`: what became of one batch; `shared`: points that belong to several, as kind and id."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    enrolled: int = 0
    back: int = 0
    opted_out: int = 0
    duplicate_rows: tuple[int, ...] = ()
    shared: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """`contacts end-import`: how many left, beside the counts that the program gave."""

    left: int = 0
    rows: int | None = absent()
    new: int | None = absent()
    updated: int | None = absent()
    duplicates: int | None = absent()
    rejected: int | None = absent()
    enrolled: int | None = absent()
    opted_out: int | None = absent()
    back: int | None = absent()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person wrote, to which attempt; None for what came before any attempt. `can_call`: their flow in the
    campaign has a call."""

    id: int = 0
    attempt: str | None = None
    ref: str | None = None
    step: str | None = None
    channel: str | None = None
    person: str | None = None
    text: str = ""
    created_at: int | None = None
    outcome: str | None = None
    contact: int | None = None
    owner: str | None = None
    record: str = ""
    taken_over_by: str = ""
    campaign_name: str | None = None
    name: str = ""
    can_call: bool = True


@dataclass(frozen=True, slots=True)
class Replies:
    """`campaign replies`: open ones, the oldest first."""

    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """`campaign answer`: `channel` is None when the reply was closed without an answer; `seen`: replies closed."""

    ref: str = ""
    person: str = ""
    channel: str | None = None
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Unhandled:
    """`campaign unhandle`: `opened`: replies and leads that are open again."""

    ref: str = ""
    person: str = ""
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Tested:
    """`campaign test`: the message that was sent; `accepted`: the provider's reference."""

    ref: str = ""
    step: str = ""
    channel: str = ""
    to: str = ""
    text: str | None = None
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """`campaign remove`: where the person was."""

    ref: str = ""
    person: str = ""
    was: str = ""
    step: str = ""
    campaign_id: int = 0


@dataclass(frozen=True, slots=True)
class Promised:
    """`campaign callback`: the promised contact; `left_out`: steps of the flow that it passes over."""

    ref: str = ""
    person: str = ""
    step: str = ""
    channel: str = ""
    next_at: int = 0
    zone: str = ""
    state: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """People who go from a step of an earlier flow to one of the current flow."""

    old: str = called("from", "")
    to: str = ""
    people: int = 0


@dataclass(frozen=True, slots=True)
class Upgraded:
    """`campaign upgrade`. `lost`: deleted step → people; `busy`: people whom an attempt is under way to."""

    ref: str = ""
    state: str = ""
    id: int = 0
    people: int = 0
    moves: tuple[Move, ...] = ()
    lost: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0
    steps_now: tuple[str, ...] = ()
    moved: int = 0
    dry_run: bool = False
