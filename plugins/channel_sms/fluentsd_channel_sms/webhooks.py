"""Turns a verified Twilio request into events: a status of our message, or a person's message.

A status finds its attempt by the token at the end of its URL, else by the message's SID. Statuses may arrive twice and
out of order; each reports only what it proves, and the engine keeps the most precise one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from fluentsd.api import Inbound, Outcome, asks_to_stop, is_reaction
from fluentsd_channel_sms.boundaries import after_body
from fluentsd_channel_sms.error_codes import end_of

#: Opt-out keywords, alone in a message: Twilio's and the FCC's (47 CFR 64.1200(a)(10)).
STOP_WORDS = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "end", "quit", "cancel", "revoke", "optout", "opt out", "opt-out"}
)
#: Keywords that withdraw an opt-out. YES is one for Twilio too, but people also answer questions with it.
START_WORDS = frozenset({"start", "unstop"})
#: Answered by Twilio itself.
HELP_WORDS = frozenset({"help"})

_TOKEN = re.compile(r"[0-9a-f]{32}")
_EDGES = re.compile(r"^\W+|\W+$")


def read(url: str, fields: Mapping[str, str]) -> Sequence[Inbound]:
    """The events in the fields of a verified request; ValueError when they are invalid."""
    word = fields.get("MessageStatus") or fields.get("SmsStatus") or "received"
    if word not in ("received", "receiving"):
        return _status(url, word, fields)
    if fields.get("From"):
        return _words(fields)
    raise ValueError("neither a status (MessageStatus) nor a message (From, SmsStatus=received)")


def _status(url: str, word: str, fields: Mapping[str, str]) -> Sequence[Inbound]:
    ref = fields.get("MessageSid") or fields.get("SmsSid")
    last = urlsplit(url).path.rpartition("/")[2]
    token = last if _TOKEN.fullmatch(last) else None
    if not ref and not token:
        raise ValueError("a status without MessageSid")
    code = fields.get("ErrorCode", "")
    end = end_of(word, int(code) if code.isdecimal() and code.isascii() else None)
    if end is None:
        return []
    return [Inbound(end.outcome, token=token, ref=ref, reason=end.reason, dead=end.dead, fault=end.fault)]


def _words(fields: Mapping[str, str]) -> Sequence[Inbound]:
    text, address, ref = fields.get("Body", ""), fields["From"], fields.get("MessageSid") or fields.get("SmsSid")
    came = partial(Inbound, address=address, message_ref=ref)
    word = _EDGES.sub("", text.casefold())
    kind = fields.get("OptOutType", "").upper()
    if kind == "STOP" or word in STOP_WORDS:
        return [came(Outcome.opted_out, text=text, reason=f"wrote {(word or kind).upper()[:20]}")]
    rest = after_body(fields)  # the signature does not tell where the body ends: then only a STOP is believed
    if kind == "START" or (word in START_WORDS and not rest):
        return [came(Outcome.replied, text=text, resubscribed=True)]
    if kind == "HELP" or word in HELP_WORDS:
        return []
    if is_reaction(text):
        return []
    if asks_to_stop(text) or (rest and asks_to_stop(text + rest)):
        return [came(Outcome.opted_out, text=text, reason="asked to stop in their own words")]
    return [came(Outcome.replied, text=text or _media(fields))]


def _media(fields: Mapping[str, str]) -> str:
    """A text for a message with attachments only."""
    count = fields.get("NumMedia", "0")
    return "" if count in ("", "0") else f"({count} attachment{'' if count == '1' else 's'})"
