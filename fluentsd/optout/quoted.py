"""What of a text is the person's own: reactions of phones, and our words quoted back.

Here lives the reading of quotation marks and reactions, before a text is normalised. What must not live here: opt-out
phrases (`words`, `languages`), the quotation of a mail, whose signs are the mail programs' (the e-mail channel).
"""

# ruff: noqa: E501 - a pattern is read as a whole
from __future__ import annotations

import re

_OPEN, _CLOSE = '["“„«‹「『‟]', '["”“»›」』]'
#: What phones send when a person taps a heart beside a message, in the languages of large operating systems.
_VERBS = (
    r"liked|loved|laughed at|disliked|emphasi[sz]ed|questioned|reacted(?: with)? .{1,12}? to|removed an? .{3,24}? from"
    r"|le gust[aó]|me gusta|le encant[aóo]|me encanta|le dio risa|no le gust[aó]|se rio de|enfatiz[oó]|reaccion[oó].{0,14}? a"
    r"|a (?:bien )?aimé|a adoré|a ri(?: de)?|n.a pas aimé|a réagi.{0,14}? à|a mis en évidence|j.aime|j.adore"
    r"|(?:mir )?gefällt(?: mir)?|hat .{1,14}? (?:reagiert )?auf|findet .{1,14}? gut|liebt|lacht über|mag|markiert mit"
    r"|ha messo .{3,14}? a|piace|adora|ha riso(?: di)?|ha reagito.{0,14}? a|ha apprezzato|ha enfatizzato"
    r"|curtiu|amou|adorou|riu de|gostou de|não gostou de|reagiu.{0,14}? a|deu ênfase a|enfatizou"
    r"|vindt .{3,14}? leuk|vond .{1,14}? leuk|heeft .{1,14}? op|lachte om|reageerde.{0,14}? op|понравил\w+|нравится|постав\w+.{0,20}?|отреагировал\w*.{0,14}? на|отметил\w*|gillade|likte|polubi\w+|zareagowa\w+.{0,14}? na"
)
_REACTION = re.compile(
    rf"\s*(?:(?:{_VERBS}|[^\w\s]{{1,8}}\s*(?:to|on|a|à|auf|op|на|na)?)\s*:?\s*)[\u200a-\u200f\ufeff\s]*{_OPEN}.*(?:{_CLOSE}|…|\.\.\.)\s*(?:{_CLOSE})?"
    rf"\s*|\s*{_OPEN}.{{4,}}{_CLOSE}\s*(?:gefällt|hat|wurde|を|に|が).{{0,40}}"
    rf"|\s*(?:hat|heeft|vindt|vond|ha|a)\s+{_OPEN}.{{4,}}{_CLOSE}\s+(?:mit\s.{{1,20}}\s(?:markiert|bewertet)|leuk|geliked|gelikt|geweldig)\s*",
    re.I | re.S,
)
#: Our own instruction: "Reply STOP", "Antworten Sie mit STOP".
_OURS = re.compile(
    r"\b(?:reply|respond|text|send|type|txt|answer|write|click|antwort\w*|schreib\w*|répond\w*|envoy\w*|respond[ae]\w*|responda"
    r"|env[ií]\w*|rispond\w*|invia|antwoord\w*|odpowiedz|wyślij|ответьте|отправьте)\b.{0,24}?\b(?:stop|end|quit|unsubscribe"
    r"|baja|alto|sair|parar|arret|abmelden|стоп)\b|\bopt out\b|\bunsubscribe\b",
    re.I,
)
_QUOTED = re.compile(rf"{_OPEN}([^\"“”„«»「」『』]{{8,600}}){_CLOSE}")
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.M)


def is_reaction(text: str) -> bool:
    """Whether a text is a phone's report of a reaction to a message of ours ("Liked “…”"), which is no reply."""
    return _REACTION.fullmatch(text[:2_000]) is not None


def own_words(text: str) -> str:
    """The text without our own instruction quoted back, in quotation marks or lines with ">"."""
    if ">" in text:
        text = _QUOTED_LINE.sub(" ", text)
    return _QUOTED.sub(lambda found: " … " if _OURS.search(found[1]) else found[0], text)
