"""What may follow a command, read from its tokens: a time, a reason, a period, kinds of messages. Pure.

What must not live here: commands and campaigns (`grammar`), and the reading of moments, which needs a zone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fluentsd.fronts.slack.words import Token, is_point, joined, user_in
from fluentsd.verbs.options import DISPOSITIONS, OUTCOMES, SHOWN
from fluentsd.verbs.options import STATES as PERSON_STATES

STATES = ("active", "scheduled", "paused", "draft", "stopped", "completed", "all")
#: Other words for them.
_STATES = {"running": "active", "live": "active", "done": "ended", "ended": "ended"}
_WHEN = re.compile(
    r"(?:(?:at|on|for|in|next) )?(?:\d|to(?:day|morrow|night)|noon|mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE
)
_LASTS = re.compile(r"\d{1,4} ?(?:m|min|mins|minutes?|h|hrs?|hours?|d|days?|weeks?)", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?(am|pm)?")


class BadArguments(Exception):
    """What follows the campaign cannot be read; the message says why. `offers`: lines that may be meant, with `{}` in
    the place of the campaign."""

    def __init__(self, message: str, *offers: str) -> None:
        super().__init__(message)
        self.offers = offers

    def about(self, ref: str) -> BadArguments:
        """The same about a campaign."""
        return type(self)(str(self), *(offer.replace("{}", ref) for offer in self.offers))


class Begun(BadArguments):
    """The first word belongs to the command, so it is no campaign's name; the message says what is wrong after it."""


def none(rest: Sequence[Token]) -> Mapping[str, Any]:
    if rest:
        raise BadArguments(f"nothing may follow here, but there is {joined(rest)!r}", "{command} {}")
    return {}


def flag(name: str, *words: str) -> Callable[[Sequence[Token]], Mapping[str, Any]]:
    def read(rest: Sequence[Token]) -> Mapping[str, Any]:
        if len(rest) == 1 and rest[0].folded in words:
            return {name: True}
        return none(rest)

    return read


def start(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[first N] [yes]"""
    found: dict[str, Any] = {}
    left = list(rest)
    if left and left[-1].folded in ("yes", "confirm"):
        found["yes"] = True
        left.pop()
    if left and left[0].folded in ("first", "canary"):
        typed = joined(left[1:]).removesuffix(" people")
        number = typed.replace(",", "")
        if not (number.isascii() and number.isdigit() and 0 < int(number) < 10**6):
            raise BadArguments(f"{typed!r} is not a number of people; write it like: first 50")
        found["first"] = int(number)
        return found
    if left:
        more = joined(left)
        few = re.search(r"\b(\d{1,6}) people\b", more)
        offers = [f"start {{}} first {few[1]}"] if few else [f"schedule {{}} {more}"] if _WHEN.match(more) else []
        raise BadArguments(f"start is at once, so {more!r} is not understood here; schedule is for later", *offers)
    return found


def text(name: str) -> Callable[[Sequence[Token]], Mapping[str, Any]]:
    return lambda rest: {name: joined(rest)} if rest else {}


def because(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[because <text>] [yes]"""
    return pause(rest, timed=False)


def pause(rest: Sequence[Token], *, timed: bool = True) -> Mapping[str, Any]:
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
    if left and timed and _LASTS.fullmatch(joined(left)):  # "pause spring 2h"
        return found | {"for": joined(left)}
    if left and timed and left[0].folded in ("for", "until", "till", "til"):
        word, value = ("for" if left[0].folded == "for" else "until"), joined(left[1:])
        if not value:
            raise BadArguments(f"{word!r} needs a time after it: for 2h, until tomorrow 9am")
        return found | {word: value}
    if left:
        forms = "for <duration>, until <when> or because <reason>" if timed else "because <reason>"
        raise BadArguments(f"{joined(left)!r} is not understood here; after the campaign may follow {forms}")
    return found


def asked(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[is] person [called]"""
    left = list(rest)
    if left and left[0].folded in ("replied", "answered"):
        word = left[0].folded
        raise BadArguments(f"why is about one person; who {word} is listed by "
                      + ("replies" if word == "replied" else "calls <campaign> answered"))  # fmt: skip
    while len(left) > 1 and left[0].folded in _ASKING:
        left.pop(0)
    while len(left) > 1 and left[-1].folded.rstrip("?") in ("called", "contacted", "texted", "emailed"):
        left.pop()
    _refuse_link(left)
    return text("person")(left)


def _refuse_link(words: Sequence[Token]) -> None:
    """A person is not found by a pasted link, such as that of a record in a CRM."""
    if words and re.match("https?://", words[0].text):
        raise BadArguments("a link names no person; write their number, address or name")


_ASKING = ("is", "was", "isn't", "isnt", "wasn't", "wasnt", "did", "didn't", "didnt", "not", "has", "hasn't", "we")


def contacts(rest: Sequence[Token]) -> Mapping[str, Any]:
    match rest[0].folded if rest else "":
        case "find" if len(rest) > 1:
            return {"find": joined(rest[1:])}
        case "find":
            raise Begun("what should be found? Write a number, an address or a name after find")
        case "add" if len(rest) == 1:
            return {"add": True}
        case "export":
            return {"export": True, **_state(rest[1:])}
    return none(rest)


def _state(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[state] of a person"""
    if not rest:
        return {}
    word = rest[0].folded
    if len(rest) > 1 or word not in PERSON_STATES:
        raise BadArguments(f"{joined(rest)!r} is no state of a person; there are {', '.join(PERSON_STATES)}")
    return {"state": word}


def period(rest: Sequence[Token]) -> Mapping[str, Any]:
    words = joined(rest).casefold().removeprefix("last ")
    found = {"today": "today", "7d": "7d", "7 days": "7d", "week": "7d", "all": "all"}.get(words)
    if rest and found is None:
        offers = [f"{{command}} {{}} {one}" for one in ("today", "7d", "all")]
        raise BadArguments(f"{joined(rest)!r} is no period; there are today, 7d (the last seven days) and all", *offers)
    return {"period": found} if found else {}


def outcome(rest: Sequence[Token]) -> Mapping[str, Any]:
    if not rest:
        return {}
    word = joined(rest).casefold().replace(" ", "_").replace("-", "_")
    if word in OUTCOMES:
        return {"outcome": word}
    if word in DISPOSITIONS:
        raise BadArguments(
            f"{joined(rest)!r} is what a conversation came to; report counts it, and leads lists those not handled yet"
        )
    near = difflib.get_close_matches(word, OUTCOMES, 1, 0.6)
    raise BadArguments(f"{joined(rest)!r} is not an outcome"
                   + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(OUTCOMES)}"))  # fmt: skip


def user(rest: Sequence[Token]) -> Mapping[str, Any]:
    """[to] @user, or me."""
    rest = rest[1:] if rest and rest[0].folded == "to" else rest
    if len(rest) == 1 and rest[0].folded in ("me", "myself"):
        return {"me": True}
    if len(rest) == 1 and (user := user_in(rest[0])):
        return {"user": user}
    if len(rest) == 1 and rest[0].text.startswith("@") and len(rest[0].text) > 1:
        return {"group": rest[0].text}
    raise BadArguments("who is the new owner? Write a user after the campaign, like @dana, or me")


def by(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) == 2 and rest[0].folded == "by" and rest[1].folded in ("me", "myself"):
        return {"me": True}
    if len(rest) == 2 and rest[0].folded == "by" and (user := user_in(rest[1])):
        return {"by": user}
    if rest and rest[0].folded == "by":
        raise Begun("by whom? Mention the person, like: by @dana")
    return none(rest)


def to(rest: Sequence[Token]) -> Mapping[str, Any]:
    words = rest[1:] if rest and rest[0].folded == "to" else rest
    if not words or words[0].folded in ("me", "myself"):
        raise BadArguments("where should the test go? Write to at the end, and your own number or address")
    return {"to": joined(words)}


def unsuppress(rest: Sequence[Token]) -> Mapping[str, Any]:
    question = "why was it a mistake? The reason is kept with the entry; write it after because"
    return suppress(rest, "unsuppress", question)


def suppress(
    rest: Sequence[Token], command: str = "suppress",
    question: str = "why? The reason is kept as evidence; write it after because, like: because asked by phone",
) -> Mapping[str, Any]:  # fmt: skip
    if not rest:
        raise BadArguments("whom? Write a number or an address")
    reason = next((n for n, one in enumerate(rest) if one.folded == "because"), None)
    point = joined(rest[:reason])
    because = joined(rest[reason + 1 :]) if reason is not None else ""
    if not because:
        digits = next((n for n, one in enumerate(rest) if any(map(str.isalpha, one.text)) and "@" not in one.text), 0)
        offer = f"{command} {joined(rest[:digits])} because {joined(rest[digits:])}"
        raise BadArguments(question, *([offer] if digits and reason is None else []))
    if not is_point(point):
        raise BadArguments(f"{point!r} is neither a number nor an address; look for the person first",
                           f"contacts find {point}")  # fmt: skip
    return {"point": point, "because": because}


def alerts(rest: Sequence[Token]) -> Mapping[str, Any]:
    """here|off [campaign, campaign] [kinds]; the campaigns are words that `_some` finds."""
    where, left = _where(rest, keeps=True), list(rest[1:])
    kinds: list[str] = []
    while left and left[-1].folded.rstrip(",") in SHOWN and not left[-1].quoted:
        kinds.insert(0, left.pop().folded.rstrip(","))
    if kinds and where == "off":
        raise BadArguments("off stops everything; to show only some kinds, write here with them")
    return {"where": where, "names": listed(left)} | ({"kinds": kinds} if kinds else {})


def listed(words: Sequence[Token]) -> list[list[Token]]:
    """The parts of a list: "spring, autumn and winter"."""
    names: list[list[Token]] = [[]]
    for one in words:
        if one.folded in ("and", "&") and not one.quoted:
            names.append([])
            continue
        names[-1].append(Token(one.text.rstrip(","), one.quoted))
        if one.text.endswith(",") and not one.quoted:
            names.append([])
    return [one for one in names if one]


def digest(rest: Sequence[Token]) -> Mapping[str, Any]:
    """here [time]|off"""
    where, typed = _where(rest, keeps=any(map(str.isdigit, joined(rest)))), "".join(one.folded for one in rest[1:])
    if not typed:
        return {"where": where}
    match = _TIME.fullmatch(typed) if where == "here" else None
    if match is None:
        raise BadArguments(f"{joined(rest[1:])!r} is not understood here; write a time like 09:00 or 9am after here")
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half:
        hour = hour % 12 + 12 * (half == "pm") if 1 <= hour <= 12 else 99
    if hour > 23 or minute > 59:
        raise BadArguments(f"{joined(rest[1:])!r} is no time of the day; write it like 09:00 or 9am")
    return {"where": where, "at": f"{hour:02}:{minute:02}"}


def _where(rest: Sequence[Token], *, keeps: bool) -> str:
    """here or off. `keeps`: the other words may follow "here"."""
    if not rest or rest[0].folded not in ("here", "off"):
        words = joined(rest[1:] if rest and rest[0].folded in ("on", "at") else rest) if keeps else ""
        raise BadArguments("write here or off", f"{{command}} here {words}".strip())
    return rest[0].folded


def person(rest: Sequence[Token]) -> Mapping[str, Any]:
    words = rest[1:] if rest and rest[0].folded in ("over", "back") else rest
    if not words:
        raise BadArguments("whom? Write a number, an address or a name")
    _refuse_link(words)
    return {"person": joined(words)}


def call(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) != 1:
        raise BadArguments("which call? Write its id, or press Listen at a hot lead")
    return {"attempt": rest[0].text}


def listing(rest: Sequence[Token]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    left = list(rest)
    if left and left[0].folded in (*STATES, *_STATES):
        word = left.pop(0).folded
        found["state"] = _STATES.get(word, word)
    if left and left[0].folded == "mine":
        left.pop(0)
        found["mine"] = True
    return found | ({"words": joined(left)} if left else {})


def copy(rest: Sequence[Token]) -> Mapping[str, Any]:
    if len(rest) < 2 or rest[0].folded not in ("as", "to", "called", "named"):
        name = joined(rest) if rest and rest[0].folded not in ("as", "to", "called", "named") else ""
        raise BadArguments("what is the copy called? Write: as <new name>", *([f"copy {{}} as {name}"] if name else []))
    return {"new": joined(rest[1:])}
