"""Segments, records, writes, sign-in, checks and settings of the Salesforce source."""

from __future__ import annotations

import subprocess
import sys

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fluentsd_crm_salesforce.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, NeedsHuman
from plugins.crm_salesforce.tests.fake_salesforce import PREFIX

VIEW = "00B5g000000001AAA"


async def test_campaigns_queries_views_and_reports_are_segments(salesforce, connect):
    salesforce.add("Campaign", Name="Spring fair")
    salesforce.views[VIEW] = {"object": "Lead", "label": "My leads", "query": "SELECT Id FROM Lead"}
    salesforce.add("Report", Name="All", Format="Tabular")
    salesforce.add("Report", Name="Grouped", Format="Summary")
    segments = await connect(queries={"Hot": "SELECT Id FROM Lead WHERE Rating = 'Hot'"}).segments()
    assert [(one.kind, one.name) for one in segments] == [
        ("campaign", "Spring fair"), ("query", "Hot"), ("view", "My leads"), ("report", "All")
    ]  # fmt: skip


async def test_a_list_view_keeps_its_condition_and_its_scope(salesforce, connect):
    hot = salesforce.add("Lead", Rating="Hot")
    salesforce.add("Lead", Rating="Cold")
    query = "SELECT Name, toLabel(Rating) FROM Lead USING SCOPE mine WHERE Rating = 'Hot' ORDER BY Name ASC NULLS FIRST"
    salesforce.views[VIEW] = {"object": "Lead", "label": "Hot", "query": query}
    page = await connect().walk(f"view:Lead/{VIEW}", None)
    assert list(page.refs) == [hot]
    assert "FROM Lead USING SCOPE mine WHERE (Rating = 'Hot') ORDER BY Id" in salesforce.asked[-1].one("q")


@pytest.mark.parametrize("segment", ["campaign:7015g0000000099AAA", f"view:Lead/{VIEW}", "query:None", "report:x", "x"])
async def test_an_unknown_segment_is_a_lookup_error(connect, segment):
    with pytest.raises(LookupError):
        await connect().walk(segment, None)
    with pytest.raises(LookupError):
        await connect().changes(segment, None)


async def test_a_record_has_its_address_object_and_stamp(salesforce, connect):
    ref = salesforce.add("Lead", FirstName="Ann", HasOptedOutOfEmail=True)
    [record] = await connect().refresh([ref, "nonsense", "0015g0000000001AAA"])
    assert record.url == f"{salesforce.url}/lightning/r/Lead/{ref}/view"
    assert (record.object, record.changed_at) == ("lead", salesforce.now)
    assert record.fields["HasOptedOutOfEmail"] is True


async def test_a_call_is_a_completed_task(salesforce, connect):
    ref = salesforce.add("Lead")
    call = Activity(
        ref, "call", salesforce.now, "Spring fair", "Wants a quote", outcome="answered", disposition="interested",
        duration_s=61, sender="+14155550100", fields={"Rating": "Hot"},
    )  # fmt: skip
    await connect().write(call, "k")
    [task] = salesforce.tasks()
    assert (task["WhoId"], task["Subject"], task["Status"]) == (ref, "Call: Spring fair", "Completed")
    assert (task["CallDurationInSeconds"], task["CallDisposition"], task["CallType"]) == (61, "interested", "Outbound")
    assert task["ActivityDate"] == "2026-01-05"
    assert "Wants a quote" in task["Description"]
    assert salesforce.rows["Lead"][ref]["Rating"] == "Hot"


async def test_an_opt_out_sets_the_fields_of_its_channels(salesforce, connect):
    ref = salesforce.add("Contact")
    source = connect(opt_out={"sms": "No_Text__c"})
    await source.write(Activity(ref, "opt_out", salesforce.now, channels=("phone",)), "k1")
    row = salesforce.rows["Contact"][ref]
    assert (row["DoNotCall"], row["HasOptedOutOfEmail"], row["No_Text__c"]) == (True, False, False)
    await source.write(Activity(ref, "opt_out", salesforce.now), "k2")
    row = salesforce.rows["Contact"][ref]
    assert (row["DoNotCall"], row["HasOptedOutOfEmail"], row["No_Text__c"]) == (True, True, True)
    [record] = await source.refresh([ref])
    assert record.fields["opt_out_sms"] is True


async def test_the_jwt_bearer_flow_signs_for_its_audience(salesforce, connect, table):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    del table["client_secret"]
    await connect(username="ann@example.com", private_key=pem, audience="https://login.salesforce.com").segments()
    form = salesforce.asked[0].body.decode()
    assertion = form.partition("assertion=")[2]
    claims = jwt.decode(
        assertion, key.public_key(), ["RS256"], audience="https://login.salesforce.com", options={"verify_exp": False}
    )
    assert (claims["iss"], claims["sub"]) == ("consumer", "ann@example.com")
    assert claims["exp"] - 1_767_625_200 == 180


async def test_a_refused_sign_in_says_what_to_do(connect):
    with pytest.raises(NeedsHuman, match=r"invalid_client.*correct client_id and client_secret"):
        await connect(client_secret="wrong").segments()


async def test_the_check_names_what_is_hidden(salesforce, connect):
    good = await connect(external_id="Fluentsd_Key__c", queries={"Hot": "SELECT Id FROM Lead"}).check()
    assert all(one.ok for one in good), good
    salesforce.hide("DoNotCall")
    salesforce.hide("Fluentsd_Key__c")
    del salesforce.columns["CampaignMember"]
    wrong = [
        one for one in await connect(
            external_id="Fluentsd_Key__c", queries={"Odd": "SELECT Id FROM Lead WHERE Nonsense = 'x'"}
        ).check() if not one.ok
    ]  # fmt: skip
    words = " ".join(one.what for one in wrong)
    for part in (
        "DoNotCall" if "DoNotCall" in words else "opt_out_phone",
        "Fluentsd_Key__c",
        "CampaignMember",
        "'Odd'",
    ):
        assert part in words
    assert all(one.fix for one in wrong)


async def test_the_check_knows_a_version_that_is_gone(connect):
    [found] = await connect(version="41.0").check()
    assert "no API version 41.0" in found.what


def test_the_ids_of_reports_become_long():
    from fluentsd_crm_salesforce.records import long_id

    assert long_id("001A0000006Vm9r") == "001A0000006Vm9rIAC"
    assert long_id(PREFIX["Lead"] + "5g0000000001AAA") == PREFIX["Lead"] + "5g0000000001AAA"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_secret": None}, "client_secret: is missing"),
        ({"username": "ann"}, "write both for the JWT bearer flow"),
        ({"username": "a", "private_key": "x"}, "private key in PEM form"),
        ({"username": "a", "private_key_file": "/nonexistent"}, "cannot be read"),
        ({"login_url": "http://example.com"}, "write your My Domain"),
        ({"version": "30"}, "not an API version"),
        ({"queries": {"x": "SELECT Name FROM Account"}}, "'x' should be"),
        ({"queries": {"x": "SELECT Id FROM Lead ORDER BY Name"}}, "without ORDER BY and LIMIT"),
        ({"fields": ["Lead Source"]}, "not the API name"),
        ({"opt_out": {"sms": "No text"}}, "opt_out.sms: 'No text' is not the API name"),
        ({"external_id": "Key"}, "not a custom field of Task"),
        ({"daily_share": 0}, "more than 0"),
        ({"overlap": "5"}, "should be seconds"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(change, words):
    table = {"login_url": "https://acme.my.salesforce.com", "client_id": "c", "client_secret": "secret-1"} | change
    with pytest.raises(ConfigProblem) as caught:
        read_settings({key: value for key, value in table.items() if value is not None})
    assert words in str(caught.value)
    assert "secret-1" not in str(caught.value)


@pytest.mark.slow
def test_the_library_is_not_loaded_before_the_first_request():
    code = "import sys, fluentsd_crm_salesforce; sys.exit('simple_salesforce' in sys.modules or 'jwt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_summary_of_a_call_is_a_task_with_the_values_it_maps(salesforce, connect):
    ref = salesforce.add("Lead")
    note = Activity(ref, "note", salesforce.now, "Summary of the call", "Wants a quote", fields={"Rating": "Hot"})
    for _ in range(2):
        await connect().write(note, "analysis:a1:1")
    [task] = salesforce.tasks()
    assert "Wants a quote" in task["Description"]
    assert salesforce.rows["Lead"][ref]["Rating"] == "Hot"
