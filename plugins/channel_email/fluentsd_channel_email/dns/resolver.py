"""Looks up the DNS records of our domains, within a few seconds; without DNS it only reports that.

dnspython makes the queries, on Trio, and is loaded only for them. A missing answer, a server failure, or no DNS at all
is not a failed check: `fluentsd check` also works without DNS.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from fluentsd.api import Finding
from fluentsd_channel_email.dns import records
from fluentsd_channel_email.settings import Settings

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

#: Seconds for all queries together, which run at once, and for one server to answer one query.
WITHIN, EACH = 5.0, 2.0

Question = Callable[["Resolver"], Awaitable[Finding | None]]


async def findings(settings: Settings) -> list[Finding]:
    """One line for each record of each From domain."""
    domains = list(dict.fromkeys((settings.sender.domain, *settings.from_domains)))
    real = [domain for domain in domains if not records.is_for_examples(domain)]
    if not real:
        return [_not_checked(domains, "example names have none")]
    resolver = open_resolver()
    if resolver is None:
        return [_not_checked(real, "this machine has no DNS")]
    asked = _questions(settings, real)
    answers = await _ask_all(resolver, list(asked.values()))
    if not any(answers):
        return [_not_checked(real, "DNS gives no answer")]
    return [_line(what, answer) for what, answer in zip(asked, answers, strict=True)] + _unsigned(settings, real)


def open_resolver() -> Resolver | None:
    """The machine's resolver; None when it has none."""
    import dns.asyncbackend
    import dns.asyncresolver
    import dns.exception

    try:
        resolver = dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError):  # no /etc/resolv.conf, or nothing in it
        return None
    resolver.timeout = EACH
    return resolver


def _questions(settings: Settings, domains: list[str]) -> dict[str, Question]:
    """The queries by subject. The return path is the bounce domain for all, or each domain's own."""
    asked: dict[str, Question] = {}
    for domain in [settings.bounce_domain] if settings.verp else domains:
        asked[f"SPF of {domain}"] = partial(_spf, domain)
    for domain in domains:
        if settings.dkim_selector:
            asked[f"DKIM of {domain}"] = partial(_dkim, domain, settings.dkim_selector)
        asked[f"DMARC of {domain}"] = partial(_dmarc, domain)
    return asked


async def _ask_all(resolver: Resolver, questions: list[Question]) -> list[Finding | None]:
    """Every answer; None for a query without an answer in time."""
    answers: list[Finding | None] = [None] * len(questions)

    async def ask(place: int) -> None:
        answers[place] = await questions[place](resolver)

    with trio.move_on_after(WITHIN):
        async with trio.open_nursery() as nursery:
            for place in range(len(questions)):
                nursery.start_soon(ask, place)
    return answers


async def _spf(domain: str, resolver: Resolver) -> Finding | None:
    texts = await _texts(resolver, domain)
    return None if texts is None else records.spf(domain, texts)


async def _dkim(domain: str, selector: str, resolver: Resolver) -> Finding | None:
    texts = await _texts(resolver, f"{selector}._domainkey.{domain}")
    return None if texts is None else records.dkim(domain, selector, texts)


async def _dmarc(domain: str, resolver: Resolver) -> Finding | None:
    found = []
    for place in records.above(domain):
        texts = await _texts(resolver, f"_dmarc.{place}")
        if texts is None:
            return None
        found.append((place, texts))
        if records.policies_in(texts):
            break
    return records.dmarc(domain, found)


async def _texts(resolver: Resolver, name: str) -> list[str] | None:
    """The TXT records of a name, [] when it has none; None when DNS gives no answer."""
    import dns.asyncbackend
    import dns.exception
    import dns.resolver

    trios = dns.asyncbackend.get_backend("trio")
    try:
        answer = await resolver.resolve(name, "TXT", search=False, lifetime=WITHIN, backend=trios)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        return None
    return [b"".join(each.strings).decode("utf-8", "replace") for each in answer]


def _line(what: str, answer: Finding | None) -> Finding:
    if answer is None:
        return Finding(True, f"e-mail: {what}: not checked, DNS gave no answer")
    return Finding(answer.ok, f"e-mail: {answer.what}", answer.fix)


def _unsigned(settings: Settings, domains: list[str]) -> list[Finding]:
    if settings.dkim_selector:
        return []
    what = f"e-mail: DKIM: the key of {', '.join(domains)} was not checked: dkim_selector is not set"
    return [Finding(True, what)]


def _not_checked(domains: list[str], why: str) -> Finding:
    what = f"the DNS records of {', '.join(domains)} (SPF, DKIM, DMARC) were not checked"
    return Finding(True, f"e-mail: {what}: {why}")
