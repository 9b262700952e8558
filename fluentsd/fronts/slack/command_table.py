"""The commands of Slack, declared once: words, what may follow, and the verb that each runs. Pure values.

Each command names its verb, so its help and its role come from the catalogue. What must not live here: the reading of a
typed line (`grammar`), and what a command does (`commands`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fluentsd.fronts.slack import arguments
from fluentsd.fronts.slack.blocks.paging import Page
from fluentsd.fronts.slack.words import Named, Token
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.options import SHOWN

Ref = Literal["no", "may", "must", "some"]
Read = Callable[[Sequence[Token]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `verb`: its verb in the catalogue, "" for one of this front alone; `ref`: whether it names a
    campaign, or some of them after the first word; `more`: what may follow, as the usage shows it; `read` reads that;
    `before`: words of it that people also say before the campaign; `summary`: the help where no verb has one."""

    word: str
    verb: str = ""
    ref: Ref = "no"
    more: str = ""
    read: Read | None = None
    summary: str = ""
    aliases: tuple[str, ...] = ()
    takes_all: bool = False
    before: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        return self.summary or (VERBS[self.verb].help if self.verb else "")

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return bool(self.verb) and VERBS[self.verb].effect == "change"

    def unchanged(self, why: str) -> str:
        """A refusal of the command, which says that nothing was changed."""
        is_said = re.search(r"\bnothing (?:of yours )?was|\bnot sent\b|\bso nothing\b|\?$", why, re.IGNORECASE)
        return why if is_said or not self.changes else f"{why.rstrip('.')}; nothing was changed"

    @property
    def usage(self) -> str:
        """The command with its parameters, without the slash command's own name."""
        ref = {"may": "[campaign]", "must": "<campaign>"}.get(self.ref, "") + ("|all" if self.takes_all else "")
        return " ".join(part for part in (self.word, ref, self.more) if part)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command with its campaign and the rest of its arguments; `all`: every campaign is meant; `page`: of the list
    that it answers with."""

    command: Command
    campaign: Named | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    all: bool = False
    page: Page = field(default_factory=Page)

    @property
    def ref(self) -> str:
        """The campaign's ref; the grammar gives a command that needs a campaign one."""
        assert self.campaign is not None  # noqa: S101 - see above
        return self.campaign.ref


#: The question about what a mistyped command may mean.
DID_YOU_MEAN = "Did you mean"


def commands_in(offers: Sequence[str]) -> list[str]:
    """The commands of some lines, each once."""
    return list(dict.fromkeys(offer.partition(" ")[0] for offer in offers))


class Misread(Exception):
    """The text is no command; the message says what is wrong and how to write it, `offers` are commands to choose
    from, `typed` is the word that is none, "" if the command itself is known. Nothing was changed."""

    def __init__(self, message: str, offers: Sequence[str] = (), typed: str = "") -> None:
        super().__init__(message)
        self.offers, self.typed = tuple(offers), typed


COMMANDS: tuple[Command, ...] = (
    Command("overview", summary="what needs attention, what is active, and what comes next", aliases=("home",),
            read=arguments.none),
    Command("help", more="[command]", summary="the commands, or one of them", aliases=("?", "commands", "usage"),
            read=arguments.text("topic")),
    Command("list", "campaign list", more=f"[{'|'.join(arguments.STATES)}] [mine] [words]", aliases=("ls", "campaigns"),
            read=arguments.listing),
    Command("status", "campaign status", "may", "[share]", arguments.flag("share", "share"),
            aliases=("show", "info", "stats")),
    Command("start", "campaign start", "must", "[first <people>] [yes]", arguments.start,
            "check a campaign, then start it; with first, hold it after that many people until you contact the others",
            aliases=("run", "go", "launch", "begin")),
    Command("approve", "campaign approve", "must", "", arguments.none),
    Command("schedule", "campaign schedule", "must", "[<when>|clear]", arguments.text("when"), aliases=("plan", "at")),
    Command("pause", "campaign pause", "must", "[for <duration>|until <when>] [because <reason>]", arguments.pause,
            aliases=("hold", "halt", "freeze", "suspend"), takes_all=True),
    Command("resume", "campaign resume", "must", "", arguments.flag("yes", "yes", "confirm"),
            aliases=("unpause", "continue", "unhold", "unfreeze", "unsuspend"), takes_all=True),
    Command("stop", "campaign stop", "must", "[because <reason>] [yes]", arguments.because,
            aliases=("abort", "end", "cancel", "kill", "terminate", "quit")),
    Command("reopen", "campaign reopen", "must", "", arguments.none, aliases=("unstop", "unabort", "uncancel")),
    Command("archive", "campaign archive", "must", "[yes]", arguments.flag("yes", "yes", "confirm"), aliases=("hide",)),
    Command("contacts", "contacts find", "may", "[find <person>|add|export [state]]", arguments.contacts,
            "people of a campaign: count them, find one, add some, or get all as a file in a direct message",
            aliases=("people",), before=("add", "export")),
    Command("why", "contacts why", more="<person>", read=arguments.asked, aliases=("who",)),
    Command("person", "contacts timeline", more="<person>", read=arguments.person, aliases=("timeline",),
            summary="one person: where they are in each campaign, every attempt, and who deals with them"),
    Command("texts", "templates list", more="[words]", read=arguments.text("words"), aliases=("templates", "messages")),
    Command("numbers", "numbers list", more="[tag]", read=arguments.text("tag"), aliases=("lines",)),
    Command("report", "campaign report", "must", "[today|7d|all]", arguments.period, aliases=("funnel", "results")),
    Command("forecast", "forecast", "must", "", arguments.none),
    Command("duties", "campaign check", "must", "", arguments.none,
            "what the law asks of the people behind a campaign"),
    Command("calls", "calls", "may", "[outcome]", arguments.outcome, "calls, texts and e-mails with what came of each",
            aliases=("history", "attempts")),
    Command("replies", "campaign replies", "may", "", arguments.none, aliases=("answers",)),
    Command("errors", "campaign errors", "must", "", arguments.none, aliases=("problems",)),
    Command("unknown", "unknown list", "must", "", arguments.none),
    Command("test", "campaign test", "must", "to <number or address>", arguments.to),
    Command("owner", "campaign owner", "must", "<@user>", arguments.user, aliases=("assign", "give")),
    Command("suppress", "suppression add", more="<number or address> because <reason>", read=arguments.suppress,
            aliases=("unsubscribe", "optout", "opt-out", "block", "dnc")),
    Command("unsuppress", "suppression undo", more="<number or address> because <reason>", read=arguments.unsuppress,
            aliases=("unblock", "unoptout", "unopt", "resubscribe", "unsuppression")),
    Command("unhandle", "campaign unhandle", "must", "<person>", arguments.person, aliases=("unhandled", "unmark")),
    Command("log", "log", "may", "[by <@user>]", arguments.by, aliases=("audit",)),
    Command("leads", "campaign leads", "may", "", arguments.none, aliases=("hot", "hot-leads")),
    Command("take", "contacts take-over", more="over <person>", read=arguments.person,
            summary="take a person over: no campaign contacts them until you give them back",
            aliases=("take-over", "takeover")),
    Command("give-back", "contacts resume", more="<person>", read=arguments.person, aliases=("giveback", "hand-back")),
    Command("listen", "listen", more="<call>", read=arguments.call, aliases=("recording",)),
    Command("agents", "agents list", more="[words]", read=arguments.text("words"), aliases=("agent", "bots", "voices")),
    Command("alerts", "slack alerts", "some", f"here|off [campaign, …] [{' '.join(SHOWN)}]", arguments.alerts,
            "post cards, alerts, replies and hot leads of all campaigns or of some in this channel, or stop that"),
    Command("digest", "slack digest", more="here [HH:MM]|off", summary="a daily summary in this channel",
            read=arguments.digest),
    Command("settings", "state", summary="roles, channels and the state of the connection", read=arguments.none),
    Command("copy", "campaign copy", "must", "as <new name>", arguments.copy, aliases=("duplicate",)),
    Command("new", more="[name]", read=arguments.text("name"), summary="create a campaign, page by page",
            aliases=("create",)),
    Command("edit", "campaign save-edit", "must", "[name|window|flow|numbers|contacts|exit|limits|law|review]",
            arguments.text("part"),
            "change a campaign, page by page; a campaign that has started changes when you apply it",
            aliases=("change",)),
    Command("sources", "source list", more="[source]", read=arguments.text("name"),
            aliases=("source", "sync")),
    Command("segments", "source segments", more="[words]", read=arguments.text("words"), aliases=("segment", "views"),
            summary="the lists, stages and views of the connected CRMs, and the campaigns that follow them"),
)  # fmt: skip


BY_WORD: Mapping[str, Command] = {word: one for one in COMMANDS for word in (one.word, *one.aliases)}
