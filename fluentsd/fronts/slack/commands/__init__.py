"""The commands of Slack: one function each, from a parsed text to the message that answers it.

A command that reaches people or cannot be undone shows what it would do, with a button that holds the same command and
"yes". What must not live here: parsing (`grammar`), wording (`blocks`), and the way to Slack (`router`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fluentsd.fronts.slack.blocks.layout import Message
from fluentsd.fronts.slack.blocks.paging import Page
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.commands import campaigns, channels, open_forms, pausing, persons, reading, starting
from fluentsd.fronts.slack.grammar import parse
from fluentsd.fronts.slack.session import Session
from fluentsd.verbs import Refused, RoleRefused

Command = Callable[[Session, Parsed], Awaitable[Message]]

_COMMANDS: Mapping[str, Command] = {
    "overview": reading.overview,
    "help": reading.help,
    "list": reading.list,
    "status": reading.status,
    "start": starting.start,
    "approve": starting.approve,
    "schedule": starting.schedule,
    "pause": pausing.pause,
    "resume": pausing.resume,
    "stop": pausing.stop,
    "reopen": pausing.reopen,
    "contacts": reading.contacts,
    "why": reading.why,
    "person": reading.person,
    "numbers": reading.numbers,
    "sources": reading.sources,
    "segments": reading.segments,
    "report": reading.report,
    "forecast": reading.forecast,
    "duties": reading.duties,
    "calls": reading.calls,
    "replies": reading.replies,
    "errors": reading.errors,
    "unknown": reading.unknown,
    "test": campaigns.test,
    "owner": campaigns.owner,
    "suppress": persons.suppress,
    "unsuppress": persons.unsuppress_typed,
    "unhandle": persons.unhandle,
    "log": reading.log,
    "settings": reading.settings,
    "archive": campaigns.archive,
    "copy": campaigns.copy,
    "new": open_forms.new,
    "edit": open_forms.edit,
    "texts": open_forms.texts,
    "alerts": channels.alerts,
    "digest": channels.digest,
    "leads": reading.leads,
    "take": persons.take_over,
    "give-back": persons.give_back,
    "listen": persons.listen,
    "agents": reading.agents,
}


async def typed(session: Session, text: str) -> Message:
    """The answer to a typed text, or to the text of a button."""
    parsed = parse(text, await session.campaigns() if text.strip() else ())
    parsed = replace(parsed, page=Page.read(text, session.interaction.value))
    try:
        return await _COMMANDS[parsed.command.word](session, parsed)
    except RoleRefused:
        raise
    except Misread as why:
        raise Misread(parsed.command.unchanged(str(why)), why.offers, why.typed) from None
    except Refused as why:  # the card of a campaign has the buttons of what is possible now
        if why.suggestion is None and parsed.campaign is not None and parsed.command.word != "status":
            problem = str(why).partition("; possible now: ")[0]
            raise Misread(parsed.command.unchanged(problem), [f"status {parsed.ref}"]) from None
        raise Refused(parsed.command.unchanged(str(why)), why.suggestion) from None
