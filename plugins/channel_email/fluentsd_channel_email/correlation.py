"""Correlates inbound mail with attempts: writes and finds the attempt's token in mail headers.

A reply carries our Message-ID in In-Reply-To and References; a bounce carries the envelope id, comes to the return path
(VERP), or quotes our headers; an unsubscribe mail carries the token in its subject. Only texts with the shape of a
token under our own domain count: a salesperson's own mail has a Message-ID there too. A token cannot be guessed, so a
mail with a token is from a reader of the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fluentsd_channel_email.settings import Settings

#: The shape of a token: 12 hex digits of time and 20 random ones. Mail servers may change the case of addresses.
_TOKEN = r"[0-9a-f]{24,64}"  # noqa: S105 - a pattern, not a secret
_UNSUBSCRIBE = re.compile(rf"\bunsubscribe-({_TOKEN})(?![0-9a-z])", re.IGNORECASE)
_BARE = re.compile(_TOKEN, re.IGNORECASE)
_IDS_AT_MOST = 20_000


def message_id(settings: Settings, token: str) -> str:
    """The Message-ID of an attempt's mail."""
    return f"<{token}@{settings.id_domain}>"


def return_path(settings: Settings, token: str) -> str:
    """The return path of an attempt's mail, for bounces, when `verp` is set."""
    return f"bounce+{token}@{settings.id_domain}"


def unsubscribe_subject(token: str) -> str:
    """The subject of an unsubscribe mail."""
    return f"unsubscribe-{token}"


@dataclass(frozen=True)
class TokenFinder:
    """Finds tokens of one domain, and of an unsubscribe `link` with "{token}" ("" if there is none).

    Every method returns the token in lower case, or None.
    """

    domain: str
    link: str = ""

    def in_envelope_id(self, text: str) -> str | None:
        """From an ENVID, which is the token itself."""
        return text.strip().lower() if _BARE.fullmatch(text.strip()) else None

    def in_message_ids(self, texts: Iterable[str]) -> str | None:
        """From In-Reply-To, References, Message-ID; of several the last one, the answered mail."""
        for text in texts:
            found: list[str] = self._message_id.findall(text[-_IDS_AT_MOST:])
            if found:
                return found[-1].lower()
        return None

    def in_addresses(self, texts: Iterable[str]) -> str | None:
        """From To, Delivered-To and similar headers."""
        for text in texts:
            if found := self._return_path.search(text[:_IDS_AT_MOST]):
                return found[1].lower()
        return None

    def in_subject(self, text: str) -> str | None:
        """From the subject of an unsubscribe mail."""
        found = _UNSUBSCRIBE.search(text[:_IDS_AT_MOST])
        return found[1].lower() if found else None

    def in_quotation(self, texts: Iterable[str]) -> str | None:
        """From the unsubscribe link in the quoted mail, the only token that some relays keep."""
        if not self.link:
            return None
        found = next(filter(None, (self._link.search(text) for text in texts)), None)
        return found[1].lower() if found else None

    @cached_property
    def _link(self) -> re.Pattern[str]:
        before, _, after = self.link.partition("{token}")
        return re.compile(rf"{re.escape(before)}({_TOKEN}){re.escape(after)}(?![0-9a-z])", re.IGNORECASE)

    @cached_property
    def _message_id(self) -> re.Pattern[str]:
        return re.compile(rf"<({_TOKEN})@{re.escape(self.domain)}>", re.IGNORECASE)

    @cached_property
    def _return_path(self) -> re.Pattern[str]:
        return re.compile(rf"\bbounce\+({_TOKEN})@{re.escape(self.domain)}(?![\w.-])", re.IGNORECASE)
