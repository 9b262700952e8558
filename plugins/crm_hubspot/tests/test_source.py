"""Segments, records, writes, checks and settings of the HubSpot source."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from fluentsd_crm_hubspot.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, Rejected
from plugins.crm_hubspot.tests.fake_hubspot import TOKEN


async def test_lists_of_contacts_and_stages_are_segments(hubspot, connect):
    for n in range(501):
        hubspot.new_list(f"L{n}")
    hubspot.new_list("Companies", "0-2")
    segments = await connect().segments()
    assert len(segments) == 503
    assert [one.name for one in segments if one.kind == "stage"] == ["Sales: New", "Sales: Won"]


async def test_a_key_without_deals_has_lists_only(hubspot, connect):
    hubspot.new_list("L")
    hubspot.scopes.discard("crm.objects.deals.read")
    assert [one.name for one in await connect().segments()] == ["L"]


async def test_a_list_of_companies_is_no_segment(hubspot, connect):
    ref = hubspot.new_list("Companies", "0-2")
    with pytest.raises(LookupError):
        await connect().walk(f"list:{ref}", None)


async def test_a_cursor_of_another_list_is_refused(hubspot, connect):
    one, other = hubspot.new_list("One"), hubspot.new_list("Other")
    hubspot.join(one, *(hubspot.contact() for _ in range(251)))
    page = await connect().walk(f"list:{one}", None)
    with pytest.raises(ValueError, match="another list"):
        await connect().walk(f"list:{other}", page.next)


async def test_without_a_join_order_only_walks_tell_who_joined(hubspot, connect):
    ref, source = hubspot.new_list("Old"), connect()
    hubspot.join_order = False
    hubspot.join(ref, hubspot.contact())
    page = await source.walk(f"list:{ref}", None)
    assert page.complete
    hubspot.pass_time(1)
    hubspot.join(ref, hubspot.contact())
    assert (await source.changes(f"list:{ref}", page.since)).walk_again


async def test_a_record_has_its_address_zone_flags_and_stamp(hubspot, connect):
    ref = hubspot.contact(hs_timezone="america_slash_new_york", hs_email_optout="true", firstname="Ann")
    [record] = await connect(fields=["jobtitle"]).refresh([ref])
    assert record.url == f"https://app.hubspot.com/contacts/4711/record/0-1/{ref}"
    assert record.fields["hs_timezone"] == "America/New_York"
    assert record.fields["hs_email_optout"] is True
    assert record.fields["jobtitle"] is None
    assert record.changed_at == hubspot.now
    assert (record.object, record.unreadable) == ("contact", frozenset())


async def test_fields_beyond_the_settings_are_known_and_not_fetched(hubspot, connect):
    fields = {one.name: one for one in await connect().catalogue()}
    assert not fields["jobtitle"].fetched
    assert fields["phone"].meaning == "phone"
    assert fields["phone"].writable
    assert fields["hs_email_optout"].meaning == "opt_out_email"
    assert not fields["hs_email_optout"].writable


async def test_a_call_has_the_facts_of_hubspots_own_record(hubspot, connect):
    ref = hubspot.contact(firstname="Ann")
    call = Activity(
        ref, "call", hubspot.now, "Spring fair", "Wants a quote", outcome="answered", disposition="interested",
        duration_s=61, sender="+14155550100", address="+14155550001", recording="https://example.com/r.mp3",
        fields={"hs_lead_status": "OPEN"},
    )  # fmt: skip
    await connect().write(call, "k")
    [made] = hubspot.objects.values()
    assert made["contact"] == ref
    assert made["properties"] | {"hs_call_body": ""} == {
        "hs_timestamp": "2026-01-05T15:00:00.000Z", "hs_call_title": "Spring fair", "hs_call_direction": "OUTBOUND",
        "hs_call_status": "COMPLETED", "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
        "hs_call_duration": "61000", "hs_call_from_number": "+14155550100", "hs_call_to_number": "+14155550001",
        "hs_call_recording_url": "https://example.com/r.mp3", "hs_call_body": "",
    }  # fmt: skip
    assert "Wants a quote" in made["properties"]["hs_call_body"]
    assert hubspot.contacts[ref].properties["hs_lead_status"] == "OPEN"


@pytest.mark.parametrize(
    ("kind", "body"), [("sms", "hs_communication_body"), ("note", "hs_note_body"), ("call", "hs_call_body")]
)
async def test_the_words_of_a_person_are_shown_as_they_wrote_them(hubspot, connect, kind, body):
    said = "I <3 it & you\n<script>alert(1)</script>"
    await connect().write(Activity(hubspot.contact(), kind, hubspot.now, "Reply", said, direction="in"), "k")
    [made] = hubspot.objects.values()
    assert "I &lt;3 it &amp; you<br>&lt;script&gt;alert(1)&lt;/script&gt;<br>fluentsd " in made["properties"][body]
    assert "\n" not in made["properties"][body]


async def test_the_text_of_an_e_mail_stays_plain(hubspot, connect):
    await connect().write(Activity(hubspot.contact(), "email", hubspot.now, "Reply", "2 < 3\nYours"), "k")
    [made] = hubspot.objects.values()
    assert made["properties"]["hs_email_text"].startswith("2 < 3\nYours\nfluentsd ")


async def test_a_long_text_has_at_most_hubspots_length_and_keeps_our_key(hubspot, connect):
    await connect().write(Activity(hubspot.contact(), "note", hubspot.now, "Note", "&\n" * 30_000), "k")
    [made] = hubspot.objects.values()
    assert 60_000 < len(made["properties"]["hs_note_body"]) <= 65_536
    assert re.search(r"<br>fluentsd [0-9a-f]{20}$", made["properties"]["hs_note_body"])


@pytest.mark.parametrize(("kind", "made"), [("sms", "communications"), ("email", "emails"), ("note", "notes")])
async def test_other_activities_are_objects_of_their_own(hubspot, connect, kind, made):
    await connect().write(Activity(hubspot.contact(), kind, hubspot.now, "Hello", "Text"), "k")
    assert [one["kind"] for one in hubspot.objects.values()] == [made]


async def test_an_opt_out_sets_its_property_unsubscribes_and_leaves_a_note(hubspot, connect):
    ref = hubspot.contact(email="ann@example.com")
    source = connect(opt_out={"phone": "do_not_call", "all": {"field": "hs_lead_status", "values": ["UNQUALIFIED"]}})
    await source.write(Activity(ref, "opt_out", hubspot.now, "Said stop", channels=("phone",)), "k1")
    assert hubspot.contacts[ref].properties["do_not_call"] == "true"
    assert "hs_lead_status" not in hubspot.contacts[ref].properties
    assert hubspot.unsubscribed == []
    await source.write(Activity(ref, "opt_out", hubspot.now, "Said stop"), "k2")
    assert hubspot.contacts[ref].properties["hs_lead_status"] == "UNQUALIFIED"
    assert hubspot.unsubscribed == ["ann@example.com"]
    [record] = await source.refresh([ref])
    assert record.fields["opt_out"] is True
    assert len(hubspot.objects) == 2


async def test_a_write_that_hubspot_refuses_is_rejected_with_its_words(hubspot, connect):
    with pytest.raises(Rejected, match='Property "nonsense" does not exist'):
        await connect().write(Activity(hubspot.contact(), "note", hubspot.now, fields={"nonsense": "x"}), "k")
    with pytest.raises(Rejected, match="CONTACT is not valid"):
        await connect().write(Activity("999", "note", hubspot.now), "k2")
    assert len(hubspot.objects) == 1  # the note of the first is written all the same


async def test_the_check_names_missing_scopes_and_properties(hubspot, connect):
    good = await connect(opt_out={"all": "do_not_call"}).check()
    assert all(one.ok for one in good)
    hubspot.scopes -= {"crm.lists.read", "crm.objects.deals.read"}
    found = await connect(fields=["nonsense"], opt_out={"phone": "dnc"}).check()
    wrong = {one.what: one.fix for one in found if not one.ok}
    assert any("crm.lists.read" in what for what in wrong)
    assert any("'nonsense'" in what for what in wrong)
    assert any("nobody is contacted (phone)" in what for what in wrong)
    assert all(wrong.values())
    assert any("crm.objects.deals.read" in one.fix for one in found if one.ok)


async def test_the_check_says_once_that_the_key_is_refused(hubspot, connect):
    [found] = await connect(token="wrong").check()
    assert (found.ok, found.what) == (False, "hubspot: HubSpot refuses the key")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "token: is missing"),
        ({"token": "Bearer x"}, "without the word Bearer"),
        ({"token": 5}, "token: int given"),
        ({"fields": "phone"}, "fields: should be a list"),
        ({"fields": ["Job Title"]}, "'Job Title' is not the internal name"),
        ({"opt_out": {"phone": "Do not call"}}, "opt_out.phone: 'Do not call' is not the internal name"),
        ({"rate": "fast"}, "rate: 'fast' is not a rate"),
        ({"daily_share": 40}, "daily_share: 40 should be a part"),
        ({"overlap": -1}, "overlap: -1 should be seconds"),
        ({"base_url": "http://example.com"}, "http only on this machine"),
        ({"tokn": "x"}, "did you mean 'token'"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(table, words):
    with pytest.raises(ConfigProblem) as caught:
        read_settings(({"token": TOKEN} if table and "tokn" not in table else {}) | table)
    assert words in str(caught.value)
    assert "Bearer x" not in str(caught.value)


@pytest.mark.slow
def test_the_sdk_is_not_loaded_before_the_first_request():
    code = "import sys, fluentsd_crm_hubspot; sys.exit('hubspot' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_summary_of_a_call_is_a_note_with_the_values_it_maps(hubspot, connect):
    ref = hubspot.contact()
    note = Activity(
        ref, "note", hubspot.now, "Summary of the call, interested", "Wants a quote", fields={"hs_lead_status": "OPEN"}
    )
    for _ in range(2):
        await connect().write(note, "analysis:a1:1")
    [made] = hubspot.objects.values()
    assert (made["kind"], made["contact"]) == ("notes", ref)
    assert "Wants a quote" in made["properties"]["hs_note_body"]
    assert hubspot.contacts[ref].properties["hs_lead_status"] == "OPEN"
