"""The reading of rows and records into people, and the preview of an import.

Here live the one reader of both (`ContactReader`), the identity of a person (`keys`) and the `preview`. What must not
live here: the meaning of columns and fields (`mapping`), typed values (`values`), the reading of points and names
(`points`, `names`), files, the store. A row is a person, a reject with its line and reason, or empty; every non-empty
row, and every record, is accounted for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from phonenumbers import SUPPORTED_REGIONS

from fluentsd.domain.contacts.headings import Target, plain
from fluentsd.domain.contacts.identity import PointKey, Profile, name_in, tell_apart
from fluentsd.domain.contacts.mapping import Column, Columns, Need
from fluentsd.domain.contacts.names import Names, names
from fluentsd.domain.contacts.points import BadPoint, Phone, addresses_in, email, email_key, phone
from fluentsd.domain.contacts.values import UnknownValue, Value, texts_of
from fluentsd.domain.places.readings import country_code
from fluentsd.domain.time.dates import plainly

#: Cell texts that mean "no value".
_NOTHING = frozenset(("n/a", "na", "none", "null", "nil", "-", "--", "?", "unknown", "#n/a", "#value!", "#ref!", "."))
#: Headings of postal codes outside the United States.
_OTHER_POSTAL_CODES = frozenset(
    ("plz", "postleitzahl", "code postal", "codigo postal", "cep", "cap", "postnummer", "kod pocztowy", "pin code",
     "pincode", "eircode", "postcode")
)  # fmt: skip
_POINTS = (Target.PHONE, Target.EMAIL)
_COUNTRY_NAMES = (
    "US:usa,united states,united states of america,u.s.,u.s.a.,america|CA:canada|"
    "GB:uk,u.k.,united kingdom,great britain,england,scotland,wales,northern ireland|IE:ireland|AU:australia|"
    "NZ:new zealand|DE:germany,deutschland|AT:austria,österreich|CH:switzerland,schweiz,suisse|FR:france|"
    "BE:belgium,belgique,belgië|NL:netherlands,the netherlands,nederland|ES:spain,españa|PT:portugal|"
    "IT:italy,italia|MX:mexico,méxico|BR:brazil,brasil|IN:india|JP:japan|SE:sweden|NO:norway|DK:denmark|"
    "FI:finland|PL:poland,polska|IL:israel|ZA:south africa|SG:singapore|PR:puerto rico|"
    "AE:united arab emirates,uae|PH:philippines|AR:argentina|CO:colombia|CL:chile|CN:china|HK:hong kong|"
    "KR:south korea"
)
_COUNTRIES = {
    n: code for part in _COUNTRY_NAMES.split("|") for code, _, ns in [part.partition(":")] for n in ns.split(",")
}


class Person(NamedTuple):
    """The person in one row: normalised points and names, place and language as written, every variable."""

    line: int
    phones: tuple[Phone, ...]
    emails: tuple[str, ...]
    names: Names
    timezone: str
    state: str
    country: str
    postal_code: str
    language: str
    external_id: str
    fields: dict[str, str]
    #: On which channel ("*" for all) the row says that the person opted out, and its words: ("phone", "DNC: yes").
    opt_outs: tuple[tuple[str, str], ...] = ()
    #: Problems that did not cause a reject, such as an invalid second number.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """An invalid row: its first physical line, the reason, its original cells."""

    line: int
    reason: str
    raw: tuple[str, ...]


class UnknownCell(Reject):
    """A record with a value that cannot be read; nothing is known of its other values."""

    __slots__ = ()


def region_of(country: str) -> str | None:
    """The ISO code of a country's usual name or code; None when unknown."""
    code = _COUNTRIES.get(country.casefold()) or country_code(country) or country.upper()
    return code if code in SUPPORTED_REGIONS else None


def read_row(
    mapping: Columns, row: Sequence[str] | Reject, line: int, region: str = "US", need: Need = "any"
) -> Person | Reject | None:
    """One row as a person or a reject; None when it is empty. A reader's own reject passes through.

    A number without a country code belongs to the row's country, else to `region`. `need="phone"` rejects people who
    have only an e-mail address. Short rows are filled up; a row with more cells than columns has lost its quoting.
    """
    return ContactReader(mapping, region, need).read(row, line)


#: Further values of a field that is a list, by the index of its column; a row of cells has none.
_More = Mapping[int, Sequence[str]]
_NO_MORE: _More = {}


class ContactReader:
    """Reads the rows of a table (`read`) or the records of a CRM (`read_record`); the mapping is compiled once."""

    def __init__(self, mapping: Columns, region: str = "US", need: Need = "any") -> None:
        self._region, self._need = region, need
        self._columns = mapping.columns
        self._width = len(mapping.columns)
        self._phones = [(i, mapping.columns[i].label) for i in mapping.order[Target.PHONE]]
        self._emails = [(i, mapping.columns[i].label) for i in mapping.order[Target.EMAIL]]
        texts = [(target.value, mapping.order[target]) for target in Target if target not in _POINTS]
        self._empty = dict.fromkeys((target for target, _ in texts), "")
        self._texts = [(target, order[0], order[1:]) for target, order in texts if order]
        self._country = mapping.order[Target.COUNTRY]
        self._is_zip = self._may_be_zip(mapping, region)
        self._variables = [(c.slug, c.index) for c in mapping.columns if c.slug != c.target and c.how != "ignored"]
        self._dates = [(c.slug, c.dates) for c in mapping.columns if c.dates and c.how != "ignored"]
        self._opt_outs = [(c.index, c.label, c.opt_out) for c in mapping.columns if c.opt_out]

    @staticmethod
    def _may_be_zip(mapping: Columns, region: str) -> bool:
        """Whether five digits without a country may be a ZIP code: not under "PLZ", not in another country's list."""
        headings = {plain(mapping.columns[i].name) for i in mapping.order[Target.POSTAL_CODE]}
        return region in ("US", "CA") and not headings & _OTHER_POSTAL_CODES

    def read(self, row: Sequence[str] | Reject, line: int) -> Person | Reject | None:
        """The row that begins at this line."""
        if isinstance(row, Reject):
            return row
        cells = list(map(str.strip, row))
        if not _is_plain("\n" + "\n".join(cells)):  # one look at a row is quicker than one at each cell
            cells = [undamaged(cell) for cell in cells]
        if not any(cells):
            return None
        if len(cells) != self._width:
            if any(cells[self._width :]):
                reason = f"{len(cells)} cells but {self._width} columns; check the quotes"
                return Reject(line, reason, tuple(row))
            cells += [""] * (self._width - len(cells))
        return self._read(cells, _NO_MORE, line, row)

    def read_record(self, id_: str, fields: Mapping[str, Value]) -> Person | Reject:
        """The record with this id in its source; `mapping` is `record_columns`. Fields that it does not name are passed
        over, and missing ones are empty. Each value of a list of points counts. A person and a reject have line 0."""
        cells: list[str] = []
        more: dict[int, list[str]] = {}
        *columns, _ = self._columns  # the last one is the id's
        for column in columns:
            try:
                several = texts_of(fields.get(column.name))
            except UnknownValue as why:
                return UnknownCell(0, f"{column.label}: {why}", (id_,))
            if column.target in _POINTS and len(several) > 1:
                more[column.index] = several[1:]
                del several[1:]
            cells.append(undamaged(", ".join(several)))
        cells.append(id_)
        return self._read(cells, more, 0, cells)

    def _read(self, cells: Sequence[str], more: _More, line: int, raw: Sequence[str]) -> Person | Reject:
        """The person of these texts, one for each column."""
        problems: list[str] = []
        country = _first(self._country, cells)
        phones = self._read_phones(cells, more, (country and region_of(country)) or self._region, problems)
        emails = self._read_emails(cells, more, problems)
        if not phones and (self._need == "phone" or not emails):
            missing = "no phone number" if self._need == "phone" else "neither a phone number nor an e-mail address"
            return Reject(line, "; ".join(problems) or missing, tuple(raw))
        return self._person(cells, line, phones, emails, tuple(problems))

    def _read_phones(self, cells: Sequence[str], more: _More, region: str, problems: list[str]) -> tuple[Phone, ...]:
        found: dict[str, Phone] = {}
        for i, label in self._phones:
            texts = [cells[i], *more[i]] if i in more else [cells[i]]
            for text in texts:
                if not text or text.lower() in _NOTHING:
                    continue
                try:
                    number = phone(text, region)
                except BadPoint as bad:
                    problems.append(f"{label}: {bad.reason}")
                else:
                    found.setdefault(number.e164, number)
                    texts += number.rest  # the other numbers of the cell come after it
        return tuple(found.values())

    def _read_emails(self, cells: Sequence[str], more: _More, problems: list[str]) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for i, label in self._emails:
            for cell in (cells[i], *more[i]) if i in more else (cells[i],):
                for text in addresses_in(cell):
                    if not text.strip() or text.lower() in _NOTHING:
                        continue
                    try:
                        address = email(text)
                    except BadPoint as bad:
                        problems.append(f"{label}: {bad.reason}")
                    else:
                        found.setdefault(email_key(address), address)
        return tuple(found.values())

    def _person(
        self,
        cells: Sequence[str],
        line: int,
        phones: tuple[Phone, ...],
        emails: tuple[str, ...],
        notes: tuple[str, ...],
    ) -> Person:
        texts = self._empty.copy()
        for target, first, others in self._texts:
            texts[target] = cells[first] or (_first(others, cells) if others else "")
        called = names(texts["full_name"], texts["first_name"], texts["last_name"])
        fields = {slug: cells[index] for slug, index in self._variables if cells[index]}
        for slug, day_or_month in self._dates:
            if slug in fields:
                fields[slug] = plainly(fields[slug], day_or_month)
        if phones:
            fields["phone"] = phones[0].e164
            if phones[0].extension:
                fields.setdefault("phone_extension", phones[0].extension)
        if emails:
            fields["email"] = emails[0]
        texts["first_name"], texts["last_name"], texts["full_name"] = called.first, called.last, called.full
        fields |= {target: text for target, text in texts.items() if text}
        return Person(
            line,
            phones,
            emails,
            called,
            texts["timezone"],
            texts["state"],
            texts["country"],
            texts["postal_code"] if self._is_zip or texts["country"] else "",
            texts["language"],
            texts["external_id"],
            fields,
            self._opted_out(cells) if self._opt_outs else (),
            notes,
        )

    def _opted_out(self, cells: Sequence[str]) -> tuple[tuple[str, str], ...]:
        answers = [(says.stopped(cells[i]), f"{label}: {cells[i][:40]}") for i, label, says in self._opt_outs]
        return tuple((channel, words) for channels, words in answers for channel in channels)


def _is_plain(text: str) -> bool:
    """Whether nothing in these cells can be what `undamaged` mends; each is in a line of its own."""
    if "\n'" in text or '="' in text or ("&" in text and _ENTITY.search(text)):
        return False
    return text.isascii() or _MOJIBAKE.search(text) is None


_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
#: Letters of UTF-8 that were read as Windows-1252: "JosÃ©", "donâ€™t".
_MOJIBAKE = re.compile(
    "[\u00c2-\u00c5\u00d0\u00d1][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]|\u00e2\u20ac"
)


def undamaged(text: str) -> str:
    """A cell without what programs did to it: an apostrophe against formulas (our own reject files have it), `="…"`,
    the entities of HTML, UTF-8 that was read as Windows-1252. Each is undone only where it is certain."""
    if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@"):
        return text[1:]
    if text[:2] == '="' and (formula := _FORMULA.fullmatch(text)):
        text = formula[1].replace('""', '"').strip()
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if not text.isascii() and _MOJIBAKE.search(text):
        for encoding in ("cp1252", "latin-1"):
            with suppress(UnicodeError):
                return text.encode(encoding).decode("utf-8")
    return text


def _first(order: Sequence[int], cells: Sequence[str]) -> str:
    """The first non-empty cell of a target's columns."""
    for i in order:
        if cells[i]:
            return cells[i]
    return ""


def point_keys(person: Person) -> list[PointKey]:
    """The points as the store knows them, in order of preference: (kind, value)."""
    return [("phone", p.e164) for p in person.phones] + [("email", email_key(address)) for address in person.emails]


def profile(person: Person) -> Profile:
    """The row as far as `identity` needs it to tell people apart."""
    return Profile(
        set(point_keys(person)), [name_in(person.fields)], {person.external_id} if person.external_id else set()
    )


def keys(person: Person) -> tuple[str, ...]:
    """The points as URIs."""
    phones = (f"tel:{p.e164}" for p in person.phones)
    return (*phones, *(f"mailto:{email_key(address)}" for address in person.emails))


@dataclass(frozen=True, slots=True)
class Preview:
    """Three small tables: (column, becomes, known by, example), (line, phone, e-mail, name, notes), (line, reason); how
    many points belong to several of the people, by kind; how many of the people opted out; and the counts that an
    import of the same rows has: rows, invalid rows, rows about a person of an earlier row."""

    columns: tuple[tuple[str, str, str, str], ...]
    people: tuple[tuple[str, str, str, str, str], ...]
    rejects: tuple[tuple[str, str], ...]
    shared: dict[str, int]
    opted_out: int = 0
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0


def preview(mapping: Columns, people: Sequence[Person], rejects: Sequence[Reject], limit: int = 5) -> Preview:
    """The preview of an import: its columns, its first `limit` people and rejects, and the counts of all."""
    shown, overlap = people[:limit], tell_apart(map(profile, people))
    return Preview(
        tuple((c.label, _becomes(mapping, c), _known_by(c), _example(c, shown)) for c in mapping.columns),
        tuple(_shown(p) for p in shown),
        tuple((str(r.line), r.reason) for r, _ in zip(rejects, range(limit), strict=False)),
        dict(overlap.shared),
        sum(1 for person in people if person.opt_outs),
        len(people) + len(rejects),
        len(rejects),
        overlap.duplicates,
    )


def _known_by(column: Column) -> str:
    return f"{column.how}: {column.doubt}" if column.how and column.doubt else column.how or column.doubt


def _shown(person: Person) -> tuple[str, str, str, str, str]:
    number, address = person.fields.get("phone", ""), person.fields.get("email", "")
    return str(person.line), number, address, person.names.full, "; ".join(person.notes)


def _becomes(mapping: Columns, column: Column) -> str:
    if column.opt_out:
        return str(column.opt_out)
    if column.how == "ignored":
        return ""
    if column.target is None:
        return "{{ " + column.slug + " }}"
    place = mapping.order[column.target].index(column.index)
    return column.target.value if place == 0 else f"{column.target} ({place + 1})"


def _example(column: Column, people: Sequence[Person]) -> str:
    return next((text[:40] for p in people if (text := p.fields.get(column.slug, ""))), "")
