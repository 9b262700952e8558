"""Finds the fields of a signed form whose boundaries could have been moved.

Twilio signs the sorted names and values without separators, so `Body=STOP` and `B=odySTOP` have the same signature.
A person who captures a request could move characters between fields: hide a STOP, or give an old message a new id.
Twilio adds fields without notice, so an unknown field is no proof of a forgery. The proof is that a field which decides
what the request means has a value that Twilio never sends, or stands inside another field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_SID, _WORD = r"[A-Z]{2}[0-9a-fA-F]{32}", r"[a-z][a-z _-]{1,29}"
#: The fields that decide what a request means, and the only values Twilio gives them; an empty value is possible too.
_SHAPES = {
    "AccountSid": _SID, "MessageSid": _SID, "SmsSid": _SID, "SmsMessageSid": _SID,
    "MessageStatus": _WORD, "SmsStatus": _WORD, "OptOutType": "[A-Z]{2,10}", "ErrorCode": r"\d{1,9}",
    "NumMedia": r"\d{1,3}", "NumSegments": r"\d{1,3}", "ApiVersion": r"\d{4}-\d\d-\d\d",
}  # fmt: skip
_WHOLE = {name: re.compile(f"(?:{shape})?") for name, shape in _SHAPES.items()}
#: A deciding field in the middle of other text.
_HIDDEN = re.compile(
    rf"(?P<name>(?:AccountSid|MessageSid|SmsSid|SmsMessageSid)(?={_SID})|(?:MessageStatus|SmsStatus)(?=[a-z]{{4}})"
    r"|OptOutType(?=STOP|START|HELP)|ErrorCode(?=\d{5})|(?:From|To)(?=(?:[a-z]+:)?\+?\d{7})"
    r"|ApiVersion(?=\d{4}-\d\d-\d\d))"
)
#: Other fields of a message or status that Twilio documents; a trailing * stands for a number or a word.
_DOCUMENTED = re.compile(
    r"AddOns|Body|ButtonPayload|ButtonText|ButtonType|Channel(?:InstallSid|Metadata|Prefix|StatusMessage|StatusCode"
    r"|ToAddress)|DlrDoneDate|RawDlrDoneDate|ErrorMessage|EventType|Forwarded|FrequentlyForwarded|From|To"
    r"|(?:From|To)(?:City|State|Zip|Country)|InteractiveData|FlowData|Latitude|Longitude|Address|Label|ListId|ListTitle"
    r"|Media(?:Url|ContentType|Sid)\d{1,3}|MediaUrl|MessageType|MessagingServiceSid|StructuredMessage"
    r"|OriginalRepliedMessage(?:Sid|Sender)|ProfileName|Referral[A-Za-z]{2,30}|SmsPriceUnit|StickyKey|StatusCallback"
    r"|UserAgent|WaId|ExternalUserId|Direction|AccountType|MessagePrice|Price|PriceUnit|Mcc|Mnc"
)
#: A name of Twilio's. `msg` comes with a key that was pressed (`<Gather>`); it is signed after all others, so that only
#: the end of the last one could be moved into it.
_NAME = re.compile(r"[A-Z][A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*|msg")


def moved(fields: Sequence[tuple[str, str]]) -> str | None:
    """What shows that the boundaries between fields were moved; None if nothing does."""
    pairs, given = sorted(set(fields)), dict(fields)
    for name, value in pairs:
        shape = _WHOLE.get(name)
        if not _NAME.fullmatch(name) or len(name) > 80:
            return "a field's name that Twilio never uses"
        if shape is not None and not shape.fullmatch(value):
            return f"{name} has a value that Twilio never gives it"
        if given[name] != value and (shape is not None or name in ("Body", "From", "To")):
            return f"{name} has two values"
    text, names = _rest(pairs)
    for found in _HIDDEN.finditer(text):
        if not any(start < found.start() and found.end("name") == end for start, end in names):
            return f"{found['name']} stands inside another field"
    if "Body" not in given and any(_may_hide_body(name, value) for name, value in pairs):
        return "Body stands inside another field"
    return None


def _may_hide_body(name: str, value: str) -> bool:
    """Whether the body of a message can stand in a field of a request without one: as the beginning of a name, or in an
    unknown field that was signed before it. A later field, or the JSON of an add-on, may have the word for its own
    reasons (a shop's name, an error's text): to take the body in, it would have to take in ApiVersion too, which stands
    between, and that shows."""
    if name in _SHAPES or _DOCUMENTED.fullmatch(name):
        return False
    return name.startswith("Body") or (name < "Body" and "Body" in name + value)


def _rest(pairs: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[int, int]]]:
    """The signed text without deciding fields and without the body, and the places of unknown names in it. An unknown
    name may end like a known one: `ParentMessageSid`."""
    text, names = "", list[tuple[int, int]]()
    for name, value in pairs:
        if name in _SHAPES or name == "Body":
            text += "\0"
        elif _DOCUMENTED.fullmatch(name):
            text += "\0" + value
        else:
            names.append((len(text), len(text) + len(name)))
            text += name + value
    return text, names


def after_body(fields: Mapping[str, str]) -> str:
    """Unknown fields that follow the body in the signed text, as one text: they may be a part of the body."""
    return "".join(_unknown_after_body(fields))


def _unknown_after_body(fields: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(fields):
        if name > "Body" and name not in _SHAPES:
            if _DOCUMENTED.fullmatch(name):
                return
            yield name + fields[name]
