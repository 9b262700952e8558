"""Commands that people guess and that do not exist: the one to type instead.

What must not live here: the commands themselves (`app`, `commands`). A guess is answered by its meaning, never by its
letters: `unpause` is answered with `resume`, not with `pause`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

_FILE = "a campaign is made from a file: fluentsd campaign new FILE, edit it, then: fluentsd campaign apply FILE"
_EDIT = "edit its file and apply it again: fluentsd campaign export REF > FILE, then: fluentsd campaign apply FILE"
_DELETE = "a campaign is never deleted, because its history is proof; hide it: fluentsd campaign archive REF"
_PERSON = "fluentsd contacts timeline PERSON shows attempts and the next step; fluentsd contacts why PERSON explains it"
_LIST = "find people: fluentsd contacts find WORDS; list those of a campaign: fluentsd campaign people REF"
_IMPORT = "people come from a CSV file, also a single one: fluentsd contacts import FILE --campaign REF"
_ERASE = "out of one campaign: fluentsd campaign remove REF PERSON; for good: fluentsd contacts erase PERSON"
_NEVER = "fluentsd suppression add POINT --because TEXT"
_RESUME = "fluentsd campaign resume REF"
_STOP = "fluentsd campaign stop REF ends it; fluentsd campaign pause REF interrupts it"
_TEMPLATES, _AGENTS = "fluentsd templates apply FILE", "fluentsd agents apply FILE"

#: Group ("" for the top level) → word → what to type.
GUESSES: Mapping[str, Mapping[str, str]] = {
    "": {
        **dict.fromkeys(("serve", "daemon", "up", "server"), "fluentsd run"),
        **dict.fromkeys(("doctor", "config", "settings", "validate", "test"), "fluentsd check"),
        **dict.fromkeys(("quit", "exit", "shutdown", "down"),
                        "the daemon ends by SIGTERM or Ctrl-C: systemctl stop fluentsd, or Ctrl-C where it runs"),
        **dict.fromkeys(("unsubscribe", "block", "dnc", "optout", "opt-out"), _NEVER),
        **dict.fromkeys(("unpause", "continue"), _RESUME),
        **dict.fromkeys(("abort", "cancel", "halt"), _STOP),
        **dict.fromkeys(("launch", "go"), "fluentsd campaign start REF"),
        **dict.fromkeys(("create", "edit"), _FILE),
        **dict.fromkeys(("logs", "audit"), "fluentsd log"),
        **dict.fromkeys(("attempts", "messages", "texts", "emails"), "fluentsd history [REF]"),
        **dict.fromkeys(("delete",), f"{_DELETE}; a person: fluentsd contacts erase PERSON"),
        **dict.fromkeys(("leads", "people", "contact"), _LIST),
        **dict.fromkeys(("setup", "install"), "fluentsd init"),
        **dict.fromkeys(("upgrade", "update", "migrate"),
                        "the database is upgraded when the new version starts; before that: fluentsd backup FILE"),
        "version": "fluentsd --version",
    },
    "campaign": {
        **dict.fromkeys(("create", "add", "make"), _FILE),
        **dict.fromkeys(("edit", "update", "change", "set", "modify"), _EDIT),
        **dict.fromkeys(("delete", "rm", "destroy"), _DELETE),
        **dict.fromkeys(("run", "launch", "go", "activate", "begin"), "fluentsd campaign start REF"),
        **dict.fromkeys(("unpause", "continue", "restart"), _RESUME),
        **dict.fromkeys(("abort", "cancel", "kill", "halt", "end", "terminate"), _STOP),
        **dict.fromkeys(("unschedule", "unstart"), "fluentsd campaign pause REF takes a scheduled start back"),
        **dict.fromkeys(("unstop", "uncomplete"), "fluentsd campaign reopen REF, then: fluentsd campaign resume REF"),
        **dict.fromkeys(("finish", "close"), "fluentsd campaign complete REF"),
        **dict.fromkeys(("restore", "unhide"), "fluentsd campaign unarchive REF"),
        **dict.fromkeys(("stats", "results", "funnel", "metrics"), "fluentsd campaign report REF"),
        **dict.fromkeys(("info", "view", "get", "describe", "cat"), "fluentsd campaign show REF"),
        **dict.fromkeys(("clone", "duplicate"), "fluentsd campaign copy REF NEW_REF"),
        **dict.fromkeys(("validate", "verify", "preview"), "fluentsd campaign check REF"),
        **dict.fromkeys(("contacts", "members"), _LIST),
        **dict.fromkeys(("import", "upload"), "fluentsd contacts import FILE --campaign REF"),
        **dict.fromkeys(("calls", "history", "log"), "fluentsd history REF"),
        **dict.fromkeys(("ls", "all"), "fluentsd campaign list"),
        "forecast": "fluentsd forecast REF",
        "release": "fluentsd release campaign REF",
        "import-file": "fluentsd campaign apply FILE",
    },
    "contacts": {
        **dict.fromkeys(("list", "ls", "all", "search"), _LIST),
        **dict.fromkeys(("show", "get", "info", "view", "history"), _PERSON),
        **dict.fromkeys(("add", "create", "new", "upload", "update", "edit"), _IMPORT),
        **dict.fromkeys(("delete", "remove", "rm", "forget"), _ERASE),
        **dict.fromkeys(("unsubscribe", "block", "stop", "suppress", "dnc"), _NEVER),
        "consent": "fluentsd contacts attest",
    },
    "templates": {
        **dict.fromkeys(("create", "new", "add", "edit", "update"), _TEMPLATES),
        **dict.fromkeys(("delete", "rm"), "fluentsd templates remove NAME"),
    },
    "agents": {
        **dict.fromkeys(("create", "new", "add", "edit", "update"), _AGENTS),
        **dict.fromkeys(("delete", "rm"), "fluentsd agents remove NAME"),
        **dict.fromkeys(("chat", "test", "call"), "fluentsd agents talk NAME"),
    },
    "numbers": {
        **dict.fromkeys(("delete", "rm"), "fluentsd numbers remove NUMBER"),
        **dict.fromkeys(("edit", "update", "tag"), "fluentsd numbers add NUMBER --tag TAG changes a known one too"),
        "import": "fluentsd numbers sync",
    },
    "suppression": {
        **dict.fromkeys(("delete", "rm", "lift", "unblock"), "fluentsd suppression remove POINT --because TEXT"),
        **dict.fromkeys(("block", "create"), _NEVER),
        **dict.fromkeys(("show", "find", "check", "search"), "fluentsd suppression why POINT"),
    },
    "source": {
        **dict.fromkeys(("add", "new", "create"), "fluentsd source connect NAME"),
        "sync": "fluentsd sync now SOURCE",
    },
    "sync": {**dict.fromkeys(("start", "run"), "fluentsd sync now SOURCE"),
             **dict.fromkeys(("stop", "pause"), "fluentsd sync hold SOURCE"),
             **dict.fromkeys(("unhold", "resume"), "fluentsd sync release SOURCE")},
    "unknown": {"show": "fluentsd unknown list [REF]"},
    "outbox": {"show": "fluentsd outbox list", "resend": "fluentsd outbox retry"},
}  # fmt: skip
#: Beginnings that turn a word into its opposite.
_OPPOSITE = ("un", "dis", "de", "non")


def answer(group: str, word: str, known: Collection[str]) -> str:
    """What to say about a word that is no command: what to type for its meaning, else what it resembles; "" if neither
    is known."""
    meant = GUESSES.get(group, {}).get(word.casefold())
    if meant is not None:
        return f"To do that: {meant}"
    near = [name for name in difflib.get_close_matches(word.casefold(), known, 3, 0.6) if not _opposite(word, name)]
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _opposite(one: str, other: str) -> bool:
    return any(one == f"{prefix}{other}" or other == f"{prefix}{one}" for prefix in _OPPOSITE)
