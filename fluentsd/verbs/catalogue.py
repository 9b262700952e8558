"""The verbs: everything a person can do, declared once.

Each front (shell, chat, console) is built from this table: the words, the help, the parameters, who may, and whether
it changes anything. `perform` is the only way a verb is run: it checks the arguments, gives a repeated request the
answer it got the first time, and turns what the engine refuses into `Refused`. The verbs themselves live in
`engine.verbs`; no front knows how one works.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fluentsd.engine.runtime import Runtime
from fluentsd.verbs import (
    Call,
    Refused,
    calls,
    campaigns,
    consent,
    contacts,
    enrollments,
    erasure,
    errors,
    forecasts,
    importing,
    launch_check,
    lifecycle,
    numbers,
    operations,
    replies,
    suppression,
    templates,
    unknown_attempts,
)

Answer = dict[str, Any]
Kind = Literal["text", "int", "flag", "texts", "moment", "data"]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. `kind`: text, int, flag, texts (repeatable), moment (a date-time, with zone or the machine's),
    data (only for programs: a JSON value, never asked of a person)."""

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: Any = None
    option: bool = True  #: False: by position


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: `name` is what people type ("campaign pause")."""

    name: str
    help: str
    run: Callable[..., Awaitable[Answer]]
    params: tuple[Param, ...] = ()
    effect: Literal["read", "change"] = "read"
    role: Literal["viewer", "manager", "admin"] = "viewer"
    hidden: bool = False


def _ref(help_text: str = "which campaign") -> Param:
    return Param("ref", "text", help_text, required=True, option=False)


_PERSON = Param("person", "text", "a number, an address, or words that mean one person", required=True, option=False)
_ONE_PERSON = Param("person", "text", "only this person (a number or address)")
_ONE_ATTEMPT = Param("attempt", "text", "only this attempt, by its id")
_TEMPLATE = Param("name", "text", "which template", required=True, option=False)
_BECAUSE = Param("because", "text", "why; kept in the audit log", default="")

_YES = Param("yes", "flag", "start although the check has warnings", default=False)
_DRY = Param("dry_run", "flag", "only say what would happen", default=False)

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("campaign apply", "create or change a campaign from its file", campaigns.apply,
             (Param("file", "data", "the parsed campaign file", required=True),
              Param("dry_run", "flag", "show what would change, change nothing", default=False)), "change", "manager"),
        Verb("campaign export", "write a campaign as a file", campaigns.export, (_ref(),)),
        Verb("campaign list", "all campaigns with their figures", campaigns.listing,
             (Param("archived", "flag", "archived ones too", default=False),)),
        Verb("campaign show", "what a campaign says", campaigns.show, (_ref(),)),
        Verb("campaign status", "figures, next moment, holds, numbers", campaigns.status, (_ref(),)),
        Verb("campaign report", "the funnel: what came of each step", campaigns.report, (_ref(),)),
        Verb("campaign check", "before a start: who would be contacted and who not, and what is missing",
             launch_check.check, (_ref(),)),
        Verb("campaign start", "begin now", lifecycle.start, (_ref(), _YES), "change", "manager"),
        Verb("campaign schedule", "begin at a moment", lifecycle.schedule,
             (_ref(), Param("at", "moment", "when, e.g. 2026-12-01T09:00", required=True, option=False), _YES),
             "change", "manager"),
        Verb("campaign pause", "contact nobody until it is resumed", lifecycle.pause, (_ref(), _BECAUSE),
             "change", "manager"),
        Verb("campaign resume", "go on; what fell due meanwhile is dripped, shifted or skipped", lifecycle.resume,
             (_ref(), Param("late", "text", "drip, shift or skip; else as the campaign says"), _DRY),
             "change", "manager"),
        Verb("campaign stop", "end it; people keep their place", lifecycle.stop, (_ref(), _BECAUSE),
             "change", "manager"),
        Verb("campaign complete", "call it done when nobody is waiting any more", lifecycle.complete, (_ref(),),
             "change", "manager"),
        Verb("campaign reopen", "make a stopped or completed campaign paused again", lifecycle.reopen, (_ref(),),
             "change", "manager"),
        Verb("campaign copy", "a new draft that says the same", campaigns.copy,
             (_ref(), Param("new_ref", "text", "the name people type for the copy", required=True, option=False)),
             "change", "manager"),
        Verb("campaign archive", "take an ended campaign out of the lists", campaigns.archive, (_ref(),),
             "change", "manager"),
        Verb("campaign owner", "hand a campaign to somebody", campaigns.give,
             (_ref(), Param("owner", "text", "the new owner", required=True, option=False)), "change", "manager"),
        Verb("campaign errors", "who could not be contacted and why, by cause", errors.errors, (_ref(),)),
        Verb("campaign retry", "put people in error back into the queue", errors.retry,
             (_ref(), Param("cause", "text", "only this cause (its number in `campaign errors`, or its text)"),
              Param("person", "text", "only this person (a number or address)")), "change", "manager"),
        Verb("campaign dismiss", "let people in error leave the campaign", errors.dismiss,
             (_ref(), Param("cause", "text", "only this cause (its number in `campaign errors`, or its text)"),
              Param("person", "text", "only this person (a number or address)")), "change", "manager"),
        Verb("campaign why", "everybody by the reason they are where they are; it comes to the Total", contacts.totals,
             (_ref(),)),
        Verb("campaign replies", "what people wrote back that nobody has seen to yet", replies.listing,
             (Param("ref", "text", "only in this campaign", option=False),
              Param("most", "int", "how many at most", default=50))),
        Verb("campaign answer", "write back to somebody on the channel they wrote on", replies.answer,
             (_ref(), _PERSON, Param("text", "text", "the answer", default="", option=False),
              Param("subject", "text", "of an e-mail", default=""),
              Param("nothing", "flag", "none is needed; it is seen to", default=False)), "change", "manager"),
        Verb("campaign test", "send a step to yourself, marked as a test and counted nowhere", replies.test,
             (_ref(), Param("to", "text", "your own number or address", required=True),
              Param("step", "text", "which; else the first that can go there"),
              Param("person", "text", "as this person in the campaign would get it; else the first")),
             "change", "manager"),
        Verb("campaign remove", "let one person leave the campaign", enrollments.remove,
             (_ref(), _PERSON, _BECAUSE), "change", "manager"),
        Verb("campaign callback", "contact one person at a promised moment, before the flow's own", enrollments.callback,
             (_ref(), _PERSON, Param("at", "moment", "when, e.g. 2026-12-01T15:00", required=True, option=False)),
             "change", "manager"),
        Verb("campaign upgrade", "move people who entered under an earlier flow to the present one", enrollments.upgrade,
             (_ref(), Param("step", "texts", "OLD=NEW: where people at a step that is gone go on; repeat for more"),
              _DRY), "change", "manager"),
        Verb("contacts attest", "say who agreed to be contacted, how and when; kept as each person's evidence",
             consent.attest,
             (Param("source", "text", "the people of this file or CRM source", option=False),
              Param("campaign", "text", "the people of this campaign"),
              Param("basis", "text", "written, express, inquiry or customer", required=True),
              Param("given", "text", "the date of the consent, like 2026-11-01", required=True),
              Param("scope", "texts", "phone, sms, email; repeat or separate by commas", required=True),
              Param("by", "text", "who says so", required=True),
              Param("scrubbed", "text", "when the list was held against the national do-not-call list"),
              Param("proof", "text", "where the proof is kept", default="")), "change", "manager"),
        Verb("contacts find", "people by number, address, or any word known of them", contacts.find,
             (Param("words", "text", "what to look for", required=True, option=False),
              Param("most", "int", "how many at most", default=20))),
        Verb("contacts why", "why somebody was contacted or not: one sentence, then the evidence", contacts.why,
             (_PERSON, Param("campaign", "text", "only in this campaign"))),
        Verb("contacts timeline", "everything that was done about somebody, and what comes next", contacts.timeline,
             (_PERSON, Param("campaign", "text", "only in this campaign"))),
        Verb("contacts export", "everything that is held about somebody, as one JSON document", erasure.export,
             (_PERSON,), role="manager"),
        Verb("contacts erase", "forget somebody for good; only the stop list and their campaigns still know a hash",
             erasure.erase, (_PERSON, _BECAUSE), "change", "admin"),
        Verb("contacts begin-import", "the import's first act", importing.begin_import,
             (Param("source", "text", "the file's name", required=True),
              Param("ref", "text", "enroll into this campaign"),
              Param("consent", "data", "what is said of the people's consent")),
             "change", "manager", hidden=True),
        Verb("contacts take", "one batch of an import", importing.take,
             (Param("run", "data", "as begun", required=True),
              Param("people", "data", "the batch", required=True),
              Param("keep_duplicates", "flag", "the later row wins", default=False)), "change", "manager", hidden=True),
        Verb("contacts end-import", "the import's last act", importing.end_import,
             (Param("run", "data", "as begun", required=True),
              Param("counts", "data", "its figures", required=True),
              Param("whole", "flag", "whoever is not in it has left the list", default=False),
              Param("yes", "flag", "also when that is most of them", default=False)),
             "change", "manager", hidden=True),
        Verb("calls", "the history of attempts", calls.history,
             (Param("ref", "text", "only this campaign", option=False), Param("outcome", "text", "only this outcome"),
              Param("person", "text", "only this person (a number or address)"),
              Param("most", "int", "how many at most", default=50), Param("since", "moment", "not before"))),
        Verb("forecast", "what will happen: who, when, from which number; load, finish, cost; who is skipped and why",
             forecasts.ahead,
             (_ref(), Param("until", "moment", "look no further than this; else ninety days"),
              Param("most", "int", "how many of the first contacts to list", default=10),
              Param("seed", "int", "another roll of the dice", default=0))),
        Verb("unknown list", "attempts nobody could prove and nobody has decided about", unknown_attempts.listing,
             (Param("ref", "text", "only this campaign", option=False),
              Param("most", "int", "how many at most", default=1000))),
        Verb("unknown retry", "make the step once more, for people who may have got it already", unknown_attempts.retry,
             (_ref(), _ONE_PERSON, _ONE_ATTEMPT), "change", "manager"),
        Verb("unknown dismiss", "let them be: they count as made, and are not shown any more", unknown_attempts.dismiss,
             (_ref(), _ONE_PERSON, _ONE_ATTEMPT), "change", "manager"),
        Verb("stop-list list", "who is on it now", suppression.listing,
             (Param("words", "text", "only entries with this in their number, address or reason", option=False),
              Param("since", "int", "from this entry on", default=0),
              Param("most", "int", "how many at most", default=100))),
        Verb("stop-list why", "everything it ever said of one number or address", suppression.why,
             (Param("point", "text", "which", required=True, option=False),)),
        Verb("stop-list add", "never contact a number or address again", suppression.add,
             (Param("point", "text", "which", required=True, option=False),
              Param("channel", "text", "phone, sms or email; * is every channel", default="*"), _BECAUSE),
             "change", "manager"),
        Verb("stop-list remove", "lift what it says of a number or address; the entry and the reason stay",
             suppression.remove, (Param("point", "text", "which", required=True, option=False), _BECAUSE), "change", "admin"),
        Verb("stop-list take", "one batch of an import", suppression.take,
             (Param("points", "data", "as written", required=True), Param("channel", "text", "which", default="*"),
              Param("because", "text", "where it comes from", required=True)), "change", "manager", hidden=True),
        Verb("templates apply", "keep messages under a name, or change them, from a file", templates.apply,
             (Param("file", "data", "the parsed template file", required=True),
              Param("dry_run", "flag", "show what would change, change nothing", default=False)), "change", "manager"),
        Verb("templates list", "messages kept under a name, and the campaigns that use them", templates.listing),
        Verb("templates show", "a template as its file says it, and its versions", templates.show,
             (_TEMPLATE, Param("version", "int", "an earlier one"))),
        Verb("templates preview", "a template as one person would get it; nothing is sent", templates.preview,
             (_TEMPLATE, Param("person", "text", "as whom: a number, an address, or words that mean one person",
                               required=True),
              Param("campaign", "text", "as in this campaign"))),
        Verb("templates remove", "offer a template no more; its history stays", templates.remove, (_TEMPLATE,),
             "change", "manager"),
        Verb("numbers list", "caller IDs with tags and pace", numbers.listing),
        Verb("numbers add", "add a caller ID, or change what is said of it", numbers.add,
             (Param("number", "text", "in international form: +12125550123", required=True, option=False),
              Param("tag", "texts", "a label; repeat for more"), Param("label", "text", "a note"),
              Param("pace", "text", 'its own pace, e.g. "20/hour"')), "change", "manager"),
        Verb("numbers sync", "take in the caller IDs that the providers have; what you said of known ones stays",
             numbers.sync, (Param("tag", "texts", "a label for all of them, known ones too; repeat for more"), _DRY),
             "change", "manager"),
        Verb("numbers untag", "take labels off a caller ID", numbers.untag,
             (Param("number", "text", "which", required=True, option=False),
              Param("tag", "texts", "the labels", required=True)), "change", "manager"),
        Verb("numbers remove", "stop using a caller ID", numbers.remove,
             (Param("number", "text", "which", required=True, option=False),), "change", "manager"),
        Verb("holds", "what is held, since when, by whom, why", operations.holds_now),
        Verb("release", "lift the holds on one thing", operations.release,
             (Param("scope", "text", "campaign, channel or number", required=True, option=False),
              Param("target", "text", "which", required=True, option=False)), "change", "manager"),
        Verb("log", "who did what", operations.log,
             (Param("target", "text", "only about this campaign or number", option=False),
              Param("most", "int", "how many at most", default=50))),
        Verb("state", "the daemon's own figures", operations.figures),
    )
}  # fmt: skip


async def perform(runtime: Runtime, name: str, arguments: Mapping[str, Any], call: Call) -> Answer:
    """Run one verb; `Refused` says why not and how to go on, and then nothing was changed."""
    verb = VERBS.get(name)
    if verb is None:
        raise Refused(f"there is no verb {name!r}")
    checked = {param.name: _checked(name, param, arguments.get(param.name)) for param in verb.params}
    strange = sorted(set(arguments) - set(checked))
    if strange:
        raise Refused(f"{name}: no such parameter: {', '.join(strange)}")
    return await verb.run(runtime, call, **checked)


def _checked(name: str, param: Param, value: Any) -> Any:
    if value is None or value in ((), []):
        if param.required:
            raise Refused(f"{name}: {param.name} is missing ({param.help})")
        return [] if param.kind == "texts" else param.default
    types: dict[Kind, Any] = {"text": str, "int": int, "flag": bool, "texts": list, "moment": (str, int)}
    if param.kind in types and not isinstance(value, types[param.kind]):
        raise Refused(f"{name}: {param.name} should be {param.kind}, not {value!r}")
    return moment(value) if param.kind == "moment" else value


def moment(value: str | int) -> int:
    """Epoch microseconds of an ISO date-time; without a zone it is the machine's local time."""
    if isinstance(value, int):
        return value
    try:
        return round(dt.datetime.fromisoformat(value).astimezone().timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise Refused(
            f"{value!r} is not a date and time; write it like 2026-12-01T09:00 or 2026-12-01T09:00-05:00"
        ) from None
