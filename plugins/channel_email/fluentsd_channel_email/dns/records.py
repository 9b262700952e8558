"""Checks the DNS records of our mail domains: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

Pure: the TXT records of a name in, one line of `fluentsd check` out. SPF is checked for the domain of the return path,
DKIM for the signing selector, DMARC for the From domain or the nearest domain above it with a record. The servers that
an SPF record allows are not computed, only that the record is valid and not empty.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from fluentsd.api import Finding

#: Reserved example names (RFC 2606, RFC 6761); ".test" is for tests with their own DNS.
_EXAMPLES = ("example", "example.com", "example.net", "example.org", "invalid", "localhost")
#: The most characters of a record that are shown.
_SHOWN = 120
#: A DER-encoded RSA key of 1,024 bits has 162 bytes; shorter ones are not accepted (RFC 8301).
_LEAST_RSA = 160
_POLICIES = ("none", "quarantine", "reject")


def is_for_examples(domain: str) -> bool:
    """Whether it is a reserved example name, which has no records."""
    return any(domain == name or domain.endswith(f".{name}") for name in _EXAMPLES)


def spf(domain: str, texts: Sequence[str]) -> Finding:
    """The SPF record of the domain of the return path."""
    records = [text for text in texts if re.match(r"v=spf1(?: |$)", text, re.IGNORECASE)]
    if not records:
        fix = f'publish a TXT record at {domain}, like "v=spf1 include:<your mail provider> -all"'
        return Finding(False, f"SPF: {domain} has no record, so its allowed servers are unknown", fix)
    if len(records) > 1:
        return Finding(False, f"SPF: {domain} has {len(records)} records, so none of them counts", "merge them")
    terms = records[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        return Finding(False, f"SPF: {domain} allows every server to send ({_shown(records[0])})", "end it with -all")
    if not [term for term in terms if not term.startswith(("-", "exp=")) and term != "~all"]:
        fix = "add your mail provider to it, or choose another domain for the return path"
        return Finding(False, f"SPF: {domain} allows no server to send ({_shown(records[0])})", fix)
    ends = any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms)
    mild = "" if ends else "; it does not cover other servers: end it with ~all or -all"
    return Finding(True, f"SPF: {domain} has {_shown(records[0])}{mild}")


def dkim(domain: str, selector: str, texts: Sequence[str]) -> Finding:
    """The key at a selector of the domain; your mail server must sign with it."""
    name = f"{selector}._domainkey.{domain}"
    if not texts:
        fix = "publish your mail provider's key, or correct dkim_selector"
        return Finding(False, f"DKIM: there is no key at {name}", fix)
    if len(texts) > 1:
        return Finding(False, f"DKIM: there are {len(texts)} records at {name}", "keep only the one in use")
    tags = _tags(texts[0])
    kind, key = tags.get("k", "rsa").lower(), re.sub(r"\s", "", tags.get("p", "-"))
    if not key:
        return Finding(False, f"DKIM: the key at {name} is revoked", "correct dkim_selector, or publish the key again")
    size = _length(key)
    if size is None or tags.get("v", "DKIM1") != "DKIM1":
        fix = "publish it again, exactly as your mail provider shows it"
        return Finding(False, f"DKIM: the record at {name} is not a key ({_shown(texts[0])})", fix)
    if kind == "rsa" and size < _LEAST_RSA:
        return Finding(False, f"DKIM: the key at {name} has less than 1,024 bits", "create one of 2,048 bits")
    tested = "; it is marked as a test (t=y)" if "y" in tags.get("t", "").split(":") else ""
    return Finding(True, f"DKIM: there is a key ({kind}) at {name}{tested}")


def dmarc(domain: str, found: Sequence[tuple[str, Sequence[str]]]) -> Finding:
    """The DMARC policy of the From domain; `found` are its TXT records and those of the domains above it, in order."""
    for place, texts in found:
        policies = policies_in(texts)
        if len(policies) > 1:
            return Finding(False, f"DMARC: _dmarc.{place} has {len(policies)} records, so none counts", "merge them")
        if policies:
            return _policy(domain, place, policies[0])
    fix = f'publish a TXT record at _dmarc.{domain}, like "v=DMARC1; p=none; rua=mailto:<you>"'
    return Finding(False, f"DMARC: {domain} has no record; Gmail and Yahoo require it of bulk senders", fix)


def policies_in(texts: Sequence[str]) -> list[str]:
    """The DMARC records among the TXT records of a name."""
    return [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text)]


def above(domain: str) -> list[str]:
    """The domain and those above it, down to two labels and at most five of them, for DMARC's search."""
    labels = domain.split(".")
    names = [".".join(labels[skip:]) for skip in range(max(len(labels) - 1, 1))]
    return names if len(names) <= 5 else [names[0], *names[-4:]]


def _policy(domain: str, place: str, record: str) -> Finding:
    tags = _tags(record)
    inherited = place != domain
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    if policy.lower() not in _POLICIES:
        fix = 'write p=none, p=quarantine or p=reject right after "v=DMARC1;"'
        return Finding(False, f"DMARC: _dmarc.{place} names no policy ({_shown(record)})", fix)
    where = f", from _dmarc.{place}" if inherited else ""
    return Finding(True, f"DMARC: {domain} has p={policy.lower()}{where}")


def _tags(record: str) -> Mapping[str, str]:
    """ "a=1; b=2" by name; the first of a name counts."""
    pairs = [part.partition("=") for part in record.split(";") if "=" in part]
    return {name.strip().lower(): value.strip() for name, _, value in reversed(pairs)}


def _length(key: str) -> int | None:
    try:
        return len(base64.b64decode(key, validate=True)) or None
    except (binascii.Error, ValueError):
        return None


def _shown(record: str) -> str:
    """A record made safe and short for one line, because its content is untrusted."""
    text = "".join(c if c.isprintable() else "?" for c in record)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
