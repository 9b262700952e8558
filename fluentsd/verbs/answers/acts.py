"""Entries of the audit log as sentences, for every front. `--json` has the entries as they are kept.

What must not live here: who did it and when, which each front shows in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: An act by the name under which the log keeps it; {} is its target.
_DONE: Mapping[str, str] = {
    "start": "started {}", "schedule": "scheduled {}", "unschedule": "took back the scheduled start of {}",
    "pause": "paused {}", "resume": "resumed {}", "stop": "stopped {}", "complete": "completed {}",
    "reopen": "reopened {}", "archive": "archived {}", "unarchive": "brought {} back from the archive",
    "copy": "copied {}", "approve": "approved the start of {}", "late-start": "caught up with the missed steps of {}",
    "begin": "began the campaign {}", "apply": "made or changed {}", "save-edit": "changed the draft of {}",
    "apply-edit": "applied the changes of {}", "discard-edit": "discarded the changes of {}",
    "answer": "dealt with a reply or hot lead in {}", "unhandle": "opened a reply or hot lead in {} again",
    "callback": "promised a contact in {}", "test": "sent a test of {}", "remove": "removed a person from {}",
    "retry": "queued people in error of {} again", "dismiss": "removed people in error from {}",
    "unknown retry": "repeated attempts with an unknown result of {}",
    "unknown dismiss": "kept attempts with an unknown result of {} as made",
    "upgrade": "moved people of {} to its current flow", "campaign enroll": "enrolled known people in {}",
    "campaign analyse": "had calls of {} analysed again", "export people": "got the people of {} as a file",
    "import": "began an import into {}", "imported": "imported people into {}", "attest": "recorded consent for {}",
    "suppression remove": "lifted an entry of the suppression list",
    "suppression undo": "took back an entry of the suppression list",
    "suppression import": "imported a suppression list",
    "contacts take-over": "took {} over", "contacts resume": "gave {} back to the campaigns",
    "erase": "erased a person", "reread": "had the contacts read again", "release": "released {}", "hold": "held {}",
    "numbers add": "added or changed the number {}", "numbers remove": "removed the number {}",
    "numbers rest": "let the number {} rest", "numbers untag": "removed tags from the number {}",
    "numbers inbound": "changed who answers calls to {}", "numbers sync": "imported the providers' numbers",
    "agents apply": "made or changed the agent {}", "agents remove": "archived the agent {}",
    "templates apply": "made or changed the text {}", "templates remove": "archived the text {}",
    "connect source": "connected {}", "disconnect source": "disconnected {}",
    "hold sync": "stopped the sync of {}", "release sync": "let the sync of {} go on",
    "listen": "asked for the recording of the call {}", "reload": "had the settings taken in",
    "outbox retry": "delivered dead letters again", "outbox drop": "deleted dead letters",
    "slack alerts": "changed what {} shows", "slack digest": "changed the digest of {}",
}  # fmt: skip
_POINTS: Mapping[str, str] = {"phone": "a number", "email": "an address"}
#: Names that entries of earlier versions have.
_FORMER = "stop-list "


def sentence(verb: str, target: str, details: Any) -> str:
    """What was done to what, and the reason that was given: `paused spring (the holiday)`. An act that is not known
    here is its own name."""
    more = details if isinstance(details, Mapping) else {}
    name = verb.replace(_FORMER, "suppression ") if verb.startswith(_FORMER) else verb
    if name == "suppression add":
        done = f"put {_POINTS.get(target, 'a number or address')} on the suppression list"
    elif name == "owner":
        done = f"gave {target} to {more['to']}" if more.get("to") else f"changed the owner of {target}"
    else:
        done = _DONE.get(name, f"{verb} {{}}").replace("{}", _called(target)).strip()
    because = str(more.get("because") or more.get("reason") or "")
    people = more.get("people")
    counted = f": {people:,} {'person' if people == 1 else 'people'}" if isinstance(people, int) else ""
    return f"{done}{counted}" + (f" ({because})" if because else "")


def _called(target: str) -> str:
    """A target as people say it: `number:+12125550123` is the number."""
    scope, colon, name = target.partition(":")
    if scope == "installation":
        return "everything"
    is_scoped = bool(colon) and scope in ("number", "channel", "campaign", "contact", "source")
    return f"the {scope} {name}" if is_scoped else target
