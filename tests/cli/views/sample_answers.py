"""An answer of each verb, with long names and every optional part, for the golden files of the shell's output."""

from __future__ import annotations

import datetime as dt
from typing import Any

REF = "q4-warm-leads-follow-up"
LONG = "the provider refuses the user name or password: 535 5.7.8 Error: authentication failed for smtp.example.com"


def at(day: int, hour: int = 14, minute: int = 5, month: int = 12, year: int = 2026) -> int:
    """An instant in UTC."""
    return round(dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC).timestamp() * 1_000_000)


CAMPAIGN: dict[str, Any] = {
    "id": 3, "ref": REF, "name": "Q4 warm leads, follow-up", "state": "active", "revision": 7, "owner": "@sales-east",
    "zone": "America/New_York", "created_at": at(1), "starts_at": None, "started_at": at(2, 15), "ended_at": None,
    "steps_in_flow": [], "total": 12_345, "queued": 9_800, "active": 45, "errored": 12, "exited": 1_488,
    "completed": 1_000,
}  # fmt: skip
CASE = {
    "id": "0193a4", "ref": REF, "contact_id": 17, "step": "sorry-we-missed-you", "channel": "sms", "to": "+12125550123",
    "outcome": "failed", "reason": "30007: the carrier filtered the message", "claimed_at": at(3),
}  # fmt: skip
HOLD = {
    "scope": "channel", "target": "email", "reason": LONG, "by": "fluentsd", "since_at": at(3), "until_at": None,
    "cases": [CASE],
}  # fmt: skip
COOLING = {
    "scope": "number", "target": "+12125550199", "reason": "30 of 90 texts are not delivered", "by": "fluentsd",
    "since_at": at(3), "until_at": at(4), "cases": [],
}  # fmt: skip


def call(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"0193a4c{n}", "ref": REF, "step": "first-call", "try_no": n, "channel": "phone", "to": f"+1212555010{n}",
        "sender": "+12125550199", "state": "closed", "outcome": "answered", "reason": "the person spoke",
        "claimed_at": at(3, 14 + n), "settled_at": at(3, 15), "duration_s": 125, "cost_micros": 45_000,
        "currency": "USD", "disposition": None, "callback_at": None, "provider_ref": "CA1", "reply": None,
        "transcript": None, "recording": None, "summary": None,
    } | more  # fmt: skip


CALLS = [
    call(1, disposition="callback", callback_at=at(5, 20), summary="Wants a quote for a roof; call back on Saturday."),
    call(2, outcome="no_answer", reason="it rang for 25 s", duration_s=None, cost_micros=0),
]
TEXTS = [
    call(3, channel="sms", step="sorry-we-missed-you", outcome="replied", duration_s=None, cost_micros=7_900,
         reply="Yes please, tomorrow after 3pm works, but not before because I am at work"),
]  # fmt: skip
FINDINGS = [
    {"ok": True, "what": "database: /var/lib/fluentsd/fluentsd.db, 12,345 people", "fix": ""},
    {"ok": False, "what": f"channel email: {LONG}", "fix": "set the password in [channel.email], then: fluentsd check"},
]
CHECK = CAMPAIGN | {
    "started_at": None, "state": "draft",
    "errors": [], "warnings": ["45 people will not be contacted: the consent required by the law of the person's place "
                               "is not on record (US.consent); record the consent"],
    "suggestions": {}, "notes": ["time zone unknown for 3 people: the fallback America/New_York is used"],
    "duties": [{"rule": "TX.registration", "says": "Register as a telephone solicitor in Texas before calling there.",
                "cite": "Tex. Bus. & Com. Code 302.101", "status": "verified 2026-10-02"}],
    "people": 46, "ready": 1,
    "first_step": {"step": "first-call", "channel": "phone", "ready": 0, "held": 45, "skip": 1, "leave": 0},
    "out": [{"reason": "no_consent", "rule": "US.consent", "people": 45,
             "sentence": "the consent required by the law of the person's place is not on record"}],
    "held": [], "steps": [
        {"step": "first-call", "people": {"no_consent": 45, "no_phone": 1}},
        {"step": "sorry-we-missed-you", "people": {"no_phone": 1}},
        {"step": "email-follow-up", "people": {"ready": 1}},
    ],
    "samples": {"email-follow-up": {"to": "jane@example.com", "subject": "About your visit", "text": "Hi Jane, …",
                                    "agent": ""}},
    "rules_version": "2026-10-02",
    "opt_outs": {"people": 4, "by_list": 3, "channels": {"*": 1, "phone": 3, "sms": 3}},
    "forecast": {"contacts": 1, "finish_early_at": at(9), "finish_late_at": at(12),
                 "until_at": at(28, month=2, year=2027),
                 "zone": "America/New_York", "waiting": 0,
                 "channels": [{"channel": "email", "money_micros": 4_000, "currency": "USD"}],
                 "bottleneck": {"sentence": "the flow's own delays decide how long it takes; nothing else holds people "
                                            "up"}},
}  # fmt: skip
FORECAST = {
    "ref": REF, "name": "Q4 warm leads, follow-up", "state": "draft", "zone": "America/New_York", "now": at(1),
    "until_at": at(1, month=3, year=2027), "people": 12_345, "contacts": 30_210, "completed": 8_000,
    "exited": {"answered": 3_000, "opted_out": 345}, "held": [{"reason": "no_consent", "people": 1_000,
    "sentence": "the consent required by the law of the person's place is not on record"}], "errored": {},
    "waiting": 0, "last_contact_at": at(20), "finish_early_at": at(20, 19), "finish_late_at": at(28, 15),
    "steps": [
        {"step": "first-call", "contacts": 20_000, "outcomes": {"answered": 4_400, "voicemail": 7_600,
                                                               "no_answer": 6_000, "busy": 800, "failed": 1_000,
                    "opted_out": 200}},
        {"step": "sorry-we-missed-you", "contacts": 10_210, "outcomes": {"sent": 9_300, "replied": 510, "failed": 400}},
    ],
    "skips": [{"step": "sorry-we-missed-you", "reason": "condition", "people": 120,
               "sentence": "the step's condition is not met"}],
    "channels": [{"channel": "phone", "contacts": 20_000, "minutes": 18_300.5, "money_micros": 2_562_000_000,
                  "currency": "USD"}],
    "numbers": [{"number": "+12125550199", "uses": 15_000}, {"number": "+14155550199", "uses": 5_000}],
    "load": {"phone": [0, 120, 900, 300]}, "load_from": at(2, 14, 0), "peak_at": at(2, 16, 0), "peak": 900,
    "bottleneck": {"cause": "number_pace", "share": 0.8, "hours_each": 3.2,
                   "sentence": "the caller IDs are at their pace: add numbers, or raise numbers.pace"},
    "first": [{"at": at(2, 15), "to": "+12125550101", "step": "first-call", "try": 1, "channel": "phone",
               "sender": "+12125550199"}],
    "samples": {}, "assumed": [{"channel": "phone", "counted": 0, "shares": {"answered": 0.22, "voicemail": 0.38}}],
}  # fmt: skip
WHY = {
    "campaign": REF, "campaign_state": "active", "state": "queued", "entry": 1, "step": "first-call",
    "channel": "phone", "due_at": at(3), "wanted_at": at(3), "zones": ["America/Chicago"], "zone_basis": "state",
    "zone_is_fallback": False,
    "states": ["US-TX"], "conflict": False, "consent": "phone:written,sms:written", "clock": ["Thu 09:05 in "
    "America/Chicago"], "reason": "lawful_hours", "rule": "TX.hours", "rule_zone": "America/Chicago",
    "sentence": "first-call is due, but it is outside the lawful hours of the person's place", "next_at": at(4, 15),
    "law": {"says": "Calls to Texas only from 9:00 to 21:00, on Sundays from 12:00.", "cite": "Tex. Bus. & Com. Code "
            "301.051", "status": "verified"},
}  # fmt: skip
ENTRY = {
    "id": 4, "value": "someone.with.a.long.address@department.example.com", "kind": "email", "channel": "*",
    "reason": "opted_out", "by": "contact", "at": at(3), "lifted_at": None, "lifted_because": None,
    "evidence": {"said": "Please take me off your list, I have asked twice"},
}  # fmt: skip
APPLIED = {"ref": REF, "created": False, "state": "active", "dry_run": True, "id": 3, "keep_their_flow": 120,
           "retimed": 45,
           "people_at_steps": {"first-call": 40},
           "warnings": ["step text: text has [First Name], which is sent as it is"],
           "changes": [{"path": "step.sorry-we-missed-you.text", "old": "Hi, when may we call you?",
                        "new": "Hi {{ first_name | default: 'there' }}, when may we call you?",
                        "counts_for": "people who enter from now on"}]}  # fmt: skip

#: verb → its answers.
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "contacts reread": [
        {"dry_run": True, "people": 12_345, "entries": 88, "changed": 0,
         "counts": {"point": 1, "place": 1, "suppression": 1, "doubt": 0}, "changes": [
            {"what": "point", "person": 17, "source": "old.csv", "was": "+4915112345678;ext=12", "kind": "phone",
             "becomes": "+4915112345678", "because": "the extension 12 is no part of it", "channel": ""},
            {"what": "place", "person": 17, "source": "old.csv", "was": "America/Denver · US-CA", "kind": "",
             "becomes": "Europe/Berlin", "because": "by address", "channel": ""},
            {"what": "suppression", "person": 18, "source": "old.csv", "was": "", "kind": "phone",
             "becomes": "+12125550101", "because": "do_not_call: 1", "channel": "sms"}]},
        {"dry_run": False, "people": 12_345, "entries": 88, "changed": 0, "changes": [],
         "counts": {"point": 0, "place": 0, "suppression": 0, "doubt": 0}},
    ],
    "campaign list": [{"campaigns": [CAMPAIGN, CAMPAIGN | {"ref": "fair", "state": "draft", "started_at": None}]}],
    "campaign status": [
        CAMPAIGN | {"now": at(3), "runs": True, "holds": [HOLD, COOLING], "next_at": at(3, 16), "held_people":
                    {"no_consent": 45}, "exited_by_reason": {"answered": 1_400, "opted_out": 88}, "unknown": 2,
                    "attempts": 20_123, "people": {"contacted": 9_012, "conversations": 1_700, "came_to":
                    {"interested": 301, "not_interested": 212}, "opted_out": 88}, "resumes_at": None, "paused": None,
                    "budget": {"spent_micros": 12_340_000,
                    "micros": 200_000_000, "currency": "USD", "renewed_at": at(4, 5, 0)}},
        CAMPAIGN | {"state": "paused", "now": at(3), "runs": True, "holds": [], "next_at": at(3, 16), "held_people": {},
                    "exited_by_reason": {}, "unknown": 0, "attempts": 0, "resumes_at": at(7), "budget": None,
                    "paused": {"by": "dana", "at": at(3), "because": "the price list is wrong"}},
        CAMPAIGN | {"state": "scheduled", "starts_at": at(24, 15), "started_at": None, "now": at(3), "runs": False,
                    "holds": [], "next_at": at(24, 15), "held_people": {}, "exited_by_reason": {}, "unknown": 0,
                    "attempts": 0, "resumes_at": None, "budget": None, "paused": None},
    ],
    "campaign report": [CAMPAIGN | {"exited_by_reason": {"answered": 1_488}, "steps": [
        {"step": "first-call", "waiting": 9_000, "attempts": 20_000, "outcomes": {"answered": 4_400, "voicemail": 7_600,
         "no_answer": 6_000, "busy": 800, "failed": 1_000, "opted_out": 200, "not_sent": 12, "open": 45}},
        {"step": "sorry-we-missed-you", "waiting": 845, "attempts": 123, "outcomes": {"sent": 100, "replied": 23}},
    ], "calls": {"made": 20_045, "outcomes": {"voicemail": 7_600, "answered": 4_400}, "conversations": 4_400,
        "dispositions": {"not_interested": 2_600, "interested": 1_200, "": 600}, "analysed": 4_390, "failed": 10}}],
    "campaign check": [CHECK],
    "campaign start": [CAMPAIGN | {"warnings": CHECK["warnings"], "notes": [], "suggestions": {}}],
    "campaign schedule": [CAMPAIGN | {"state": "scheduled", "starts_at": at(24, 15), "started_at": None}],
    "campaign pause": [CAMPAIGN | {"state": "draft", "started_at": None, "withdrawn": 0, "unscheduled_at": at(24, 15)}],
    "campaign apply": [APPLIED],
    "campaign errors": [{"ref": REF, "causes": [
        {"cause": "step first-call: 'company' is undefined", "people": 12, "some": ["+12125550101", "+12125550102"]}]}],
    "campaign why": [{"ref": REF, "state": "active", "total": 12_345, "reasons": [
        {"state": "queued", "reason": "window", "sentence": "the contact window is closed", "people": 9_800},
        {"state": "exited", "reason": "answered", "sentence": "a call was answered", "people": 2_545}]}],
    "campaign people": [{"ref": REF, "name": "Q4 warm leads, follow-up", "next": 18, "people": [
        {"contact": 17, "entry": 1, "name": "Maximiliane Featherstonehaugh",
         "points": ["+12125550101", "maximiliane@department.example.com"], "state": "queued", "reason": "window",
         "sentence": "the contact window is closed", "step": "sorry-we-missed-you", "channel": "sms", "due_at": at(4),
         "tries": 2, "last_outcome": "no_answer", "lists": ["people.csv", "hubspot: Warm leads"], "enrolled_at": at(1),
         "last_contact_at": at(3), "ended_at": None},
        {"contact": 18, "entry": 1, "name": "", "points": [], "state": "exited", "reason": "erased",
         "sentence": "the person was erased", "step": "first-call", "channel": "phone", "due_at": None, "tries": 0,
         "last_outcome": "", "lists": [], "enrolled_at": at(1), "last_contact_at": None, "ended_at": at(3)}]}],
    "campaign replies": [{"replies": [
        {"created_at": at(3), "ref": REF, "step": "sorry-we-missed-you", "channel": "sms", "person": "+12125550101",
         "text": "Yes please, tomorrow after 3pm works, but not before because I am at work"},
        {"created_at": at(3), "ref": None, "step": None, "channel": "email", "person": None, "text": "Who are you?"}]}],
    "campaign leads": [{"leads": [
        {"attempt": "01hzx3k9d8f7g6h5j4k3m2n1p0", "ref": REF, "owner": "dana", "step": "first-call", "contact": 12,
         "person": "+12125550101", "outcome": "answered", "disposition": "interested", "callback_at": None,
         "duration_s": 61, "summary": "The person is interested and asks for the details in writing.",
         "recording": True, "created_at": at(3), "record": "https://crm.example/1", "taken_over_by": ""}]}],
    "campaign callback": [{"ref": REF, "person": "+12125550101", "step": "first-call", "channel": "phone", "next_at":
                           at(5, 20), "zone": "America/Chicago", "left_out": ["sorry-we-missed-you"],
                           "state": "paused"}],
    "campaign upgrade": [{"ref": REF, "state": "active", "id": 3, "people": 12, "moves": [{"from": "first-call", "to":
                          "call-in-the-morning", "people": 12}], "lost": {"old-step": 2}, "busy": 1, "moved": 12,
                          "dry_run": False}],
    "campaign archive": [CAMPAIGN | {"archived": True}],
    "campaign unarchive": [CAMPAIGN | {"archived": False, "state": "draft"}],
    "contacts find": [{"people": [{"id": 17, "fields": {"first_name": "Maximiliane", "last_name": "Featherstonehaugh"},
        "points": ["+12125550101", "maximiliane@department.example.com"], "zones": "America/New_York", "zone_basis":
        "number", "campaigns": [{"ref": REF, "state": "exited", "reason": "replied", "step": "first-call"}]}]}],
    "contacts why": [{"person": "+12125550101", "now": at(3), "campaigns": [WHY]}],
    "contacts timeline": [{"person": "+12125550101", "now": at(3), "campaigns": [WHY], "attempts": CALLS}],
    "calls": [{"calls": CALLS, "whole": False}, {"calls": [CALLS[0] | {"transcript": "agent: Hello\nperson: Hi"}],
                                                 "whole": True}],
    "history": [{"calls": [*TEXTS, *CALLS], "whole": False}],
    "unknown list": [{"calls": [call(4, outcome="unknown", reason="the provider did not answer in time")]}],
    "forecast": [FORECAST],
    "suppression list": [{"entries": [ENTRY, ENTRY | {"id": 5, "value": "+12125550123", "channel": "sms", "evidence":
                                                      None, "reason": "asked by phone", "by": "dana"}]}],
    "suppression why": [{"point": "+12125550123", "sentence": "+12125550123 was on the suppression list and is not now",
                         "entries": [ENTRY | {"value": "+12125550123", "lifted_at": at(9),
                                               "lifted_because": "asked again"}]}],
    "templates list": [{"templates": [{"name": "follow-up-after-visit", "channel": "email", "version": 3, "subject":
        "About your visit, {{ first_name | default: 'there' }}", "campaigns": [REF, "fair"], "created_at": at(1),
        "created_by": "dana"}]}],
    "agents list": [{"agents": [{"name": "outbound-sales", "version": 2, "company": "Acme Bicycles of New England",
        "language": "en-US", "skills": ["end_call", "opt_out", "book_callback"], "recording": False, "campaigns": [REF],
        "created_at": at(1), "created_by": "dana"}]}],
    "numbers list": [{"numbers": [
        {"e164": "+12125550199", "label": "New York office", "tags": ["sales-us", "east"], "pace": "20/hour", "carries":
         "phone,sms", "used": 1_204, "next_slot_at": at(3), "held_until_at": at(4), "held": "texts do not arrive"},
        {"e164": "+14155550199", "label": "", "tags": [], "pace": None, "carries": "", "used": 0, "next_slot_at": 0,
         "held_until_at": None, "held": ""}]}],
    "numbers sync": [{"added": [{"number": "+12125550198", "label": "Fair", "tags": ["x"],
        "carries": ["phone", "sms"]}],
        "known": [], "missing": ["+12125550197"], "retired": ["+12125550196"], "left_out": [{"number": "+12125550195",
        "why": "is a fax"}], "tagged": 1, "failed": {"sms": "no login"}, "dry_run": True,
        "counts": {"added": 1, "known": 0, "missing": 1, "retired": 1, "left_out": 1}}],
    "holds": [{"holds": [HOLD, COOLING]}],
    "log": [{"entries": [{"at": at(3), "actor": "slack:U012AB3CD Dana", "verb": "pause", "target": REF, "details":
                          {"from": "active", "to": "paused", "because": "the price list is wrong"}}]}],
    "source list": [{"sources": [{"source": "hubspot-eu", "plugin": "hubspot", "from": "connected", "segments": 3,
        "as_of_at": at(3), "held": 0, "requests": {"today": 12_345, "allowed": 250_000, "daily": 0},
        "problem": "", "people": 0}]}],
    "source connect": [{"source": "hubspot-eu", "findings": FINDINGS, "reloads": True, "problem": ""}],
    "source disconnect": [{"source": "hubspot-eu", "campaigns": [REF], "reloads": False, "problem": ""}],
    "source segments": [{"source": "hubspot-eu", "segments": [{"id": "list:4711", "kind": "list", "name":
        "Spring fair, visitors who asked for a quote", "size": 12_345}],
        "unlisted": ["HubSpot's pipeline stages cannot be listed: give the key the scopes crm.objects.deals.read"]}],
    "source fields": [{"source": "hubspot-eu", "fields": [{"name": "hs_email_optout", "label": "Unsubscribed from all "
        "email", "kind": "flag", "meaning": "opt-out by email", "fetched": True}], "unknown": [],
        "protected": ["email"]}],
    "sync status": [{"segments": [{"source": "hubspot-eu", "segment": "Spring fair, visitors", "campaigns": [REF],
        "people": 12_345, "missing": 12, "as_of_at": at(3), "held": "9,000 people would leave", "problem": "",
        "is_walking": False, "joined": 12, "left": 3, "named": None, "size": 12_400, "walked_at": at(3)},
        {"source": "hubspot-eu", "segment": "New leads", "campaigns": [REF], "people": 7_300, "missing": 0,
        "as_of_at": None, "held": "", "problem": "", "is_walking": True, "joined": 0, "left": 0, "named": 7_300,
        "size": 12_431, "walked_at": None}]}],
    "outbox list": [{"targets": [{"target": "source:hubspot-eu", "waiting": 12, "dead": 1, "down_until": at(3),
        "configured": True}], "deliveries": [{"id": 4711, "target": "source:hubspot-eu", "topic": "attempt.recorded",
        "key": f"campaign:{REF}", "state": "dead", "tries": 12, "next_at": at(3),
        "problem": "422: no such property"}]}],
    "check": [{"settings": {"database": {"path": "fluentsd.db"}}, "findings": FINDINGS}],
    "source check": [{"source": "hubspot-eu", "findings": FINDINGS}],
}  # fmt: skip
#: Verbs whose answer has no table; their sentences are tested elsewhere.
WITHOUT_TABLE = {
    "agents apply", "agents remove", "agents show", "campaign approve", "contacts resume", "contacts take-over",
    "numbers add", "numbers inbound", "numbers remove", "numbers rest", "numbers untag", "release", "reload",
    "campaign analyse", "campaign answer", "campaign unhandle", "campaign complete",
    "campaign copy", "campaign dismiss",
    "campaign enroll", "campaign export", "campaign owner", "campaign remove", "campaign reopen",
    "campaign resume",
    "campaign retry", "campaign show", "campaign stop", "campaign test", "contacts attest", "contacts erase",
    "contacts export", "listen",
    "outbox drop", "outbox retry", "suppression add", "suppression import", "suppression remove", "suppression undo",
    "sync hold", "sync now", "sync release", "templates apply", "templates preview", "templates remove",
    "templates show", "unknown dismiss", "unknown retry",
}  # fmt: skip
