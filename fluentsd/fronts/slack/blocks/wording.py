"""Texts for Slack: escaped, cut, masked, and moments that each reader sees in the own zone. Pure."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.domain.time.zones import zone as zone_named

#: Characters that turn the direction of text, which could disguise a name.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_QUOTED = str.maketrans("<>", "‹›")
#: Marks of mrkdwn where they would format or become an emoji; a zero-width character after each keeps it a character.
_MARKS = re.compile(r"(`|(?<!\w)[*_~]|[*_~](?!\w)|:(?=[\w+'-]+:))")
#: A run of figures as they are written in telephone numbers. It stops before a date.
_NUMBER = re.compile(r"\+?\d(?:(?!\d{4}-\d\d-\d\d)[\d\s().-]){5,}\d")
#: A date, or a paragraph of the law: "367.46955(16)".
_NO_NUMBER = re.compile(r"\d{4}-\d\d-\d\d|\d+\.\d+\(")
#: A number without its area code. A longer run of fewer than ten figures is a paragraph of the law or an amount.
_LOCAL = re.compile(r"\d{3}[-. ]\d{4}")
#: A user of Slack as the audit log keeps them: "slack:U2 Kim".
_ACTOR = re.compile(r"\bslack:[UW][A-Z0-9]+ (\w)")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def plain(text: object, at_most: int = 150) -> str:
    """A text for plain_text elements: one line, no control characters, cut."""
    line = " ".join(_TURNING.sub("", str(text)).split())
    line = "".join(char for char in line if unicodedata.category(char) not in ("Cc", "Cs"))
    return line if len(line) <= at_most else line[: at_most - 1] + "…"


def safe(text: object, at_most: int = 150) -> str:
    """A text of somebody else for mrkdwn: no link, no mention, no formatting, one line, cut."""
    return _MARKS.sub("\\1\u200b", plain(text, at_most).translate(_ESCAPED))


def inert(text: object, at_most: int = 60) -> str:
    """A text of somebody else for an option of a select, which is plain text: no sign of mrkdwn works in it, and none
    would where it is copied to."""
    return _MARKS.sub("\\1\u200b", plain(text, at_most).translate(_QUOTED))


def ours(text: str, at_most: int = 2900) -> str:
    """A sentence of fluentsd for mrkdwn, which may quote names: escaped, its lines kept, people by name, cut."""
    lines = (safe(line, at_most) for line in with_people(text).splitlines())
    return "\n".join(lines)[:at_most]


def with_people(text: str) -> str:
    """A sentence with users of Slack by their names alone."""
    return _ACTOR.sub(r"\1", text)


def point(value: object) -> str:
    """A number or address, masked: `+1 ••• ••• 0142`, `d•••@example.com`."""
    text = plain(value, 120)
    if "@" in text:
        name, _, domain = text.rpartition("@")
        return f"{name[:1]}•••@{domain}"
    digits = re.sub(r"\D", "", text)
    return f"••• {digits[-4:]}" if len(digits) >= 7 else "•••"


def points_of(points: Sequence[str], former: Sequence[str], *, hidden: bool) -> str:
    """The first numbers and addresses of a person, and which ones they have replaced, in a line."""
    current, earlier = ([point(one) if hidden else safe(one) for one in some] for some in (points[:3], former[:2]))
    replaced = f" (formerly {', '.join(earlier)})" if earlier else ""
    return f"{', '.join(current) or 'no number or address'}{replaced}"


def without_points(text: str) -> str:
    """A text with every number and address in it masked, not yet escaped."""
    return _NUMBER.sub(_masked_number, _ADDRESS.sub(lambda match: point(match[0]), text))


def _masked_number(match: re.Match[str]) -> str:
    text, digits = match[0], sum(char.isdigit() for char in match[0])
    is_number = digits >= 10 or (text[0] == "+" and digits >= 7) or _LOCAL.fullmatch(text)
    return point(text) if is_number and not _NO_NUMBER.match(text) else text


def masked(text: object, at_most: int = 1500) -> str:
    """A text with every number and address in it masked, safe for mrkdwn."""
    return safe(without_points(str(text)), at_most)


#: Below a list of moments: Slack shows each in the zone of the one who reads.
YOUR_ZONE = "Times are in your time zone."


def moment(at: int | None, zone: str = "", reader: str = "") -> str:
    """A moment in the zone of each reader; "–" for none. `zone`: where it is meant; its time there follows, with the
    name of the zone. `reader`: the zone of the only one who reads, "" in what many may read."""
    if at is None:
        return "–"
    return _mark(at, "{date_short_pretty} {time}") + _there(at, zone, reader)


def yours(at: int | None) -> str:
    """A moment in the zone of each reader, which says so; "–" for none."""
    return "–" if at is None else f"{moment(at)} (your time)"


def span(early: int, late: int, zone: str, reader: str = "") -> str:
    """Two moments as one phrase, the day once if it is the same; as `moment` otherwise."""
    if late - early < 60 * SECOND:
        return moment(early, zone, reader)
    first, last = (dt.datetime.fromtimestamp(at / SECOND, zone_named(zone)).date() for at in (early, late))
    end = _mark(late, "{time}" if first == last else "{date_short_pretty} {time}")
    return f"{moment(early)} – {end}{_there(late, zone, reader)}"


def _mark(at: int, form: str) -> str:
    """Slack's mark for a moment, which each reader sees in the own zone."""
    fallback = f"{dt.datetime.fromtimestamp(at / SECOND, dt.UTC):%Y-%m-%d %H:%M} UTC"
    return f"<!date^{at // SECOND}^{form}|{fallback}>"


def _there(at: int, zone: str, reader: str) -> str:
    return f" {zone_words(zone)}" if zone and zone == reader else f" ({clock(at, zone)})" if zone else ""


def clock(at: int, zone: str) -> str:
    """The time of day somewhere: `Mon 10:02 AM New York time`."""
    return f"{dt.datetime.fromtimestamp(at / SECOND, zone_named(zone)):%a %-I:%M %p} {zone_words(zone)}"


def zone_words(zone: str) -> str:
    """A zone as people call it: `New York time`, `UTC`."""
    place = plain(zone, 60).rpartition("/")[2].replace("_", " ")
    return place if place in ("UTC", "GMT") else f"{safe(place)} time"


def lasts(seconds: int) -> str:
    """How long something took: `45 s`, `2 min`, `1 h 5 min`."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" + (f" {minutes % 60} min" * bool(minutes % 60))


def link(url: str, words: str) -> str:
    """A link of mrkdwn; the words alone, if the address is none of the web."""
    if not re.match(r"https?://[^\s]+\Z", url):
        return safe(words)
    made = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{made}|{safe(words)}>"


def count(number: int, noun: str = "person", plural: str = "people") -> str:
    """`1,204 people`."""
    return f"{number:,} {noun if number == 1 else plural}"


def actor(who: str) -> str:
    """An actor of the audit log: a mention for a user of Slack."""
    if match := re.match(r"slack:([UW][A-Z0-9]+)\b", who):
        return f"<@{match[1]}>"
    return safe(who, 60) or "–"


#: What people call a channel, and one contact on it, and several. No other word for a channel is shown to anybody.
_CHANNELS: Mapping[str, tuple[str, str, str]] = {
    "phone": ("phone", "call", "calls"), "sms": ("text", "text", "texts"),
    "email": ("e-mail", "e-mail", "e-mails"),
}  # fmt: skip
#: The channels as the options of a form: calls, texts, e-mails.
CHANNEL_OPTIONS = tuple((channel, many) for channel, (_, _, many) in _CHANNELS.items())


def by_channel(channel: str) -> str:
    """A channel as people call it: `text`."""
    return _CHANNELS[channel][0] if channel in _CHANNELS else safe(channel, 40)


def contact_by(channel: str) -> str:
    """One contact on a channel: `text`."""
    return _CHANNELS[channel][1] if channel in _CHANNELS else f"by {safe(channel, 40)}"


def contacts(number: int, channel: str) -> str:
    """`31 texts`."""
    many = _CHANNELS[channel][2] if channel in _CHANNELS else contact_by(channel)
    return count(number, contact_by(channel), many)


def channels(kinds: Iterable[str]) -> str:
    """Channels in one phrase: `calls and texts`; `every channel` for *."""
    known = {channel: many for channel, (_, _, many) in _CHANNELS.items()}
    words = ["every channel" if kind == "*" else known.get(kind) or safe(kind, 40) for kind in kinds]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def consent(bases: str) -> str:
    """Consent as it is stored, `sms:written,phone:written`, in words: `written consent to texts and calls`."""
    by_basis: dict[str, list[str]] = {}
    for kind, _, basis in (part.partition(":") for part in bases.split(",")):
        by_basis.setdefault(basis, []).append(kind)
    return ", ".join(f"{word(basis)} consent to {channels(kinds)}" for basis, kinds in by_basis.items())


def held(scope: object, target: object) -> str:
    """What a hold stops: `everything`, `all texts`, `the number +12125550123`."""
    if scope == "installation":
        return "everything"
    if scope == "channel":
        return f"all {_CHANNELS[str(target)][2] if target in _CHANNELS else safe(target, 40)}"
    return f"the {'person' if scope == 'contact' else safe(scope, 40)} {safe(target)}"


#: A stored word that no sales manager says, where it is no name: not in quotes and not part of a longer word.
_STORED = re.compile(r"(?<![\w'`\"-])(?:sms|no_answer|not_sent|opted_out|not_interested|wrong_number|left_segment)"
                     r"(?![\w'`\"-])")  # fmt: skip


def spoken(sentence: str) -> str:
    """A sentence of a verb, which the shell shows as well, with its stored words as people say them."""
    return _STORED.sub(lambda match: "text" if match[0] == "sms" else match[0].replace("_", " "), sentence)


#: A variable of a text, with what stands in its place if it is empty.
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*(?:\|[^{}]*)?\}\}")


def with_names(text: str) -> str:
    """A text with its variables as people call them: `Hi ‹first name›`. It is for reading, never for sending."""
    return _VARIABLE.sub(lambda match: f"‹{match[1].replace('_', ' ')}›", text)


def word(stored: object) -> str:
    """A stored word as people write it: `no answer`."""
    return safe(str(stored).replace("_", " "), 40)


def money(micros: int, currency: str) -> str:
    """`12.50 USD`."""
    return f"{micros / 1_000_000:,.2f} {plain(currency, 8)}"


def numbers(counts: Mapping[str, Any]) -> str:
    """`answered 3 · voicemail 2`."""
    return " · ".join(f"{word(name)} {number:,}" for name, number in counts.items()) or "–"
