"""The command line of Slack: a typed text becomes a command with its arguments, or a `Misread` that helps. Pure.

Each command names the verb that it runs, so its help and its role come from the catalogue. A typing mistake is never
carried out: the nearest command is offered, and never one that does the opposite. What must not live here: reading of
moments (`moments`), which need a zone, and the verbs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fluentsd.fronts.slack.words import Found, Named, Token, Unclear, find_campaign, joined, tokens, user_in
from fluentsd.verbs.catalogue import OUTCOMES, VERBS

Ref = Literal["no", "may", "must"]
STATES = ("running", "scheduled", "paused", "draft", "done", "all")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `verb`: its verb in the catalogue, "" for one of this front alone; `ref`: whether it names a
    campaign; `more`: what may follow, as the usage shows it; `tail` reads that; `help` where no verb has one."""

    word: str
    verb: str = ""
    ref: Ref = "no"
    more: str = ""
    tail: Callable[[Sequence[Token]], Mapping[str, Any]] | None = None
    summary: str = ""
    aliases: tuple[str, ...] = ()
    takes_all: bool = False

    @property
    def help(self) -> str:
        return self.summary or (VERBS[self.verb].help if self.verb else "")

    @property
    def usage(self) -> str:
        """The command with its parameters, without the slash command's own name."""
        ref = {"no": "", "may": "[campaign]", "must": "<campaign>"}[self.ref] + ("|all" if self.takes_all else "")
        return " ".join(part for part in (self.word, ref, self.more) if part)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command with its campaign and the rest of its arguments; `all`: every campaign is meant."""

    command: Command
    campaign: Named | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    all: bool = False

    @property
    def ref(self) -> str:
        """The campaign's ref; the grammar gives a command that needs a campaign one."""
        assert self.campaign is not None  # noqa: S101 - see above
        return self.campaign.ref


class Misread(Exception):
    """The text is no command; the message says what is wrong and how to write it, `offers` are commands to choose
    from. Nothing was changed."""

    def __init__(self, message: str, offers: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.offers = tuple(offers)


class _BadTail(Exception):
    """What follows the campaign cannot be read; the message says why."""


# ── what may follow a campaign ───────────────────────────────────────────────────────────────────────────────────


def _none(rest: Sequence[Token]) -> Mapping[str, Any]:
    if rest:
        raise _BadTail(f"nothing may follow here, but there is {joined(rest)!r}")
    return {}


def _flag(name: str, *words: str) -> Callable[[Sequence[Token]], Mapping[str, Any]]:
    def read(rest: Sequence[Token]) -> Mapping[str, Any]:
        if len(rest) == 1 and rest[0].folded in words:
            return {name: True}
        return _none(rest)

    return read


def _start(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[first N] [yes]"""
    found: dict[str, Any] = {}
    left = list(rest)
    if left and left[-1].folded in ("yes", "confirm", "now"):
        found["yes"] = True
        left.pop()
    if len(left) == 2 and left[0].folded in ("first", "canary"):
        number = left[1].text.replace(",", "")
        if not (number.isascii() and number.isdigit() and 0 < int(number) < 10**6):
            raise _BadTail(f"{left[1].text!r} is not a number of people; write it like: first 50")
        found["first"] = int(number)
        return found
    return {**found, **_none(left)}


def _rest(name: str) -> Callable[[Sequence[Token]], Mapping[str, Any]]:
    return lambda rest: {name: joined(rest)} if rest else {}


def _because(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[because <text>] [yes]"""
    return _pause(rest, timed=False)


def _pause(rest: Sequence[Token], *, timed: bool = True) -> Mapping[str, Any]:
    """[for <duration> | until <when>] [because <text>]"""
    found: dict[str, Any] = {}
    left = list(rest)
    if left and left[-1].folded in ("yes", "confirm"):
        left.pop()
        found["yes"] = True
    reason = next((n for n, one in enumerate(left) if one.folded in ("because", "reason:") and not one.quoted), None)
    if reason is not None:
        found["because"] = joined(left[reason + 1 :])
        left = left[:reason]
    if left and timed and left[0].folded in ("for", "until", "till"):
        word, value = ("for" if left[0].folded == "for" else "until"), joined(left[1:])
        if not value:
            raise _BadTail(f"{word!r} needs a time after it: for 2h, until tomorrow 9am")
        return found | {word: value}
    if left:
        forms = "for <duration>, until <when> or because <reason>" if timed else "because <reason>"
        raise _BadTail(f"{joined(left)!r} is not understood here; after the campaign may follow {forms}")
    return found


def _contacts(rest: Sequence[Token]) -> Mapping[str, Any]:
    match rest[0].folded if rest else "":
        case "find" if len(rest) > 1:
            return {"find": joined(rest[1:])}
        case "find":
            raise _BadTail("what should be found? Write a number, an address or a name after find")
        case "add" | "export" if len(rest) == 1:
            return {rest[0].folded: True}
    return _none(rest)


def _report(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) == 1 and rest[0].folded in ("today", "7d", "all"):
        return {"period": rest[0].folded}
    return _none(rest)


def _outcome(rest: Sequence[Token]) -> Mapping[str, Any]:
    if not rest:
        return {}
    word = joined(rest).casefold().replace(" ", "_").replace("-", "_")
    if word in OUTCOMES:
        return {"outcome": word}
    near = difflib.get_close_matches(word, OUTCOMES, 1, 0.6)
    raise _BadTail(f"{joined(rest)!r} is not an outcome"
                   + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(OUTCOMES)}"))  # fmt: skip


def _user(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) == 1 and (user := user_in(rest[0])):
        return {"user": user}
    if len(rest) == 1 and rest[0].text.startswith("@") and len(rest[0].text) > 1:
        return {"group": rest[0].text}
    raise _BadTail("who is the new owner? Write a user after the campaign, like @dana")


def _by(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) == 2 and rest[0].folded == "by" and (user := user_in(rest[1])):
        return {"by": user}
    return _none(rest)


def _to(rest: Sequence[Token]) -> Mapping[str, Any]:
    words = rest[1:] if rest and rest[0].folded == "to" else rest
    if not words:
        raise _BadTail("where should the test go? Write your own number or address: to +12125550123")
    return {"to": joined(words)}


def _suppress(rest: Sequence[Token]) -> Mapping[str, Any]:
    if not rest:
        raise _BadTail("whom? Write a number or an address")
    reason = next((n for n, one in enumerate(rest) if one.folded == "because"), None)
    point = joined(rest[:reason])
    return {"point": point} | ({"because": joined(rest[reason + 1 :])} if reason is not None else {})


def _here(*more: str) -> Callable[[Sequence[Token]], Mapping[str, Any]]:
    def read(rest: Sequence[Token]) -> Mapping[str, Any]:
        if not rest or rest[0].folded not in ("here", "off"):
            raise _BadTail("write here or off")
        if len(rest) > 1 and not (more and rest[0].folded == "here"):
            raise _BadTail(f"{joined(rest[1:])!r} is not understood here")
        return {"where": rest[0].folded} | ({"at": rest[1].text} if len(rest) > 1 else {})

    return read


def _list(rest: Sequence[Token]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    left = list(rest)
    if left and left[0].folded in (*STATES, "active", "completed", "stopped"):
        word = left.pop(0).folded
        found["state"] = {"active": "running", "completed": "done", "stopped": "done"}.get(word, word)
    if left and left[0].folded == "mine":
        left.pop(0)
        found["mine"] = True
    return found | ({"words": joined(left)} if left else {})


def _copy(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) < 2 or rest[0].folded not in ("as", "to"):
        raise _BadTail("what is the copy called? Write: as <new name>")
    return {"new": joined(rest[1:])}


COMMANDS: tuple[Command, ...] = (
    Command("overview", summary="running, next and what needs attention", aliases=("home",), tail=_none),
    Command("help", more="[command]", summary="the commands, or one of them", aliases=("?", "commands", "usage"),
            tail=_rest("topic")),
    Command("list", "campaign list", more=f"[{'|'.join(STATES)}] [mine] [words]", aliases=("ls", "campaigns"),
            tail=_list),
    Command("status", "campaign status", "may", "[share]", _flag("share", "share"), aliases=("show", "info", "stats")),
    Command("start", "campaign start", "must", "[first <people>] [yes]", _start,
            "check a campaign, then start it; with first, hold it after that many people until you say go",
            aliases=("run", "go", "launch", "begin")),
    Command("approve", "campaign approve", "must", "", _none),
    Command("schedule", "campaign schedule", "must", "[<when>|clear]", _rest("when"), aliases=("plan", "at")),
    Command("pause", "campaign pause", "must", "[for <duration>|until <when>] [because <reason>]", _pause,
            aliases=("hold", "halt", "freeze", "suspend"), takes_all=True),
    Command("resume", "campaign resume", "must", "", _flag("yes", "yes", "confirm"),
            aliases=("unpause", "continue", "unhold", "unfreeze", "unsuspend"), takes_all=True),
    Command("stop", "campaign stop", "must", "[because <reason>] [yes]", _because,
            aliases=("abort", "end", "cancel", "kill", "terminate", "quit")),
    Command("reopen", "campaign reopen", "must", "", _none, aliases=("unstop", "unabort", "uncancel")),
    Command("contacts", "contacts find", "may", "[find <person>|add|export]", _contacts,
            "people of a campaign: find one", aliases=("people",)),
    Command("why", "contacts why", more="<person>", tail=_rest("person")),
    Command("texts", "templates list", more="[words]", tail=_rest("words"), aliases=("templates", "messages")),
    Command("numbers", "numbers list", more="[tag]", tail=_rest("tag"), aliases=("lines",)),
    Command("report", "campaign report", "must", "[today|7d|all]", _report, aliases=("funnel", "results")),
    Command("forecast", "forecast", "must", "", _none),
    Command("calls", "calls", "must", "[outcome]", _outcome, aliases=("history", "attempts")),
    Command("replies", "campaign replies", "may", "", _none, aliases=("answers",)),
    Command("errors", "campaign errors", "must", "", _none, aliases=("problems",)),
    Command("unknown", "unknown list", "must", "", _none),
    Command("test", "campaign test", "must", "to <number or address>", _to),
    Command("owner", "campaign owner", "must", "<@user>", _user, aliases=("assign", "give")),
    Command("suppress", "suppression add", more="<number or address> [because <reason>]", tail=_suppress,
            aliases=("unsubscribe", "optout", "opt-out", "block")),
    Command("log", "log", "may", "[by <@user>]", _by, aliases=("audit",)),
    Command("alerts", more="here|off", summary="post cards and alerts to this channel, or stop that", tail=_here()),
    Command("digest", more="here [HH:MM]|off", summary="a daily summary in this channel", tail=_here("at")),
    Command("settings", "state", summary="roles, channels and the state of the connection", tail=_none),
    Command("copy", "campaign copy", "must", "as <new name>", _copy, aliases=("duplicate",)),
    Command("new", more="[name]", tail=_rest("name"), summary="create a campaign, page by page", aliases=("create",)),
    Command("edit", "campaign save-edit", "must", "[name|window|flow|numbers|contacts|exit|limits|review]",
            _rest("part"), "change a campaign, page by page; a campaign that has started changes when you apply it",
            aliases=("change",)),
    Command("sources", "source list", more="[source]", tail=_rest("name"), aliases=("source", "sync", "segments")),
)  # fmt: skip


BY_WORD: Mapping[str, Command] = {word: one for one in COMMANDS for word in (one.word, *one.aliases)}
#: What undoes a command, as a line with a place for the campaign: a mistyped command never offers its opposite.
_OPPOSITES: Mapping[str, str] = {"pause": "resume {}", "resume": "pause {}", "start": "stop {}", "stop": "reopen {}",
                                 "reopen": "stop {}", "schedule": "schedule {} clear"}  # fmt: skip
_UNDOING = ("un", "de", "dis", "non")
_DENYING = ("not", "dont", "don't", "no", "never")


def parse(text: str, campaigns: Sequence[Named], here: Named | None = None) -> Parsed:
    """The command in a text. `here`: the one campaign of this channel, which `this` names. Raises `Misread`."""
    line = tokens(text)
    if not line:
        return Parsed(BY_WORD["overview"])
    command = BY_WORD.get(line[0].folded.removeprefix("/"))
    if command is None:
        raise _unknown(line)
    try:
        return _read(command, line[1:], campaigns, here)
    except _BadTail as why:
        raise Misread(f"{why}. Usage: {command.usage}") from None


def _unknown(line: Sequence[Token]) -> Misread:
    typed, rest = line[0].folded, joined(line[1:])
    said = f"there is no command {line[0].text[:40]!r}; nothing was changed"
    if typed in _DENYING:
        return Misread(said)
    undone = {typed.removeprefix(prefix) for prefix in _UNDOING if typed.startswith(prefix)}
    for word in (found for part in undone for found in difflib.get_close_matches(part, list(BY_WORD), 1, 0.8)):
        opposite = _OPPOSITES.get(BY_WORD[word].word)
        return Misread(said, [opposite.format(rest)] if opposite else [])
    if len(line) > 1 and line[-1].folded in BY_WORD and not line[-1].quoted:  # "spring pause"
        return Misread(said, [f"{line[-1].folded} {joined(line[:-1])}"])
    if len(line) > 1 and line[1].folded in BY_WORD and not line[1].quoted:  # "please pause spring"
        return Misread(said, [rest])
    near = dict.fromkeys(BY_WORD[word].word for word in difflib.get_close_matches(typed, list(BY_WORD), 8, 0.6))
    best = next(iter(near), "")
    opposite = _OPPOSITES.get(best, "").partition(" ")[0]
    return Misread(said, [f"{word} {rest}".strip() for word in near if word == best or word != opposite][:3])


def _read(command: Command, rest: list[Token], campaigns: Sequence[Named], here: Named | None) -> Parsed:
    tail = command.tail or _none
    if command.ref == "no":
        return Parsed(command, arguments=tail(rest))
    if command.takes_all and rest and rest[0].folded == "all" and not rest[0].quoted:
        return Parsed(command, arguments=tail(rest[1:]), all=True)
    if rest and rest[0].folded == "this" and not rest[0].quoted:
        if here is None:
            raise Misread('this channel does not belong to one campaign, so "this" names none; write its name')
        return Parsed(command, here, tail(rest[1:]))
    if command.ref == "may" and (found := _without_ref(tail, rest)) is not None:
        return Parsed(command, arguments=found)
    if not rest:
        running = [one for one in campaigns if one.state in ("active", "paused", "draft", "scheduled")][:5]
        raise Misread(f"which campaign? Usage: {command.usage}", [f"{command.word} {one.ref}" for one in running])
    return _with_ref(command, tail, rest, campaigns)


def _without_ref(
    tail: Callable[[Sequence[Token]], Mapping[str, Any]], rest: Sequence[Token]
) -> Mapping[str, Any] | None:
    try:
        return tail(rest)
    except _BadTail:
        return None


def _with_ref(
    command: Command,
    tail: Callable[[Sequence[Token]], Mapping[str, Any]],
    rest: list[Token],
    campaigns: Sequence[Named],
) -> Parsed:
    """The longest beginning of the words that names a campaign, and whose rest can be read."""
    unclear: tuple[Unclear, str, int] | None = None
    problem: _BadTail | None = None
    for count in range(min(len(rest), 15), 0, -1):
        found = find_campaign(rest[:count], campaigns)
        if isinstance(found, Unclear) and not found.near:
            continue
        try:
            arguments = tail(rest[count:])
        except _BadTail as why:
            problem = problem or (why if isinstance(found, Found) else None)
            continue
        if isinstance(found, Found):
            return Parsed(command, found.campaign, arguments)
        if unclear is None or (found.fits and not unclear[0].fits):
            unclear = found, joined(rest[:count]), count
    if problem is not None:
        raise problem
    if unclear is None:
        known = ", ".join(one.ref for one in campaigns[:10])
        raise Misread(f"no campaign is called {joined(rest)[:80]!r}; nothing was changed. "
                      + (f"There are: {known}" if known else "There are no campaigns yet"))  # fmt: skip
    near, typed, count = unclear
    after = joined(rest[count:])
    offers = [f"{command.word} {one.ref} {after}".strip() for one in near.near[:5]]
    said = f"several campaigns fit {typed[:80]!r}" if near.fits else f"no campaign is called {typed[:80]!r}"
    raise Misread(f"{said}; nothing was changed. Which one do you mean?", offers)
