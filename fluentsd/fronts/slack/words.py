"""The typed line as tokens, and the campaign that some of them name. Pure.

Slack sends users and channels as `<@U1|dana>` and `<#C1|general>`, and escapes `&`, `<` and `>`; people type curly
quotes and long dashes. A name that fits several campaigns, or none, is never decided here: the caller asks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+)')
_PLAIN = str.maketrans(
    dict.fromkeys("“”„‟«»″＂〝〞", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("‘’‚‛′", "'")
    | dict.fromkeys("\u00a0\u2007\u202f\u3000", " ")
    | dict.fromkeys(
        "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff", ""
    )
)
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_POINT = re.compile(r"<(?:mailto:|tel:|sms:)([^|>]+)(?:\|[^>]*)?>")
_ADDRESS = re.compile(r"<(https?://[^|>]+)(?:\|([^>]+))?>")
_GROUP = re.compile(r"<!subteam\^\w+\|(@[^>]+)>")
#: Marks of formatting around a word, which people leave when they paste a command.
_FORMAT = "`*_~"
_ID = re.compile(r"#?c(\d{1,9})", re.IGNORECASE)
#: Words with which people surround the name of a campaign.
_AROUND = frozenset({"the", "a", "of", "my", "our", "me", "campaign", "campaigns"})
#: Tokens of a line that are looked at; a name has fewer.
TOKENS_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Token:
    """One word, or several in quotes."""

    text: str
    quoted: bool = False

    @property
    def folded(self) -> str:
        return self.text.casefold()


@dataclass(frozen=True, slots=True)
class Named:
    """A campaign as people may call it."""

    id: int
    ref: str
    name: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one campaign is meant. `exact`: it is called exactly so."""

    campaign: Named
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """Several campaigns fit, or none does and these sound alike."""

    near: tuple[Named, ...]
    fits: bool


def tokens(text: str) -> list[Token]:
    """The tokens of a line as Slack sends it."""
    text = _POINT.sub(lambda match: match[1], text.translate(_PLAIN))
    text = _GROUP.sub(lambda match: match[1], _ADDRESS.sub(lambda match: match[2] or match[1], text))
    found = []
    for match in _TOKEN.finditer(text):
        quoted = match["quoted"] is not None
        word = match["quoted"].strip() if quoted else match["plain"]
        word = _unescaped(word if quoted or "@" in word else word.strip(_FORMAT))
        if quoted or word:
            found.append(Token(word, quoted))
    return found[:TOKENS_AT_MOST]


def _unescaped(word: str) -> str:
    """What was typed: Slack escapes these three signs, and leaves "<" for its own mentions."""
    return word.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def user_in(token: Token) -> str | None:
    """The id of the user that a token mentions."""
    match = _USER.fullmatch(token.text)
    return match[1] if match else None


def is_point(text: str) -> bool:
    """Whether this looks like a number or an address of a person."""
    return "@" in text or sum(map(str.isdigit, text)) >= 7


def joined(words: Sequence[Token]) -> str:
    """The tokens as one text."""
    return " ".join(word.text for word in words)


def find_campaign(words: Sequence[Token], campaigns: Sequence[Named]) -> Found | Unclear:
    """The campaign that the words name: by id, ref, exact name, then by words that fit one campaign alone."""
    text = joined(words).casefold().strip()
    if match := _ID.fullmatch(text):
        by_id = [one for one in campaigns if one.id == int(match[1])]
        if by_id:
            return Found(by_id[0], exact=True)
    plain = text.removeprefix("#")
    exact = [one for one in campaigns if one.ref.casefold() == plain] or [
        one for one in campaigns if _folded(one.name) == " ".join(text.split())
    ]
    if exact:
        return Found(exact[0], exact=True) if len(exact) == 1 else Unclear(tuple(exact), fits=True)
    if not any(word.quoted for word in words):
        parts = re.findall(r"\w+", plain)
        fitting = [one for one in campaigns if parts and all(_begins(part, one) for part in parts)]
        if fitting:
            return Found(fitting[0]) if len(fitting) == 1 else Unclear(tuple(fitting), fits=True)
        inner = [word for word in words if word.folded not in _AROUND]
        if inner and len(inner) < len(words):
            return find_campaign(inner, campaigns)
    names = {_folded(one.name): one for one in campaigns} | {one.ref.casefold(): one for one in campaigns}
    near = difflib.get_close_matches(plain, list(names), 6, 0.6)
    return Unclear(tuple(dict.fromkeys(names[name] for name in near))[:3], fits=False)


def _begins(part: str, campaign: Named) -> bool:
    """Whether a word of the name or ref begins with these letters."""
    return any(word.startswith(part) for word in re.findall(r"\w+", f"{campaign.name} {campaign.ref}".casefold()))


def _folded(name: str) -> str:
    return " ".join(name.translate(_PLAIN).casefold().split())


def has_words(words: str, *texts: str) -> bool:
    """Whether each of the words is in one of these texts: `spring 2026` finds *Spring fair 2026*."""
    within = " ".join(texts).casefold()
    return all(word in within for word in words.casefold().split())
