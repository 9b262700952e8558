"""The campaign file: who is contacted, how, when, and when to stop.

This is the shape of the TOML that `campaign apply` reads and `campaign export` writes; the same shape is kept in the
database. Every value is checked here, and each error shows a valid value; nothing here decides about a person. The
values that the daemon runs on (`Flow`, `ContactWindow`) are made from it in `flow` and `windows`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fluentsd.api import Kind
from fluentsd.domain.campaign_values import (
    DAYS,
    E164,
    AfterCall,
    Blackout,
    BudgetText,
    Condition,
    Date,
    Day,
    Days,
    DelayText,
    FieldName,
    HoursText,
    Leaves,
    RateText,
    Reason,
    Reenter,
    RuleId,
    Slug,
    WindowZone,
    ZoneText,
    plain,
)
from fluentsd.domain.message_parts import PARTS, check_parts
from fluentsd.domain.retries import Retry
from fluentsd.domain.time import windows
from fluentsd.validation import Problems, explain

Exit = Literal["answered", "opted_out", "unreachable", "replied", "left_segment"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Override(_Table):
    """A date with its own hours."""

    date: Date
    hours: HoursText


class Window(_Table):
    """The contact window: weekdays, local hours, blackout dates, dates with other hours."""

    days: Days = ["mon", "tue", "wed", "thu", "fri"]
    hours: HoursText | dict[Day, HoursText]
    timezone: WindowZone = "contact"
    fallback_timezone: ZoneText | None = None
    unknown_timezone: Literal["fallback", "hold"] = "fallback"
    conflicting_timezone: Literal["all", "hold"] = "all"
    blackout: list[Blackout] = []
    override: list[Override] = []

    @model_validator(mode="after")
    def _whole(self) -> Window:
        if not self.days:
            raise ValueError("days is empty, so no contact would ever be possible; name at least one day")
        self._agree()
        if self.timezone == "contact" and self.unknown_timezone == "fallback" and not self.fallback_timezone:
            raise ValueError(
                "fallback_timezone is missing: the zone for people whose own zone is unknown. "
                'Write fallback_timezone = "America/New_York", or unknown_timezone = "hold"'
            )
        return self

    def _agree(self) -> None:
        """Refuse two settings for the same day."""
        if isinstance(self.hours, dict):
            usual = type(self).model_fields["days"].default
            if not self.hours:
                raise ValueError('hours names no day; write hours = "09:00-17:00", or { mon = "09:00-17:00", … }')
            if self.days != usual and set(self.days) != set(self.hours):
                raise ValueError("days and hours name different days; when hours are given per day, leave days out")
        named = [override.date for override in self.override]
        off = {day for day in self.blackout if isinstance(day, dt.date)}
        if twice := sorted({day for day in named if named.count(day) > 1 or day in off}):
            raise ValueError(f"{twice[0]} appears twice in override and blackout; keep one")


class Numbers(_Table):
    """The caller IDs that may be used: by number, by tag, or both."""

    numbers: list[E164] = []
    tags: list[str] = []
    local_presence: bool = True
    pace: RateText | None = None


class Step(_Table):
    """One planned contact."""

    id: Slug
    channel: Kind
    after: DelayText = "0"
    before: DelayText | None = None
    of: FieldName | None = None
    timing: Literal["earliest"] = "earliest"
    hours: HoursText | None = None
    days: Days | None = None
    when: Condition | None = None
    after_call: AfterCall | None = None
    agent: str = ""
    template: Slug | None = None
    subject: str = ""
    sender: str = ""
    reply_to: str = ""
    text: str = ""
    html: str = ""
    retry: Retry | None = None

    @model_validator(mode="after")
    def _placed(self) -> Step:
        if self.before is not None and self.of is None:
            raise ValueError('has before but not of; name the date field: of = "appointment_at", a field with a date')
        if self.before is not None and self.after != "0":
            raise ValueError("use either before or after, not both")
        return self

    @model_validator(mode="after")
    def _follow_up(self) -> Step:
        if self.after_call is None:
            return self
        if self.channel == "phone":
            raise ValueError("has after_call and is a phone step; a follow-up is a text or an e-mail")
        if self.of is not None or self.retry is not None:
            raise ValueError(f"has after_call and {'of' if self.of else 'retry'}; a follow-up has neither")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Step:
        given = {part: getattr(self, part) for part in PARTS}
        if self.template is None:
            check_parts(self.channel, given)
        elif extra := [part for part in PARTS if given[part]]:
            raise ValueError(f"has both template and {' and '.join(extra)}; use one of them")
        elif self.channel == "phone":
            raise ValueError('phone steps use agent, not template; write agent = "…"')
        return self


class Exits(_Table):
    """The exit criteria of the flow, and whether a person may enter again. An opt-out always ends it."""

    on: list[Exit] = ["answered", "opted_out", "unreachable", "replied", "left_segment"]
    unreachable_after: Annotated[int, Field(ge=1, le=50)] = 3
    goal: Condition | None = None
    reenter: Reenter = "never"

    @model_validator(mode="after")
    def _opt_out(self) -> Exits:
        if "opted_out" not in self.on:
            raise ValueError("on must contain 'opted_out': an opt-out always ends the flow")
        return self


class Limits(_Table):
    """Limits of contacts per person, pace, concurrency and money."""

    per_contact: RateText | None = None
    gap: DelayText | None = None
    pace: RateText | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    budget: BudgetText | None = None
    cost: dict[Kind, Annotated[float, Field(ge=0, le=1_000)]] = {}
    on_resume: Literal["drip", "shift", "skip"] = "drip"


class Waiver(_Table):
    """A rule of the place that this campaign does not follow, with the reason and the person responsible."""

    rule: RuleId
    because: Reason
    by: Annotated[str, Field(min_length=1, max_length=120)]


class Law(_Table):
    """How the legal rules of each person's place apply."""

    purpose: Literal["marketing", "informational"] = "marketing"
    waive: list[Waiver] = []


class Consent(_Table):
    """What a named person attests of the consent of a segment's people, kept as each contact's evidence."""

    basis: Literal["written", "express", "inquiry", "customer"]
    date: Date
    scope: Annotated[list[Kind], Field(min_length=1)]
    by: Annotated[str, Field(min_length=1, max_length=120)]
    scrubbed: Date | None = None
    proof: str = ""


class FollowedSegment(_Table):
    """A segment of a source that the campaign follows: members are enrolled, people who leave it exit."""

    source: Slug
    segment: Annotated[str, Field(min_length=1, max_length=500)]
    leaves: Leaves = "exit after 1 hour"
    reenter: Reenter | None = None
    consent: Consent | None = None
    no_opt_out_field: Annotated[str, Field(max_length=120)] = ""


class CampaignFile(_Table):
    """The whole file."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    ref: Slug | None = None
    description: str = ""
    window: Window
    numbers: Numbers = Numbers()
    step: Annotated[list[Step], Field(min_length=1, max_length=50)]
    exit: Exits = Exits()
    limits: Limits = Limits()
    law: Law = Law()
    segment: Annotated[list[FollowedSegment], Field(max_length=20)] = []
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    exclusive: bool = False

    @model_validator(mode="after")
    def _unique_steps(self) -> CampaignFile:
        ids = [step.id for step in self.step]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"two steps have the id {twice[0]!r}; give each step its own id")
        return self

    @model_validator(mode="after")
    def _follow_ups_last(self) -> CampaignFile:
        first = next((i for i, step in enumerate(self.step) if step.after_call is not None), len(self.step))
        if first == 0:
            raise ValueError(f"the step {self.step[0].id!r} has after_call, but no call comes before it")
        if late := [step.id for step in self.step[first:] if step.after_call is None]:
            raise ValueError(f"steps with after_call stand at the end; move the step {late[0]!r} before them")
        if first < len(self.step) and all(step.channel != "phone" for step in self.step):
            raise ValueError(f"the step {self.step[first].id!r} has after_call, but no step is a call")
        return self

    @property
    def slug(self) -> str:
        """The short name of the campaign in commands."""
        return self.ref or plain(self.name) or "campaign"

    @property
    def zone(self) -> str:
        """The campaign's own zone: the one of its window, else the fallback zone. Its start and the days of its budget
        are in this zone; "UTC" where the file names neither."""
        named = self.window.timezone if self.window.timezone != "contact" else self.window.fallback_timezone
        return named or "UTC"

    @property
    def channels(self) -> tuple[Kind, ...]:
        return tuple(dict.fromkeys(step.channel for step in self.step))

    @property
    def needs_phone(self) -> bool:
        return any(channel in ("phone", "sms") for channel in self.channels)


def read_campaign(data: Any, what: str = "campaign file") -> CampaignFile:
    """Check parsed TOML or JSON; `Problems` lists every mistake with its path."""
    if isinstance(data, dict) and "template" in data and "step" not in data:
        raise Problems(what, ["this looks like a template file; apply it with: fluentsd templates apply FILE"])
    try:
        return CampaignFile.model_validate(data)
    except ValidationError as why:
        raise Problems(what, explain(CampaignFile, why, data=data)) from None


def contact_window(spec: Window) -> windows.ContactWindow:
    """The window as the calendar compiles it."""
    per_day = spec.hours if isinstance(spec.hours, dict) else dict.fromkeys(spec.days, spec.hours)
    dates: dict[dt.date, windows.Hours | None] = {d: None for d in spec.blackout if isinstance(d, dt.date)}
    dates |= {o.date: windows.Hours.parse(o.hours) for o in spec.override}
    return windows.ContactWindow(
        days=tuple(windows.Hours.parse(per_day[day]) if day in per_day else None for day in DAYS),  # type: ignore[arg-type]
        dates=tuple(sorted(dates.items())),
        presets=tuple(p for p in spec.blackout if isinstance(p, str)),
    )


def step_window(step: Step) -> windows.ContactWindow | None:
    """The step's own hours and days, to be intersected with the campaign's window; None when it has none."""
    if step.hours is None and step.days is None:
        return None
    hours = windows.Hours.parse(step.hours or "00:00-24:00")
    days = step.days or list(DAYS)
    return windows.ContactWindow(days=tuple(hours if day in days else None for day in DAYS), dates=(), presets=())  # type: ignore[arg-type]
