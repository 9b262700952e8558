"""What the DNS records of a domain say to those who get our mail: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

Pure: the texts at a name in, one line of `fluentsd check` out. SPF is of the domain of the return path, DKIM of the
selector that signs, DMARC of the domain people see, or the nearest above it that has a record. Which servers an SPF
record lets send is not computed: only that it is one, and that it says something.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from fluentsd.api import Finding

#: Names that are for examples and never exist (RFC 2606, RFC 6761); ".test" is for tests, with a DNS of their own.
_EXAMPLES = ("example", "example.com", "example.net", "example.org", "invalid", "localhost")
#: Characters of a record that are shown.
_SHOWN = 120
#: A DER-encoded RSA key of 1,024 bits has 162 bytes; shorter ones are not believed (RFC 8301).
_LEAST_RSA = 160
_POLICIES = ("none", "quarantine", "reject")


def is_for_examples(domain: str) -> bool:
    """Whether nobody owns it, so that there is nothing to ask."""
    return any(domain == name or domain.endswith(f".{name}") for name in _EXAMPLES)


def spf(domain: str, texts: Sequence[str]) -> Finding:
    """The SPF record of the domain of the return path."""
    records = [text for text in texts if re.match(r"v=spf1(?: |$)", text, re.IGNORECASE)]
    if not records:
        fix = f'publish a TXT record at {domain}, like "v=spf1 include:<your mail provider> -all"'
        return Finding(False, f"SPF: {domain} has no record, so nobody knows whose servers may send for it", fix)
    if len(records) > 1:
        return Finding(False, f"SPF: {domain} has {len(records)} records, so none of them counts", "make them one")
    terms = records[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        return Finding(False, f"SPF: {domain} lets the whole world send ({_shown(records[0])})", "end it with -all")
    if not [term for term in terms if not term.startswith(("-", "exp=")) and term != "~all"]:
        fix = "name your mail provider in it, or choose another domain for the return path"
        return Finding(False, f"SPF: {domain} lets no server send ({_shown(records[0])})", fix)
    ends = any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms)
    mild = "" if ends else "; it says nothing of other servers: end it with ~all or -all"
    return Finding(True, f"SPF: {domain} says {_shown(records[0])}{mild}")


def dkim(domain: str, selector: str, texts: Sequence[str]) -> Finding:
    """The key at a selector of the domain, which has to be the one your mail server signs with."""
    name = f"{selector}._domainkey.{domain}"
    if not texts:
        fix = "publish the key your mail provider shows, or correct dkim_selector"
        return Finding(False, f"DKIM: there is no key at {name}", fix)
    if len(texts) > 1:
        return Finding(False, f"DKIM: there are {len(texts)} records at {name}", "keep the one of the key in use")
    tags = _tags(texts[0])
    kind, key = tags.get("k", "rsa").lower(), re.sub(r"\s", "", tags.get("p", "-"))
    if not key:
        return Finding(False, f"DKIM: the key at {name} is revoked", "correct dkim_selector, or publish the key anew")
    size = _length(key)
    if size is None or tags.get("v", "DKIM1") != "DKIM1":
        fix = "publish it anew, just as your mail provider shows it"
        return Finding(False, f"DKIM: what stands at {name} is no key ({_shown(texts[0])})", fix)
    if kind == "rsa" and size < _LEAST_RSA:
        return Finding(False, f"DKIM: the key at {name} has less than 1,024 bits", "make one of 2,048 bits")
    tested = "; it is marked as a test (t=y)" if "y" in tags.get("t", "").split(":") else ""
    return Finding(True, f"DKIM: there is a key ({kind}) at {name}{tested}")


def dmarc(domain: str, found: Sequence[tuple[str, Sequence[str]]]) -> Finding:
    """The DMARC policy of the domain people see; `found` are the texts at it and at the domains above it, in order."""
    for place, texts in found:
        policies = policies_in(texts)
        if len(policies) > 1:
            return Finding(False, f"DMARC: _dmarc.{place} has {len(policies)} records, so none counts", "make them one")
        if policies:
            return _policy(domain, place, policies[0])
    fix = f'publish a TXT record at _dmarc.{domain}, like "v=DMARC1; p=none; rua=mailto:<you>"'
    return Finding(False, f"DMARC: {domain} has no record, which Gmail and Yahoo ask of whoever sends much", fix)


def policies_in(texts: Sequence[str]) -> list[str]:
    """The DMARC records among the texts at a name."""
    return [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text)]


def above(domain: str) -> list[str]:
    """The domain and those above it, down to two labels and at most five of them, for DMARC's walk up."""
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
    """A record as a line can hold it: anybody may have written it."""
    text = "".join(c if c.isprintable() else "?" for c in record)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
