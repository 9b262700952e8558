"""The reading of points: phone numbers and e-mail addresses.

Here live the two readings for every source (a CSV cell, a CRM field, a reply): `phone` and `email`. What must not live
here: columns, sources, zones, consent. A point gets dialled or written to, so a reading is certain or refused with a
reason; it never repairs by guessing, because a guessed number belongs to a stranger. Provably harmless damage is undone
(a spreadsheet's `.0`, an apostrophe, invisible marks, full-width digits). Reasons do not contain the value, so they can
be logged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from fluentsd.domain.places import nanp


class BadPoint(ValueError):
    """The text is not a valid point; `reason` says why, without the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadPhone(BadPoint):
    """The text is not one telephone number we may dial."""


class BadEmail(BadPoint):
    """The text is not one e-mail address we may write to."""


class PhoneKind(StrEnum):
    """The type of a number, as far as its numbering plan shows."""

    FIXED = "fixed"
    MOBILE = "mobile"
    #: North America does not distinguish the two.
    FIXED_OR_MOBILE = "fixed_or_mobile"
    TOLL_FREE = "toll_free"
    VOIP = "voip"
    PERSONAL = "personal"
    OTHER = "other"


class Phone(NamedTuple):
    """One number: `e164` to dial, `region` an ISO country ("001" for none), `rest` the cell's other numbers. The
    extension is no part of the point: caps, opt-outs and the suppression list hold for the line that rings."""

    e164: str
    region: str
    kind: PhoneKind
    extension: str = ""
    rest: tuple[str, ...] = ()


_KINDS = {
    PhoneNumberType.FIXED_LINE: PhoneKind.FIXED,
    PhoneNumberType.MOBILE: PhoneKind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: PhoneKind.FIXED_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: PhoneKind.TOLL_FREE,
    PhoneNumberType.VOIP: PhoneKind.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: PhoneKind.PERSONAL,
}
_NOT_POSSIBLE = {
    ValidationResult.TOO_SHORT: "too few digits",
    ValidationResult.TOO_LONG: "too many digits",
    ValidationResult.INVALID_LENGTH: "wrong number of digits",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "no area code",
    ValidationResult.INVALID_COUNTRY_CODE: "no such country code",
}
_LOST = "the spreadsheet lost digits (1.2E+10); format the column as text and export again"

_PLAIN_PHONE = re.compile(r"\+?[0-9() .\-]{7,24}")
_WRAPPED = re.compile(r'=?\s*"(.*)"|=(.*)', re.DOTALL)
_WHOLE_FLOAT = re.compile(r"(\+?\d{7,15})[.,]0+")
_EXPONENT = re.compile(r"\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_KIND = (
    r"(?:tel(?:e(?:phone|fon[eo]?))?|(?:cell)?phone|mobil[e]?|cell(?:ular)?|handy|office|direct|main|home|work|business"
    r"|private|personal|sms|text|whatsapp|land ?line|ph|portable|m[oó]vil|celular|b[uü]ro|privat)"
)
#: "Cell: ", "(C) ", "Mobile " before a number, and "(cell)", " - mobile" after it; a letter alone needs its sign.
_LABEL = re.compile(
    rf"\s*(?:{_KIND}\s*(?:no\.?|nr\.?|number)?\s*[:.\-]?|[mtwhcpo]\s*[:.]|[(\[]\s*(?:{_KIND}|[mtwhcpo])\s*[)\]]\s*:?)\s*",
    re.I,
)
_LABEL_AFTER = re.compile(rf"(?<=\d)\s*[-–,]?\s*(?:[(\[]\s*(?:{_KIND}|[mtwhcpo])\s*[)\]]|\b{_KIND})\s*$", re.I)
_EXTENSION = re.compile(r"[\s,;]*(?:;ext=|\bext(?:ension|n)?\b\.?|x|#|\bposte\b|\bdw\b)\s*[:.]?\s*(\d{1,7})\s*$", re.I)
_SEVERAL = re.compile(
    rf":::|[/|;,&\n\r]|\s(?:or|and|oder|und|ou|et|o|e|y)\s|(?<=[\d)])\s+(?=(?:{_KIND}\s*:|[mtwhcpo]\s*[:.])\s*[+(]?\d)",
    re.I,
)
#: Mexico's mobiles until 2019 had a 1 after the country code; the number without it is the same line.
_OLD_MEXICAN = re.compile(r"(\+|00)\s*52[\s().\-]*1[\s().\-]*(?=(?:[\s().\-]*\d){10}\s*$)")


def phone(text: str, region: str = "US") -> Phone:
    """Read one cell as a number; a number without a country code is `region`'s.

    Of several numbers in the cell the first valid one is taken and the others are in `rest`. Premium-rate and
    shared-cost numbers are refused: calling one costs money. Raises BadPhone.
    """
    if (plain := nanp.plain(text.strip(), region)) is not None:
        return _dialled(plain.e164, plain.region, plain.kind)
    cell = _as_typed(text)
    if cell != text and (plain := nanp.plain(cell.strip(), region)) is not None:
        return _dialled(plain.e164, plain.region, plain.kind)
    if (several := _numbers_in(cell)) is None:
        return _one_phone(cell, region)
    for i, part in enumerate(several):
        try:
            return _one_phone(part, region)._replace(rest=several[:i] + several[i + 1 :])
        except BadPhone as bad:
            reason = bad.reason
    raise BadPhone(f"several numbers, none valid; the last: {reason}")


def _numbers_in(cell: str) -> tuple[str, ...] | None:
    """The parts of a cell that holds two numbers or more; "030/1234567" is one."""
    if _PLAIN_PHONE.fullmatch(cell):
        return None
    parts = tuple(p.strip() for p in _SEVERAL.split(cell))
    full = tuple(p for p in parts if sum(map(str.isdigit, p)) >= 7)
    return full if len(full) > 1 else None


def _as_typed(text: str) -> str:
    """The cell as the person typed it: without a spreadsheet's and a clipboard's additions."""
    cell = text if text.isascii() else _visible(text)
    cell = cell.strip().lstrip("'’").strip()
    if cell[:1] in ("=", '"') and (wrapped := _WRAPPED.fullmatch(cell)):
        cell = (wrapped[1] or wrapped[2] or "").strip()
    if whole := _WHOLE_FLOAT.fullmatch(cell):
        return whole[1]
    if exponent := _EXPONENT.fullmatch(cell):
        return _from_exponent(exponent[1], exponent[2] or "", int(exponent[3]))
    return cell


def _visible(text: str) -> str:
    """NFKC without direction marks and zero-width characters; any script's decimal digits become 0-9."""
    kept = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def _from_exponent(lead: str, decimals: str, exponent: int) -> str:
    if len(decimals) < exponent or decimals[exponent:].strip("0"):
        raise BadPhone(_LOST)
    return lead + decimals[:exponent]


def _one_phone(cell: str, region: str) -> Phone:
    extension = ""
    if not _PLAIN_PHONE.fullmatch(cell):
        if label := _LABEL.match(cell):
            cell = cell[label.end() :]
        cell = _LABEL_AFTER.sub("", cell)
        if found := _EXTENSION.search(cell):
            cell, extension = cell[: found.start()], found[1]
        if any(map(str.isalpha, cell)):
            raise BadPhone("letters in the number" if any(map(str.isdigit, cell)) else "no number")
    if (plain := nanp.plain(cell.strip(), region)) is not None:
        return _dialled(plain.e164, plain.region, plain.kind, extension)
    cell = _OLD_MEXICAN.sub("+52", cell)
    try:
        number = phonenumbers.parse(_international(cell), region)
    except NumberParseException as bad:
        raise BadPhone(_unreadable(bad, cell)) from None
    # Valid and of a known type are the same thing in the library's metadata; asking once halves the cost.
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        raise BadPhone(_why_invalid(number, cell, region))
    if (lost := _without_plus(cell, number)) is not None:
        number, kind = lost, PhoneNumberType.MOBILE
    where = phonenumbers.region_code_for_number(number) or "001"
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return _dialled(e164, where, kind, extension or number.extension or "")


def _without_plus(cell: str, national: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber | None:
    """The number of a cell that has lost the plus before its own country's code ("4915112345678" in Germany).

    Only where both readings are valid is there a question. Plans with numbers of any length accept such a cell as a
    long national number without its trunk 0. A mobile, whose length is fixed, is that number; anything else is doubt,
    and refused. Raises BadPhone.
    """
    digits, code = re.sub(r"\D", "", cell), str(national.country_code)
    if not digits.startswith(code) or "+" in cell or str(national.national_number) != digits:
        return None
    try:
        other = phonenumbers.parse(f"+{digits}")
    except NumberParseException:
        return None
    kind = phonenumbers.number_type(other)
    if kind == PhoneNumberType.UNKNOWN:
        return None
    if kind == PhoneNumberType.MOBILE and phonenumbers.number_type(national) != PhoneNumberType.MOBILE:
        return other
    raise BadPhone(f"doubtful: +{code} or a number in {code} without its 0; write the + or the 0")


def _dialled(e164: str, region: str, kind: int, extension: str = "") -> Phone:
    if kind in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
        raise BadPhone("premium-rate number")
    return Phone(e164, region, _KINDS.get(kind, PhoneKind.OTHER), extension)


def _international(cell: str) -> str:
    """No national number starts with 00; most of the world dials it before a country code."""
    digits = cell.lstrip(" (")
    return "+" + digits[2:] if digits.startswith("00") else cell


def _unreadable(bad: NumberParseException, cell: str) -> str:
    if not any(map(str.isdigit, cell)):
        return "no number"
    if bad.error_type == NumberParseException.TOO_LONG:
        return "too many digits"
    return "no such country code" if bad.error_type == NumberParseException.INVALID_COUNTRY_CODE else "too few digits"


def _why_invalid(number: phonenumbers.PhoneNumber, cell: str, region: str) -> str:
    possible = phonenumbers.is_possible_number_with_reason(number)
    why = _NOT_POSSIBLE.get(possible, "no such number")
    if "+" in cell or cell.lstrip(" (").startswith("00"):
        return why
    return f"{why} in {region} (a foreign number needs + and its country code)"


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABELS = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABELS}(?:[A-Za-z]{{2,63}}|[Xx][Nn]--[A-Za-z0-9-]{{1,59}}))")
_ANGLE = re.compile(r"<\s*([^<>]*@[^<>]*)>\s*[;,.]?\s*\Z|\(\s*([^()\s]*@[^()\s]*)\s*\)\s*\Z")
#: Letters that the standard library's IDNA 2003 folds into others, which would write to another domain (RFC 5894 §7.2).
_DEVIATIONS = frozenset("ßς\u200c\u200d")
_TRIM = " \t\r\n\xa0.,;:<>()[]\"'’"


def email(text: str) -> str:
    """Read one cell as an address: domain lower-cased and in A-labels, local part as written (see `email_key`).

    Raises BadEmail. Lengths are RFC 5321 §4.5.3.1.
    """
    cell = text.strip()
    if (plain := _ADDRESS.fullmatch(cell)) is None or cell[:1] == "'" or cell[:7].lower() == "mailto:":
        plain = _ADDRESS.fullmatch(_spelled_out(cell))
    if plain is None:
        raise BadEmail("not an e-mail address")
    local, domain = plain[1], plain[2].lower()
    if len(local) > 64 or len(local) + 1 + len(domain) > 254:
        raise BadEmail("too long")
    return f"{local}@{domain}"


_BETWEEN_ADDRESSES = re.compile(
    r":::|[;,|\r\n\t]+|\s/\s|(?<=\w)/(?=\S+@)|\s(?:or|and|oder|und|ou|et|o|e|y|&)\s|\s+(?=\S+@)", re.I
)


def addresses_in(cell: str) -> Sequence[str]:
    """The parts of a cell that holds several addresses, in their order; the cell itself if it holds one."""
    if cell.count("@") < 2:
        return (cell,)
    parts = [part for part in _BETWEEN_ADDRESSES.split(cell) if part.strip()]
    return [part for part in parts if "@" in part] or parts


def points_in(text: str, region: str = "US") -> tuple[list[tuple[str, str]], list[str]]:
    """Every point of a text as (kind, value), and the reasons of the parts that are none. For lists of people who must
    not be contacted, where a number left out is a person called."""
    found: dict[tuple[str, str], None] = {}
    wrong: list[str] = []
    if "@" in text:
        for part in addresses_in(text):
            try:
                found["email", email_key(email(part))] = None
            except BadEmail as bad:
                wrong.append(bad.reason)
        return list(found), wrong
    for part in _numbers_in(_as_typed(text)) or (text,):
        try:
            found["phone", phone(part, region).e164] = None
        except BadPhone as bad:
            wrong.append(bad.reason)
    return list(found), wrong


def email_key(address: str) -> str:
    """The key of a mailbox: equal for all spellings of one address."""
    return address.lower()


def _spelled_out(cell: str) -> str:
    """The address inside `mailto:`, `Name <…>` and stray punctuation; raises BadEmail with the first thing wrong."""
    if len(cell) > 1000:
        raise BadEmail("too long")
    if not cell.isascii():
        cell = _visible(cell)
    if any(unicodedata.category(c) == "Cc" for c in cell.strip()):
        raise BadEmail("control characters")
    if inner := _ANGLE.search(cell):
        cell = inner[1] or inner[2]
    cell = cell.strip(_TRIM)
    if cell[:7].lower() == "mailto:":
        cell = cell[7:].partition("?")[0].strip(_TRIM)
    _refuse_malformed(cell)
    local, _, domain = cell.partition("@")
    return f"{local}@{_a_labels(domain)}"


def _refuse_malformed(cell: str) -> None:
    local, at, domain = cell.partition("@")
    if not at:
        raise BadEmail("no @")
    if "@" in domain:
        raise BadEmail("two @")
    if any(map(str.isspace, cell)):
        raise BadEmail("spaces inside")
    if not local or not domain:
        raise BadEmail("nothing before the @" if domain else "nothing after the @")
    if "." not in domain:
        raise BadEmail("no top-level domain")
    if not local.isascii():
        raise BadEmail("non-ASCII letters before the @")


def _a_labels(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return ".".join(_a_label(label.lower()) for label in domain.split("."))
    except UnicodeError:
        raise BadEmail("no such domain") from None


def _a_label(label: str) -> str:
    if _DEVIATIONS.isdisjoint(label):
        return label.encode("idna").decode("ascii")
    return "xn--" + label.encode("punycode").decode("ascii")
