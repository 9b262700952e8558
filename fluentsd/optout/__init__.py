"""Opt-out detection in free text.

People may revoke consent "by any reasonable means" (47 CFR 64.1200(a)(10)), so a list of keywords is not enough. Here a
text is normalised (case, accents, stretched and spelt-out letters), harmless phrases ("stop by tomorrow", "don't stop")
are removed, and the rest is matched against opt-out phrases (`optout.words`). A doubtful text counts as an opt-out: a
missed one harms a person, a false one costs a salesperson a message. What must not live here: the effects of an
opt-out. The decisions on doubtful texts are at the top of `tests/optout/replies.toml`.

Patterns match a normalised text: lower-case words of any script without apostrophes or accents, single spaces, and
` | ` where a sentence ends; it begins and ends with `| ` and ` |`.
"""

from __future__ import annotations

import re
import unicodedata

from fluentsd.optout import languages
from fluentsd.optout.quoted import is_reaction as is_reaction
from fluentsd.optout.quoted import own_words
from fluentsd.optout.words import ASKING, HARMLESS, RATHER, REQUEST

#: Longer texts are letters; their beginning is enough.
READ_AT_MOST = 2_000

_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc`\u00b4]")
_SPELT = re.compile(r"\b(?:[a-z0-9$][ .*_\-]){2,}[a-z0-9](?![a-z0-9])")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_SENTENCE = re.compile(r"[.!?,;:\n\r()\"。、！？，]+")
_OTHER = re.compile(r"[^\w#| ]+|_")
_SPACES = re.compile(r"\s+")
_SIGNS = {"🛑": " stop ", "✋": " stop ", "🚫": " stop ", "⛔": " stop ", "🖕": " go away ", "&": " and "}


def asks_to_stop(text: str) -> bool:
    """Whether the text is an opt-out, in English, Spanish and the languages of `optout.languages`. A phone's reaction
    and our own words quoted back are none."""
    if is_reaction(text):
        return False
    words = plain(own_words(text[:READ_AT_MOST]))
    if REQUEST.fullmatch(words) or languages.REQUEST.fullmatch(words):
        return True
    words = _SPACES.sub(" ", languages.HARMLESS.sub(" ", HARMLESS.sub(" ", RATHER.sub(" ", words))))
    return ASKING.search(words) is not None or languages.ASKING.search(words) is not None


def plain(text: str) -> str:
    """The normalised text for the patterns; see the module docstring."""
    words = unicodedata.normalize("NFKC", text[:READ_AT_MOST]).casefold()
    for sign, word in _SIGNS.items():
        words = words.replace(sign, word)
    words = languages.fold(words)
    words = _APOSTROPHES.sub("", words).replace("st0p", "stop").replace("$top", "stop").replace("f***", "fuck")
    words = _SPELT.sub(lambda found: re.sub(r"[^a-z0-9]", "", found[0]), words)
    words = _STRETCHED.sub(r"\1", words)
    words = _OTHER.sub(" ", _SENTENCE.sub(" | ", words))
    return _SPACES.sub(" ", f"| {words} |")
