"""The reading of a person's names.

Here lives the one reading for every source (a CSV row, a CRM record): `names`. What must not live here: points,
columns, greetings. Names are tidied, never invented: a name is split only when the first name is certain. Names all in
capitals or all in small letters get normal case; mixed case is kept.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from fluentsd.domain.contacts.headings import unaccented

_ZERO_WIDTH_JOINERS = "\u200c\u200d"  # spelling, not decoration, in Persian and the Indic scripts


class Names(NamedTuple):
    """A person's names; an empty string for a name that the source does not have."""

    first: str = ""
    last: str = ""
    full: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words("mr mrs ms miss mx dr prof sir madam herr frau mme mlle sr sra dhr mevr")
_SUFFIXES = _words("jr sr ii iii iv phd md esq dds cpa rn")
_PARTICLES = _words("van von der den de del della di da dos la le du al bin ibn st ter ten")
#: Words that tell nobody apart: titles, degrees ("jr" and "sr" may be all that differs), and cells for "no name".
_NO_NAME = _TITLES - {"sr"} | _words("phd md esq dds cpa rn na none null unknown")
_JOINED = str.maketrans("", "", "'`.\u2019")
_WORDS = re.compile(r"[^\W_]+")
_TOGETHER = re.compile(r"&|\+|/|\s(?:and|und|et|y|e)\s", re.I)
_WORD = re.compile(r"[^\W\d_]+")
#: A word of small letters; what follows an apostrophe is one in "o'neil" and none in "mary's".
_SMALL = re.compile(r"(?<![^\W\d_])(?:(?<!['’])|(?<=\b[a-z]['’]))[^\W\d_]+")
_MC = re.compile(r"MC(?=[B-DF-HJ-NP-TV-Z])")
_NOT_LATIN_ORDER = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def names(full: str = "", first: str = "", last: str = "") -> Names:
    """First, last and full name from those that a source has.

    "DOE, JANE" becomes Jane Doe: a name all in capitals gets normal case, mixed case is kept. Couples, e-mail addresses
    and East Asian names are not split, because the first name would be a guess.
    """
    full, first, last = _tidy(full), _a_name(_tidy(first)), _tidy(last)
    last = last if last.istitle() and last.isalpha() else _a_name(last)
    if len(full) > 2 and full.casefold() in _NONE:
        full = ""
    if " " in first or first.rstrip(".").lower() in _TITLES:
        first, last = _one_given(first, last)
    if full.isupper() or first.isupper() or last.isupper():
        shouting = not any(map(str.islower, full + first + last))
        full, first, last = (_calm(text, shouting) for text in (full, first, last))
    if first.islower() or last.islower() or full.islower():
        full, first, last = _capitalised(full), _capitalised(first), _capitalised(last)
    inverted = _uninverted(full) if full else None
    if first or last:
        return Names(first, last, " ".join(inverted or (full,)) if full else f"{first} {last}".strip())
    if inverted:
        return Names(_without_initials(inverted[0]), inverted[1], " ".join(inverted))
    return Names(*_split(full), full)


#: What exports write where they have no name.
_NONE = frozenset(
    (
        "n/a", "na", "n.a.", "n.a", "none", "null", "nil", "undefined", "nan", "unknown", "unbekannt", "inconnu",
        "no name", "noname", "not provided", "not available", "not given", "not set", "anonymous", "blank", "(blank)",
        "empty", "(empty)", "tbd", "xxx", "#n/a", "#ref!", "#value!", "#name?", "first name", "last name", "full name",
        "firstname", "lastname", "-", "--", "?", ".",
    )
)  # fmt: skip
_NOT_A_NAME = re.compile(r"\S+@\S+\.\S+|(?:https?:|www\.)\S*|[^\w&]+|[\W\d_]*\d[\W\d_]*|(?:\{\{|%|\[|<).*")


def _a_name(text: str) -> str:
    """The text if it can be a name; "" for a word that stands for none, an address, a number, a template's field. A
    family may be called Null, a cell NULL."""
    if text.isalpha():
        return "" if text.casefold() in _NONE else text
    return "" if text.casefold() in _NONE or _NOT_A_NAME.fullmatch(text) else text


def _tidy(text: str) -> str:
    """One line, composed letters, no control characters and no direction marks."""
    if not text:
        return ""
    if text.isalpha() and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return text
    if not (text.isascii() and text.isprintable()):
        visible = (c for c in text if c in _ZERO_WIDTH_JOINERS or unicodedata.category(c) != "Cf")
        spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in visible)
        text = unicodedata.normalize("NFC", spaced)
    return " ".join(text.split())


def _one_given(first: str, last: str) -> tuple[str, str]:
    """A first name without a title ("Mr John"), or both names from a first one that holds them ("Poe, Ann")."""
    if not last and (both := _uninverted(first)):
        first, last = both
    words = first.split()
    while words and (_bare(words[0]) in _TITLES or words[0] == "&"):
        words.pop(0)
    return " ".join(words), last


def _capitalised(text: str) -> str:
    """A name typed in small letters; an address or a text with digits is none."""
    if not text.islower() or "@" in text or any(map(str.isdigit, text)):
        return text
    return _SMALL.sub(_capital, text)


def _capital(word: re.Match[str]) -> str:
    return word[0] if word[0] in _PARTICLES else word[0][0].upper() + word[0][1:]


def _calm(text: str, shouting: bool) -> str:
    """Capitals only at the start of words; short words (JP, AJ) are initials unless all names are in capitals."""
    return _WORD.sub(lambda word: _calm_word(word[0], shouting), text) if text.isupper() else text


def _calm_word(word: str, shouting: bool) -> str:
    initials = len(word) <= 3 and (not shouting or word.endswith("J") or not set(word) & set("AEIOUYÄÖÜÉÈ"))
    if initials or word in ("II", "III", "IV"):
        return word
    if _MC.match(word):
        return "Mc" + word[2] + word[3:].lower()
    return word[0] + word[1:].lower()


def _uninverted(full: str) -> tuple[str, str] | None:
    """(given, family) of "Doe, Jane"; None for anything else, "Jane Doe, MD" included."""
    family, comma, given = full.partition(",")
    family, given = family.strip(), given.strip()
    if not comma or not family or not given or "," in given or _bare(given) in _SUFFIXES:
        return None
    return None if _TOGETHER.search(full) else (given, family)


def _split(full: str) -> tuple[str, str]:
    if (
        not full
        or any(c.isdigit() or c == "@" for c in full)
        or _NOT_LATIN_ORDER.search(full)
        or _TOGETHER.search(full)
    ):
        return "", ""
    words = full.replace(",", " ").split()
    if not words:  # nothing but commas
        return "", ""
    titled = len(words) > 1 and _bare(words[0]) in _TITLES
    words = words[1:] if titled else words
    while len(words) > 1 and _bare(words[-1]) in _SUFFIXES:
        words.pop()
    if len(words) == 1:
        return ("", words[0]) if titled else (words[0], "")
    at = len(words) - 1
    while at > 1 and _bare(words[at - 1]) in _PARTICLES:
        at -= 1
    return words[0], " ".join(words[at:])


@lru_cache(maxsize=4096)
def comparable(text: str) -> tuple[str, ...]:
    """The words of a name for a comparison: without case, accents, titles and degrees; empty when no name is left."""
    plain = (text if text.isascii() else unaccented(text)).casefold().translate(_JOINED)
    return tuple(word for word in _WORDS.findall(plain) if word not in _NO_NAME)


def _without_initials(given: str) -> str:
    words = given.split()
    while len(words) > 1 and len(_bare(words[-1])) == 1:
        words.pop()
    return " ".join(words)


def _bare(word: str) -> str:
    return word.lower().replace(".", "")
