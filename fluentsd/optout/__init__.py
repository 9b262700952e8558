"""Whether somebody's own words ask us to leave them alone.

People may revoke consent "by any reasonable means" (47 CFR 64.1200(a)(10)), so that a list of keywords is not enough.
Here lives the reading of free text: it is made plain (case, accents, stretched and spelt-out letters), what only looks
like a request ("stop by tomorrow", "don't stop") is taken out, and the rest is held against the ways of asking
(`optout_words`). In doubt it hears a request: an unheard one is a wrong to a person, a misheard one costs a salesperson
a message. What must not live here: what happens then. The decisions on open readings stand at the head of
`tests/optout/replies.toml`.

Patterns see a plain text: lower-case words without apostrophes or accents, single spaces, and ` | ` where a sentence
ends; it begins and ends with `| ` and ` |`.
"""

from __future__ import annotations

import re
import unicodedata

from fluentsd.optout.words import ASKING, HARMLESS, RATHER, REQUEST

#: Longer texts are letters; their beginning says what they want.
READ_AT_MOST = 2_000

_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc`\u00b4]")
_SPELT = re.compile(r"\b(?:[a-z0-9$][ .*_\-]){2,}[a-z0-9](?![a-z0-9])")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_SENTENCE = re.compile(r"[.!?,;:\n\r()\"]+")
_OTHER = re.compile(r"[^a-z0-9#| ]+")
_SPACES = re.compile(r"\s+")
_SIGNS = {"🛑": " stop ", "✋": " stop ", "🚫": " stop ", "⛔": " stop ", "🖕": " go away ", "&": " and "}


def asks_to_stop(text: str) -> bool:
    """Whether the words ask us to leave the person alone; English mainly, and Spanish."""
    words = plain(text)
    if REQUEST.fullmatch(words):
        return True
    words = _SPACES.sub(" ", HARMLESS.sub(" ", RATHER.sub(" ", words)))
    return ASKING.search(words) is not None


def plain(text: str) -> str:
    """The text as the patterns see it: see the head of this module."""
    words = unicodedata.normalize("NFKC", text[:READ_AT_MOST]).casefold()
    for sign, word in _SIGNS.items():
        words = words.replace(sign, word)
    words = "".join(char for char in unicodedata.normalize("NFD", words) if not unicodedata.combining(char))
    words = _APOSTROPHES.sub("", words).replace("st0p", "stop").replace("$top", "stop").replace("f***", "fuck")
    words = _SPELT.sub(lambda found: re.sub(r"[^a-z0-9]", "", found[0]), words)
    words = _STRETCHED.sub(r"\1", words)
    words = _OTHER.sub(" ", _SENTENCE.sub(" | ", words))
    return _SPACES.sub(" ", f"| {words} |")
