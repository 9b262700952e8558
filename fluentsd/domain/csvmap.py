"""Which column of a table means what, and what one of its rows says of a person.

Here live the reading of column names and contents (`suggest`, `has_header`, `with_asked`), of one row (`read_row`) and
the table shown before an import (`preview`). What must not live here: files, encodings, the store. A column is known by
its name; only where names say nothing do its cells, and never bare digits under a strange heading, because an order
number would be dialled. Every column that is nothing else becomes a variable. A row is a person, a reject with its line
and reason, or nothing at all; no row is lost without a word.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Literal

from phonenumbers import SUPPORTED_REGIONS

from fluentsd.domain.people import BadPoint, Names, Phone, email, email_key, names, phone


class CsvError(Exception):
    """A file or its mapping cannot be used: what is wrong, that nothing was imported, and how to fix it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} Nothing was imported. {fix}")


class Target(StrEnum):
    """What a column can mean to us; the value is also the variable's name in templates."""

    PHONE = "phone"
    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    TIMEZONE = "timezone"
    STATE = "state"
    COUNTRY = "country"
    POSTAL_CODE = "postal_code"
    LANGUAGE = "language"
    EXTERNAL_ID = "external_id"


How = Literal["name", "content", "asked", ""]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading ("" without a header), its variable, its meaning and how that became known."""

    index: int
    name: str
    slug: str
    target: Target | None = None
    how: How = ""

    @property
    def label(self) -> str:
        return self.name or self.slug


@dataclass(frozen=True, slots=True)
class Mapping_:
    """All columns, and for each target its columns in the order they are tried."""

    columns: tuple[Column, ...]
    has_header: bool
    order: Mapping[Target, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Person:
    """What one row says: normalised points and names, place and language as written, every variable."""

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
    #: What was wrong and did not matter, such as a second number that does not exist.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is nobody we could reach: its first physical line, the reason, its cells as they stood."""

    line: int
    reason: str
    raw: tuple[str, ...]


# ---- reading headings

#: Headings as `_heading` leaves them, best first. English with what Google, HubSpot, Outlook and Salesforce write,
#: then German, French, Spanish, Italian, Portuguese, Dutch.
_HEADINGS: dict[Target, str] = {
    Target.FIRST_NAME: "first name|firstname|given name|forename|fname|first|vorname|prenom|nombre|nome|voornaam",
    Target.LAST_NAME: "last name|lastname|family name|surname|lname|last|nachname|familienname|nom|nom de famille"
    "|apellido|apellidos|cognome|sobrenome|achternaam",
    Target.FULL_NAME: "full name|fullname|name|customer name|display name|contact|nombre completo|nom complet|naam",
    Target.TIMEZONE: "timezone|time zone|tz|iana timezone|zeitzone|fuseau horaire|zona horaria|fuso orario|tijdzone",
    Target.STATE: "state|state province|state region|province|us state|state code|region|bundesland|estado|provincia",
    Target.COUNTRY: "country|country region|country code|country name|pays|pais|paese",
    Target.POSTAL_CODE: "zip|zip code|zipcode|postal code|postcode|zip postal code|postalcode|plz|postleitzahl"
    "|code postal|codigo postal|cep",
    Target.LANGUAGE: "language|preferred language|lang|locale|sprache|langue|idioma|lingua|taal",
    Target.EXTERNAL_ID: "external id|record id|record id contact|contact id|lead id|customer id|person id|object id"
    "|id|vid|user id",
}
_BY_HEADING = {h: (t, rank) for t, text in _HEADINGS.items() for rank, h in enumerate(text.split("|"))}
_PLACES = ("home", "mailing", "address 1", "", "address", "business", "work", "other", "billing", "shipping")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOBILE = _words("mobile cell cellphone cellular mobil handy handynummer mobilnummer portable movil celular cellulare")
_PHONE = _MOBILE | _words("phone phonenumber telephone tel telefon telefonnummer rufnummer telefono telefone telefoon")
_PHONE_CJK = _words("电话 电话号码 手机 手机号 電話 電話番号 携帯電話 전화번호 휴대폰")
_EMAIL = _words("email emailaddress mail correo courriel")
_TO_NUMBER = _words("to_number tonumber")
#: Headings that hold a number only if the cells say so.
_MAYBE_PHONE = _words("number contact to contact_number direct_line direct_dial numero")
#: Words that make a heading something about a number or an address, or somebody else's.
_NOT_A_POINT = _words(
    "fax from caller agent assistant asst type label ext extension opt opted out optin optout consent status valid "
    "validated verified bounced bounce date time count total owner rep emergency spouse manager supervisor referrer "
    "referral referred not dnc carrier model display domain subject last first sent open opened click clicked name "
    "provider hash code area country id preference reason unsubscribed unsubscribe marketing delivered replied source "
    "template campaign confirmation quarantined app device version is has do allow allowed calls parent partner "
    "invoice order amount yomi format calculated searchable"
)
_SHARED = _words("company main account switchboard corporate headquarters hq organization")
_RANKS = ((_MOBILE, 1), (_words("home personal private"), 3), (_words("work business office direct"), 4))
_FLAGS = _words("yes no true false y n 0 1 x mobile home work cell other main on off ja nein oui non si")
_NOTHING = frozenset(("n/a", "na", "none", "null", "nil", "-", "--", "?", "unknown", "#n/a", "#value!", "#ref!", "."))


def _heading(name: str) -> str:
    """A heading in plain words: "Mobile_Phone__c", "mobilePhone" and "Mobile-Phône" are all "mobile phone"."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    plain = re.sub(r"[\W_]+", " ", _unaccented(split).casefold()).strip()
    plain = re.sub(r"\be mail\b", "email", plain)
    plain = re.sub(r" c$|^(?:hs|contact|lead|person|prospect|primary) (?!id$|number$|owner\b)", "", plain)
    return re.sub(r" value$", "", plain)


def _unaccented(text: str) -> str:
    """Latin letters without their marks; other scripts keep theirs, which are letters."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def _point_rank(heading: str) -> tuple[Target, int] | None:
    """Whether a heading names a point of the person, and how soon it is tried (9: only if there is no other)."""
    words = {w.rstrip("0123456789") or w for w in heading.split()}
    if heading.replace(" ", "_") in _TO_NUMBER:
        return Target.PHONE, 0
    if words & _NOT_A_POINT and heading != "email id":
        return None
    late = 9 if words & _SHARED else 5 if words & {"other", "alternate", "alternative", "secondary"} else None
    if words & _EMAIL:
        return Target.EMAIL, late or 1
    if words & _PHONE or words & _PHONE_CJK:
        return Target.PHONE, late or next((rank for kind, rank in _RANKS if words & kind), 2)
    return None


def _named(heading: str, cells: Sequence[str]) -> tuple[Target, int] | None:
    """A column's target and its rank by heading; its cells may only object."""
    if cells and all(c.lower() in _FLAGS for c in cells):
        return _place(heading)
    if point := _point_rank(heading):
        return point
    if heading.replace(" ", "_") in _MAYBE_PHONE and cells and all(_like_phone(c) for c in cells):
        return Target.PHONE, 2
    return _place(heading)


def _place(heading: str) -> tuple[Target, int] | None:
    for place_rank, place in enumerate(_PLACES):
        bare = heading.removeprefix(place).strip() if place else heading
        if (not place or heading.startswith(place + " ")) and bare in _BY_HEADING:
            target, rank = _BY_HEADING[bare]
            if not place or target in (Target.STATE, Target.COUNTRY, Target.POSTAL_CODE):
                return target, place_rank * 100 + rank
    return None


# ---- the whole header


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it holds no point itself, and has known headings or points below."""
    if not rows:
        return False
    first, below = rows[0], rows[1:]
    if any(_like_email(c) or _like_phone(c) for c in first):
        return False
    if any(_named(_heading(c), ()) for c in first if c.strip()):
        return True
    points = {i for row in below for i, c in enumerate(row) if _like_email(c) or _like_phone(c)}
    return not points or any(i < len(first) and first[i].strip() for i in points)


def _like_phone(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= 7 and bool(re.fullmatch(r"['=\"]*\+?[\d\s().\-/x+#eE,]{7,}\"?", cell.strip()))


def _like_email(cell: str) -> bool:
    return bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", cell.strip()))


def suggest(header: Sequence[str], sample: Sequence[Sequence[str]], region: str = "US") -> Mapping_:
    """Map columns by their headings, or by their cells where no heading says it; an empty header means none."""
    width = len(header) or max(map(len, sample), default=0)
    header = [*(" ".join(h.split()) for h in header), *[""] * (width - len(header))]
    cells = [[t for row in sample if i < len(row) and (t := row[i].strip())] for i in range(width)]
    found: dict[int, tuple[Target, int, How]] = {}
    for i, name in enumerate(header):
        if name and (named := _named(_heading(name), cells[i])):
            found[i] = (*named, "name")
    for target, good in ((Target.EMAIL, email), (Target.PHONE, partial(phone, region=region))):
        if not any(t is target for t, _, _ in found.values()):
            free = [i for i in range(width) if i not in found and not _words(_heading(header[i])) & _NOT_A_POINT]
            share, best = max(((_share(cells[i], good, bool(header[i])), -i) for i in free), default=(0.0, 0))
            if share >= 0.8:
                found[-best] = (target, 0, "content")
    return _mapping(header, found)


def _share(cells: Sequence[str], good: Callable[[str], object], strict: bool) -> float:
    """How much of a column reads as points; bare digits count for less, and under a heading for nothing."""
    marked = any(not c.isdigit() for c in cells)
    if not cells or (strict and not marked):
        return 0.0
    read = sum(1 for c in cells if _reads(good, c))
    return read / len(cells) + (0.001 if marked else 0)


def _reads(good: Callable[[str], object], cell: str) -> bool:
    try:
        good(cell)
    except BadPoint:
        return False
    return True


def _mapping(header: Sequence[str], found: dict[int, tuple[Target, int, How]]) -> Mapping_:
    order: dict[Target, tuple[int, ...]] = {}
    for target in Target:
        ranked = sorted((rank, i) for i, (t, rank, _) in found.items() if t is target)
        usable = [i for rank, i in ranked if rank < 9 or target not in (Target.PHONE, Target.EMAIL)]
        order[target] = tuple(usable or [i for _, i in ranked])
    order[Target.EXTERNAL_ID] = order[Target.EXTERNAL_ID][:1]  # ids of two systems must not mix
    _german_and_french_names(header, order)
    return _columns(header, order, {i: how for i, (_, _, how) in found.items()})


def _german_and_french_names(header: Sequence[str], order: dict[Target, tuple[int, ...]]) -> None:
    """Beside "Vorname" or "Prénom", a column "Name" is the family name."""
    first = {_heading(header[i]) for i in order[Target.FIRST_NAME]}
    if first & {"vorname", "prenom", "voornaam"} and not order[Target.LAST_NAME]:
        order[Target.LAST_NAME], order[Target.FULL_NAME] = order[Target.FULL_NAME], ()


def _columns(header: Sequence[str], order: dict[Target, tuple[int, ...]], how: Mapping[int, How]) -> Mapping_:
    targets = {i: target for target, indexes in order.items() for i in indexes}
    taken: set[str] = set()
    columns = []
    for i, name in enumerate(header):
        slug = _free_slug(name, i, targets.get(i), taken)
        columns.append(Column(i, name, slug, targets.get(i), how.get(i, "") if i in targets else ""))
    return Mapping_(tuple(columns), any(header), order)


#: Names that templates and conditions use for something else.
_RESERVED = _words(
    "contact campaign step last agent enrollment attempt outcome now today true false nil null empty blank and or not "
    "contains in for if else unless case when forloop"
) | frozenset(Target)


def _free_slug(name: str, index: int, target: Target | None, taken: set[str]) -> str:
    slug = re.sub(r"[\W_]+", "_", _unaccented(name).casefold()).strip("_")[:60] or f"column_{index + 1}"
    if (slug in _RESERVED and slug != target) or slug[0].isdigit():
        slug = f"column_{slug}"
    free = next(s for n in count(1) if (s := slug if n == 1 else f"{slug}_{n}") not in taken)
    taken.add(free)
    return free


def with_asked(mapping: Mapping_, asked: Mapping[str, str]) -> Mapping_:
    """The mapping as a person corrects it: target name → heading, variable or 1-based number of a column.

    The named column becomes the target's only one. Raises CsvError for an unknown target or column, and says what is
    near.
    """
    order = dict(mapping.order)
    how: dict[int, How] = {c.index: c.how for c in mapping.columns}
    for key, wanted in asked.items():
        if key not in list(Target):
            raise CsvError(f'"{key}" is not something a column can be mapped to.', f"Use one of: {', '.join(Target)}.")
        column = _find(mapping, wanted)
        order = {t: tuple(i for i in indexes if i != column.index) for t, indexes in order.items()}
        order[Target(key)] = (column.index,)
        how[column.index] = "asked"
    return replace(_columns([c.name for c in mapping.columns], order, how), has_header=mapping.has_header)


def _find(mapping: Mapping_, wanted: str) -> Column:
    key = " ".join(wanted.split()).casefold()
    for column in mapping.columns:
        if key in (column.name.casefold(), column.slug, str(column.index + 1)):
            return column
    labels = {c.label.casefold(): c.label for c in mapping.columns}
    near = difflib.get_close_matches(key, labels, n=3, cutoff=0.5)
    near = near or [label for label in labels if key and (key in label or label in key)][:3]
    names_ = ", ".join(f'"{labels[n]}"' for n in (near or list(labels)[:12]))
    raise CsvError(f'No column is called "{wanted}".', f"{'Near it' if near else 'The columns are'}: {names_}.")


def require(mapping: Mapping_, need: Need) -> None:
    """Raise CsvError if no row of this table could be accepted."""
    if mapping.order[Target.PHONE] or (need == "any" and mapping.order[Target.EMAIL]):
        return
    what = "phone numbers" if need == "phone" else "phone numbers or e-mail addresses"
    columns = ", ".join(f'"{c.label}"' for c in mapping.columns[:12])
    raise CsvError(f"No column holds {what} (columns: {columns}).", 'Name one, for example --map phone="To Number".')


# ---- one row

Need = Literal["phone", "any"]

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


def region_of(country: str) -> str | None:
    """The ISO code of a country as people write it; None when not known."""
    code = _COUNTRIES.get(country.casefold(), country.upper())
    return code if code in SUPPORTED_REGIONS else None


def read_row(
    mapping: Mapping_, row: Sequence[str] | Reject, line: int, region: str = "US", need: Need = "any"
) -> Person | Reject | None:
    """One row as a person or a reject; None when it is empty. A reader's own reject passes through.

    Numbers without a country code are the row's country's, else `region`'s. `need="phone"` rejects people who have only
    an e-mail address. Short rows are filled up; a row with more cells than columns has lost its quoting.
    """
    if isinstance(row, Reject):
        return row
    cells = [_unguarded(c) for c in row]
    if not any(cells):
        return None
    width = len(mapping.columns)
    if any(cells[width:]):
        return Reject(line, f"{len(cells)} cells but {width} columns: quoting is broken?", tuple(row))
    cells += [""] * (width - len(cells))
    problems: list[str] = []
    country = _first(mapping, Target.COUNTRY, cells)
    phones = _phones(mapping, cells, region_of(country) or region, problems)
    emails = _emails(mapping, cells, problems)
    if not phones and (need == "phone" or not emails):
        missing = "no phone number" if need == "phone" else "neither a phone number nor an e-mail address"
        return Reject(line, "; ".join(problems) or missing, tuple(row))
    return _person(mapping, cells, line, phones, emails, tuple(problems))


def _unguarded(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it (our own reject files have it)."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _first(mapping: Mapping_, target: Target, cells: Sequence[str]) -> str:
    return next((cells[i] for i in mapping.order[target] if cells[i]), "")


def _phones(mapping: Mapping_, cells: Sequence[str], region: str, problems: list[str]) -> tuple[Phone, ...]:
    found: dict[str, Phone] = {}
    for i in mapping.order[Target.PHONE]:
        if not cells[i] or cells[i].lower() in _NOTHING:
            continue
        try:
            number = phone(cells[i], region)
        except BadPoint as bad:
            problems.append(f"{mapping.columns[i].label}: {bad.reason}")
            continue
        found.setdefault(number.e164, number)
        if number.rest:
            problems.append(
                f"{mapping.columns[i].label}: {len(number.rest) + 1} numbers, only the first valid one is used"
            )
    return tuple(found.values())


def _emails(mapping: Mapping_, cells: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for i in mapping.order[Target.EMAIL]:
        several = cells[i].count("@") > 1 and cells[i].isprintable()
        for text in re.split(r":::|[;,|]|\s/\s|\s+(?=\S+@)", cells[i]) if several else (cells[i],):
            if not text.strip() or text.lower() in _NOTHING:
                continue
            try:
                address = email(text)
            except BadPoint as bad:
                problems.append(f"{mapping.columns[i].label}: {bad.reason}")
            else:
                found.setdefault(email_key(address), address)
    return tuple(found.values())


def _person(
    mapping: Mapping_,
    cells: Sequence[str],
    line: int,
    phones: tuple[Phone, ...],
    emails: tuple[str, ...],
    notes: tuple[str, ...],
) -> Person:
    said = {target: _first(mapping, target, cells) for target in Target}
    called = names(said[Target.FULL_NAME], said[Target.FIRST_NAME], said[Target.LAST_NAME])
    said[Target.PHONE] = phones[0].e164 if phones else ""
    said[Target.EMAIL] = emails[0] if emails else ""
    said[Target.FIRST_NAME], said[Target.LAST_NAME], said[Target.FULL_NAME] = called.first, called.last, called.full
    fields = {c.slug: cells[c.index] for c in mapping.columns if cells[c.index] and c.slug != c.target}
    fields.update((target.value, text) for target, text in said.items() if text)
    return Person(
        line,
        phones,
        emails,
        called,
        said[Target.TIMEZONE],
        said[Target.STATE],
        said[Target.COUNTRY],
        said[Target.POSTAL_CODE],
        said[Target.LANGUAGE],
        said[Target.EXTERNAL_ID],
        fields,
        notes,
    )


def keys(person: Person) -> tuple[str, ...]:
    """What makes two rows the same person: any shared number (with its extension) or mailbox."""
    phones = (f"tel:{p.e164};ext={p.extension}" if p.extension else f"tel:{p.e164}" for p in person.phones)
    return (*phones, *(f"mailto:{email_key(address)}" for address in person.emails))


# ---- before an import


@dataclass(frozen=True, slots=True)
class Preview:
    """Three small tables: (column, becomes, known by, example), (line, phone, e-mail, name, notes), (line, reason)."""

    columns: tuple[tuple[str, str, str, str], ...]
    people: tuple[tuple[str, str, str, str, str], ...]
    rejects: tuple[tuple[str, str], ...]


def preview(mapping: Mapping_, people: Iterable[Person], rejects: Iterable[Reject], limit: int = 5) -> Preview:
    """What an import would do, shown on its first `limit` people and rejects."""
    shown = [p for p, _ in zip(people, range(limit), strict=False)]
    return Preview(
        tuple((c.label, _becomes(mapping, c), c.how, _example(c, shown)) for c in mapping.columns),
        tuple(_shown(p) for p in shown),
        tuple((str(r.line), r.reason) for r, _ in zip(rejects, range(limit), strict=False)),
    )


def _shown(person: Person) -> tuple[str, str, str, str, str]:
    number, address = person.fields.get("phone", ""), person.fields.get("email", "")
    return str(person.line), number, address, person.names.full, "; ".join(person.notes)


def _becomes(mapping: Mapping_, column: Column) -> str:
    if column.target is None:
        return "{{ " + column.slug + " }}"
    place = mapping.order[column.target].index(column.index)
    return column.target.value if place == 0 else f"{column.target} ({place + 1})"


def _example(column: Column, people: Sequence[Person]) -> str:
    return next((text[:40] for p in people if (text := p.fields.get(column.slug, ""))), "")
