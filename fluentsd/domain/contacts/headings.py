"""The meaning of one column heading.

Here live the known headings, in English (as Google, HubSpot, Outlook and Salesforce write them) and six more languages,
and the reading of one heading (`plain`, `meaning`). What must not live here: a table's other columns (`mapping`), its
rows (`reader`). The cells below a heading can only reject its meaning: a column "mobile" with yes and no holds no
numbers. A heading about another person's number, or about a property of a number, is not a point of the person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum


class Target(StrEnum):
    """The meaning of a column; the value is also the variable's name in templates."""

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


#: Headings as `plain` leaves them, best first. English with what Google, HubSpot, Outlook and Salesforce write,
#: then German, French, Spanish, Italian, Portuguese, Dutch.
_HEADINGS: dict[Target, str] = {
    Target.FIRST_NAME: "first name|firstname|given name|forename|fname|first|vorname|prenom|nombre|nome|voornaam|imie"
    "|имя|名",
    Target.LAST_NAME: "last name|lastname|family name|surname|lname|last|nachname|familienname|nom|nom de famille"
    "|apellido|apellidos|cognome|sobrenome|achternaam|nazwisko|фамилия|姓",
    Target.FULL_NAME: "full name|fullname|name|customer name|display name|contact|nombre completo|nom complet|naam",
    Target.TIMEZONE: "timezone|time zone|tz|iana timezone|zeitzone|fuseau horaire|zona horaria|fuso orario|tijdzone",
    Target.STATE: "state|state province|state region|province|us state|state code|region|bundesland|estado|provincia",
    Target.COUNTRY: "country|country region|country code|country name|land|staat|pays|pais|paese|nazione|kraj|страна"
    "|国|国名",
    Target.POSTAL_CODE: "zip|zip code|zipcode|postal code|postcode|zip postal code|postalcode|plz|postleitzahl"
    "|code postal|codigo postal|cep|cap|postnummer|kod pocztowy|pin code|pincode|eircode",
    Target.LANGUAGE: "language|preferred language|lang|locale|sprache|langue|idioma|lingua|taal",
    Target.EXTERNAL_ID: "external id|record id|record id contact|contact id|lead id|customer id|person id|object id"
    "|id|vid|user id",
}
_BY_HEADING = {h: (t, rank) for t, text in _HEADINGS.items() for rank, h in enumerate(text.split("|"))}
_PLACES = ("home", "mailing", "address 1", "", "address", "business", "work", "other", "billing", "shipping")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOBILE = _words(
    "mobile mob gsm natel cell cellphone cellular mobil handy handynummer mobilnummer portable movil celular cellulare"
)
_PHONE = _MOBILE | _words(
    "phone phonenumber telephone tel telefon telefonnummer rufnummer tlf ph fon whatsapp telefono telefone telefoon"
)
_PHONE_CJK = _words("телефон номер 电话 电话号码 手机 手机号 電話 電話番号 携帯電話 전화번호 휴대폰")
_EMAIL = _words("email emailaddress mail correo courriel メール メールアドレス почта 邮箱 이메일")
_TO_NUMBER = _words("to_number tonumber")
#: Headings that hold a number only if the cells say so.
_MAYBE_PHONE = _words(
    "number contact to contact_number contact_no contact_num contact_nr no direct_line direct_dial numero"
)
#: Words of headings about a property of a number or address, or about another person's.
_NOT_A_POINT = _words(
    "fax from caller agent assistant asst type label ext extension opt opted out optin optout consent status valid "
    "validated verified bounced bounce date time count total owner rep emergency spouse manager supervisor referrer "
    "referral referred not dnc carrier model display domain subject last first sent open opened click clicked name "
    "provider hash code area country id preference reason unsubscribed unsubscribe marketing delivered replied source "
    "template campaign confirmation quarantined app device version is has do allow allowed calls parent partner "
    "invoice order amount yomi format calculated searchable created creator by assigned assignee salesman "
    "salesperson salesrep sales uploaded modified updated added bcc cc rm csm ae sdr bdr processor"
)
#: Words before a point or a name that say no more than that it is the person's.
_THE_PERSON = (
    "hs|contact|lead|person|prospect|primary|invitee|attendee|registrant|customer|client|patient|guest|subscriber"
    "|recipient|applicant|candidate|respondent|buyer|your|homeowner|tenant"
)
#: Words beside a point's own that raise no doubt; any other one may name somebody else.
_PLAIN_WORDS = _words(
    "home personal private work business office direct main other alternate alternative secondary primary preferred "
    "best default first 1 2 3 4 number no nr num id address addresses adresse contact your my raw full formatted "
    "international e164 with code day daytime evening night line land landline voice sms text whatsapp and or de e "
    "el of kontakt privat geschaftlich dienstlich standard haupt optional required normalized clean new old current"
)
#: The rank of a column whose heading may be about somebody else.
DOUBTFUL = 8
_SHARED = _words("company main account switchboard corporate headquarters hq organization")
_RANKS = ((_MOBILE, 1), (_words("home personal private"), 3), (_words("work business office direct"), 4))
_FLAGS = _words("yes no true false y n 0 1 x mobile home work cell other main on off ja nein oui non si")


def plain(name: str) -> str:
    """A heading, normalised: "Mobile_Phone__c", "mobilePhone" and "Mobile-Phône" are all "mobile phone"."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    text = re.sub(r"[\W_]+", " ", unaccented(split).casefold()).strip()
    text = re.sub(r"\be mail\b", "email", text)
    text = re.sub(rf" c$|^(?:{_THE_PERSON}) (?!id$|number$|no$|nr$|num$|owner\b)", "", text)
    return re.sub(r" value$", "", text)


def unaccented(text: str) -> str:
    """Latin letters without accents; other scripts keep their marks, which are part of the letters."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def _point_rank(heading: str) -> tuple[Target, int] | None:
    """The target and rank if the heading names a point of the person (rank 8 or 9: only if there is no other)."""
    words = {w.rstrip("0123456789") or w for w in heading.split()}
    if heading.replace(" ", "_") in _TO_NUMBER:
        return Target.PHONE, 0
    if words & _NOT_A_POINT and heading != "email id":
        return None
    unknown = words - _EMAIL - _PHONE - _PHONE_CJK - _PLAIN_WORDS - _SHARED
    late = (
        9
        if words & _SHARED
        else DOUBTFUL
        if unknown
        else 5
        if words & {"other", "alternate", "alternative", "secondary"}
        else None
    )
    if words & _EMAIL:
        return Target.EMAIL, late or 1
    if words & _PHONE or words & _PHONE_CJK:
        return Target.PHONE, late or next((rank for kind, rank in _RANKS if words & kind), 2)
    return None


def meaning(heading: str, cells: Sequence[str]) -> tuple[Target, int] | None:
    """A column's target and rank by its heading; its cells can only reject it."""
    if cells and all(c.lower() in _FLAGS for c in cells):
        return _place(heading)
    if point := _point_rank(heading):
        return point
    if heading.replace(" ", "_") in _MAYBE_PHONE and cells and all(like_phone(c) for c in cells):
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


def is_no_point(heading: str) -> bool:
    """Whether a heading is about a property of a number or address, or about another person's."""
    return bool(_words(heading) & _NOT_A_POINT)


def like_phone(cell: str) -> bool:
    """Whether a cell looks like a phone number; `points.phone` decides."""
    return sum(map(str.isdigit, cell)) >= 7 and bool(re.fullmatch(r"['=\"]*\+?[\d\s().\-/x+#eE,]{7,}\"?", cell.strip()))


def like_email(cell: str) -> bool:
    """Whether a cell looks like an address."""
    return bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", cell.strip()))
