"""A line whose first word is no command: why it is none, and what may be meant. Pure.

A typing mistake is never carried out: the nearest command is offered, and never one that does the opposite. What must
not live here: lines whose command is known (`grammar`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from fluentsd.fronts.slack.command_table import BY_WORD, DID_YOU_MEAN, Misread, commands_in
from fluentsd.fronts.slack.words import Found, Named, Token, find_campaign, is_point, joined

#: What undoes a command, as a line with a place for the campaign: a mistyped command never offers its opposite.
_OPPOSITES: Mapping[str, str] = {"pause": "resume {}", "resume": "pause {}", "start": "stop {}", "stop": "reopen {}",
                                 "reopen": "stop {}", "schedule": "schedule {} clear",
                                 "take": "give-back {}", "give-back": "take over {}", "suppress": "unsuppress {}",
                                 "unsuppress": "suppress {}"}  # fmt: skip
_UNDOING = ("un", "de", "dis", "non")
#: What is offered for the name of a campaign alone.
_FIRST = ("status", "report", "edit")
#: Words that people expect to be commands: why they are none, and the command that does what may be meant.
_HINTS: Sequence[tuple[tuple[str, ...], str, str]] = (
    (("delete", "remove", "discard", "trash"),
     "A campaign is not deleted, because people were contacted by it; it can be archived", "archive {ref}"),
    (("rename",), "The name is on the first page of the campaign's form", "edit {ref} name"),
    (("add", "upload", "import", "enroll", "load"), "People enter at the page Contacts of the campaign's form",
     "edit {ref} contacts"),
    (("call", "dial", "text", "sms", "email", "mail", "message"),
     "People are contacted by campaigns, and answered by the buttons of a reply or a hot lead", "leads"),
    (("undo", "back", "revert"), "What was done is undone by its opposite: resume, reopen, give-back, schedule clear, "
     "unhandle, unsuppress", "log"),
    (("how", "whats", "where"), "To see how a campaign stands, use status", "status {ref}"),
    (("what", "which", "when"), "The overview says what is active, what comes next and what needs attention",
     "overview"),
    (("yes", "no", "ok", "confirm"), "A question is answered by its button, or by the command with yes at its end",
     "overview"),
    (("find", "search", "lookup", "look"), "People are found with contacts find", "contacts find {rest}"),
    (("callback", "call-back", "recall"), "A person is called back by the buttons of a hot lead, a reply or a history",
     "leads"),
    (("answer", "reply", "respond"), "A person is answered by the buttons of a reply, a hot lead or a history",
     "replies"),
    (("send",), "A step is tried on yourself with test, the campaign, to and your number; people get what a campaign "
     "sends", ""),
    (("mute", "silence", "quiet"), "What a channel shows is switched off with alerts off", "alerts off"),
    (("unmute", "notify", "subscribe"), "What a channel shows is switched on with alerts here", "alerts here"),
    (("restart", "reset", "rerun", "redo"), "A paused campaign goes on with resume, an ended one with reopen; who is "
     "through does not begin again", "status {ref}"),
    (("opt",), "People are never contacted again after suppress, the number or address, because and the reason", ""),
    (("is", "are", "does", "did", "can"), "Why a person is contacted or not says why, with the number or name", ""),
    (("export", "download"), "The people of a campaign come as a file", "contacts {ref} export"),
    (("timezone", "zone"), "The zone of a campaign is at the page window of its form", "edit {ref} window"),
)  # fmt: skip
_UNDONE = ("undo", "revert", "unsay")
_NEVER_AGAIN = ("delete", "remove", "do", "dont", "don't", "never", "stop-calling", "opt", "unsub")
_DENYING = ("not", "dont", "don't", "no", "never")


def unknown(line: Sequence[Token], campaigns: Sequence[Named]) -> Misread:
    """Why the first word is no command, and what may be meant."""
    (why, offers), typed = _meant(line, campaigns), line[0].text[:40]
    asked = f"{DID_YOU_MEAN} {' or '.join(commands_in(offers))}?" if offers else "Type help for all commands"
    return Misread(f"{typed} is not a command. {why or asked}", offers, typed)


def _meant(line: Sequence[Token], campaigns: Sequence[Named]) -> tuple[str, Sequence[str]]:
    """What there is to say beside that the first word is no command, and the commands that may be meant."""
    typed, rest = line[0].folded, joined(line[1:])
    if typed in _NEVER_AGAIN and is_point(rest):
        return "To contact nobody there again, write suppress, the number or address, because and the reason", ()
    if typed in _DENYING or (typed == "do" and line[1:] and line[1].folded == "not"):
        return "Nothing was changed", ()
    if typed in _UNDONE and len(line) > 1 and line[1].folded in BY_WORD:
        opposite = _OPPOSITES.get(BY_WORD[line[1].folded].word)
        return "", [opposite.format(joined(line[2:]))] if opposite and line[2:] else []
    hint = next((one for words, *one in _HINTS if typed in words), None)
    undone = set() if hint else {typed.removeprefix(prefix) for prefix in _UNDOING if typed.startswith(prefix)}
    for word in (found for part in undone for found in difflib.get_close_matches(part, list(BY_WORD), 1, 0.8)):
        opposite = _OPPOSITES.get(BY_WORD[word].word)
        return "", [opposite.format(rest)] if opposite else []
    if len(line) > 1 and line[-1].folded in BY_WORD and not line[-1].quoted:  # "spring pause"
        return "", [f"{line[-1].folded} {joined(line[:-1])}"]
    if len(line) > 1 and line[1].folded in BY_WORD and not line[1].quoted:  # "please pause spring"
        return "", [rest]
    named = _named_in(line, campaigns)
    if hint:
        why, offer = hint
        ref = named.ref if named else ""
        is_whole = (ref or "{ref}" not in offer) and (rest or "{rest}" not in offer)
        return why, [offer.format(ref=ref, rest=rest)] if offer and is_whole else []
    near = _near(typed)
    if named and not near:
        return f"What should be done with {named.name!r}?", [f"{word} {named.ref}" for word in _FIRST]
    opposite = _OPPOSITES.get(near[0], "").partition(" ")[0] if near else ""
    return "", [f"{word} {rest}".strip() for word in near if word == near[0] or word != opposite][:3]


def _near(typed: str) -> list[str]:
    """The commands that sound alike, the nearest first; one that has the same letters is the only one."""
    found = [word for word in difflib.get_close_matches(typed, list(BY_WORD), 8, 0.67)
             if word[0] == typed[0] or sorted(word) == sorted(typed)]  # fmt: skip
    same = [word for word in found if sorted(word) == sorted(typed)]
    return list(dict.fromkeys(BY_WORD[word].word for word in same or found))


def _named_in(line: Sequence[Token], campaigns: Sequence[Named]) -> Named | None:
    """The campaign that some of the words name: all of them, or those after the first, or one of those."""
    for words in (line, line[1:], *([one] for one in line[1:])):
        found = find_campaign(words, campaigns) if words else None
        if isinstance(found, Found):
            return found.campaign
    return None
