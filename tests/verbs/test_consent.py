"""Consent: attested once per source, stored with each person, required by the law of their place."""

from __future__ import annotations

import datetime as dt

import pytest

from fluentsd.domain.consent import bases_in, merged, read_attestation
from fluentsd.validation import Problems
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, MINUTE, MONDAY, SMS, Stage, person, spec

SAID = {"basis": "written", "given": "2026-02-01", "scope": ["sms"], "by": "the desk"}
TODAY = dt.date(2026, 3, 2)


def test_every_mistake_in_an_attestation_is_named_at_once() -> None:
    with pytest.raises(Problems) as why:
        read_attestation({"basis": "oral", "given": "2027-01-01", "scope": "fax", "by": " "}, TODAY)
    assert [line.split(":")[0] for line in why.value.lines] == ["basis", "given", "scope", "by"]


def test_a_newer_attestation_counts_for_the_channels_it_names() -> None:
    assert merged("phone:written,sms:written", "sms:express") == "phone:written,sms:express"
    assert merged("", "email:customer") == "email:customer"
    assert bases_in("phone:written,sms:express") == {"phone": "written", "sms": "express"}


async def test_a_source_is_attested_with_its_import_and_each_record_keeps_the_evidence(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    run = await stage.do("contacts begin-import", source="fair.csv", ref="test", consent=SAID)
    await stage.do("contacts take", run=run, people=[person(1) | {"states": ["US-NY"]}])
    await stage.do("campaign start", ref="test")
    await stage.until(MONDAY + MINUTE)
    assert len(stage.sms.accepted) == 1
    answer = (await stage.do("contacts why", person="+12125550001"))["campaigns"][0]
    assert answer["consent"] == "sms:written"
    entries = (await stage.do("log", target="test"))["entries"]
    assert any(entry["verb"] == "import" and entry["details"]["by"] == "the desk" for entry in entries)


async def test_bad_consent_refuses_the_import_before_anybody_is_taken(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match="scope: "):
        await stage.do("contacts begin-import", source="x.csv", ref="test", consent=SAID | {"scope": ["telepathy"]})


async def test_consent_that_is_not_written_needs_a_fresh_scrub_when_the_rule_of_consent_is_waived(stage: Stage) -> None:
    waived = [{"rule": "US.consent", "because": "customers of ours, as counsel wrote", "by": "legal"}]
    await stage.do("campaign apply", file=spec(SMS, law={"waive": waived}))
    weaker = SAID | {"basis": "customer"}
    run = await stage.do("contacts begin-import", source="fair.csv", ref="test", consent=weaker)
    await stage.do("contacts take", run=run, people=[person(1) | {"states": ["US-NY"]}])
    assert (await stage.do("campaign check", ref="test"))["out"][0]["reason"] == "dnc_stale"
    await stage.do("contacts attest", source="fair.csv", **(weaker | {"scrubbed": "2026-03-01"}))
    assert (await stage.do("campaign check", ref="test"))["ready"] == 1
    await stage.until(MONDAY + 40 * DAY)
    assert (await stage.do("campaign check", ref="test"))["out"][0]["reason"] == "dnc_stale"


async def test_an_unknown_source_or_campaign_is_said_and_both_or_neither_refused(stage: Stage) -> None:
    await stage.enroll(person(1), ref=None)
    with pytest.raises(Refused, match=r"known sources: people\.csv"):
        await stage.do("contacts attest", source="people.xls", **SAID)
    with pytest.raises(Refused, match="name either"):
        await stage.do("contacts attest", source="people.csv", campaign="test", **SAID)
    with pytest.raises(Refused, match="name either"):
        await stage.do("contacts attest", **SAID)
