"""The views: for each verb, the function that prints its answer as text.

Here is only the table `VIEWS`. The functions are in this package's modules, one module per noun. What must not live
here: terminal or pipe (`fluentsd.cli.screen`), the format of one value (`fluentsd.cli.format`). A view ends with the
next command to type, where there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fluentsd.cli.format import iso
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import typed

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

#: Verb → the function of its view, "module.function" in this package, imported when it prints.
VIEWS: Mapping[str, str] = {
    "agents apply": "agents.applied",
    "agents list": "agents.listed",
    "agents remove": "agents.removed",
    "agents show": "agents.shown",
    "calls": "contacts.calls",
    "campaign analyse": "campaigns.analysed",
    "campaign answer": "contacts.answered",
    "campaign unhandle": "contacts.unhandled",
    "campaign apply": "campaigns.applied",
    "campaign approve": "campaigns.approved",
    "campaign archive": "campaigns.archived",
    "campaign callback": "contacts.callback_set",
    "campaign check": "explain.check",
    "campaign complete": "campaigns.state_changed",
    "campaign copy": "campaigns.copied",
    "campaign dismiss": "campaigns.dismissed",
    "campaign enroll": "contacts.enrolled",
    "campaign errors": "campaigns.errors",
    "campaign export": "campaigns.exported",
    "campaign list": "campaigns.listing",
    "campaign leads": "contacts.leads",
    "campaign owner": "campaigns.owner_changed",
    "campaign pause": "campaigns.state_changed",
    "campaign people": "contacts.members",
    "campaign remove": "contacts.removed",
    "campaign reopen": "campaigns.state_changed",
    "campaign replies": "contacts.replies",
    "campaign report": "campaigns.report",
    "campaign resume": "campaigns.resumed",
    "campaign retry": "campaigns.retried",
    "campaign schedule": "campaigns.state_changed",
    "campaign show": "campaigns.shown",
    "campaign start": "campaigns.started",
    "campaign status": "campaigns.status",
    "campaign stop": "campaigns.state_changed",
    "campaign test": "contacts.tested",
    "campaign unarchive": "campaigns.archived",
    "campaign upgrade": "contacts.upgraded",
    "campaign why": "explain.totals",
    "check": "operations.check",
    "contacts attest": "contacts.attested",
    "contacts erase": "contacts.erased",
    "contacts export": "contacts.exported",
    "contacts find": "contacts.find",
    "contacts reread": "rereading.reread",
    "contacts resume": "contacts.goes_on",
    "contacts take-over": "contacts.taken_over",
    "contacts timeline": "contacts.timeline",
    "contacts why": "explain.why",
    "forecast": "explain.forecast",
    "history": "contacts.calls",
    "holds": "holds.listing",
    "listen": "contacts.heard",
    "log": "operations.log",
    "numbers add": "numbers.changed",
    "numbers inbound": "numbers.changed",
    "numbers list": "numbers.listing",
    "numbers remove": "numbers.changed",
    "numbers rest": "numbers.changed",
    "numbers sync": "numbers.synced",
    "numbers untag": "numbers.changed",
    "outbox drop": "outbox.dropped",
    "outbox list": "outbox.listing",
    "outbox retry": "outbox.retried",
    "release": "holds.released",
    "reload": "operations.reloaded",
    "source check": "sources.checked",
    "source connect": "sources.connected",
    "source disconnect": "sources.disconnected",
    "source fields": "sources.fields",
    "source list": "sources.listing",
    "source segments": "sources.segments",
    "suppression add": "suppression.added",
    "suppression import": "suppression.imported",
    "suppression list": "suppression.listing",
    "suppression remove": "suppression.lifted",
    "suppression undo": "suppression.undone",
    "suppression why": "suppression.listing",
    "sync hold": "sources.held",
    "sync now": "sources.asked",
    "sync release": "sources.released",
    "sync status": "sources.status",
    "templates apply": "templates.applied",
    "templates list": "templates.listed",
    "templates preview": "templates.previewed",
    "templates remove": "templates.removed",
    "templates show": "templates.shown",
    "unknown dismiss": "contacts.unknown_dismissed",
    "unknown list": "contacts.unknown_attempts",
    "unknown retry": "contacts.unknown_retried",
}


#: The answers of verbs, and of commands that are made of several verbs.
_ANSWERS: Mapping[str, str] = {**ANSWERS, "suppression import": "suppression.Taken"}

#: Keys whose value is an instant in epoch microseconds.
_INSTANT = re.compile(r"(?:.*_)?(?:at|now|until|from|since)")
#: Instants of this century, which no other number of an answer is.
_INSTANTS = range(10**15, 4 * 10**15)


def with_iso(answer: Any, zone: str = "") -> Any:
    """The answer with an ISO time beside each instant: `starts_at_iso`. In the zone that the answer names, else in the
    machine's."""
    if isinstance(answer, (list, tuple)):
        return [with_iso(one, zone) for one in answer]
    if not isinstance(answer, Mapping):
        return answer
    named = answer.get("zone")
    zone = named if isinstance(named, str) and named else zone
    found: dict[str, Any] = {}
    for key, value in answer.items():
        found[key] = with_iso(value, zone)
        if type(value) is int and value in _INSTANTS and _INSTANT.fullmatch(str(key)):
            found[f"{key}_iso"] = iso(value, zone)
    return found


def show(screen: Screen, verb: str, answer: Any) -> None:
    """Print a verb's answer, given in its JSON form: as JSON if requested, else by its view, else one line per key."""
    if screen.as_json:
        print(json.dumps(with_iso(answer), ensure_ascii=False, indent=2, default=str))  # noqa: T201 - its own output
        return
    if verb not in VIEWS:
        from fluentsd.cli.views import operations

        operations.plain(screen, answer)
        return
    module, _, function = VIEWS[verb].partition(".")
    view: Callable[[Any, Any], None] = getattr(import_module(f"{__name__}.{module}"), function)
    view(screen, typed(_ANSWERS, verb, answer))
