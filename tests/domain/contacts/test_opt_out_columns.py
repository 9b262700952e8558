"""Columns in which a list says whom not to contact are found by their headings, and read in their sense."""

from __future__ import annotations

import pytest

from fluentsd.domain.contacts.mapping import suggest, with_kept
from fluentsd.domain.contacts.opt_out_columns import by_heading
from fluentsd.domain.contacts.reader import ContactReader, Person


def said(heading: str, cell: str) -> set[str]:
    """The channels on which a row with this cell opts out."""
    mapping = suggest(["Name", "Email", "Phone", heading], [["Jane", "jane@example.com", "(212) 555-0111", cell]])
    person = ContactReader(mapping).read(["Jane", "jane@example.com", "(212) 555-0111", cell], 2)
    assert isinstance(person, Person)
    return {channel for channel, _ in person.opt_outs}


@pytest.mark.parametrize(
    ("heading", "cell", "channels"),
    [
        ("Do Not Call", "1", {"phone", "sms"}),
        ("DoNotCall", "TRUE", {"phone", "sms"}),
        ("Do_Not_Call__c", "x", {"phone", "sms"}),
        ("DNC", "Yes", {"phone", "sms"}),
        ("DND", "true", {"*"}),
        ("Do Not Contact", "☑", {"*"}),
        ("Do Not Text", "Y", {"sms"}),
        ("Unsubscribed from all email", "true", {"email"}),
        ("HasOptedOutOfEmail", "true", {"email"}),
        ("Email Opt Out", "1", {"email"}),
        ("Email Opt-Out", "1.0", {"email"}),
        ("SMS Opt Out", "Opted out", {"sms"}),
        ("Opted out", "ja", {"*"}),
        ("Unsubscribed at", "2026-03-04 10:00", {"*"}),
        ("Opt-out date", "3/4/2026", {"*"}),
        ("Unsubscribe reason", "too many mails", {"*"}),
        ("Accepts Email Marketing", "no", {"email"}),
        ("Accepts SMS Marketing", "FALSE", {"sms"}),
        ("Opt-In", "No", {"*"}),
        ("SMS Consent", "revoked", {"sms"}),
        ("Subscribed", "0", {"*"}),
        ("Status", "Unsubscribed", {"*"}),
        ("Lead Status", "Do Not Contact", {"*"}),
        ("Email Marketing Status", "UNSUBSCRIBED", {"email"}),
        ("Nicht anrufen", "ja", {"phone"}),
        ("Kontaktsperre", "x", {"*"}),
        ("Ne pas appeler", "oui", {"phone"}),
        ("No llamar", "sí", {"phone"}),
        ("Deceased", "Yes", {"*"}),
        ("Deceased?", "x", {"*"}),
        ("TCPA Litigator", "Y", {"phone", "sms"}),
        ("Known litigator", "1", {"phone", "sms"}),
        ("Blocked", "TRUE", {"*"}),
        ("Email Bounced", "true", {"email"}),
        ("Bounced at", "2026-02-02", {"email"}),
        ("Hard Bounce Reason", "mailbox full", {"email"}),
        ("Invalid email address", "true", {"email"}),
        ("Wrong Number", "yes", {"phone", "sms"}),
        ("Email Status", "Bounced", {"email"}),
        ("Email Status", "invalid", {"email"}),
        ("Status", "cleaned", {"email"}),
        ("Lead Status", "Hard bounced", {"email"}),
        ("Lead Status", "Wrong Number", {"phone", "sms"}),
        ("Lead Status", "Disconnected", {"phone", "sms"}),
        ("Lead Status", "Deceased", {"*"}),
        ("Phone/Fax Opt Out", "1", {"phone"}),
    ],
)
def test_an_opt_out_is_read_with_its_channels(heading, cell, channels):
    assert said(heading, cell) == channels


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("Do Not Call", "0"), ("Do Not Call", "No"), ("Do Not Call", ""), ("DNC", "FALSE"), ("DNC", "n/a"),
        ("Unsubscribed", "never"), ("Unsubscribed at", ""), ("Unsubscribe link", "https://example.com/u/1"),
        ("Do not call before", "9am"), ("No. of calls", "3"), ("Status", "Active"),
        ("Lead Status", "Open - Not Contacted"), ("Accepts Email Marketing", "yes"), ("Accepts SMS Marketing", ""),
        ("Opt-In", "2026-03-04"), ("HasOptedOutOfFax", "true"), ("Fax Opt Out", "1"), ("Deceased", "No"),
        ("Deceased", "John Doe"), ("Deceased Last Name", "Doe"), ("Litigator", "clean"), ("Block", "12"),
        ("Blocked", "no"), ("Soft bounce date", "1/2/26"), ("Bounce count", "3"), ("Email Status", "valid"),
        ("Lead Status", "Dead"), ("Lead Status", "Invalid"), ("Phone Status", "bounced"),
        ("Order Status", "cancelled"), ("State", "DO"), ("Notes", "do not call"), ("Last Call", "1"),
    ],
)  # fmt: skip
def test_what_says_nothing_of_an_opt_out_is_none(heading, cell):
    assert said(heading, cell) == set()


def test_the_words_are_kept_as_evidence():
    mapping = suggest(["Email", "Do Not Call"], [["jane@example.com", "1"]])
    person = ContactReader(mapping).read(["jane@example.com", "1"], 2)
    assert person.opt_outs == (("phone", "Do Not Call: 1"), ("sms", "Do Not Call: 1"))
    assert person.fields["do_not_call"] == "1"


def test_a_person_overrules_a_column():
    mapping = suggest(["Email", "Status", "DNC"], [["jane@example.com", "DNC", "1"]])
    kept = with_kept(mapping, ["Status"], ["DNC"])
    person = ContactReader(kept).read(["jane@example.com", "DNC", "1"], 2)
    assert person.opt_outs == ()
    assert "status" not in person.fields
    assert person.fields["dnc"] == "1"


def test_no_known_heading_of_a_person_is_an_opt_out():
    for heading in (
        "First Name",
        "Phone",
        "Email",
        "Mobile",
        "State",
        "Country",
        "ZIP",
        "Company",
        "Time Zone",
        "Notes",
    ):
        assert by_heading(heading) is None
