"""Answers about campaigns. Instants are epoch microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluentsd.verbs.answers.codec import absent
from fluentsd.verbs.answers.holds import Hold, hold_of
from fluentsd.verbs.answers.sources import Followed
from fluentsd.verbs.answers.suggestion import Suggestion


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step of a flow; `after` is a delay as text."""

    id: str = ""
    channel: str = ""
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign's name, state, own zone and times."""

    id: int = 0
    ref: str = ""
    name: str = ""
    state: str = ""
    revision: int = 0
    owner: str = ""
    zone: str = ""
    created_at: int | None = None
    starts_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    steps_in_flow: tuple[FlowStep, ...] = ()


def state_word(one: Campaign, holds: Sequence[Hold] = ()) -> str:
    """The word of a campaign's state for people: `held` for an active one of which nobody is contacted because of a
    hold."""
    return "held" if one.state == "active" and hold_of(one.ref, holds) else one.state


@dataclass(frozen=True, slots=True)
class Counted(Campaign):
    """A campaign with its people by state, which add up to `total`."""

    total: int = 0
    queued: int = 0
    active: int = 0
    completed: int = 0
    exited: int = 0
    errored: int = 0


@dataclass(frozen=True, slots=True)
class Listed(Counted):
    """One campaign of a list. `held`: it is active, and a hold keeps it from contacting anybody."""

    held: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """`campaign list`: newest first."""

    campaigns: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown(Campaign):
    """`campaign show`: with the campaign's file."""

    file: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """`campaign export`: the campaign's file."""

    ref: str = ""
    file: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused a campaign, when, and why; `because` may be empty."""

    by: str = ""
    at: int | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """What is spent of the day's budget, in micros; `renewed_at`: the beginning of the next day in the campaign's
    zone."""

    spent_micros: int = 0
    micros: int = 0
    currency: str = ""
    renewed_at: int | None = None


@dataclass(frozen=True, slots=True)
class ByResult:
    """People by what came of the attempts to reach them, with the definitions of the report, each once in each figure.
    `came_to`: what their conversations came to → people; a person without a noted result is in none of them."""

    contacted: int = 0
    conversations: int = 0
    came_to: Mapping[str, int] = field(default_factory=dict)
    opted_out: int = 0


@dataclass(frozen=True, slots=True)
class Status(Counted):
    """`campaign status`. `held_people` and `exited_by_reason`: reason → people; `next_at`: the next possible contact,
    not before `now`, None when nobody waits; `runs`: whether a daemon answers; `resumes_at`: the end of a pause;
    `segments`: those of CRMs that it follows, none once it has ended."""

    now: int = 0
    runs: bool = True
    holds: tuple[Hold, ...] = ()
    next_at: int | None = None
    resumes_at: int | None = None
    paused: Pause | None = None
    budget: Spending | None = None
    held_people: Mapping[str, int] = field(default_factory=dict)
    exited_by_reason: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    attempts: int = 0
    follow_ups: int = 0
    people: ByResult = ByResult()
    segments: tuple[Followed, ...] = ()


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: people who wait for it, attempts that were made or may have been, and attempts by outcome."""

    step: str = ""
    waiting: int = 0
    attempts: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What was paid in one currency, in micros; `per_conversation`: None without a conversation."""

    currency: str = ""
    micros: int = 0
    per_conversation_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """People by what came of the attempts to reach them, each person once. A rate is a figure of `contacted`; `name` is
    the channel, step, agent, number or source. A conversation: the person answered a call or wrote back; an opt-out
    counts where it was said."""

    name: str = ""
    attempts: int = 0
    contacted: int = 0
    conversations: int = 0
    interested: int = 0
    opted_out: int = 0
    costs: tuple[Cost, ...] = ()


@dataclass(frozen=True, slots=True)
class Hour:
    """Attempts that began in an hour of a weekday (0: Monday) in the report's zone, and those that became a
    conversation."""

    weekday: int = 0
    hour: int = 0
    attempts: int = 0
    conversations: int = 0


@dataclass(frozen=True, slots=True)
class Calls:
    """Phone calls: `outcomes` add up to `made`, `dispositions` ("": no result is known) to `conversations`; of these
    `analysed` have an analysis, and that of `failed` has failed."""

    made: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    conversations: int = 0
    dispositions: Mapping[str, int] = field(default_factory=dict)
    analysed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Report(Counted):
    """`campaign report`: steps in the order of the flow. `whole`, the five lists and `calls` are of attempts since
    `since_at` (None: all); `hours` are in `zone`."""

    steps: tuple[StepReport, ...] = ()
    exited_by_reason: Mapping[str, int] = field(default_factory=dict)
    since_at: int | None = None
    zone: str = ""
    whole: Results = Results()
    by_channel: tuple[Results, ...] = ()
    by_step: tuple[Results, ...] = ()
    by_agent: tuple[Results, ...] = ()
    by_number: tuple[Results, ...] = ()
    by_source: tuple[Results, ...] = ()
    calls: Calls = Calls()
    hours: tuple[Hour, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One changed value of a campaign's file, and the people to whom it applies."""

    path: str = ""
    old: Any = None
    new: Any = None
    counts_for: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """`campaign apply`. `people_at_steps`: step → people; `keep_their_flow`: people who follow an earlier flow
    version; `retimed`: people whose due time is recomputed. A new campaign has none of the three. `segments`: those
    that it follows, as its file names them; `warnings`: what probably was not meant."""

    ref: str = ""
    created: bool = False
    changes: tuple[Change, ...] = ()
    state: str = ""
    dry_run: bool = False
    id: int | None = absent()
    keep_their_flow: int | None = absent()
    retimed: int | None = absent()
    people_at_steps: Mapping[str, int] | None = absent()
    segments: tuple[str, ...] | None = absent()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Archived(Campaign):
    """`campaign archive` and `unarchive`."""

    archived: bool = True


@dataclass(frozen=True, slots=True)
class Changed(Counted):
    """`campaign schedule`, `pause`, `stop`, `complete`, `reopen`. `withdrawn`: cancelled calls of a pause or stop;
    `unscheduled_at`: the start that a pause of a scheduled campaign has taken back."""

    withdrawn: int | None = absent()
    unscheduled_at: int | None = absent()


@dataclass(frozen=True, slots=True)
class Started(Counted):
    """`campaign start`: with the launch check's warnings and notes; `suggestions`: warning → the verb that helps;
    `runs`: whether a daemon makes the contacts."""

    runs: bool = True

    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resumed(Counted):
    """`campaign resume`. `late`: people who fell due during the pause, also by channel; `late_policy`: drip, shift or
    skip; `away_s`: seconds of the pause; `late_done_at`: the end of a drip."""

    late: int = 0
    late_policy: str = ""
    away_s: int = 0
    late_by_channel: Mapping[str, int] = field(default_factory=dict)
    late_done_at: int | None = absent()
    dry_run: bool | None = absent()


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of error: its people, some of them by number or address."""

    cause: str = ""
    people: int = 0
    some: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedAnalysis:
    """A call whose analysis has failed; its transcript is kept. `ended_at`: epoch microseconds."""

    attempt: str = ""
    problem: str = ""
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Errors:
    """`campaign errors`: most frequent cause first, and the calls whose analysis has failed, newest first."""

    ref: str = ""
    causes: tuple[Cause, ...] = ()
    analyses: tuple[FailedAnalysis, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysed:
    """`campaign analyse`: calls that are analysed again."""

    ref: str = ""
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """`campaign retry` and `dismiss`: people who are queued again, or have left."""

    ref: str = ""
    people: int = 0
    state: str = ""
