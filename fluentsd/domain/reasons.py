"""The gate's reasons: each a stored word, with its sentence for people. No reason is defined anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """The reason of a verdict; its sentence for people is in `WORDS`."""

    opted_out = "opted_out"
    goal = "goal"
    no_phone = "no_phone"
    no_email = "no_email"
    unreachable = "unreachable"
    suppressed_channel = "suppressed_channel"
    condition = "condition"
    no_moment = "no_moment"
    moment_passed = "moment_passed"
    moment = "moment"
    late = "late"
    done = "done"
    no_consent = "no_consent"
    dnc_stale = "dnc_stale"
    zone_unknown = "zone_unknown"
    place_conflict = "place_conflict"
    exclusive = "elsewhere"
    left_segment = "left_segment"
    source_stale = "source_stale"
    source_unreadable = "source_unreadable"
    away = "away"
    called_back = "called_back"
    taken_over = "taken_over"
    window = "window"
    lawful_hours = "lawful_hours"
    never_opens = "never_opens"
    contact_cap = "contact_cap"
    lawful_cap = "lawful_cap"
    point_cap = "point_cap"
    budget = "budget"
    number_pace = "number_pace"
    no_number = "no_number"


WORDS: Mapping[Reason, str] = {
    Reason.opted_out: "the person is on the suppression list",
    Reason.goal: "the campaign's goal is met for this person",
    Reason.no_phone: "the person has no phone number",
    Reason.no_email: "the person has no e-mail address",
    Reason.unreachable: "every number or address of this person has failed on this channel",
    Reason.suppressed_channel: "the person is on the suppression list for this channel",
    Reason.condition: "the step's condition is not met",
    Reason.no_moment: "the date field that times the step is empty or not a date",
    Reason.moment_passed: "the date that the step must precede has passed",
    Reason.moment: "the step is timed by a date field of the person, and that time has not come",
    Reason.late: "the step came due during a pause or downtime, and the campaign skips late steps",
    Reason.done: "the step was made for this person before the flow was changed",
    Reason.no_consent: "the consent required by the law of the person's place is not on record",
    Reason.dnc_stale: "the list's last DNC scrub is too old",
    Reason.zone_unknown: "the person's time zone is unknown, and the campaign holds such people",
    Reason.place_conflict: "the facts about the person's place disagree, and the campaign holds such people",
    Reason.exclusive: "the person is in an exclusive campaign",
    Reason.left_segment: "the person is in none of the segments that the campaign follows any more",
    Reason.source_stale: "the opt-outs in the person's CRM record have to be read again first",
    Reason.source_unreadable: "an opt-out in the person's CRM record cannot be read, so consent cannot be verified",
    Reason.away: "the person is away, according to an automatic reply",
    Reason.called_back: "the person has called us, and somebody has to decide how it goes on",
    Reason.taken_over: "a colleague has taken the person over",
    Reason.window: "the contact window is closed",
    Reason.lawful_hours: "it is outside the lawful hours of the person's place",
    Reason.never_opens: "the contact window, the step's hours and the lawful hours never overlap",
    Reason.contact_cap: "the person has been contacted as often as the limits allow",
    Reason.lawful_cap: "the person has been contacted as often as the law of the place allows",
    Reason.point_cap: "the number or address was contacted for another person who shares it, and the limits count that",
    Reason.budget: "today's budget is spent",
    Reason.number_pace: "every caller ID has reached its pace or is cooling down",
    Reason.no_number: "no caller ID matches the campaign's numbers, tags and channel, or all that match are held",
}


def words_of(reason: str) -> str:
    """The sentence of a stored reason; a reason that is not known here is its own word."""
    return WORDS[Reason(reason)] if reason in WORDS else reason.replace("_", " ")
