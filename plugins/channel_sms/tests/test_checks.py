"""The check finds problems, each with its fix."""

from __future__ import annotations

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings

from fluentsd.testing import tools
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, SERVICE, TOKEN

INBOUND = "https://outreach.example/hooks/sms"
BY_SERVICE = {"sender": None, "messaging_service": SERVICE}


@pytest.fixture
def check(twilio, given):
    async def run(tools=given, **config):
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url} | config
        channel = SmsChannel(read_settings({k: v for k, v in table.items() if v is not None}), tools)
        return await channel.check()

    return run


def wrong(findings):
    return [f"{finding.what} → {finding.fix}" for finding in findings if not finding.ok]


async def test_all_is_well(check, twilio):
    twilio.numbers[NUMBER]["sms_url"] = INBOUND
    findings = await check()
    assert wrong(findings) == []
    assert any("10DLC" in finding.what for finding in findings)


async def test_how_often_twilio_tries_is_no_part_of_the_address(check, twilio):
    twilio.numbers[NUMBER]["sms_url"] = f"{INBOUND}#rc=5&rp=all"
    assert wrong(await check()) == []


async def test_all_is_well_with_a_service(check, twilio):
    twilio.services[SERVICE]["inbound_request_url"] = INBOUND
    assert wrong(await check(**BY_SERVICE)) == []


async def test_offline_is_one_finding(check):
    findings = await check(base_url="http://127.0.0.1:9")
    assert len(findings) == 1
    assert "cannot be reached" in findings[0].what
    assert not findings[0].ok


async def test_wrong_credentials_are_one_finding(check, twilio):
    twilio.logins.clear()
    findings = await check()
    assert len(findings) == 1
    assert "correct account_sid and auth_token" in findings[0].fix


@pytest.mark.parametrize(
    ("prepare", "config", "words"),
    [
        (lambda t: setattr(t, "status", "suspended"), {}, "the account is suspended"),
        (lambda t: setattr(t, "type", "Trial"), {}, "a trial account sends only to verified numbers"),
        (lambda t: None, {"sender": "+14155550999"}, "+14155550999 is not a number of this account"),
        (lambda t: t.numbers[NUMBER]["capabilities"].update(sms=False), {}, f"{NUMBER} cannot send SMS"),
        (lambda t: None, {}, f"inbound messages to {NUMBER} go to no webhook"),
        (lambda t: t.numbers[NUMBER].update(sms_url="https://demo.twilio.com"), {}, "go to https://demo.twilio.com"),
        (lambda t: t.own("+18885550100"), {"sender": "+18885550100"}, "verification of +18885550100 is not requested"),
        (lambda t: t.numbers.clear(), {"sender": None}, "the account has no number that can send SMS"),
        (lambda t: t.services.clear(), BY_SERVICE, "there is no messaging service"),
        (lambda t: t.numbers.clear(), BY_SERVICE, "the service 'Outreach' has no numbers"),
        (
            lambda t: t.services[SERVICE].update(us_app_to_person_registered=False),
            BY_SERVICE,
            "not registered for 10DLC",
        ),
        (lambda t: None, BY_SERVICE, "inbound messages to the service 'Outreach' go to no webhook"),
    ],
)
async def test_what_is_wrong_is_named_with_its_remedy(check, twilio, prepare, config, words):
    prepare(twilio)
    (found,) = [finding for finding in wrong(await check(**config)) if words in finding]
    assert not found.endswith("→ ")


async def test_an_approved_toll_free_number_is_well(check, twilio):
    number = twilio.own("+18885550100", sms_url=INBOUND)
    twilio.verifications[number["sid"]] = "TWILIO_APPROVED"
    assert wrong(await check(sender="+18885550100")) == []


async def test_without_a_public_url_there_are_no_events(check, tmp_path):
    alone = tools(folder=tmp_path)
    assert any("no public URL" in finding for finding in wrong(await check(alone)))
    await alone.http().aclose()


async def test_an_api_key_alone_cannot_prove_webhooks(check, twilio):
    key = "SK" + "0" * 32
    twilio.logins[key] = "secret"
    findings = wrong(await check(auth_token=None, api_key=key, api_secret="secret"))
    assert any("set auth_token too" in finding for finding in findings)


async def test_a_check_sends_nothing(check, twilio):
    await check()
    await check(**BY_SERVICE)
    assert {method for method, _, _ in twilio.requests} == {"GET"}
