"""Answers that explain decisions: `why`, totals by reason, the launch check, the forecast. Instants are epoch
microseconds, money is micros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.campaigns import Campaign
from fluentsd.verbs.answers.codec import absent, called
from fluentsd.verbs.answers.suggestion import Suggestion


@dataclass(frozen=True, slots=True)
class Law:
    """A rule of a place: what it says, and where."""

    says: str = ""
    cite: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A person in one campaign: where they are, and why there is a contact or none. `clock`: the time at the person;
    `at`: when they left."""

    campaign: str = ""
    name: str = ""
    campaign_state: str = ""
    state: str = ""
    entry: int = 0
    step: str = ""
    channel: str = ""
    due_at: int | None = None
    wanted_at: int | None = None
    zones: tuple[str, ...] = ()
    zone_basis: str = ""
    zone_is_fallback: bool = False
    states: tuple[str, ...] = ()
    conflict: bool = False
    consent: str = ""
    clock: tuple[str, ...] = ()
    reason: str = ""
    sentence: str = ""
    rule: str | None = absent()
    rule_zone: str | None = absent()
    next_at: int | None = absent()
    until_at: int | None = absent()
    at: int | None = absent()
    law: Law | None = absent()  # noqa: RUF009 - a field


@dataclass(frozen=True, slots=True)
class Why:
    """`contacts why`; with every attempt, oldest first, and who the person is, `contacts timeline`. `contact`: the
    person's id; `sentence`: of a person in no campaign; `record`: the address in the CRM, "" if none is known;
    `taken_over_by`: "" for nobody; `former`: points that newer ones have replaced."""

    person: str = ""
    now: int = 0
    campaigns: tuple[Explained, ...] = ()
    sentence: str | None = absent()
    attempts: tuple[Attempt, ...] | None = absent()
    contact: int | None = absent()
    name: str | None = absent()
    points: tuple[str, ...] | None = absent()
    record: str | None = absent()
    taken_over_by: str | None = absent()
    former: tuple[str, ...] | None = absent()


@dataclass(frozen=True, slots=True)
class Reason:
    """People of a campaign who have one reason; they are in `state`, or at `step`."""

    people: int = 0
    reason: str = ""
    sentence: str = ""
    state: str | None = absent()
    step: str | None = absent()
    rule: str | None = absent()


@dataclass(frozen=True, slots=True)
class Totals:
    """`campaign why`: people by state, which add up to `total`, and by reason."""

    ref: str = ""
    state: str = ""
    total: int = 0
    queued: int = 0
    active: int = 0
    completed: int = 0
    exited: int = 0
    errored: int = 0
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty that no code can check."""

    rule: str = ""
    says: str = ""
    cite: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """Who reaches the first step of the flow, is held there, skips it, or leaves there."""

    step: str = ""
    channel: str = ""
    ready: int = 0
    held: int = 0
    skip: int = 0
    leave: int = 0


@dataclass(frozen=True, slots=True)
class StepCheck:
    """A step: "ready" or a reason → people."""

    step: str = ""
    people: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One rendered message of a step."""

    to: str = ""
    subject: str | None = None
    text: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class OptOuts:
    """People of the campaign on the suppression list: all, those by a column of their list, and by channel."""

    people: int = 0
    by_list: int = 0
    channels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelCost:
    """Contacts of a channel and what they cost; `minutes` of calls."""

    channel: str = ""
    contacts: int = 0
    minutes: float | int = 0
    money_micros: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What decides how long it takes."""

    cause: str = ""
    share: float | int = 0
    hours_each: float | int = 0
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up, and how many people's calls ask for it: at most that many get one. None: nobody can know before."""

    step: str = ""
    channel: str = ""
    people: int | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """The forecast in a few figures; a finish is None if it lies after `until_at`. `follow_ups` are in no other;
    `first_at`: when the first person is contacted."""

    contacts: int = 0
    finish_early_at: int | None = None
    finish_late_at: int | None = None
    until_at: int | None = None
    zone: str = ""
    waiting: int = 0
    channels: tuple[ChannelCost, ...] = ()
    bottleneck: Bottleneck = field(default_factory=Bottleneck)
    follow_ups: tuple[FollowUp, ...] = ()
    first_at: int | None = absent()


@dataclass(frozen=True, slots=True)
class Check(Campaign):
    """`campaign check`. `ready`: people who reach a step; `out`: those who reach none, by reason; `held`: by step and
    reason; `suggestions`: a verb for a sentence of errors and warnings."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    duties: tuple[Duty, ...] = ()
    people: int = 0
    ready: int = 0
    first_step: FirstStep = field(default_factory=FirstStep)
    out: tuple[Reason, ...] = ()
    held: tuple[Reason, ...] = ()
    steps: tuple[StepCheck, ...] = ()
    opt_outs: OptOuts = field(default_factory=OptOuts)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    rules_version: str = ""
    forecast: Ahead | None = None


@dataclass(frozen=True, slots=True)
class StepForecast:
    """A step: its contacts, and outcome → contacts."""

    step: str = ""
    contacts: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """How often a caller ID is used."""

    number: str = ""
    uses: int = 0


@dataclass(frozen=True, slots=True)
class Assumed:
    """The shares of outcomes that a channel's forecast rests on, and the contacts behind them."""

    channel: str = ""
    counted: int = 0
    shares: Mapping[str, float | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contact:
    """One of the first contacts of the simulation."""

    at: int = 0
    to: str = ""
    step: str = ""
    try_no: int = called("try", 0)
    channel: str = ""
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Forecast(Ahead):
    """`forecast`. `load`: channel → contacts by hour since `load_from`."""

    ref: str = ""
    name: str = ""
    state: str = ""
    now: int = 0
    people: int = 0
    completed: int = 0
    exited: Mapping[str, int] = field(default_factory=dict)
    held: tuple[Reason, ...] = ()
    errored: Mapping[str, int] = field(default_factory=dict)
    last_contact_at: int | None = None
    steps: tuple[StepForecast, ...] = ()
    skips: tuple[Reason, ...] = ()
    numbers: tuple[Use, ...] = ()
    load: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    load_from: int = 0
    peak_at: int | None = None
    peak: int = 0
    first: tuple[Contact, ...] = ()
    samples: Mapping[str, Sample] = field(default_factory=dict)
    assumed: tuple[Assumed, ...] = ()
