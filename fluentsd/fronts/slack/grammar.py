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

from fluentsd.fronts.slack import tails
from fluentsd.fronts.slack.tails import BadTail, Begun
from fluentsd.fronts.slack.words import Found, Named, Token, Unclear, find_campaign, joined, tokens
from fluentsd.verbs.catalogue import SHOWN, VERBS

Ref = Literal["no", "may", "must", "some"]
Tail = Callable[[Sequence[Token]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `verb`: its verb in the catalogue, "" for one of this front alone; `ref`: whether it names a
    campaign, or some of them after the first word; `more`: what may follow, as the usage shows it; `tail` reads that;
    `before`: words of it that people also say before the campaign; `summary`: the help where no verb has one."""

    word: str
    verb: str = ""
    ref: Ref = "no"
    more: str = ""
    tail: Tail | None = None
    summary: str = ""
    aliases: tuple[str, ...] = ()
    takes_all: bool = False
    before: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        return self.summary or (VERBS[self.verb].help if self.verb else "")

    @property
    def usage(self) -> str:
        """The command with its parameters, without the slash command's own name."""
        ref = {"may": "[campaign]", "must": "<campaign>"}.get(self.ref, "") + ("|all" if self.takes_all else "")
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


COMMANDS: tuple[Command, ...] = (
    Command("overview", summary="running, next and what needs attention", aliases=("home",), tail=tails.none),
    Command("help", more="[command]", summary="the commands, or one of them", aliases=("?", "commands", "usage"),
            tail=tails.text("topic")),
    Command("list", "campaign list", more=f"[{'|'.join(tails.STATES)}] [mine] [words]", aliases=("ls", "campaigns"),
            tail=tails.listing),
    Command("status", "campaign status", "may", "[share]", tails.flag("share", "share"),
            aliases=("show", "info", "stats")),
    Command("start", "campaign start", "must", "[first <people>] [yes]", tails.start,
            "check a campaign, then start it; with first, hold it after that many people until you say go",
            aliases=("run", "go", "launch", "begin")),
    Command("approve", "campaign approve", "must", "", tails.none),
    Command("schedule", "campaign schedule", "must", "[<when>|clear]", tails.text("when"), aliases=("plan", "at")),
    Command("pause", "campaign pause", "must", "[for <duration>|until <when>] [because <reason>]", tails.pause,
            aliases=("hold", "halt", "freeze", "suspend"), takes_all=True),
    Command("resume", "campaign resume", "must", "", tails.flag("yes", "yes", "confirm"),
            aliases=("unpause", "continue", "unhold", "unfreeze", "unsuspend"), takes_all=True),
    Command("stop", "campaign stop", "must", "[because <reason>] [yes]", tails.because,
            aliases=("abort", "end", "cancel", "kill", "terminate", "quit")),
    Command("reopen", "campaign reopen", "must", "", tails.none, aliases=("unstop", "unabort", "uncancel")),
    Command("archive", "campaign archive", "must", "[yes]", tails.flag("yes", "yes", "confirm"), aliases=("hide",)),
    Command("contacts", "contacts find", "may", "[find <person>|add|export [state]]", tails.contacts,
            "people of a campaign: count them, find one, add some, or get all as a file in a direct message",
            aliases=("people",), before=("add", "export")),
    Command("why", "contacts why", more="<person>", tail=tails.asked, aliases=("who",)),
    Command("texts", "templates list", more="[words]", tail=tails.text("words"), aliases=("templates", "messages")),
    Command("numbers", "numbers list", more="[tag]", tail=tails.text("tag"), aliases=("lines",)),
    Command("report", "campaign report", "must", "[today|7d|all]", tails.period, aliases=("funnel", "results")),
    Command("forecast", "forecast", "must", "", tails.none),
    Command("duties", "campaign check", "must", "", tails.none,
            "what the law asks of the people behind a campaign"),
    Command("calls", "calls", "may", "[outcome]", tails.outcome, aliases=("history", "attempts")),
    Command("replies", "campaign replies", "may", "", tails.none, aliases=("answers",)),
    Command("errors", "campaign errors", "must", "", tails.none, aliases=("problems",)),
    Command("unknown", "unknown list", "must", "", tails.none),
    Command("test", "campaign test", "must", "to <number or address>", tails.to),
    Command("owner", "campaign owner", "must", "<@user>", tails.user, aliases=("assign", "give")),
    Command("suppress", "suppression add", more="<number or address> because <reason>", tail=tails.suppress,
            aliases=("unsubscribe", "optout", "opt-out", "block", "dnc")),
    Command("log", "log", "may", "[by <@user>]", tails.by, aliases=("audit",)),
    Command("leads", "campaign leads", "may", "", tails.none, aliases=("hot", "hot-leads")),
    Command("take", "contacts take-over", more="over <person>", tail=tails.person, aliases=("take-over", "takeover")),
    Command("give-back", "contacts resume", more="<person>", tail=tails.person, aliases=("giveback", "hand-back")),
    Command("listen", "listen", more="<call>", tail=tails.call, aliases=("recording",)),
    Command("agents", "agents list", more="[words]", tail=tails.text("words"), aliases=("agent", "bots", "voices")),
    Command("alerts", "slack alerts", "some", f"here|off [campaign, …] [{' '.join(SHOWN)}]", tails.alerts,
            "post cards, alerts, replies and hot leads of all campaigns or of some in this channel, or stop that"),
    Command("digest", "slack digest", more="here [HH:MM]|off", summary="a daily summary in this channel",
            tail=tails.digest),
    Command("settings", "state", summary="roles, channels and the state of the connection", tail=tails.none),
    Command("copy", "campaign copy", "must", "as <new name>", tails.copy, aliases=("duplicate",)),
    Command("new", more="[name]", tail=tails.text("name"), summary="create a campaign, page by page",
            aliases=("create",)),
    Command("edit", "campaign save-edit", "must", "[name|window|flow|numbers|contacts|exit|limits|review]",
            tails.text("part"),
            "change a campaign, page by page; a campaign that has started changes when you apply it",
            aliases=("change",)),
    Command("sources", "source list", more="[source]", tail=tails.text("name"), aliases=("source", "sync", "segments")),
)  # fmt: skip


BY_WORD: Mapping[str, Command] = {word: one for one in COMMANDS for word in (one.word, *one.aliases)}
#: What undoes a command, as a line with a place for the campaign: a mistyped command never offers its opposite.
_OPPOSITES: Mapping[str, str] = {"pause": "resume {}", "resume": "pause {}", "start": "stop {}", "stop": "reopen {}",
                                 "reopen": "stop {}", "schedule": "schedule {} clear",
                                 "take": "give-back {}", "give-back": "take over {}"}  # fmt: skip
_UNDOING = ("un", "de", "dis", "non")
_POLITE = ("please", "pls", "now", "thanks")
#: What is offered for the name of a campaign alone.
_FIRST = ("status", "report", "edit")
#: Words that people expect to be commands: why they are none, and the command that does what may be meant.
_HINTS: Sequence[tuple[tuple[str, ...], str, str]] = (
    (("delete", "remove", "discard", "trash"),
     "A campaign is not deleted, because people were contacted by it; it can be archived", "archive {}"),
    (("rename",), "The name is on the first page of the campaign's form", "edit {} name"),
    (("add", "upload", "import", "enroll", "load"), "People enter at the page Contacts of the campaign's form",
     "edit {} contacts"),
    (("call", "dial", "text", "sms", "email", "mail", "message"),
     "People are contacted by campaigns, and answered by the buttons of a reply or a hot lead", "leads"),
    (("undo", "back", "revert"), "What was done is undone by its opposite: resume, reopen, give-back, schedule clear",
     "log"),
    (("how", "whats", "where"), "To see how a campaign stands, use status", "status {}"),
    (("what", "which", "when"), "The overview says what runs, what comes next and what needs attention", "overview"),
    (("yes", "no", "ok", "confirm"), "A question is answered by its button, or by the command with yes at its end",
     "overview"),
    (("export", "download"), "The people of a campaign come as a file, its figures with report", "contacts {} export"),
    (("timezone", "zone"), "The zone of a campaign is at the page window of its form", "edit {} window"),
)  # fmt: skip
_DENYING = ("not", "dont", "don't", "no", "never")


def parse(text: str, campaigns: Sequence[Named], here: Named | None = None) -> Parsed:
    """The command in a text. `here`: the one campaign of this channel, which `this` names. Raises `Misread`."""
    line = tokens(text)
    if not line:
        return Parsed(BY_WORD["overview"])
    command = BY_WORD.get(line[0].folded) or BY_WORD.get(line[0].folded.strip("/.,:;!?"))
    if command is not None and len(line) > 1 and f"{line[0].folded}-{line[1].folded}" in BY_WORD:  # "give back"
        command, line = BY_WORD[f"{line[0].folded}-{line[1].folded}"], line[1:]
    if command is None:
        raise _unknown(line, campaigns)
    try:
        return _read(command, _polite(command, line[1:]), campaigns, here)
    except BadTail as why:
        raise Misread(f"{why}. Usage: {command.usage}") from None


def _polite(command: Command, rest: Sequence[Token]) -> list[Token]:
    """The words without "please" and "now" at their end, where nothing else may be meant by them."""
    left = list(rest)
    free = command.ref == "no" or command.word in ("schedule", "copy") or any(one.folded == "because" for one in rest)
    while not free and len(left) > 1 and left[-1].folded in _POLITE and not left[-1].quoted:
        left.pop()
    return left


def _unknown(line: Sequence[Token], campaigns: Sequence[Named]) -> Misread:
    """Why the first word is no command, and what may be meant."""
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
    named = _named_in(line, campaigns)
    if hint := next((one for words, *one in _HINTS if typed in words), None):
        why, offer = hint
        ref = named.ref if named else ""
        return Misread(f"{said}. {why}", [offer.format(ref)] if ref or "{}" not in offer else [])
    near = dict.fromkeys(BY_WORD[word].word for word in difflib.get_close_matches(typed, list(BY_WORD), 8, 0.67)
                         if word[0] == typed[0] or sorted(word) == sorted(typed))  # fmt: skip
    if named and not near:
        return Misread(f"{said}. What should be done with {named.name!r}?", [f"{word} {named.ref}" for word in _FIRST])
    best = next(iter(near), "")
    opposite = _OPPOSITES.get(best, "").partition(" ")[0]
    offers = [f"{word} {rest}".strip() for word in near if word == best or word != opposite][:3]
    return Misread(said if offers else f"{said}. Type help for all commands", offers)


def _named_in(line: Sequence[Token], campaigns: Sequence[Named]) -> Named | None:
    """The campaign that some of the words name: all of them, or those after the first, or one of those."""
    for words in (line, line[1:], *([one] for one in line[1:])):
        found = find_campaign(words, campaigns) if words else None
        if isinstance(found, Found):
            return found.campaign
    return None


def _read(command: Command, rest: list[Token], campaigns: Sequence[Named], here: Named | None) -> Parsed:
    tail = command.tail or tails.none
    if rest[1:] and rest[0].folded in command.before and not _is_called(rest, campaigns):  # "export spring"
        tail, rest = _after(tail, rest[0]), rest[1:]
    if command.ref == "no":
        return Parsed(command, arguments=tail(rest))
    if command.ref == "some":
        return Parsed(command, arguments=_some(command, rest, tail(rest), campaigns))
    if rest and rest[0].folded in ("all", "everything") and not rest[0].quoted and not _is_called(rest, campaigns):
        if command.takes_all:
            after = rest[2:] if rest[1:] and rest[1].folded == "campaigns" else rest[1:]
            return Parsed(command, arguments=tail(after), all=True)
        if command.ref == "must":
            offer = "pause all" if command.word == "stop" else "overview"
            raise Misread(f"{command.word} takes one campaign at a time; nothing was changed", [offer])
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


def _after(tail: Tail, first: Token) -> Tail:
    """A tail whose first word was said before the campaign."""
    return lambda rest: tail([first, *rest])


def _is_called(words: Sequence[Token], campaigns: Sequence[Named]) -> bool:
    """Whether a campaign is called exactly so."""
    found = find_campaign(words, campaigns)
    return isinstance(found, Found) and found.exact


def _some(
    command: Command, rest: Sequence[Token], found: Mapping[str, Any], campaigns: Sequence[Named]
) -> Mapping[str, Any]:
    """The arguments with the refs of the campaigns that the words name."""
    refs: list[str] = []
    for words in found["names"]:
        one = find_campaign(words, campaigns)
        if isinstance(one, Unclear):
            kinds = " ".join(found.get("kinds", ()))
            before = " ".join(f"{ref}," for ref in refs)
            near = one.near or _beginning(words, campaigns)
            offers = [" ".join(f"{command.word} {rest[0].folded} {before} {other.ref} {kinds}".split())
                      for other in near[:5]]  # fmt: skip
            said = "several campaigns fit" if one.near and one.fits else "no campaign is called"
            raise Misread(f"{said} {joined(words)[:80]!r}; nothing was changed. Several campaigns are divided by "
                          f"commas, and {', '.join(SHOWN)} may follow", offers)  # fmt: skip
        refs.append(one.campaign.ref)
    return {name: value for name, value in found.items() if name != "names"} | {"refs": refs}


def _beginning(words: Sequence[Token], campaigns: Sequence[Named]) -> tuple[Named, ...]:
    """The campaign that the longest beginning of the words names."""
    found = (find_campaign(words[:count], campaigns) for count in range(len(words) - 1, 0, -1))
    return next(((one.campaign,) for one in found if isinstance(one, Found)), ())


def _without_ref(tail: Tail, rest: Sequence[Token]) -> Mapping[str, Any] | None:
    try:
        return tail(rest)
    except Begun:
        raise
    except BadTail:
        return None


def _with_ref(command: Command, tail: Tail, rest: list[Token], campaigns: Sequence[Named]) -> Parsed:
    """The longest beginning of the words that names a campaign, and whose rest can be read."""
    unclear: tuple[Unclear, str, int] | None = None
    problem: BadTail | None = None
    for count in range(min(len(rest), 15), 0, -1):
        found = find_campaign(rest[:count], campaigns)
        if isinstance(found, Unclear) and not found.near:
            continue
        try:
            arguments = tail(rest[count:])
        except BadTail as why:
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
