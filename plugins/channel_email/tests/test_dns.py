"""`fluentsd check` of the DNS records of our From domain, with a real DNS server on loopback."""

from __future__ import annotations

import base64
import subprocess
import sys

import dns.asyncresolver
import dns.resolver
import pytest
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.dns import records, resolver
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import ConfigProblem
from fluentsd.testing import SmtpSink, tools
from plugins.channel_email.tests.fake_dns import FakeDns, channel_state

OURS = "shop.test"
REAL = resolver.open_resolver  # which `conftest` takes away
KEY = base64.b64encode(bytes(294)).decode()  # as long as an RSA key of 2,048 bits
SPF, DMARC, DKIM = "v=spf1 include:mail.test -all", "v=DMARC1; p=quarantine; rua=mailto:us@shop.test", f"k=rsa; p={KEY}"


@pytest.fixture
async def dns_server(monkeypatch):
    async with channel_state() as server:
        monkeypatch.setattr(resolver, "open_resolver", server.resolver)
        yield server


def well(server: FakeDns, domain: str = OURS) -> None:
    """Everything as it should be."""
    server.put(domain, "some-verification=1", SPF)
    server.put(f"s1._domainkey.{domain}", DKIM)
    server.put(f"_dmarc.{domain}", DMARC)


async def check(**config):
    table = {"host": "x", "from": f"dana@{OURS}", "dkim_selector": "s1", **config}
    return await resolver.findings(read_settings({k: v for k, v in table.items() if v is not None}))


async def lines(**config):
    return [(finding.ok, finding.what.removeprefix("e-mail: ")) for finding in await check(**config)]


async def test_where_all_is_well_each_record_has_its_line(dns_server):
    well(dns_server)
    assert await lines() == [
        (True, f"SPF: {OURS} has {SPF}"),
        (True, f"DKIM: there is a key (rsa) at s1._domainkey.{OURS}"),
        (True, f"DMARC: {OURS} has p=quarantine"),
    ]


async def test_what_is_missing_is_named_with_what_to_publish(dns_server):
    dns_server.put(OURS, "nothing of ours")  # the name exists, `_dmarc` and the key's do not
    findings = await check()
    assert [finding.ok for finding in findings] == [False, False, False]
    assert "v=spf1" in findings[0].fix
    assert "dkim_selector" in findings[1].fix
    assert "v=DMARC1; p=none" in findings[2].fix


async def test_a_domain_that_does_not_exist_has_no_records(dns_server):
    assert [ok for ok, _ in await lines()] == [False, False, False]


async def test_a_name_that_exists_and_is_empty_has_no_records_either(dns_server):
    dns_server.records[OURS, "MX"] = ["10 mail.shop.test."]
    dns_server.put(f"s1._domainkey.{OURS}", DKIM)
    dns_server.put(f"x._dmarc.{OURS}", "below")
    assert [ok for ok, _ in await lines()] == [False, True, False]


async def test_without_a_selector_the_key_is_not_checked(dns_server):
    well(dns_server)
    found = await lines(dkim_selector=None)
    assert found[-1] == (True, f"DKIM: the key of {OURS} was not checked: dkim_selector is not set")
    assert len(found) == 3


async def test_texts_in_several_strings_and_aliases_are_put_together_and_large_ones_asked_for_over_tcp(dns_server):
    well(dns_server)
    dns_server.alias(f"s1._domainkey.{OURS}", "key.mail.test")
    dns_server.put("key.mail.test", f"v=DKIM1; k=rsa; p={base64.b64encode(bytes(550)).decode()}")  # of 4,096 bits
    dns_server.put(OURS, *(f"{n}" * 250 for n in range(8)), SPF)
    assert [ok for ok, _ in await lines()] == [True, True, True]
    assert dns_server.asked[OURS, "tcp"] == 1
    assert dns_server.asked[f"s1._domainkey.{OURS}", "udp"] == 1


async def test_spf_is_asked_of_the_domain_of_the_return_path(dns_server):
    well(dns_server)
    dns_server.put("bounces.shop.test", "v=spf1 ip4:192.0.2.1 ~all")
    assert (await lines(bounce_domain="bounces.shop.test"))[0] == (
        True, "SPF: bounces.shop.test has v=spf1 ip4:192.0.2.1 ~all",
    )  # fmt: skip
    assert (await lines(bounce_domain="bounces.shop.test", verp=False))[0] == (True, f"SPF: {OURS} has {SPF}")


async def test_dmarc_is_asked_of_the_domains_above_and_their_word_for_those_below_counts(dns_server):
    sender = {"from": "dana@news.mail.shop.test"}
    dns_server.put("_dmarc.mail.shop.test", "a wildcard's text, no policy")
    dns_server.put("_dmarc.shop.test", "v=DMARC1; p=reject")
    assert (await lines(**sender))[-1] == (True, "DMARC: news.mail.shop.test has p=reject, from _dmarc.shop.test")
    dns_server.put("_dmarc.shop.test", "v=DMARC1; p=reject; sp=none")
    assert (await lines(**sender))[-1] == (True, "DMARC: news.mail.shop.test has p=none, from _dmarc.shop.test")
    assert dns_server.asked["_dmarc.test", "udp"] == 0


async def test_every_domain_we_may_write_from_is_looked_at(dns_server):
    well(dns_server)
    found = await lines(from_domains=["second.test"])
    assert [ok for ok, what in found if OURS in what] == [True, True, True]
    assert [ok for ok, what in found if "second.test" in what] == [False, False, False]


async def test_one_name_without_an_answer_of_dns_is_reported_and_is_ok(dns_server):
    well(dns_server)
    dns_server.failing = {OURS}
    assert (await lines())[0] == (True, f"SPF of {OURS}: not checked, DNS gave no answer")
    assert [ok for ok, _ in (await lines())[1:]] == [True, True]


async def test_where_dns_fails_for_everything_one_line_says_so(dns_server):
    dns_server.failing = {OURS, f"s1._domainkey.{OURS}", f"_dmarc.{OURS}"}
    silence = [(True, f"the DNS records of {OURS} (SPF, DKIM, DMARC) were not checked: DNS gives no answer")]
    assert await lines() == silence
    assert await lines(dkim_selector=None) == silence


async def test_silence_is_waited_for_a_few_seconds_at_most(dns_server, monkeypatch):
    monkeypatch.setattr(resolver, "WITHIN", 0.1)
    dns_server.silent = None
    with trio.fail_after(5):
        assert [(ok, "no answer" in what) for ok, what in await lines()] == [(True, True)]


async def test_of_several_questions_one_that_is_not_answered_spoils_no_other(dns_server, monkeypatch):
    monkeypatch.setattr(resolver, "WITHIN", 0.2)
    well(dns_server)
    dns_server.silent = {f"_dmarc.{OURS}"}
    assert [("no answer" in what) for _, what in await lines()] == [False, False, True]


async def test_a_machine_without_dns_says_so(monkeypatch):
    def nothing(*_, **__):
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", nothing)
    monkeypatch.setattr(resolver, "open_resolver", REAL)
    assert [(ok, "has no DNS" in what) for ok, what in await lines()] == [(True, True)]


@pytest.mark.parametrize("domain", ["example.com", "mail.example.org", "x.invalid", "localhost"])
async def test_names_for_examples_are_not_asked_about(domain, dns_server):
    ((ok, what),) = await lines(**{"from": f"dana@{domain}"})
    assert ok
    assert "not checked" in what
    assert not dns_server.asked


async def test_the_whole_check_has_these_lines(dns_server, tmp_path):
    well(dns_server)
    with SmtpSink() as sink:
        table = {"host": sink.host, "port": sink.port, "tls": "none", "from": f"dana@{OURS}", "dkim_selector": "s1",
                 "purpose": "transactional"}  # fmt: skip
        found = await EmailChannel(read_settings(table), tools(folder=tmp_path, kind="email")).check()
    assert all(finding.ok for finding in found)
    assert [finding.what.split(":")[1].strip() for finding in found[-3:]] == ["SPF", "DKIM", "DMARC"]


# Judgement


@pytest.mark.parametrize(
    ("texts", "ok", "words"),
    [
        (["v=spf1 a mx ~all"], True, "has v=spf1 a mx ~all"),
        (["V=SPF1 a mx -ALL"], True, "has V=SPF1"),
        (["v=spf1 redirect=_spf.mail.test"], True, "redirect"),
        (["v=spf1 a ?all"], True, "does not cover other servers"),
        (["v=spf1 a"], True, "does not cover other servers"),
        (["v=spf1 a -all", "v=spf1 mx -all"], False, "2 records"),
        (["v=spf1 +all"], False, "allows every server"),
        (["v=spf1 a all"], False, "allows every server"),
        (["v=spf1 -all"], False, "no server"),
        (["v=spf1"], False, "no server"),
        (["v=spf10 a -all"], False, "no record"),
        (["spf1 a -all", ""], False, "no record"),
    ],
)
def test_spf_is_judged(texts, ok, words):
    found = records.spf(OURS, texts)
    assert (found.ok, words in found.what) == (ok, True), found
    assert bool(found.fix) is not ok


@pytest.mark.parametrize(
    ("texts", "ok", "words"),
    [
        ([f"v=DKIM1; k=rsa; p={KEY}"], True, "key (rsa)"),
        ([f"p={KEY[:40]} {KEY[40:]}"], True, "key (rsa)"),
        ([f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(32)).decode()}"], True, "key (ed25519)"),
        ([f"v=DKIM1; t=y; p={KEY}"], True, "marked as a test"),
        (["v=DKIM1; p="], False, "revoked"),
        (["v=DKIM1; k=rsa"], False, "is not a key"),
        (["v=DKIM1; p=not base64!"], False, "is not a key"),
        ([f"v=DKIM2; p={KEY}"], False, "is not a key"),
        ([f"p={base64.b64encode(bytes(94)).decode()}"], False, "less than 1,024 bits"),
        ([f"p={KEY}", f"p={KEY}"], False, "2 records"),
        ([], False, "no key at"),
    ],
)
def test_dkim_is_judged(texts, ok, words):
    found = records.dkim(OURS, "s1", texts)
    assert (found.ok, words in found.what) == (ok, True), found


@pytest.mark.parametrize(
    ("texts", "ok", "words"),
    [
        (["v=DMARC1; p=none"], True, "p=none"),
        (["v=DMARC1;p=REJECT;"], True, "p=reject"),
        (["v=DMARC1"], False, "names no policy"),
        (["v=DMARC1; p=maybe"], False, "names no policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], False, "2 records"),
        (["v=DMARC10; p=none"], False, "no record"),
    ],
)
def test_dmarc_is_judged(texts, ok, words):
    found = records.dmarc(OURS, [(OURS, texts)])
    assert (found.ok, words in found.what) == (ok, True), found


def test_a_strangers_record_cannot_write_lines_or_pages():
    found = records.spf(OURS, ["v=spf1 a\n\x1b[31m fine " + "x" * 5000])
    assert found.what.isprintable()
    assert len(found.what) < 300


def test_the_walk_up_ends_before_the_top_and_is_short():
    assert records.above("a.b.shop.test") == ["a.b.shop.test", "b.shop.test", "shop.test"]
    assert records.above("shop.test") == ["shop.test"]
    assert records.above("test") == ["test"]
    deep = ".".join("abcdefghijk")
    assert records.above(deep) == [deep, "g.h.i.j.k", "h.i.j.k", "i.j.k", "j.k"]


@pytest.mark.parametrize("said", ["s1._domainkey", "s 1", "", 5, "a." * 5, "x" * 64])
def test_a_selector_is_labels(said):
    with pytest.raises(ConfigProblem, match="dkim_selector"):
        read_settings({"host": "x", "from": "dana@shop.test", "dkim_selector": said})


@pytest.mark.slow
def test_dnspython_is_loaded_only_to_ask():
    code = "import sys, fluentsd_channel_email; sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
