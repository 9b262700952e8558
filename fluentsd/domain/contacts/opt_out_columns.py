"""Columns in which a list says whom not to contact.

Here live the reading of such a heading (`by_heading`) and of its cells (`OptOut.holds`). What must not live here: the
suppression list, consent that a person attests. There are four kinds of column: an opt-out ("Do Not Call",
"Unsubscribed at"), a permission ("Accepts SMS Marketing"), a status whose words may be an opt-out, and a mark of people
whom nobody should contact ("Deceased", "Litigator", "Bounced"). A doubtful text below an opt-out counts as one: a
missed one harms a person. A mark needs a clear yes, because a list of heirs has "Deceased" too, with names below it.
"""

# ruff: noqa: E501 - a pattern is read as a whole
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fluentsd.domain.contacts.headings import plain, unaccented

Sense = Literal["stops", "allows", "status", "mark"]
EVERY = "*"


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a column says of its people: on which channels ("*" for all), and in which sense."""

    channels: tuple[str, ...]
    sense: Sense

    def stopped(self, cell: str) -> tuple[str, ...]:
        """The channels by which the person must not be contacted, as this cell says."""
        text = " ".join(unaccented(cell).casefold().replace("_", " ").replace("-", " ").split()).strip(" .!")
        if not text:
            return ()
        if self.sense == "status":
            return self._by_status(text)
        says = {"stops": text not in _NO, "allows": text in _REFUSED or text in _STATUS, "mark": text in _YES}
        return self.channels if says[self.sense] else ()

    def _by_status(self, text: str) -> tuple[str, ...]:
        """Some words are about one point alone: a mailbox that bounced, a number that is another person's."""
        if text in _STATUS:
            return self.channels
        found = ("email",) if text in _NO_MAILBOX else ("phone", "sms") if text in _NO_NUMBER else ()
        if not found and text in _INVALID and EVERY not in self.channels:
            return self.channels
        return tuple(channel for channel in found if EVERY in self.channels or channel in self.channels)

    def __str__(self) -> str:
        return f"opt-out from {'every channel' if EVERY in self.channels else ' and '.join(self.channels)}"


def _texts(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(","))


_NO = _texts(
    "no, n, false, f, 0, 0.0, off, nein, non, nao, nee, none, never, null, nil, n/a, na, ?, unknown, unchecked, "
    "inactive, not set, ok, ok to call, ok to contact, ok to email, allowed, subscribed, active, opted in, opt in, "
    "not opted out, not unsubscribed, can contact, callable, contactable, falso, faux, falsch, niet, ne, "
    "нет, いいえ, ☐, ✗, ✘, ❌, []"
)
_YES = _texts(
    "yes, y, true, t, 1, 1.0, x, on, checked, ja, oui, si, sim, tak, да, はい, ✓, ✔, ☑, ✅, match, hit, flagged, "
    "deceased, litigator, known litigator, banned, blocked, bounced, hard bounce, hard bounced, undeliverable"
)
#: A status that is about a mailbox or a number, and one that is about whatever its heading names.
_NO_MAILBOX = _texts(
    "bounced, bounce, hard bounce, hard bounced, hardbounce, hardbounced, cleaned, undeliverable, invalid email, "
    "bad email, invalid email address, mailbox not found"
)
_NO_NUMBER = _texts(
    "wrong number, wrong person, bad number, disconnected, disconnected number, number disconnected, not in service, "
    "invalid number, invalid phone"
)
_INVALID = _texts("invalid, bad, wrong, dead, failed")
_REFUSED = _texts(
    "no, n, false, f, 0, 0.0, off, nein, non, nao, nee, never, declined, denied, refused, revoked, withdrawn, "
    "not subscribed, not granted, not allowed, not given, disabled, unchecked, falso, faux, falsch, niet, нет, ☐, ✗, ✘, ❌"
)
_STATUS = _texts(
    "unsubscribed, unsubscribe, opted out, opt out, optout, optedout, do not contact, do not call, do not email, "
    "do not text, dnc, dnd, suppressed, blacklisted, blocklisted, on suppression list, complained, spam complaint, "
    "marked as spam, removed by request, never contact, never contact again, deceased, litigator, known litigator, "
    "banned, blocked, do not market, abgemeldet, widerrufen, desabonne, "
    "desinscrit, dado de baja, cancelado por el usuario, disiscritto, afgemeld, uitgeschreven, wypisany, отписан"
)
_HEADING_STOPS = re.compile(
    r"\b(?:do ?not|dont|don t|never) (?:\w+ ){0,2}?(?:call|text|sms|e ?mail|contact|solicit|message|disturb|phone|market"
    r"|whatsapp|cold call)\w*\b|\bno (?:more )?(?:calls?|texts?|sms|e ?mails?|contact|marketing|messages?|solicit\w*)\b"
    r"|\b(?:dnc|dnd|dne|optout|suppress(?:ed|ion)|blacklist(?:ed)?|blocklist(?:ed)?|unsubs?\w*|opted ?out|opt ?out)\b"
    r"|(?<!soft )\b(?:bounced?|complain(?:ed|t)) (?:at|on|date|reason|type)\b"
    r"|\b(?:nicht|keine?n?) (?:mehr )?(?:anruf\w*|kontakt\w*|anschreiben|e ?mails?|sms|werbung|mailing)\b"
    r"|\b(?:kontaktsperre|werbesperre|anrufsperre|mailsperre|sperrvermerk|abgemeldet|abmeldung|(?:werbe)?widerspruch)\b"
    r"|\bne (?:pas|plus) (?:\w+ )?(?:appeler|contacter|ecrire|envoyer|demarcher)\b|\b(?:desabonne|desinscrit|bloctel)\w*\b"
    r"|\bno (?:llamar|contactar|enviar|molestar)\b|\b(?:dado de baja|baja|lista robinson|robinson)\b"
    r"|\bnon (?:chiamare|contattare)\b|\bdisiscritt\w+\b|\bnao (?:ligar|contatar|perturbe)\b|\bdescadastrad\w+\b"
    r"|\b(?:niet (?:bellen|mailen|benaderen)|afgemeld|uitgeschreven|bel me niet)\b"
)
_HEADING_ALLOWS = re.compile(
    r"\b(?:accepts?|accepted|allows?|allowed|opt ?in|opted ?in|optin|subscribed|subscriber|agreed?s?|wants?|receives?)\b"
    r"|\b(?:consents?|consented|permissions?|einwilligung|zustimmung|consentement|consentimiento|consenso|toestemming)\b"
    r"|\b(?:can|may|ok to|okay to) (?:call|text|sms|e ?mail|contact|market)\w*\b|\bis (?:callable|contactable|subscribed)\b"
)
_HEADING_MARKS = re.compile(
    r"^(?:is |has |contact |person |known |tcpa |possible |serial |email |hard )*(?:deceased|litigators?|litigious|banned"
    r"|blocked|bounced?|undeliverable|complained)(?: flag| contact| match| hit| status)?$"
    r"|^(?:is )?(?:invalid|bad|wrong) (?:e ?mail(?: address)?|phone(?: number)?|number)$"
)
_HEADING_STATUS = re.compile(
    r"^(?:(?:email|sms|text|phone|call|marketing|subscription|subscriber|contact|lead|member|mailing|newsletter|list|opt"
    r"|consent|global) ?){0,3}status$|\b(?:consent|subscription|marketing) state$"
)
_HEADINGS: tuple[tuple[Sense, re.Pattern[str]], ...] = (
    ("status", _HEADING_STATUS),
    ("mark", _HEADING_MARKS),
    ("stops", _HEADING_STOPS),
    ("allows", _HEADING_ALLOWS),
)
#: What a heading about something else has: a link, a count, an hour.
_NO_OPT_OUT = re.compile(
    r"\b(?:link|url|uri|href|token|count|rate|number of|hours?|time|before|after|until|between|policy|wording|template"
    r"|page|list id|campaign)\b|\bopt ?(?:in|out) (?:text|message|keyword)\b"
)
_CHANNELS = (
    ("phone", re.compile(r"\b(?:litig\w+|tcpa|number|call\w*|phone|voice|dial\w*|dnc|telemarketing|cold call|anruf\w*|telefon\w*|llamar|appeler"
                         r"|bloctel|bellen|bel|chiamare|ligar)\b")),
    ("sms", re.compile(r"\b(?:litig\w+|tcpa|(?:invalid|bad|wrong) (?:phone |number)\w*|sms|text\w*|mms|message|messages|whatsapp|dnc|do ?not call|dont call)\b")),
    ("email", re.compile(r"\b(?:bounced?|undeliverable|e ?mail\w*|newsletters?|mailing\w*|mail\w*|dne|courriel|correo)\b")),
)  # fmt: skip


def by_heading(name: str) -> OptOut | None:
    """The opt-out that a column's heading is about; None for a heading of something else."""
    bare = plain(name)
    if not bare or _NO_OPT_OUT.search(bare):
        return None
    channels = _channels(bare)
    if channels == (EVERY,) and "fax" in bare.split():
        return None  # there is no such channel
    for sense, heading in _HEADINGS:
        if heading.search(bare):
            return OptOut(channels, sense)
    return None


def _channels(heading: str) -> tuple[str, ...]:
    return tuple(channel for channel, words in _CHANNELS if words.search(heading)) or (EVERY,)
