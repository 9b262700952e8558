"""The command line of Slack: a typed text becomes a command with its arguments, or a `Misread` that helps. Pure.

What must not live here: the commands (`command_table`), what follows them (`arguments`), lines that begin with no
command (`mistyped`), the reading of moments (`moments`), which need a zone, and the verbs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.fronts.slack import arguments
from fluentsd.fronts.slack.arguments import BadArguments, Begun
from fluentsd.fronts.slack.command_table import BY_WORD, Command, Misread, Parsed, Read
from fluentsd.fronts.slack.mistyped import unknown
from fluentsd.fronts.slack.words import Found, Named, Token, Unclear, find_campaign, joined, tokens
from fluentsd.verbs.options import SHOWN

#: Words that people add at the end, and that mean nothing there.
_POLITE = ("please", "pls", "now", "thanks", "asap", "immediately", "right")
#: Words between "show" and what is to be shown.
_BETWEEN = ("me", "us", "the", "all", "my", "our", "for", "of", "in", "from")


def parse(text: str, campaigns: Sequence[Named], here: Named | None = None) -> Parsed:
    """The command in a text. `here`: the one campaign of this channel, which `this` names. Raises `Misread`."""
    line = tokens(text)
    if not line:
        return Parsed(BY_WORD["overview"])
    if line[0].folded in ("campaign", "/campaign") and line[1:] and line[1].folded in BY_WORD:  # its own name, twice
        line = line[1:]
    if line[0].folded in ("show", "see", "view", "get") and (meant := _shown(line[1:], campaigns)):
        problem = f"{meant.partition(' ')[0]} is a command of its own, without {line[0].folded} in front of it"
        raise Misread(problem, [meant])
    command = BY_WORD.get(line[0].folded) or BY_WORD.get(line[0].folded.strip("/.,:;!?"))
    if len(line) > 1 and f"{line[0].folded}-{line[1].folded}" in BY_WORD:  # "give back", "opt out"
        command, line = BY_WORD[f"{line[0].folded}-{line[1].folded}"], line[1:]
    if command is None:
        raise unknown(line, campaigns)
    try:
        return _read(command, _polite(command, line[1:]), campaigns, here)
    except BadArguments as why:
        problem = str(why) if str(why).endswith("?") or not command.changes else command.unchanged(str(why))
        end = "" if problem.endswith("?") else "."
        offers = (one.replace("{command}", command.word) for one in why.offers if "{}" not in one)
        raise Misread(f"{problem}{end} Usage: {command.usage}", tuple(offers)) from None


def _shown(rest: Sequence[Token], campaigns: Sequence[Named]) -> str:
    """The command in "show me the replies of spring": `replies spring`; "" if a campaign is called so."""
    words = [one for one in rest if one.folded not in _BETWEEN]
    is_command = bool(words) and words[0].folded in BY_WORD and not words[0].quoted
    return joined(words) if is_command and not isinstance(find_campaign(words, campaigns), Found) else ""


def _polite(command: Command, rest: Sequence[Token]) -> list[Token]:
    """The words without "please" and "now" at their end, where nothing else may be meant by them."""
    left = list(rest)
    free = command.ref == "no" or command.word in ("schedule", "copy") or any(one.folded == "because" for one in rest)
    while not free and len(left) > 1 and left[-1].folded in _POLITE and not left[-1].quoted:
        left.pop()
    return left


def _read(command: Command, rest: list[Token], campaigns: Sequence[Named], here: Named | None) -> Parsed:
    read = command.read or arguments.none
    if rest[1:] and rest[0].folded in command.before and not _is_called(rest, campaigns):  # "export spring"
        read, rest = _after(read, rest[0]), rest[1:]
    if command.ref == "no":
        return Parsed(command, arguments=read(rest))
    if command.ref == "some":
        return Parsed(command, arguments=_some(command, rest, read(rest), campaigns))
    if rest and rest[0].folded in ("all", "everything") and not rest[0].quoted and not _is_called(rest, campaigns):
        if command.takes_all:
            after = rest[2:] if rest[1:] and rest[1].folded == "campaigns" else rest[1:]
            return Parsed(command, arguments=read(after), all=True)
        if command.ref == "may":
            return Parsed(command, arguments=read(rest[1:]))
        if command.ref == "must":
            offer = "pause all" if command.word == "stop" else "overview"
            raise Misread(f"{command.word} takes one campaign at a time; nothing was changed", [offer])
    if rest and rest[0].folded == "this" and not rest[0].quoted:
        if here is None:
            raise Misread('this channel does not belong to one campaign, so "this" names none; write its name')
        return Parsed(command, here, read(rest[1:]))
    if command.ref == "may" and (found := _without_ref(read, rest)) is not None:
        return Parsed(command, arguments=found)
    if not rest:
        if not campaigns:
            raise Misread("there are no campaigns yet", ["new"])
        running = [one for one in campaigns if one.state in ("active", "paused", "draft", "scheduled")][:5]
        raise Misread(f"which campaign? Usage: {command.usage}", [f"{command.word} {one.ref}" for one in running])
    return _with_ref(command, read, rest, campaigns)


def _after(read: Read, first: Token) -> Read:
    """A reading whose first word was said before the campaign."""
    return lambda rest: read([first, *rest])


def _several(command: Command, rest: Sequence[Token], campaigns: Sequence[Named]) -> Misread | None:
    """The answer to several campaigns in one line, each named whole; None if there are not several."""
    found = [find_campaign(words, campaigns) for words in arguments.listed(rest)]
    refs = [one.campaign.ref for one in found if isinstance(one, Found)]
    if len(refs) < 2 or len(refs) < len(found):
        return None
    problem = f"{command.word} takes one campaign at a time; nothing was changed"
    return Misread(problem, [f"{command.word} {ref}" for ref in refs])


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
            problem = "several campaigns fit" if one.near and one.fits else "no campaign is called"
            raise Misread(f"{problem} {joined(words)[:80]!r}; nothing was changed. Several campaigns are divided by "
                          f"commas, and {', '.join(SHOWN)} may follow", offers)  # fmt: skip
        refs.append(one.campaign.ref)
    return {name: value for name, value in found.items() if name != "names"} | {"refs": refs}


def _beginning(words: Sequence[Token], campaigns: Sequence[Named]) -> tuple[Named, ...]:
    """The campaign that the longest beginning of the words names."""
    found = (find_campaign(words[:count], campaigns) for count in range(len(words) - 1, 0, -1))
    return next(((one.campaign,) for one in found if isinstance(one, Found)), ())


def _without_ref(read: Read, rest: Sequence[Token]) -> Mapping[str, Any] | None:
    try:
        return read(rest)
    except Begun:
        raise
    except BadArguments:
        return None


def _at_the_end(command: Command, read: Read, rest: Sequence[Token], campaigns: Sequence[Named]) -> str:
    """The line with the campaign first, where it stands at the end: "pause for 2h spring"; "" where it does not."""
    for start in range(1, min(len(rest), 15)):
        found = find_campaign(rest[start:], campaigns)
        if isinstance(found, Found):
            try:
                read(rest[:start])
            except BadArguments:
                continue
            return f"{command.word} {found.campaign.ref} {joined(rest[:start])}"
    return ""


def _with_ref(command: Command, read: Read, rest: list[Token], campaigns: Sequence[Named]) -> Parsed:
    """The longest beginning of the words that names a campaign, and whose rest can be read."""
    unclear: tuple[Unclear, str, int] | None = None
    problem: BadArguments | None = None
    for count in range(min(len(rest), 15), 0, -1):
        found = find_campaign(rest[:count], campaigns)
        if isinstance(found, Unclear) and not found.near:
            continue
        try:
            arguments = read(rest[count:])
        except BadArguments as why:
            if isinstance(found, Found) and problem is None:
                if several := _several(command, rest, campaigns):
                    raise several from None
                problem = why.about(found.campaign.ref)
            continue
        if isinstance(found, Found):
            return Parsed(command, found.campaign, arguments)
        if unclear is None or (found.fits and not unclear[0].fits):
            unclear = found, joined(rest[:count]), count
    if problem is not None:
        raise problem
    if offer := _at_the_end(command, read, rest, campaigns):
        raise Misread("the campaign comes first; nothing was changed", [offer])
    if any(re.match("https?://", one.text) for one in rest):
        offers = [f"{command.word} {one.ref}" for one in campaigns[:5]]
        raise Misread("a link names no campaign, so nothing was changed; write its name", offers)
    if unclear is None:
        known = ", ".join(one.ref for one in campaigns[:10])
        raise Misread(f"no campaign is called {joined(rest)[:80]!r}; nothing was changed. "
                      + (f"There are: {known}" if known else "There are no campaigns yet"),
                      () if known else ["new"])  # fmt: skip
    near, typed, count = unclear
    after = joined(rest[count:])
    offers = [f"{command.word} {one.ref} {after}".strip() for one in near.near[:5]]
    sentence = f"several campaigns fit {typed[:80]!r}" if near.fits else f"no campaign is called {typed[:80]!r}"
    raise Misread(f"{sentence}; nothing was changed. Which one do you mean?", offers)
