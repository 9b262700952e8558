"""The catalogue of verbs: every action a person can take, declared once.

Each front (shell, chat, console) is built from this table: names, help, parameters, required role, and whether the verb
changes anything. What must not live here: the functions themselves (the other modules of `fluentsd.verbs`, named here
by module and function and imported when they run), how a verb runs (`execute`), and any import that is slow, because
every command of the shell reads this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fluentsd.verbs.call import Role

Kind = Literal[
    "text", "int", "flag", "texts", "moment", "date", "duration", "choice", "campaign", "contact", "number", "step",
    "template", "agent", "source", "segment", "user", "file", "data",
]  # fmt: skip
#: Kinds whose value is a text. The names of things are such kinds, so that a front can offer a list of them.
TEXTUAL: tuple[Kind, ...] = (
    "text", "date", "duration", "choice", "campaign", "contact", "number", "step", "template", "agent", "source",
    "segment", "user",
)  # fmt: skip


#: What a structure is, before it is read: an object, an object of whole numbers, a list, a list of texts.
Shape = Literal["object", "counts", "list", "texts"]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter. `kind`: text, int, flag, texts (repeatable), moment ("tomorrow 9am", in the campaign's zone if it
    names none; with `of_person` in the person's, with `whole_days` perhaps only a day), date (2026-12-01), duration
    ("2 days"), choice (one of `options`); campaign, contact, number, step, template, agent, source, segment, user (the
    name of one); file (a file that the front reads; the verb gets its content), data (a JSON value, passed by programs
    only); `shape` is what the value of a file or of data is. `options` are also those of each part of texts; `least` is
    the smallest int."""

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: Any = None
    option: bool = True  #: False: a positional argument
    options: tuple[str, ...] = ()
    of_person: bool = False
    whole_days: bool = False
    least: int | None = None
    shape: Shape = "object"


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `name` is the typed command ("campaign pause"); `run` names its function, `module.function` in
    `fluentsd.verbs`; `role` is the least role that may run it; `hidden` verbs are for programs. With `owned`, only
    an admin may run it on a campaign that belongs to another person; a verb that changes an archived campaign is
    refused without `if_archived`."""

    name: str
    help: str
    run: str
    params: tuple[Param, ...] = ()
    effect: Literal["read", "change"] = "read"
    role: Role = "viewer"
    hidden: bool = False
    owned: bool = False
    if_archived: bool = False


#: Old groups of verbs and their present names. Old names work until the next release.
ALIASES: Mapping[str, str] = {"stop-list": "suppression"}


def current_name(name: str) -> str:
    """The present name of a verb: `stop-list add` → `suppression add`; a present name stays as it is."""
    group, _, rest = name.partition(" ")
    return f"{ALIASES[group]} {rest}".strip() if group in ALIASES else name


def _ref(help_text: str = "the campaign's ref") -> Param:
    return Param("ref", "campaign", help_text, required=True, option=False)


def _most(default: int) -> Param:
    return Param("most", "int", "maximum number of rows", default=default, least=1)


_PERSON = Param(
    "person", "contact", "a number, an address, or words that match one person", required=True, option=False
)
_ONE_PERSON = Param("person", "contact", "only this person (a number or address)")
_ONE_ATTEMPT = Param("attempt", "text", "only this attempt, by its id")
_SOURCE = Param("source", "source", "the source's name", required=True, option=False)
_POINT = Param("point", "text", "the number or address", required=True, option=False)
_TEMPLATE = Param("name", "template", "the template's name", required=True, option=False)
_AGENT = Param("name", "agent", "the agent's name", required=True, option=False)
_ONE_TARGET = Param("target", "text", "only this target: log, webhook, slack, tasks or source:NAME")
_ONE_EVENT = Param("id", "int", "only this event, by its id")
_BECAUSE = Param("because", "text", "the reason; kept in the audit log", default="")

_CHANNELS = ("phone", "sms", "email", "*")
#: Every outcome of an attempt: `fluentsd.api.Outcome`, which takes long to import.
OUTCOMES = (
    "answered", "voicemail", "no_answer", "busy", "failed", "sent", "delivered", "bounced", "replied",
    "opted_out", "agent_error", "unknown", "not_sent",
)  # fmt: skip

#: What a conversation may come to: `fluentsd.api.Disposition`.
DISPOSITIONS = ("interested", "not_interested", "callback", "wrong_number", "transferred", "angry")

#: What a channel of Slack may show: changes of campaigns with their cards, alerts, replies of people, hot leads.
SHOWN = ("changes", "alerts", "replies", "leads")

_YES = Param("yes", "flag", "start although the check has warnings", default=False)
_SEEN = Param("seen", "text", "`seen` of the answer that the actor has looked at", required=True)
_DRY = Param("dry_run", "flag", "show what would happen, change nothing", default=False)

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("campaign apply", "create or change a campaign from its file", "campaigns.apply",
             (Param("file", "file", "the campaign file", required=True, option=False),
              Param("dry_run", "flag", "show what would change, change nothing", default=False)),
             "change", "manager", owned=True),
        Verb("campaign export", "write a campaign as a file", "campaigns.export", (_ref(),)),
        Verb("campaign list", "all campaigns with their counts", "campaigns.listing",
             (Param("archived", "flag", "include archived campaigns", default=False),)),
        Verb("campaign show", "a campaign's settings and flow", "campaigns.show", (_ref(),)),
        Verb("campaign status", "counts, next due time, holds and numbers", "campaigns.status", (_ref(),)),
        Verb("campaign report", "results: people contacted, conversations, interest, opt-outs and cost, by step, "
             "agent, number, source and hour", "reports.report",
             (_ref(), Param("since", "moment", "only attempts since this time; default: all"))),
        Verb("campaign check", "launch check: who would be contacted, who would not and why, and what is missing",
             "launch_check.check", (_ref(),)),
        Verb("campaign start", "start a campaign now", "lifecycle.start",
             (_ref(), _YES, Param("first", "int", "contact this many people, then hold the campaign until `release`",
                           least=1)),
             "change", "manager", owned=True),
        Verb("campaign schedule", "start a campaign at a given time", "lifecycle.schedule",
             (_ref(), Param("at", "moment", "when, in the campaign's zone: 2026-12-01T09:00, tomorrow 9am, Tue 9am ET",
                           required=True, option=False, whole_days=True), _YES),
             "change", "manager", owned=True),
        Verb("campaign pause", "pause a campaign; no contacts until it is resumed", "lifecycle.pause",
             (_ref(), _BECAUSE,
              Param("until", "moment", "when it resumes by itself, in the campaign's zone; default: until a person "
                    "resumes it", whole_days=True)),
             "change", "operator"),
        Verb("campaign approve", "agree to a start that needs the approval of a second person", "lifecycle.approve",
             (_ref(),), "change", "manager"),
        Verb("campaign resume", "resume a campaign; steps missed during the pause are dripped, shifted or skipped",
             "lifecycle.resume",
             (_ref(), Param("late", "choice", "what becomes of missed steps; default: the campaign's setting",
                           options=("drip", "shift", "skip")), _DRY),
             "change", "operator"),
        Verb("campaign stop", "stop a campaign; people keep their progress", "lifecycle.stop", (_ref(), _BECAUSE),
             "change", "manager", owned=True),
        Verb("campaign complete", "mark a campaign completed; refused while people are queued", "lifecycle.complete",
             (_ref(),), "change", "manager", owned=True),
        Verb("campaign reopen", "reopen a stopped or completed campaign as paused", "lifecycle.reopen", (_ref(),),
             "change", "manager", owned=True),
        Verb("campaign copy", "create a draft with the same settings and flow", "campaigns.copy",
             (_ref(), Param("new_ref", "text", "the copy's ref", required=True, option=False)),
             "change", "manager", if_archived=True),
        Verb("campaign archive", "hide a draft or an ended campaign from lists", "campaigns.archive",
             (_ref(), Param("yes", "flag", "confirm it for a draft with people", default=False)),
             "change", "manager", owned=True),
        Verb("campaign unarchive", "bring an archived campaign back", "campaigns.unarchive", (_ref(),),
             "change", "manager", owned=True, if_archived=True),
        Verb("campaign owner", "change a campaign's owner", "campaigns.give",
             (_ref(), Param("owner", "user", "the new owner", required=True, option=False)),
             "change", "manager", owned=True, if_archived=True),
        Verb("campaign errors", "people in error, grouped by cause", "errors.errors", (_ref(),)),
        Verb("campaign retry", "put people in error back into the queue", "errors.retry",
             (_ref(), Param("cause", "text", "only this cause (its number in `campaign errors`, or its text)"),
              Param("person", "contact", "only this person (a number or address)")), "change", "manager", owned=True),
        Verb("campaign dismiss", "remove people in error from the campaign", "errors.dismiss",
             (_ref(), Param("cause", "text", "only this cause (its number in `campaign errors`, or its text)"),
              Param("person", "contact", "only this person (a number or address)")), "change", "manager", owned=True,
             if_archived=True),
        Verb("campaign analyse", "analyse again the calls whose analysis has failed", "after_calls.analyse",
             (_ref(), _ONE_ATTEMPT), "change", "manager", owned=True),
        Verb("campaign why", "counts of people by state and reason; they add up to the campaign's total",
             "contacts.totals", (_ref(),)),
        Verb("campaign replies", "replies that are not handled yet", "replies.listing",
             (Param("ref", "campaign", "only in this campaign", option=False), _ONE_ATTEMPT, _most(50))),
        Verb("campaign leads", "hot leads that are not handled yet: calls after which somebody has to act",
             "leads.listing",
             (Param("ref", "campaign", "only in this campaign", option=False), _ONE_ATTEMPT, _most(50))),
        Verb("campaign answer", "answer a person's reply on the same channel, or a hot lead in writing",
             "replies.answer",
             (_ref(), _PERSON, Param("text", "text", "the answer", default="", option=False),
              Param("subject", "text", "subject of an e-mail answer", default=""),
              Param("channel", "choice", "how to write; default: the reply's channel, sms to a lead",
                    options=("sms", "email")),
              Param("nothing", "flag", "mark as handled without an answer", default=False)),
             "change", "manager", owned=True, if_archived=True),
        Verb("campaign test", "send a step to yourself, marked as a test and not counted", "replies.test",
             (_ref(), Param("to", "text", "your own number or address", required=True),
              Param("step", "step", "the step; default: the first that can go to that address"),
              Param("person", "contact", "render for this person of the campaign; default: the first")),
             "change", "manager"),
        Verb("campaign remove", "remove one person from the campaign", "enrollments.remove",
             (_ref(), _PERSON, _BECAUSE), "change", "manager", owned=True, if_archived=True),
        Verb("campaign callback", "call one person at a promised time, ahead of the flow's schedule",
             "enrollments.callback",
             (_ref(), _PERSON,
              Param("at", "moment", "when, in the person's zone: 2026-12-01T15:00, tomorrow 3pm, Tue 15:00 ET",
                    required=True, option=False, of_person=True),
              Param("channel", "choice", "the channel of the contact", default="phone",
                    options=("phone", "sms", "email"))),
             "change", "manager", owned=True),
        Verb("campaign upgrade", "move people from earlier flow versions to the current one", "enrollments.upgrade",
             (_ref(), Param("step", "texts", "OLD=NEW: the new step for people at a deleted step; repeatable"),
              _DRY), "change", "manager", owned=True),
        Verb("campaign enroll", "enroll people who are known already: of a file or CRM, or of another campaign",
             "entering.enroll",
             (_ref(), Param("source", "source", "the people of this file or CRM source"),
              Param("campaign", "campaign", "the people of this campaign"),
              Param("state", "texts", "with a campaign: only people in these states; default: completed and exited",
                    options=("queued", "active", "completed", "exited", "errored")),
              Param("reason", "text", "with a campaign: only people who left for this reason, such as unreachable",
                    default=""), _DRY), "change", "manager", owned=True),
        Verb("contacts origins", "the sources and campaigns of known people", "entering.origins", hidden=True),
        Verb("campaign begin", "an edit for a new campaign", "edits.begin",
             (Param("name", "text", "the campaign's name", required=True),
              Param("file", "data", "the campaign file to begin with", required=True)),
             "change", "manager", hidden=True),
        Verb("campaign open-edit", "the campaign's file with the changes that wait", "edits.open", (_ref(),),
             hidden=True),
        Verb("campaign edits", "edits that are not applied yet", "edits.listing", hidden=True),
        Verb("campaign save-edit", "keep an edit, and apply it to a draft", "edits.save",
             (_ref(), Param("file", "data", "the whole campaign file", required=True), _SEEN),
             "change", "manager", owned=True, hidden=True),
        Verb("campaign keep-edit", "keep the answers of a form that is not submitted yet", "edits.keep",
             (_ref(), Param("typed", "data", "the form and its answers", required=True)),
             "change", "manager", owned=True, hidden=True),
        Verb("campaign apply-edit", "change a campaign to what its edit says", "edits.apply", (_ref(), _SEEN, _DRY),
             "change", "manager", owned=True, hidden=True),
        Verb("campaign discard-edit", "forget an edit; the campaign stays as it is", "edits.discard", (_ref(),),
             "change", "manager", owned=True, hidden=True),
        Verb("contacts attest", "record consent for the people of a source or campaign; kept as each person's evidence",
             "consent.attest",
             (Param("source", "source", "the people of this file or CRM source", option=False),
              Param("campaign", "campaign", "the people of this campaign"),
              Param("basis", "choice", "the kind of consent", required=True,
                    options=("written", "express", "inquiry", "customer")),
              Param("given", "date", "date of the consent, e.g. 2026-11-01", required=True),
              Param("scope", "texts", "the channels; repeatable or separated by commas", required=True,
                    options=("phone", "sms", "email")),
              Param("by", "text", "name of the person who attests it", required=True),
              Param("scrubbed", "date", "date of the list's last scrub against the DNC registry"),
              Param("proof", "text", "where the proof is stored", default="")), "change", "manager"),
        Verb("contacts find", "find people by number, address or any field value", "contacts.find",
             (Param("words", "text", "search text", required=True, option=False),
              _most(20))),
        Verb("contacts why", "why a person was contacted or not: one sentence, then the evidence", "contacts.why",
             (_PERSON, Param("campaign", "campaign", "only in this campaign"))),
        Verb("contacts timeline", "every attempt to reach a person, and what comes next", "contacts.timeline",
             (_PERSON, Param("campaign", "campaign", "only in this campaign"))),
        Verb("contacts take-over", "take a person over: no campaign contacts them until `contacts resume`",
             "takeover.take", (_PERSON, _BECAUSE), "change", "manager"),
        Verb("contacts resume", "go on with a person who has called us or was taken over: their next steps are not "
             "held any more", "takeover.resume", (_PERSON,), "change", "manager"),
        Verb("contacts reread", "read what is kept of people as it is read today: points, places, opt-outs",
             "rereading.reread", (_DRY, _most(50)), "change", "manager"),
        Verb("contacts export", "all data about a person, as one JSON document", "erasure.export",
             (_PERSON,), role="manager"),
        Verb("contacts erase", "erase a person for good; the suppression list and campaigns keep a keyed hash",
             "erasure.erase", (_PERSON, _BECAUSE), "change", "admin"),
        Verb("contacts begin-import", "begin an import run", "importing.begin_import",
             (Param("source", "text", "the file's name", required=True),
              Param("ref", "campaign", "the campaign to enroll people in"),
              Param("consent", "data", "the attestation of consent"),
              Param("shape", "data", "the file's headings and what was said of its columns; kept with the source")),
             "change", "manager", owned=True, hidden=True),
        Verb("contacts columns", "what was said of the columns of an earlier file with the same headings",
             "importing.columns",
             (Param("source", "text", "the file's name", required=True),
              Param("headings", "data", "the file's headings", required=True, shape="texts")), hidden=True),
        Verb("contacts take", "one batch of an import", "importing.take",
             (Param("run", "data", "the run from `contacts begin-import`", required=True),
              Param("people", "data", "the batch", required=True, shape="list"),
              Param("keep_duplicates", "flag", "for duplicate rows, keep the later one", default=False)),
             "change", "manager", hidden=True),
        Verb("contacts end-import", "end an import run", "importing.end_import",
             (Param("run", "data", "the run from `contacts begin-import`", required=True),
              Param("counts", "data", "the import's counts", required=True, shape="counts"),
              Param("whole", "flag", "the file is the whole list: people missing from it leave", default=False),
              Param("yes", "flag", "continue even when most people would leave", default=False)),
             "change", "manager", hidden=True),
        Verb("history", "history of attempts on all channels", "calls.history",
             (Param("ref", "campaign", "only this campaign", option=False),
              Param("outcome", "choice", "only this outcome", options=OUTCOMES),
              Param("disposition", "choice", "only conversations that came to this", options=DISPOSITIONS),
              Param("channel", "choice", "only this channel", options=("phone", "sms", "email")), _ONE_ATTEMPT,
              Param("person", "contact", "only this person (a number or address)"),
              _most(50),
              Param("since", "moment", "only attempts after this time", whole_days=True))),
        Verb("calls", "history of phone calls", "calls.calls",
             (Param("ref", "campaign", "only this campaign", option=False),
              Param("outcome", "choice", "only this outcome", options=OUTCOMES),
              Param("disposition", "choice", "only conversations that came to this", options=DISPOSITIONS),
              _ONE_ATTEMPT,
              Param("person", "contact", "only this person (a number or address)"),
              _most(50),
              Param("since", "moment", "only attempts after this time", whole_days=True))),
        Verb("listen", "where the recording of a call can be heard for a while; the audit log keeps who asked",
             "calls.listen", (Param("attempt", "text", "the call, by its id", required=True, option=False),),
             "change", "manager"),
        Verb("forecast", "forecast: who, when, from which number; load, finish, cost; who is skipped and why",
             "forecasts.ahead",
             (_ref(), Param("until", "moment", "end of the forecast; default: 90 days after its start",
                           whole_days=True),
              Param("most", "int", "how many contacts to list one by one", default=10, least=0),
              Param("seed", "int", "random seed", default=0))),
        Verb("unknown list", "attempts with an unknown result that need a decision", "unknown_attempts.listing",
             (Param("ref", "campaign", "only this campaign", option=False),
              _most(1000))),
        Verb("unknown retry", "repeat the step; the person may get it twice", "unknown_attempts.retry",
             (_ref(), _ONE_PERSON, _ONE_ATTEMPT), "change", "manager", owned=True),
        Verb("unknown dismiss", "keep them as sent and hide them", "unknown_attempts.dismiss",
             (_ref(), _ONE_PERSON, _ONE_ATTEMPT), "change", "manager", owned=True, if_archived=True),
        Verb("suppression list", "numbers and addresses that are never contacted", "suppression.listing",
             (Param("words", "text", "only entries whose number, address or reason contains this", option=False),
              Param("since", "int", "first entry id", default=0),
              _most(100))),
        Verb("suppression why", "full history of one number or address on the suppression list", "suppression.why",
             (_POINT,)),
        Verb("suppression add", "never contact a number or address again", "suppression.add",
             (_POINT, Param("channel", "choice", "* is every channel", default="*", options=_CHANNELS), _BECAUSE),
             "change", "manager"),
        Verb("suppression remove", "lift the entries of a number or address; their history stays", "suppression.remove",
             (_POINT, _BECAUSE), "change", "admin"),
        Verb("suppression take", "import one batch into the suppression list", "suppression.take",
             (Param("points", "data", "numbers and addresses as text", required=True, shape="texts"),
              Param("channel", "choice", "* is every channel", default="*", options=_CHANNELS),
              Param("because", "text", "the origin of the list", required=True)), "change", "manager", hidden=True),
        Verb("templates apply", "create or change templates from a file", "templates.apply",
             (Param("file", "file", "the template file", required=True, option=False),
              Param("dry_run", "flag", "show what would change, change nothing", default=False)), "change", "manager"),
        Verb("templates list", "all templates, and the campaigns that use them", "templates.listing"),
        Verb("templates show", "a template's file and its versions", "templates.show",
             (_TEMPLATE, Param("version", "int", "an earlier version"))),
        Verb("templates preview", "render a template for one person; nothing is sent", "templates.preview",
             (_TEMPLATE, Param("person", "contact", "a number, an address, or words that match one person; default: an "
                               "invented one"),
              Param("campaign", "campaign", "render as in this campaign"))),
        Verb("templates remove", "archive a template; its history stays", "templates.remove", (_TEMPLATE,),
             "change", "manager"),
        Verb("agents apply", "create or change phone agents from a file", "agents.apply",
             (Param("file", "file", "the agent file", required=True, option=False),
              Param("dry_run", "flag", "show what would change, change nothing", default=False)), "change", "manager"),
        Verb("agents list", "all phone agents, and the campaigns that use them", "agents.listing"),
        Verb("agents show", "an agent's file, what it says first, and its versions", "agents.show",
             (_AGENT, Param("version", "int", "an earlier version"))),
        Verb("agents rehearsal", "an agent rendered for a person, for a conversation at a keyboard", "agents.rehearsal",
             (_AGENT, Param("person", "text", "a number, an address, or words that match one person")), hidden=True),
        Verb("agents remove", "archive an agent; its history stays", "agents.remove", (_AGENT,), "change", "manager"),
        Verb("numbers list", "caller IDs with tags and pace", "numbers.listing"),
        Verb("numbers add", "add a caller ID, or change its tags, label or pace", "numbers.add",
             (Param("number", "number", "in international form: +12125550123", required=True, option=False),
              Param("tag", "texts", "a tag; repeatable"), Param("label", "text", "a note"),
              Param("pace", "text", 'its own pace, e.g. "20/hour"')), "change", "manager"),
        Verb("numbers sync", "import the providers' numbers as caller IDs; your labels and tags stay",
             "numbers.sync", (Param("tag", "texts", "a tag for all of them, known ones too; repeatable"), _DRY),
             "change", "manager"),
        Verb("numbers untag", "remove tags from a caller ID", "numbers.untag",
             (Param("number", "number", "the caller ID", required=True, option=False),
              Param("tag", "texts", "the tags", required=True)), "change", "manager"),
        Verb("numbers rest", "let a caller ID rest: nothing leaves from it until a time or until `release`",
             "numbers.rest",
             (Param("number", "number", "the caller ID", required=True, option=False),
              Param("until", "moment", "when it is used again; default: until a person releases it"), _BECAUSE),
             "change", "manager"),
        Verb("numbers inbound", "say who answers calls to a caller ID: an agent, another number, or an announcement",
             "inbound_calls.answering",
             (Param("number", "number", "the caller ID", required=True, option=False),
              Param("agent", "agent", "this agent answers"),
              Param("forward", "text", "the call goes on to this number"),
              Param("announce", "flag", "an announcement with the opt-out key", default=False)), "change", "manager"),
        Verb("numbers remove", "stop using a caller ID", "numbers.remove",
             (Param("number", "number", "the caller ID", required=True, option=False),), "change", "manager"),
        Verb("holds", "open holds: scope, since when, by whom, why", "operations.holds_now"),
        Verb("release", "lift the holds on a campaign, channel, number, contact or the installation",
             "operations.release",
             (Param("scope", "choice", "what is held", required=True, option=False,
                    options=("campaign", "channel", "number", "contact", "installation")),
              Param("target", "text", "the campaign's ref, channel, number or person (#12); or all", required=True,
                    option=False)),
             "change", "manager"),
        Verb("log", "audit log: who did what", "operations.log",
             (Param("target", "text", "only about this campaign or number", option=False),
              _most(50))),
        Verb("source list", "the connected CRMs and files, and how each stands", "sources.listing"),
        Verb("source offers", "the plugins that can be connected, and the keys they ask for", "connections.offers",
             (Param("source", "source", "for this name", option=False),), role="admin", hidden=True),
        Verb("source connect", "connect a source: check its keys by a read, and keep them encrypted",
             "connections.connect",
             (_SOURCE, Param("plugin", "text", "the plugin's name", required=True),
              Param("keys", "data", "keys of its table", required=True)),
             "change", "admin"),
        Verb("source disconnect", "delete the keys of a connected source; its people wait", "connections.disconnect",
             (_SOURCE, Param("yes", "flag", "although started campaigns follow it", default=False)), "change", "admin"),
        Verb("source segments", "the lists, stages and views of a source", "sources.list_segments", (_SOURCE,)),
        Verb("source fields", "the fields of a source and their meanings", "sources.list_fields", (_SOURCE,)),
        Verb("source check", "check credentials and permissions of a source", "sources.check", (_SOURCE,),
             role="operator"),
        Verb("sync status", "the segments that campaigns follow: people, as of when, what is held", "sources.status",
             (Param("source", "source", "only this source", option=False),)),
        Verb("sync now", "read all followed segments of a source now", "sources.now", (_SOURCE,), "change", "operator"),
        Verb("sync hold", "stop the sync of a source", "sources.hold", (_SOURCE, _BECAUSE), "change", "operator"),
        Verb("sync release", "allow the changes that are held, and lift the hold of a source", "sources.release",
             (_SOURCE,), "change", "manager"),
        Verb("outbox list", "events that are not delivered: dead letters first, then those that wait", "outbox.listing",
             (_ONE_TARGET, _most(50))),
        Verb("outbox retry", "deliver dead letters again", "outbox.retry",
             (_ONE_EVENT, _ONE_TARGET, Param("all", "flag", "every dead letter", default=False)), "change", "manager"),
        Verb("outbox drop", "delete dead letters for good", "outbox.drop",
             (_ONE_EVENT, _ONE_TARGET, Param("all", "flag", "every dead letter", default=False),
              Param("waiting", "flag", "with a target: also events that wait for it", default=False)),
             "change", "admin"),
        Verb("slack subscriptions", "what each channel of Slack shows", "slack_channels.listing", hidden=True),
        Verb("slack alerts", "show messages about campaigns in a channel of Slack, or stop that",
             "slack_channels.alerts",
             (Param("channel", "text", "the channel's id", required=True),
              Param("campaign", "texts", "only these campaigns; default: all"),
              Param("kind", "texts", "what is shown; default: nothing", options=SHOWN)),
             "change", "operator", hidden=True),
        Verb("slack digest", "post the digest in a channel of Slack every day, or stop that", "slack_channels.digest",
             (Param("channel", "text", "the channel's id", required=True),
              Param("at", "text", "when, with the zone: 09:00 America/New_York; default: not at all", default="")),
             "change", "operator", hidden=True),
        Verb("reload", "take in fluentsd.toml and rotated secrets; calls and sends in progress end first",
             "operations.reload", (), "change", "admin"),
        Verb("state", "the daemon's status", "operations.figures"),
    )
}  # fmt: skip

#: The answer of each verb: a class of `fluentsd.verbs.answers`.
ANSWERS: Mapping[str, str] = {
    "campaign apply": "campaigns.Applied",
    "campaign export": "campaigns.Exported",
    "campaign list": "campaigns.Listing",
    "campaign show": "campaigns.Shown",
    "campaign status": "campaigns.Status",
    "campaign report": "campaigns.Report",
    "campaign start": "campaigns.Started",
    "campaign schedule": "campaigns.Changed",
    "campaign pause": "campaigns.Changed",
    "campaign resume": "campaigns.Resumed",
    "campaign approve": "campaigns.Campaign",
    "campaign stop": "campaigns.Changed",
    "campaign complete": "campaigns.Changed",
    "campaign reopen": "campaigns.Changed",
    "campaign copy": "campaigns.Campaign",
    "campaign archive": "campaigns.Archived",
    "campaign unarchive": "campaigns.Archived",
    "campaign owner": "campaigns.Campaign",
    "campaign errors": "campaigns.Errors",
    "campaign retry": "campaigns.Settled",
    "campaign analyse": "campaigns.Analysed",
    "campaign dismiss": "campaigns.Settled",
    "contacts reread": "rereading.Reread",
    "campaign begin": "edits.Edit",
    "campaign open-edit": "edits.Edit",
    "campaign edits": "edits.Listing",
    "campaign save-edit": "edits.Edit",
    "campaign apply-edit": "campaigns.Applied",
    "campaign discard-edit": "edits.Discarded",
    "templates apply": "templates.Applied",
    "templates list": "templates.Listing",
    "templates show": "templates.Shown",
    "templates preview": "templates.Preview",
    "templates remove": "templates.Removed",
    "numbers list": "numbers.Listing",
    "numbers add": "numbers.Changed",
    "numbers untag": "numbers.Changed",
    "numbers rest": "numbers.Changed",
    "numbers remove": "numbers.Changed",
    "numbers inbound": "numbers.Changed",
    "numbers sync": "numbers.Synced",
    "holds": "holds.Holds",
    "release": "holds.Released",
    "log": "holds.Log",
    "state": "holds.Status",
    "campaign check": "explain.Check",
    "campaign why": "explain.Totals",
    "campaign replies": "people.Replies",
    "campaign answer": "people.Answered",
    "campaign test": "people.Tested",
    "campaign remove": "people.Removed",
    "campaign callback": "people.Promised",
    "campaign upgrade": "people.Upgraded",
    "campaign keep-edit": "edits.Kept",
    "contacts attest": "people.Attested",
    "contacts find": "people.Found",
    "contacts why": "explain.Why",
    "contacts timeline": "explain.Why",
    "contacts take-over": "people.TakenOver",
    "contacts resume": "people.GoesOn",
    "contacts origins": "people.Origins",
    "campaign leads": "people.Leads",
    "campaign enroll": "people.Enrolled",
    "listen": "people.Heard",
    "source offers": "sources.Offers",
    "source connect": "sources.Connected",
    "source disconnect": "sources.Disconnected",
    "slack subscriptions": "slack.Subscriptions",
    "slack alerts": "slack.Alerts",
    "slack digest": "slack.Digest",
    "contacts export": "people.Exported",
    "contacts erase": "people.Erased",
    "contacts begin-import": "people.Run",
    "contacts take": "people.Taken",
    "contacts columns": "people.Columns",
    "contacts end-import": "people.Ended",
    "history": "attempts.History",
    "calls": "attempts.History",
    "forecast": "explain.Forecast",
    "unknown list": "attempts.Unknown",
    "unknown retry": "attempts.Decided",
    "unknown dismiss": "attempts.Decided",
    "suppression list": "suppression.Listing",
    "suppression why": "suppression.History",
    "suppression add": "suppression.Added",
    "suppression remove": "suppression.Lifted",
    "suppression take": "suppression.Taken",
    "agents apply": "agents.Applied",
    "agents list": "agents.Listing",
    "agents show": "agents.Shown",
    "agents rehearsal": "agents.Rehearsal",
    "agents remove": "agents.Removed",
    "source list": "sources.Listing",
    "source segments": "sources.Segments",
    "source fields": "sources.Fields",
    "source check": "sources.Checked",
    "sync status": "sources.Status",
    "sync now": "sources.Asked",
    "sync hold": "sources.Held",
    "sync release": "sources.Released",
    "outbox list": "outbox.Listing",
    "outbox retry": "outbox.Retried",
    "outbox drop": "outbox.Dropped",
    "reload": "outbox.Reloaded",
}
