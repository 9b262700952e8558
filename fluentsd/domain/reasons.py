"""Why not: every reason the gate knows, in a word, and its sentence for people. No reason is given anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why not, in a word; the sentence for people is in `WORDS`."""

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
    elsewhere = "elsewhere"
    away = "away"
    window = "window"
    lawful_hours = "lawful_hours"
    never_opens = "never_opens"
    contact_cap = "contact_cap"
    lawful_cap = "lawful_cap"
    budget = "budget"
    number_pace = "number_pace"
    no_number = "no_number"


WORDS: Mapping[Reason, str] = {
    Reason.opted_out: "the person is on the stop list",
    Reason.goal: "the campaign's goal is met for this person",
    Reason.no_phone: "there is no phone number for this person",
    Reason.no_email: "there is no e-mail address for this person",
    Reason.unreachable: "every number or address of this person has failed on this channel",
    Reason.suppressed_channel: "the person is on the stop list for this channel",
    Reason.condition: "the step's condition is not met",
    Reason.no_moment: "the field that the step's moment hangs on is empty or not a date",
    Reason.moment_passed: "what the step should have come before has passed",
    Reason.moment: "the step waits for the moment that a field of the person names",
    Reason.late: "the step's moment passed while nobody was contacted, and the campaign skips such steps",
    Reason.done: "the step was made for this person before the flow was changed",
    Reason.no_consent: "the consent that the law of the place asks for is not on record",
    Reason.dnc_stale: "the list was not held against the national do-not-call list lately enough",
    Reason.zone_unknown: "the person's time zone is unknown, and the campaign holds such people",
    Reason.place_conflict: "what is known of the person's place disagrees, and the campaign holds such people",
    Reason.elsewhere: "the person is in a campaign that wants nobody else to contact them",
    Reason.away: "the person is away, says an automatic answer of theirs",
    Reason.window: "the contact window is shut",
    Reason.lawful_hours: "it is outside the lawful hours of the person's place",
    Reason.never_opens: "the contact window, the step's hours and the lawful hours never meet",
    Reason.contact_cap: "the person has been contacted as often as the limits allow",
    Reason.lawful_cap: "the person has been contacted as often as the law of the place allows",
    Reason.budget: "today's budget is spent",
    Reason.number_pace: "every caller ID has reached its pace or is cooling down",
    Reason.no_number: "no caller ID fits the campaign's numbers, tags and channel, or those that do are held",
}
