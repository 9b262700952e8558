"""The rows of a CSV file: encoding, delimiter, headings, ids. Pure: bytes in, rows out.

A file that ends in the middle is an error and never a shorter list: an open quote, or a last line that is short and has
no end.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluentsd.api import Meaning, NeedsHuman, Unavailable

#: Headings, in lower case without punctuation, and what they mean.
MEANINGS: Mapping[str, Meaning] = {
    "phone": "phone", "phonenumber": "phone", "mobile": "phone", "mobilephone": "phone", "cell": "phone",
    "cellphone": "phone", "telephone": "phone", "tel": "phone", "email": "email", "emailaddress": "email",
    "firstname": "first_name", "givenname": "first_name", "lastname": "last_name", "surname": "last_name",
    "familyname": "last_name", "name": "name", "fullname": "name", "timezone": "timezone", "city": "city",
    "state": "state", "zip": "zip", "zipcode": "zip", "postalcode": "zip", "country": "country",
    "optout": "opt_out", "optedout": "opt_out", "donotcontact": "opt_out", "unsubscribed": "opt_out_email",
    "donotcall": "opt_out_phone", "dnc": "opt_out_phone", "donottext": "opt_out_sms", "donotemail": "opt_out_email",
}  # fmt: skip


#: What Python says of a text that ends in the middle of a letter.
_CUT = ("unexpected end of data", "truncated data")


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's content: its digest, its headings, its rows by id in their order, and whether its last line has an
    end."""

    digest: str
    headings: tuple[str, ...]
    by_id: Mapping[str, Mapping[str, str]]
    ended: bool = True

    @property
    def opt_outs(self) -> frozenset[Meaning]:
        """The opt-outs that its headings tell."""
        found = {one for one in map(meaning_of, self.headings) if one.startswith("opt_out")}
        return frozenset({*found, "opt_out_sms"} if any(map(stops_texts, self.headings)) else found)


def digest_of(content: bytes) -> str:
    """The name of a content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def compare(old: Rows, new: Rows) -> tuple[list[str], list[str]]:
    """The ids of rows that are new or different, and of those that are gone."""
    changed = [ref for ref, row in new.by_id.items() if old.by_id.get(ref) != row]
    return changed, [ref for ref in old.by_id if ref not in new.by_id]


def meaning_of(heading: str) -> Meaning:
    """What a heading means; "" for nothing that fluentsd knows."""
    return MEANINGS.get(re.sub(r"[^a-z]", "", heading.casefold()), "")


def stops_texts(heading: str) -> bool:
    """Whether a heading for calls means texts too, as in an import of a file."""
    return re.sub(r"[^a-z]", "", heading.casefold()) in ("donotcall", "dnc")


def read_rows(content: bytes, column: str, name: str) -> Rows:
    """The rows of a file. Raises `Unavailable` for one that is cut off, `NeedsHuman` for one that is no such file."""
    text = _text(content, name)
    if not text.strip():
        raise Unavailable(f"{name!r} is empty: nobody is taken for gone")
    if text.lstrip()[:200].casefold().startswith(("<!doctype html", "<html")):
        raise NeedsHuman(f"{name!r} is a web page and no CSV file; publish the sheet, or share it with the link")
    told = re.match(r"sep=(.)\r?\n", text)  # Excel's own first line
    text = text[told.end() :] if told else text
    first = re.split("[\r\n]", text.lstrip(), maxsplit=1)[0]
    delimiter = told[1] if told else max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        headings = _headings(next((cells for cells in reader if any(cell.strip() for cell in cells)), []))
        found = _by_id(reader, headings, column, name, text.endswith(("\n", "\r")))
    except csv.Error as why:
        raise Unavailable(f"{name!r} is cut off or broken near line {reader.line_num} ({why})", after=60) from why
    return Rows(digest_of(content), tuple(one for one in headings if one), found, text.endswith(("\n", "\r")))


def _headings(cells: Sequence[str]) -> tuple[str, ...]:
    """The headings, each once: the second "Notes" is "Notes 2". A column without one is left out, as ""."""
    found: list[str] = []
    for cell in cells:
        name = base = cell.strip()
        taken, n = {one.casefold() for one in found}, 2
        while name and name.casefold() in taken:
            name, n = f"{base} {n}", n + 1
        found.append(name)
    return tuple(found)


def _by_id(reader: object, headings: tuple[str, ...], column: str, name: str, ended: bool) -> dict[str, dict[str, str]]:
    lower = [one.casefold() for one in headings]
    if column.casefold() not in lower:
        shown = ", ".join([one for one in headings if one][:20])
        raise NeedsHuman(f"{name!r} has no column {column!r}; set id to one of its columns: {shown}")
    place, found, last = lower.index(column.casefold()), dict[str, dict[str, str]](), list[str]()
    for last in reader:  # type: ignore[attr-defined]  # csv names no type for its readers
        values = dict(zip(headings, (*last, *[""] * len(headings)), strict=False))
        values.pop("", None)
        ref = last[place].strip() if len(last) > place else ""
        if ref:
            found.setdefault(ref, values)
    if last and not ended and len(last) < len(headings):
        raise Unavailable(f"{name!r} ends in the middle of its last line", after=60)
    return found


def _text(content: bytes, name: str) -> str:
    if b"\x00" in content[:1000] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NeedsHuman(f"{name!r} is not a text file; export it as CSV (UTF-8)")
    for encoding in ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as why:
            if encoding != "cp1252" and why.end == len(content) and why.reason in _CUT:
                raise Unavailable(f"{name!r} ends in the middle of a letter", after=60) from None
    raise NeedsHuman(f"{name!r} is neither UTF-8 nor Windows text; export it as CSV (UTF-8)")
