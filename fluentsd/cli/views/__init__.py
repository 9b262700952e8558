"""The views: for each verb, the function that prints its answer as text.

Here is only the table `VIEWS`. The functions are in this package's modules, one module per noun. What must not live
here: terminal or pipe (`fluentsd.cli.screen`), the format of one value (`fluentsd.cli.format`). A view ends with the
next command to type, where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluentsd.cli.views import (
    agents,
    campaigns,
    contacts,
    explain,
    holds,
    numbers,
    operations,
    outbox,
    sources,
    suppression,
    templates,
)
from fluentsd.verbs.answers.types import typed
from fluentsd.verbs.catalogue import ANSWERS

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

VIEWS: dict[str, Callable[[Any, Any], None]] = {
    "agents apply": agents.applied,
    "agents list": agents.listed,
    "agents remove": agents.removed,
    "agents show": agents.shown,
    "calls": contacts.calls,
    "campaign analyse": campaigns.analysed,
    "campaign answer": contacts.answered,
    "campaign apply": campaigns.applied,
    "campaign archive": campaigns.archived,
    "campaign callback": contacts.callback_set,
    "campaign check": explain.check,
    "campaign complete": campaigns.state_changed,
    "campaign copy": campaigns.copied,
    "campaign dismiss": campaigns.dismissed,
    "campaign errors": campaigns.errors,
    "campaign export": campaigns.exported,
    "campaign list": campaigns.listing,
    "campaign owner": campaigns.owner_changed,
    "campaign pause": campaigns.state_changed,
    "campaign remove": contacts.removed,
    "campaign reopen": campaigns.state_changed,
    "campaign replies": contacts.replies,
    "campaign report": campaigns.report,
    "campaign resume": campaigns.resumed,
    "campaign retry": campaigns.retried,
    "campaign schedule": campaigns.state_changed,
    "campaign show": campaigns.shown,
    "campaign start": campaigns.started,
    "campaign status": campaigns.status,
    "campaign stop": campaigns.state_changed,
    "campaign test": contacts.tested,
    "campaign upgrade": contacts.upgraded,
    "campaign why": explain.totals,
    "check": operations.check,
    "contacts attest": contacts.attested,
    "contacts erase": contacts.erased,
    "contacts export": contacts.exported,
    "contacts find": contacts.find,
    "contacts timeline": contacts.timeline,
    "contacts why": explain.why,
    "forecast": explain.forecast,
    "holds": holds.listing,
    "log": operations.log,
    "numbers list": numbers.listing,
    "numbers sync": numbers.synced,
    "outbox drop": outbox.dropped,
    "outbox list": outbox.listing,
    "outbox retry": outbox.retried,
    "source check": sources.checked,
    "source fields": sources.fields,
    "source list": sources.listing,
    "source segments": sources.segments,
    "suppression add": suppression.added,
    "suppression import": suppression.imported,
    "suppression list": suppression.listing,
    "suppression remove": suppression.lifted,
    "suppression why": suppression.listing,
    "sync hold": sources.held,
    "sync now": sources.asked,
    "sync release": sources.released,
    "sync status": sources.status,
    "templates apply": templates.applied,
    "templates list": templates.listed,
    "templates preview": templates.previewed,
    "templates remove": templates.removed,
    "templates show": templates.shown,
    "unknown dismiss": contacts.unknown_dismissed,
    "unknown list": contacts.unknown_attempts,
    "unknown retry": contacts.unknown_retried,
}


def show(screen: Screen, verb: str, answer: Any) -> None:
    """Print a verb's answer, given in its JSON form: as JSON if requested, else by its view, else one line per key."""
    if screen.as_json:
        print(json.dumps(answer, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - the shell's own output
        return
    view = VIEWS.get(verb)
    if view is None:
        operations.plain(screen, answer)
    else:
        view(screen, typed(ANSWERS, verb, answer))
