"""The pages of the wizard and their fields. Every field of a campaign file has an input here or is in `WITHOUT_INPUT`
with the reason; a test walks the file's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluentsd.domain import follow_ups
from fluentsd.fronts.slack.forms.conditions import CameTo, EndedIn, Goal, Holidays, Written
from fluentsd.fronts.slack.forms.fields import Field
from fluentsd.fronts.slack.forms.kinds import Choice, Flag, Many, Pick, Picks, Text, Whole
from fluentsd.fronts.slack.forms.paths import value_at
from fluentsd.fronts.slack.forms.texts import Amounts, HoursOfDays, Pairs, ShortName
from fluentsd.fronts.slack.wizard.consent import consent_fields


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `prefixes`: the tables of the file whose mistakes keep a person on it. `channels`: it is left out of a
    campaign whose flow has none of them. `entries`: the list of the file of which it is the form of one entry, which
    `below` shows. `further`: its button of the fields that few people change."""

    key: str
    title: str
    words: str
    fields: tuple[Field, ...] = ()
    prefixes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    entries: str = ""
    below: str = ""
    further: str = "More options"


_DAYS = tuple((day.casefold()[:3], day) for day in
              ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))  # fmt: skip
#: Channels with numbers, and with rules of law that a campaign may have to answer for.
_LINES = ("phone", "sms")
#: What a step on each channel may come to, so that the next one depends on it.
ENDED_IN: Mapping[str, tuple[str, ...]] = {
    "phone": ("answered", "voicemail", "no_answer", "busy", "failed", "agent_error"),
    "sms": ("sent", "delivered", "failed", "replied"),
    "email": ("sent", "delivered", "bounced", "failed", "replied"),
}


#: What a call may come to, so that a text or e-mail follows it.
RESULTS = follow_ups.WORDS


def _delay(unset: str, default: str = "none") -> Pick:
    return Pick("delay", default, words={default: unset})


def _rate() -> Pick:
    return Pick("rate", "none", words={"none": "no limit"})


def _again(outcome: str, words: str, *channels: str) -> Field:
    return Field(f"step.retry.{outcome}", f"Try again after {words}", _delay("do not try again"), channels=channels,
                 more=True)  # fmt: skip


NAME = Page("name", "Campaign", "Name", (
    Field("name", "Name", Text(120), required=True),
    Field("description", "What it is for", Text(500)),
), ("name", "description"))  # fmt: skip

WINDOW = Page("window", "Contact window", "When may people be contacted?", (
    Field("window.days", "Days", Many(_DAYS, ("mon", "tue", "wed", "thu", "fri")), required=True),
    Field("window.hours", "Hours", HoursOfDays(500), 'Local time: "09:00-17:00", "9am-12pm, 1pm-7pm", or for single '
          'days: "mon 9-17; sat 10-14".', required=True),
    Field("window.timezone", "Time zone", Pick("zone", "contact", words={"contact": "each person's own zone"}),
          required=True),
    Field("window.blackout", "No contact on these holidays", Holidays(placeholder="a country, or one of its states"),
          name="holidays"),
    Field("window.fallback_timezone", "If a person's time zone is unknown, use", Pick("zone"), more=True),
    Field("window.unknown_timezone", "People without a known time zone", Choice((
        ("fallback", "contact them by the zone above"), ("hold", "wait until it is known"))), more=True),
    Field("window.conflicting_timezone", "If a person could be in several time zones", Choice((
        ("all", "contact when it is open in all of them"), ("hold", "wait until it is known"))), more=True),
    Field("window.override", "Dates with other hours", Pairs(), 'One in each line: "2026-12-31 09:00-12:00".',
          more=True),
), ("window",))  # fmt: skip

FLOW = Page("flow", "Flow", "What happens, step by step", (), ())

STEP = Page("step", "Step", "One planned contact", (
    Field("step.agent", "Agent", Pick("agent", placeholder="type its name"), "Who speaks: an agent of fluentsd, or of "
          "your provider. A name that is not in the list can be typed.", required=True, channels=("phone",)),
    Field("step.subject", "Subject", Text(300), channels=("email",)),
    Field("step.text", "Text", Text(3000, lines=True), "Variables: {{ first_name | default: 'there' }}.",
          channels=("sms", "email")),
    Field("step.template", "Or a saved text", Pick("template", placeholder="none"), channels=("sms", "email")),
    Field("step.after", "Wait after the previous step", _delay("at once", "0")),
    Field("step.when", "Only if the previous step ended in", EndedIn(), "Else this step is skipped.", name="picked"),
    Field("step.after_call", "Or send it after a call that came to", CameTo(RESULTS), "It is sent even if that call "
          "ended the flow.", channels=("sms", "email"), name="picked"),
    Field("step.id", "Short name", ShortName(63), "Lower-case letters, digits and hyphens. It stays in reports.",
          more=True),
    Field("step.html", "HTML", Text(3000, lines=True), channels=("email",), more=True),
    Field("step.sender", "From", Text(200), 'Like "Dana <dana@example.com>".', channels=("email",), more=True),
    Field("step.reply_to", "Reply-To", Text(200), channels=("email",), more=True),
    Field("step.hours", "Only at these hours", Text(200), "Within the campaign's window, like 13:00-19:00.", more=True),
    Field("step.days", "Only on these days", Many(_DAYS), more=True),
    _again("no_answer", "no answer", "phone"),
    _again("busy", "busy", "phone"),
    _again("voicemail", "voicemail", "phone"),
    _again("failed", "a failure"),
    _again("bounced", "a bounce", "email"),
    _again("agent_error", "an error of the agent", "phone"),
    Field("step.retry.limit", "Tries again at most", Whole(1, 20, 2), more=True),
    Field("step.before", "So long before a date, in place of the wait", _delay("it has no such date"), more=True),
    Field("step.of", "The field with that date", Text(63), "Like appointment_at.", more=True),
    Field("step.when", "Only if this condition is true", Written(500, picked=EndedIn()), "Like contact.stage == 'new'. "
          "It counts in place of the outcomes picked above.", more=True),
    Field("step.after_call", "Send it after a call of which this is true", Written(500, picked=CameTo(RESULTS)),
          "Like call.fields.budget > 1000. It counts in place of the results picked above.",
          channels=("sms", "email"), more=True),
), ("step",), entries="step", below="flow")  # fmt: skip

NUMBERS = Page("numbers", "Numbers", "Which numbers do we use? Leave empty for all.", (
    Field("numbers.numbers", "Single numbers", Picks("number")),
    Field("numbers.tags", "All numbers with a tag", Picks("tag")),
    Field("numbers.local_presence", "Local presence", Flag("Prefer a number of the person's area code", True),
          more=True),
    Field("numbers.pace", "Pace of each number", _rate(), more=True),
), ("numbers",), _LINES)  # fmt: skip

PEOPLE = Page("people", "Contacts", "Who is contacted?", (), ())

SEGMENT = Page("segment", "CRM segment", "Its members are enrolled; who leaves it exits.", (
    Field("segment.segment", "Segment", Pick("segment", placeholder="a list, stage or view"), required=True),
    Field("segment.leaves", "When a person leaves it", Pick("leaves", "exit after 1 hour", words={
        "exit after 1 hour": "exits after 1 hour", "stay": "stays in the campaign"})),
    *consent_fields("segment.consent", "date", asked=False, more=True),
    Field("segment.reenter", "May a person enter again?", Pick("reenter", "-", words={"-": "as the campaign says"}),
          more=True),
    Field("segment.no_opt_out_field", "Nobody in it has opted out: confirmed by", Text(120), "Only if the CRM has no "
          "field for opt-outs. The person named answers for it.", more=True),
), ("segment",), entries="segment", below="people", further="Consent of these people, and more")  # fmt: skip

EXIT = Page("exit", "Exit", "When is a person done? An opt-out always ends it.", (
    Field("exit.on", "The flow ends when a person", Many((
        ("answered", "answers a call"), ("replied", "replies to a text or e-mail"),
        ("unreachable", "cannot be reached"), ("left_segment", "leaves the segment")),
        ("answered", "unreachable", "replied", "left_segment"), ("opted_out",))),
    Field("exit.goal", "Goal: it also ends when", Goal(placeholder="none"), 'A field of the person, typed like "stage '
          'is customer", or what a step came to.', name="picked"),
    Field("exit.reenter", "May a person enter again?", Pick("reenter", "never", words={"never": "never"})),
    Field("exit.unreachable_after", "Cannot be reached: failed attempts in a row", Whole(1, 50, 3), more=True),
    Field("exit.goal", "Goal: it also ends when this condition is true", Written(500, picked=Goal()),
          "Like contact.deals > 3. It counts in place of the goal picked above.", more=True),
), ("exit",))  # fmt: skip

LIMITS = Page("limits", "Limits", "How fast, how often, how much?", (
    Field("limits.per_contact", "Most attempts to a person", _rate()),
    Field("limits.gap", "Shortest time between two attempts", _delay("no shortest time")),
    Field("limits.budget", "Budget", Text(60), "Like 50 USD/day."),
    Field("limits.pace", "Pace of the campaign", _rate(), more=True),
    Field("limits.concurrency", "Calls at once", Whole(1, 10_000), more=True),
    Field("limits.cost", "Estimated cost of an attempt", Amounts(200), "One in each line: phone 0.12", more=True),
    Field("limits.on_resume", "Steps that are late after a pause", Choice((
        ("drip", "catch up gradually"), ("shift", "move all by the length of the pause"), ("skip", "skip them"))),
        more=True),
    Field("priority", "Priority", Whole(0, 100, 50), "When several campaigns want a person, the highest goes first.",
          more=True),
    Field("exclusive", "Exclusive", Flag("Keep campaigns of no higher priority away from these people"), more=True),
), ("limits", "priority", "exclusive"))  # fmt: skip

LAW = Page("law", "Law and consent", "What the law asks, and who answers for it", (
    Field("law.purpose", "Purpose of the campaign", Choice((
        ("marketing", "marketing: it sells, or prepares a sale"),
        ("informational", "informational: reminders and notices without an offer")), radio=True),
          "Marketing calls and texts to people in the US need written consent; informational ones express consent. "
          "The one who chooses informational answers for it that no text or call has an offer."),
), ("law",), _LINES)  # fmt: skip

WAIVER = Page("waiver", "Waiver of a rule", "The rule is not checked for anybody in this campaign any more.", (
    Field("law.waive.rule", "Rule", Pick("rule", placeholder="a state, or words of the rule"), required=True),
    Field("law.waive.because", "Why it does not apply here", Text(500), "A sentence; it is kept for audits.",
          required=True),
    Field("law.waive.by", "Who answers for it", Text(120), "A person's name.", required=True),
), ("law.waive",), entries="law.waive", below="law")  # fmt: skip

REVIEW = Page("review", "Review", "What would happen")

#: The pages in order; those of entries (a step, a segment, a waiver) are pushed on top of their list.
PAGES: tuple[Page, ...] = (NAME, WINDOW, FLOW, NUMBERS, PEOPLE, EXIT, LIMITS, LAW, REVIEW)
BY_KEY: Mapping[str, Page] = {page.key: page for page in (*PAGES, STEP, SEGMENT, WAIVER)}
#: Words that people use for a page: `/campaign edit spring contacts`.
ALIASES: Mapping[str, str] = {
    word: page
    for page, words in {
        "window": "hours time times days zone timezone contact schedule blackout",
        "flow": "step steps text texts message messages call calls email emails e-mail",
        "numbers": "number caller", "people": "contacts contact-list list csv segment leads",
        "exit": "exits goal", "limits": "limit pace budget caps",
        "law": "legal consent waiver waivers purpose", "name": "title", "review": "check",
    }.items()
    for word in words.split()
}  # fmt: skip

#: Parts of a campaign file without an input, and why.
WITHOUT_INPUT: Mapping[str, str] = {
    "ref": "made from the name, and never changed: commands, reports and the audit log use it",
    "step.channel": "chosen by the button that adds the step; another channel is another step",
    "step.timing": "has one value",
    "segment.source": "chosen together with segment.segment",
}


def pages_of(file: Mapping[str, Any], here: str = "") -> tuple[Page, ...]:
    """The pages of a campaign: without those that matter only to channels that its flow does not have; `here` is among
    them, because somebody has opened it."""
    steps = file.get("step")
    kinds = {str(one.get("channel")) for one in steps if isinstance(one, Mapping)} if isinstance(steps, list) else set()
    return tuple(
        page for page in PAGES
        if not page.channels or not kinds or page.key == here or kinds.intersection(page.channels)
        or any(value_at(file, prefix) for prefix in page.prefixes)
    )  # fmt: skip


def step_fields(form: Mapping[str, Any], before: str, *, is_new: bool, has_call: bool) -> tuple[Field, ...]:
    """The fields of a step's form. `before`: the channel of the step before it, "" if it is the first; `has_call`: a
    call may come before it. Its short name is chosen once; a condition that cannot hold is shown only where it is
    set."""
    channel = str(value_at(form, "step.channel") or "")
    pointless = {"step.id": not is_new, "step.after_call.picked": not has_call, "step.when.picked": not before}
    picked = EndedIn(ENDED_IN.get(before, EndedIn().offered))
    return tuple(
        replace(field, kind=picked) if field.id == "step.when.picked" else field
        for field in STEP.fields
        if (not field.channels or channel in field.channels)
        and not (pointless.get(field.id) and (field.id == "step.id" or not field.is_set(form)))
    )
