"""Detects a file's encoding from samples of bytes, and handles bytes that do not fit it.

What must not live here: files, delimiters, the meaning of cells. A byte order mark, the zero bytes of UTF-16 and valid
UTF-8 are certain; everything else is reported as a guess. A file joined from two is read as UTF-8, and its invalid
bytes as Windows-1252.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from fluentsd.domain.contacts.mapping import CsvError

#: Size of each sample, in bytes.
SAMPLE = 1 << 16
#: Name of the decoder's error handler for invalid bytes.
AS_CP1252 = "fluentsd.cp1252"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Other encodings to detect; guesses beyond these would do more harm than asking the user.
_LEGACY = ("cp1252", "cp1250", "cp1251", "mac_roman", "shift_jis", "gb18030", "cp949", "big5")


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Error handler: decode each invalid byte as Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(AS_CP1252, _as_cp1252)


def detect_encoding(samples: Sequence[bytes]) -> tuple[str, bool]:
    """The encoding, and whether it is a guess. The first sample is the start of the file."""
    head = samples[0]
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, False
    if wide := _utf16_by_zeros(head):
        return wide, False
    sound = [_is_utf8(sample) for sample in samples]
    if all(sound) or _partly_utf8(samples, sound):
        return "utf-8", False
    return _legacy(b"".join(samples)), True


def _utf16_by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: text in Latin letters has a zero in every other byte."""
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.6 * pairs and head[::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if pairs and head[::2].count(0) > 0.6 * pairs and head[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return None


def _is_utf8(sample: bytes) -> bool:
    """Whether the sample is valid UTF-8, except for a character cut at either end."""
    cut = next((i for i in range(min(3, len(sample))) if sample[i] & 0xC0 != 0x80), 0)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample[cut:])
    except UnicodeDecodeError:
        return False
    return True


def _partly_utf8(samples: Sequence[bytes], sound: Sequence[bool]) -> bool:
    """Whether a file joined from two is partly UTF-8; other encodings contain few valid UTF-8 letters, by accident."""
    if any(good and not sample.isascii() for sample, good in zip(samples, sound, strict=True)):
        return True
    together = b"".join(samples)
    text = together.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    letters = sum(1 for c in text if ord(c) > 127) - bad
    return letters > bad or len(_UTF8_WESTERN.findall(together)) > 0.2 * bad


#: é, ü, ñ, ’ and similar characters in UTF-8; in any other encoding a rare accident.
_UTF8_WESTERN = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x80-\xbf]")


def _legacy(sample: bytes) -> str:
    """Windows-1252, unless the library is clearly better with another; short Western samples fit many encodings."""
    from charset_normalizer import from_bytes  # 17 ms and 4 MB that a clean file never needs

    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[: SAMPLE // 2]
    matches = from_bytes(telling, cp_isolation=list(_LEGACY))
    best = matches.best()
    western = max((m.coherence for m in matches if "cp1252" in m.could_be_from_charset), default=0.0)
    if best is None or best.coherence < 0.1 or best.coherence <= western or best.encoding == "mac_roman":
        return "mac_roman" if _odd(telling, "cp1252") > 2 * _odd(telling, "mac_roman") else "cp1252"
    return best.encoding


#: In a word's middle or end, a capital, a symbol or an opening quote instead of a small letter: "JosŽ", "MŸller".
_ODD = re.compile(r"(?<=[a-z])[^\x00-\x7f\u2019\u201d\u2013\u2014\u2026\xa0\xae\xb0\u2122]")


def _odd(sample: bytes, encoding: str) -> int:
    """Count of letters in impossible places, which tells Windows from old Mac files."""
    return sum(1 for c in _ODD.findall(sample.decode(encoding, "replace")) if not c.islower())


def parse_encoding(encoding: str) -> str:
    """The encoding given by the user. Raises `CsvError` when it does not exist."""
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)
    except LookupError:
        raise CsvError(f'There is no encoding "{encoding}".', "Use utf-8, utf-16, cp1252 or leave it out.") from None
    return "utf-8-sig" if name == "utf-8" else name
