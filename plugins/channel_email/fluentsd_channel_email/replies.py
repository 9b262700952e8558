"""Extracts the new text of a reply, without the quoted mail.

Mail programs put the quoted mail below the answer, or in lines with ">" between its parts, each in its own style and
language. Recognised quotations are removed; our own footer always, because its "Unsubscribe" would count as the
person's. An unknown style leaves too much text, never too little.
"""

from __future__ import annotations

import re

#: The most characters of a reply that are kept.
KEEP_AT_MOST = 10_000
#: The most lines that are read; people do not write more.
_LINES_AT_MOST = 2_000
_LINE_AT_MOST = 600
#: An attribution may take up to this many lines.
_ATTRIBUTION_LINES = 4
#: "On Monday Dana wrote:" in the languages of the large mail programs, with a date or an address.
_ATTRIBUTION = re.compile(
    r"^[\W_]*(?:on|am|le|el|il|op|den|em|w dniu|dnia|pe|kl)\b(?=.*(?:\d|@)).{3,}?"
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu|napisał(?:\(a\))?|kirjoitti)\b.{0,200}:\s*$"
    r"|^.{3,300}<[^<>\s]+@[^<>\s]+>.{0,60}[:：]\s*$"
    r"|^.{3,300}\b(?:пишет|написал(?:\(?а\)?)?|pisze|napisał(?:a|\(a\))?|yazdı|έγραψε|のメール|写道|寫道|님이 작성)"
    r"\s*[:：]\s*$",
    re.IGNORECASE,
)
_ATTRIBUTION_STARTS = re.compile(r"^[\W_]*(?:on|am|le|el|il|op|den|em|w dniu|dnia)\b.*\d", re.IGNORECASE)
_RULE = re.compile(
    r"^\s*[-_=*]{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|message d'origine|mensaje original"
    r"|messaggio originale|oorspronkelijk bericht|weitergeleitete nachricht)\s*(?:[-_=*]{2,})?\s*$"
    r"|^\s*-{5,}\s*[^\W\d_][\w '’]{4,40}?\s*-{5,}\s*$"
    r"|^\s*begin forwarded message:\s*$",
    re.IGNORECASE,
)
_LONG_RULE = re.compile(r"^\s*_{20,}\s*$")
_FROM = re.compile(r"^\s*\*?(?:from|von|de|da|van|från|fra)\s*:\*?\s*\S", re.IGNORECASE)
_HEADER = re.compile(
    r"^\s*\*?(?:sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|date|à|objet|enviado|fecha|para|asunto|inviato"
    r"|data|a|oggetto|verzonden|aan|onderwerp|reply-to)\s*:",
    re.IGNORECASE,
)
#: The same in any language: a name with an address after a word and a colon, then two lines or more of that form.
_ANY_FROM = re.compile(r"^\s*\*?[^\W\d_][\w. ]{0,20}?\s?\*?[:：]\*?\s*.{0,200}[\w.+-]@[\w-]+\.\w")
_ANY_HEADER = re.compile(r"^\s*\*?[^\W\d_][\w. -]{0,24}?\s?\*?[:：]\*?\s*\S")
_PHONE_LINE = re.compile(
    r"^\s*(?:sent from (?:my|mail|outlook|yahoo|the)\b|get outlook for\b|von meinem \w+ gesendet|gesendet von\b"
    r"|enviado desde\b|envoyé de(?:puis)? mon\b|inviato da\b|verzonden (?:vanaf|met)\b).{0,60}$",
    re.IGNORECASE,
)
_FOOTER = re.compile(r"^\s*unsubscribe\s*:\s*(?:https?://|reply with|<?mailto:)", re.IGNORECASE)


def new_words(text: str) -> str:
    """The person's own words, at most `KEEP_AT_MOST` characters; "" if everything is quoted."""
    lines = [line[:_LINE_AT_MOST].rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    kept: list[str] = []
    lines, at = lines[:_LINES_AT_MOST], 0
    while at < len(lines):
        if _quote_starts(lines, at):
            break
        if length := _attribution(lines, at):
            after = next((line for line in lines[at + length :] if line.strip()), "")
            if not after.lstrip().startswith(">"):
                break  # the old mail follows
            at += length
            continue
        line = lines[at]
        at += 1
        if line.lstrip().startswith(">") or _PHONE_LINE.match(line):
            continue
        if line == "--" or _FOOTER.match(line):
            break  # a signature, theirs or ours: no new text follows
        kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:KEEP_AT_MOST]


def _quote_starts(lines: list[str], at: int) -> bool:
    """Whether a separator, or the header block of Outlook's quotation, starts here."""
    line = lines[at]
    if _RULE.match(line):
        return True
    if _LONG_RULE.match(line):
        below = next((one for one in lines[at + 1 : at + 4] if one.strip()), "")
        return bool(_FROM.match(below))
    if _FROM.match(line) and any(_HEADER.match(one) for one in lines[at + 1 : at + 3]):
        return True
    return bool(_ANY_FROM.match(line)) and sum(1 for one in lines[at + 1 : at + 4] if _ANY_HEADER.match(one)) >= 2


def _attribution(lines: list[str], at: int) -> int:
    """The number of lines of an attribution ("… wrote:") here, or 0."""
    if _ATTRIBUTION.match(lines[at]):
        return 1
    if not _ATTRIBUTION_STARTS.match(lines[at]):
        return 0
    joined = lines[at]
    for length in range(2, _ATTRIBUTION_LINES + 1):
        if at + length > len(lines) or not lines[at + length - 1].strip():
            return 0
        joined = f"{joined} {lines[at + length - 1].strip()}"[: 2 * _LINE_AT_MOST]
        if _ATTRIBUTION.match(joined):
            return length
    return 0
