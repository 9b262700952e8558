"""The pages of the wizard and their fields. Every field of a campaign file has an input here or is in `WITHOUT_INPUT`
with the reason; a test walks the file's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluentsd.fronts.slack.blocks.wording import CHANNEL_OPTIONS
from fluentsd.fronts.slack.forms.fields import Field
from fluentsd.fronts.slack.forms.kinds import (
    Amounts,
    Choice,
    Condition,
    Date,
    Flag,
    HoursOfDays,
    Lines,
    Many,
    Outcomes,
    Pairs,
    Pick,
    Picks,
    Rows,
    Text,
    Whole,
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `prefixes`: the tables of the file whose mistakes keep a person on it."""

    key: str
    title: str
    words: str
    fields: tuple[Field, ...] = ()
    prefixes: tuple[str, ...] = ()


_DELAY = 'Like "2 hours" (elapsed), "1 day" (the same time of day) or "3 business days".'
_DAYS = tuple((day.casefold()[:3], day) for day in
              ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))  # fmt: skip
CONSENT = (
    Field("consent.basis", "Kind of consent", Choice((("none", "none is attested here"), ("written", "written"),
          ("express", "express"), ("inquiry", "inquiry"), ("customer", "existing customer")))),
    Field("consent.date", "Date of the consent", Date()),
    Field("consent.scope", "It covers", Many(CHANNEL_OPTIONS)),
    Field("consent.by", "Confirmed by", Text(120), "A person's name; kept as each contact's evidence."),
    Field("consent.scrubbed", "Last scrub against the Do Not Call registry", Date()),
    Field("consent.proof", "Where the proof is kept", Text(500)),
)  # fmt: skip

NAME = Page("name", "Campaign", "Name", (
    Field("name", "Name", Text(120), required=True),
    Field("description", "What it is for", Text(500)),
), ("name", "description"))  # fmt: skip

WINDOW = Page("window", "Contact window", "When may people be contacted?", (
    Field("window.days", "Days", Many(_DAYS, ("mon", "tue", "wed", "thu", "fri")), required=True),
    Field("window.hours", "Hours", HoursOfDays(500), 'Local time: "09:00-17:00", "9am-12pm, 1pm-7pm", or one line for '
          'each day: "mon 09:00-17:00".', required=True),
    Field("window.timezone", "Time zone", Pick("zone", "contact", words={"contact": "each person's own zone"}),
          required=True),
    Field("window.fallback_timezone", "If a person's time zone is unknown, use", Pick("zone")),
    Field("window.unknown_timezone", "People without a known time zone", Choice((
        ("fallback", "contact them by the zone above"), ("hold", "wait until it is known")))),
    Field("window.conflicting_timezone", "If a person could be in several time zones", Choice((
        ("all", "contact when it is open in all of them"), ("hold", "wait until it is known")))),
    Field("window.blackout", "Blackout dates", Lines(), 'One in each line: "2026-12-24", or a set of holidays: '
          '"us-federal-holidays", "us-tx", "gb".'),
    Field("window.override", "Dates with other hours", Pairs(), 'One in each line: "2026-12-31 09:00-12:00".'),
), ("window",))  # fmt: skip

FLOW = Page("flow", "Flow", "What happens, step by step", (), ())

STEP = Page("step", "Step", "One planned contact", (
    Field("step.id", "Short name", Text(63), "Lower-case letters, digits and hyphens. It stays in reports."),
    Field("step.after", "Wait after the previous step", Text(60, default="0"), f"{_DELAY} 0 is at once."),
    Field("step.agent", "Agent", Pick("agent", placeholder="type its name"), "Who speaks: an agent of fluentsd, or of "
          "your provider. A name that is not in the list can be typed.", channels=("phone",)),
    Field("step.template", "Saved text", Pick("template", placeholder="or write one below"),
          channels=("sms", "email")),
    Field("step.subject", "Subject", Text(300), channels=("email",)),
    Field("step.sender", "From", Text(200), 'Like "Dana <dana@example.com>".', channels=("email",)),
    Field("step.reply_to", "Reply-To", Text(200), channels=("email",)),
    Field("step.text", "Text", Text(3000, lines=True), "Variables: {{ first_name | default: 'there' }}.",
          channels=("sms", "email")),
    Field("step.html", "HTML", Text(3000, lines=True), channels=("email",)),
    Field("step.hours", "Only at these hours", Text(200), "Within the campaign's window, like 13:00-19:00."),
    Field("step.days", "Only on these days", Many(_DAYS)),
    Field("step.when", "Only if the previous step ended in", Outcomes(500), "Like voicemail, no answer; or a "
          "condition: contact.stage == 'new'. Else the step is skipped."),
    Field("step.after_call", "Or send after a call with this result", Condition(500), "Like interested, or callback, "
          "angry; or call.fields.budget > 1000. It is then sent even if that call ended the "
          "flow.", channels=("sms", "email")),
    Field("step.before", "Or so long before a date", Text(60), "Like 2 days; leave the delay above at 0."),
    Field("step.of", "The field with that date", Text(63), "Like appointment_at."),
    Field("step.retry.no_answer", "Try again after no answer", Text(60), _DELAY, channels=("phone",)),
    Field("step.retry.busy", "Try again after busy", Text(60), channels=("phone",)),
    Field("step.retry.voicemail", "Try again after voicemail", Text(60), channels=("phone",)),
    Field("step.retry.failed", "Try again after a failure", Text(60)),
    Field("step.retry.bounced", "Try again after a bounce", Text(60), channels=("email",)),
    Field("step.retry.agent_error", "Try again after an error of the agent", Text(60), channels=("phone",)),
    Field("step.retry.limit", "Tries again at most", Whole(1, 20, 2)),
), ("step",))  # fmt: skip

NUMBERS = Page("numbers", "Numbers", "Which numbers do we use? Leave empty for all.", (
    Field("numbers.numbers", "Single numbers", Picks("number")),
    Field("numbers.tags", "All numbers with a tag", Picks("tag")),
    Field("numbers.local_presence", "Local presence", Flag("Prefer a number of the person's area code", True)),
    Field("numbers.pace", "Pace of each number", Text(60), "Like 20/hour."),
), ("numbers",))  # fmt: skip

PEOPLE = Page("people", "Contacts", "Who is contacted?", (), ())

SEGMENT = Page("segment", "CRM segment", "Its members are enrolled; who leaves it exits.", (
    Field("segment.segment", "Segment", Pick("segment", placeholder="a list, stage or view")),
    Field("segment.leaves", "When a person leaves it", Text(60, default="exit after 1 hour"),
          'Like "exit after 1 hour" or "stay".'),
    Field("segment.reenter", "May a person enter again?", Text(60), 'Like "never" or "after 90 days".'),
    *(Field(f"segment.{one.path}", one.label, one.kind, one.hint) for one in CONSENT),
    Field("segment.no_opt_out_field", "Nobody in it has opted out: confirmed by", Text(120),
          "Only if the CRM has no field for opt-outs."),
), ("segment",))  # fmt: skip

EXIT = Page("exit", "Exit", "When is a person done? An opt-out always ends it.", (
    Field("exit.on", "The flow ends when a person", Many((
        ("answered", "answers a call"), ("replied", "replies to a text or e-mail"),
        ("unreachable", "cannot be reached"), ("left_segment", "leaves the segment")),
        ("answered", "unreachable", "replied", "left_segment"), ("opted_out",))),
    Field("exit.unreachable_after", "Stop after this many failed attempts in a row", Whole(1, 50, 3)),
    Field("exit.goal", "Goal", Text(500), "Also stop when this is true: contact.stage == 'customer'."),
    Field("exit.reenter", "May a person enter again?", Text(60, default="never"),
          '"never", "always" or "after 90 days".'),
), ("exit",))  # fmt: skip

LIMITS = Page("limits", "Limits", "How fast, how often, how much?", (
    Field("limits.per_contact", "Most attempts to a person", Text(60), "Like 3/week."),
    Field("limits.gap", "Shortest time between two attempts", Text(60), _DELAY),
    Field("limits.pace", "Pace of the campaign", Text(60), "Like 200/hour."),
    Field("limits.concurrency", "Calls at once", Whole(1, 10_000)),
    Field("limits.budget", "Budget", Text(60), "Like 50 USD/day."),
    Field("limits.cost", "Estimated cost of an attempt", Amounts(200), "One in each line: phone 0.12"),
    Field("limits.on_resume", "Steps that are late after a pause", Choice((
        ("drip", "catch up gradually"), ("shift", "move all by the length of the pause"), ("skip", "skip them")))),
    Field("law.purpose", "Purpose", Choice((
        ("marketing", "marketing"), ("informational", "informational, such as reminders")))),
    Field("law.waive", "Legal rules that do not apply here", Rows(3000, names=("rule", "because", "by")),
          "One in each line: the rule | the reason in a sentence | the person responsible. They are kept for audits."),
    Field("priority", "Priority", Whole(0, 100, 50), "When several campaigns want a person, the highest goes first."),
    Field("exclusive", "Exclusive", Flag("Keep campaigns of no higher priority away from these people")),
), ("limits", "law", "priority", "exclusive"))  # fmt: skip

REVIEW = Page("review", "Review", "What would happen")

#: The pages in order; those of entries (a step, a segment) are pushed on top of their list.
PAGES: tuple[Page, ...] = (NAME, WINDOW, FLOW, NUMBERS, PEOPLE, EXIT, LIMITS, REVIEW)
BY_KEY: Mapping[str, Page] = {page.key: page for page in (*PAGES, STEP, SEGMENT)}
#: Words that people use for a page: `/campaign edit spring contacts`.
ALIASES: Mapping[str, str] = {
    word: page
    for page, words in {
        "window": "hours time times days zone timezone contact schedule blackout",
        "flow": "step steps text texts message messages call calls email emails e-mail",
        "numbers": "number caller", "people": "contacts contact-list list csv segment leads",
        "exit": "exits goal", "limits": "limit law pace budget caps", "name": "title", "review": "check",
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


def fields_of(page: Page, channel: str = "", *, is_new: bool = True) -> tuple[Field, ...]:
    """The fields that a view of the page shows: those of the step's channel; the id of a new step only."""
    return tuple(
        field
        for field in page.fields
        if (not field.channels or channel in field.channels) and (is_new or field.path != "step.id")
    )
