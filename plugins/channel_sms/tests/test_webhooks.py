"""Only signed requests are accepted, and an event reports only what is proved."""

from __future__ import annotations

import uuid
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from fluentsd import api
from fluentsd.api import Forged, Outcome, Request
from fluentsd.testing import tools
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio, Kept

PACKAGE = "https://outreach.example"
PERSON = "+14155550001"
SID = "SM" + "a" * 32


@pytest.fixture
def fake():
    """A Twilio that only signs; it serves nobody."""
    fake = FakeTwilio()
    fake.numbers[NUMBER]["sms_url"] = f"{PACKAGE}/hooks/sms"
    return fake


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("sms"))


def build(folder, **config):
    table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER} | config
    return SmsChannel(read_settings(table), tools(folder=folder))


def status(fake, word, code=None, token=None, **more):
    """A status of a message, as Twilio posts it."""
    url = f"{PACKAGE}/hooks/sms/{token}" if token else f"{PACKAGE}/hooks/sms"
    fake.messages.append(Kept(SID, PERSON, "Hello", 0, NUMBER, None, url, 60))
    post = fake.move(SID, word, code)
    fake.messages.clear()
    return replace(post, **more)


# What a status says


@pytest.mark.parametrize(
    ("word", "code", "outcome", "dead", "fault"),
    [
        ("sent", None, Outcome.sent, False, "person"),
        ("delivered", None, Outcome.delivered, False, "person"),
        ("read", None, Outcome.delivered, False, "person"),
        ("failed", None, Outcome.failed, False, "person"),
        ("undelivered", 30003, Outcome.failed, False, "person"),
        ("undelivered", 30005, Outcome.failed, True, "person"),
        ("undelivered", 30006, Outcome.failed, True, "person"),
        ("failed", 21211, Outcome.failed, True, "person"),
        ("undelivered", 30007, Outcome.failed, False, "message"),
        ("undelivered", 30034, Outcome.failed, False, "sender"),
        ("failed", 30001, Outcome.failed, False, "message"),
        ("failed", 30002, Outcome.failed, False, "sender"),
        ("undelivered", 30004, Outcome.failed, False, "message"),
        ("undelivered", 30008, Outcome.failed, False, "person"),
        ("undelivered", 30022, Outcome.failed, False, "message"),
        ("failed", 63038, Outcome.failed, False, "sender"),
        ("failed", 21610, Outcome.opted_out, False, "person"),
        ("undelivered", 39999, Outcome.failed, False, "person"),
        ("canceled", None, Outcome.failed, False, "person"),
    ],
)
def test_an_end_is_read(fake, channel, word, code, outcome, dead, fault):
    token = uuid.uuid4().hex
    (said,) = channel.webhook(status(fake, word, code, token)).inbounds
    assert (said.outcome, said.dead, said.fault, said.token, said.ref) == (outcome, dead, fault, token, SID)
    assert str(code or "") in said.reason


@pytest.mark.parametrize("word", ["queued", "sending", "accepted", "scheduled", "a word of the future"])
def test_what_is_no_end_says_nothing(fake, channel, word):
    assert channel.webhook(status(fake, word, token=uuid.uuid4().hex)).inbounds == []


def test_a_status_without_a_token_is_known_by_its_message(fake, channel):
    (said,) = channel.webhook(status(fake, "delivered")).inbounds
    assert (said.token, said.ref) == (None, SID)


def test_the_older_name_of_a_status_is_read_too(fake, channel):
    (said,) = channel.webhook(fake.post(f"{PACKAGE}/hooks/sms", {"SmsSid": SID, "SmsStatus": "undelivered"})).inbounds
    assert (said.outcome, said.ref) == (Outcome.failed, SID)


# What people write


@pytest.mark.parametrize(
    "word",
    [
        "STOP",
        "stop",
        " Stop. ",
        "STOPALL",
        "UNSUBSCRIBE",
        "end",
        "QUIT!",
        "Revoke",
        "OPTOUT",
        "opt out",
        "CANCEL",
        "“stop”",
    ],
)
def test_a_stop_word_ends_all_contact(fake, channel, word):
    (said,) = channel.webhook(fake.write(PERSON, word)).inbounds
    assert (said.outcome, said.address, said.text, said.token) == (Outcome.opted_out, PERSON, word, None)


def test_what_twilio_calls_an_opt_out_is_one_whatever_it_says(fake, channel):
    (said,) = channel.webhook(fake.write(PERSON, "basta ya", OptOutType="STOP")).inbounds
    assert said.outcome == Outcome.opted_out


@pytest.mark.parametrize(("word", "more"), [("START", {}), ("unstop", {}), ("si quiero", {"OptOutType": "START"})])
def test_start_takes_it_back(fake, channel, word, more):
    (said,) = channel.webhook(fake.write(PERSON, word, **more)).inbounds
    assert (said.outcome, said.resubscribed, said.address) == (Outcome.replied, True, PERSON)


def test_help_is_answered_by_twilio(fake, channel):
    assert channel.webhook(fake.write(PERSON, "HELP")).inbounds == []
    assert channel.webhook(fake.write(PERSON, "info", OptOutType="HELP")).inbounds == []


@pytest.mark.parametrize("words", ["please stop texting me", "take me off your list", "wrong number"])
def test_an_opt_out_in_own_words_is_heard(fake, channel, words):
    (said,) = channel.webhook(fake.write(PERSON, words)).inbounds
    assert (said.outcome, said.reason) == (Outcome.opted_out, "asked to stop in their own words")


@pytest.mark.parametrize("words", ["Yes", "I'll stop by tomorrow", "don't stop", "cancel my appointment", ""])
def test_anything_else_is_a_reply(fake, channel, words):
    (said,) = channel.webhook(fake.write(PERSON, words)).inbounds
    assert (said.outcome, said.text, said.resubscribed) == (Outcome.replied, words, False)


def test_a_picture_leaves_a_trace(fake, channel):
    (said,) = channel.webhook(fake.write(PERSON, "", NumMedia="2")).inbounds
    assert said.text == "(2 attachments)"


# Who says it


def test_the_scheme_of_2026_is_read(fake, channel, tmp_path):
    fake.shared_key = "the-shared-key"
    post = status(fake, "delivered")
    with pytest.raises(Forged):
        channel.webhook(post)
    assert build(tmp_path, webhook_secret="the-shared-key").webhook(post).inbounds[0].outcome == Outcome.delivered


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_MD5", "none", "HMAC_SHA256,algorithm=HMAC_SHA1"])
def test_another_algorithm_than_the_one_signed_with_is_forged(fake, tmp_path, algorithm):
    fake.shared_key = "the-shared-key"
    channel, post = build(tmp_path, webhook_secret="the-shared-key"), status(fake, "delivered")
    named = {"x-twilio-webhooks-signature-settings": f"key=k,algorithm={algorithm}"}
    if algorithm.startswith("HMAC_SHA256"):
        assert channel.webhook(replace(post, headers={**post.headers, **named})).inbounds  # the first one counts
        return
    with pytest.raises(Forged):
        channel.webhook(replace(post, headers={**post.headers, **named}))


def test_both_tokens_hold_while_one_is_replaced(fake, tmp_path):
    channel = build(tmp_path, auth_token=["new", "old"])
    for fake.token in ("new", "old"):
        assert channel.webhook(status(fake, "delivered")).inbounds
    fake.token = "older"
    with pytest.raises(Forged):
        channel.webhook(status(fake, "delivered"))


@pytest.mark.parametrize("signed", [f"{PACKAGE}:443/hooks/sms", f"{PACKAGE}/hooks/sms"])
@pytest.mark.parametrize("seen", [f"{PACKAGE}:443/hooks/sms", f"{PACKAGE}/hooks/sms"])
def test_the_port_may_be_signed_or_not(fake, channel, signed, seen):
    post = fake.post(signed, {"MessageSid": SID, "MessageStatus": "sent", "AccountSid": ACCOUNT})
    assert channel.webhook(replace(post, url=seen)).inbounds


def test_a_callback_shown_to_another_attempt_is_forged(fake, channel):
    post = status(fake, "delivered", token=uuid.uuid4().hex)
    with pytest.raises(Forged):
        channel.webhook(replace(post, url=f"{PACKAGE}/hooks/sms/{uuid.uuid4().hex}"))


def test_the_same_request_twice_says_the_same(fake, channel):
    post = status(fake, "delivered", token=uuid.uuid4().hex)
    assert channel.webhook(post).inbounds == channel.webhook(post).inbounds


def test_blank_and_repeated_fields_are_part_of_the_proof(fake, channel):
    fields = {"MessageSid": SID, "MessageStatus": "sent", "Blank": "", "Sign": "é + & ="}
    post = fake.post(f"{PACKAGE}/hooks/sms", fields)
    assert channel.webhook(post).inbounds
    with pytest.raises(Forged):
        channel.webhook(replace(post, body=post.body.replace(b"Blank=", b"Blank=x")))
    with pytest.raises(Forged):
        channel.webhook(replace(post, body=post.body + b"&Sign=more"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ErrorMessage", "Message Body is too long"), ("ProfileName", "Body Shop"), ("FriendlyName", "The Body Shop"),
        ("CallerName", "BODY AND SOUL Body"), ("CallReason", "Body check"), ("SmsBodyLength", "5"), ("DlrBody", "ok"),
        ("AddOns", '{"results": {"name": "Body Shop"}}'), ("RawDlrErrorDetail", "EmptyBody"),
        ("Note", "ApiVersion, From 5 To 7, MessageSid"),
    ],
)  # fmt: skip
def test_a_word_that_is_a_fields_name_elsewhere_is_no_forgery(fake, channel, name, value):
    """Statuses and calls have no Body."""
    fields = {"MessageSid": SID, "MessageStatus": "sent", "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"}
    assert channel.webhook(fake.post(f"{PACKAGE}/hooks/sms", fields | {name: value})).inbounds


@pytest.mark.parametrize(
    "fields",
    [
        {"AddOns": '{"Carrier": 1}ApiVersion2010-04-01BodySTOP'},
        {"AddOns": "{", "Carrier": "1}ApiVersion2010-04-01BodySTOP"},
        {"Api": "Version2010-04-01BodySTOP"},
        {"ApiVersion2010": "-04-01BodySTOP"},
        {"ApiVersion": "2010-04-01", "BodySTOP": ""},
        {"ApiVersion": "2010-04-01BodySTOP"},
        {"ApiVersion": "2010-04-01", "B": "odySTOP"},
    ],
)
def test_a_body_that_was_moved_into_another_field_is_forged(fake, channel, fields):
    sent = {"AccountSid": ACCOUNT, "From": PERSON, "MessageSid": SID, "SmsStatus": "received", "To": NUMBER}
    with pytest.raises(Forged, match="the signature is right, but"):
        channel.webhook(fake.post(f"{PACKAGE}/hooks/sms", sent | fields))


@pytest.mark.parametrize("sdk_sees", ["https://outreach.example", "https://outreach.example:443"])
@pytest.mark.parametrize("query", ["", "?a=1&b=%C3%A9+x&a=2", "?bodySHA256=" + "0" * 64, "?for=status&empty="])
def test_odd_parameters_are_signed_as_the_sdk_signs_them(channel, sdk_sees, query):
    """Several values of a name, an empty one, letters of all alphabets, and a query beside the form."""
    pairs = [("MessageSid", SID), ("MessageStatus", "sent"), ("AccountSid", ACCOUNT), ("FromCity", "")]
    pairs += [("MediaUrl", value) for value in ("b", "a", "b")]
    pairs += [("ToCity", "M\u00fcnchen \u6771\u4eac \U0001f600 + & = %"), ("Label", "a\r\nb")]
    form = MultiDict(pairs)
    url = f"{sdk_sees}/hooks/sms{query}"
    headers = {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, form),
               "content-type": "application/x-www-form-urlencoded"}  # fmt: skip
    post = Request("POST", f"{PACKAGE}/hooks/sms{query}", headers, urlencode(pairs).encode())
    assert channel.webhook(post).inbounds
    with pytest.raises(Forged):
        channel.webhook(replace(post, url=post.url + "&x=1"))


class MultiDict(dict):
    """A form as web frameworks give it to the SDK."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs

    def getall(self, wanted):
        return [value for name, value in self.pairs if name == wanted]


def test_a_get_is_proved_by_its_address(fake, channel):
    url = f"{PACKAGE}/hooks/sms?{urlencode({'From': PERSON, 'Body': 'STOP', 'SmsStatus': 'received'})}"
    proof = fake.post(url, {}).headers["x-twilio-signature"]
    [said] = channel.webhook(Request("GET", url, {"x-twilio-signature": proof}, b"")).inbounds
    assert said.outcome == Outcome.opted_out
    with pytest.raises(Forged):
        channel.webhook(Request("GET", url + "&x=1", {"x-twilio-signature": proof}, b""))


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {}},
        {"headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"headers": {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "é"}},
        {"headers": {"content-type": "application/json", "x-twilio-signature": "x"}},
        {"body": b""},
        {"body": b"\xff\xfe"},
        {"body": b"a=1&" * 1000},
        {"method": "PUT"},
        {"url": "https://[half"},
        {"url": "https://outreach.example:99999/"},
        {"url": "\ud800"},
    ],
)
def test_a_malformed_request_is_forged(fake, channel, change):
    with pytest.raises(Forged):
        channel.webhook(status(fake, "delivered", **change))


def test_without_a_secret_nothing_is_believed(fake, tmp_path):
    key = "SK" + "0" * 32
    settings = read_settings({"account_sid": ACCOUNT, "api_key": key, "api_secret": "s"})
    with pytest.raises(Forged, match="auth_token"):
        SmsChannel(settings, tools(folder=tmp_path)).webhook(status(fake, "delivered"))


@pytest.mark.parametrize("fields", [{"Foo": "bar"}, {"MessageStatus": "sent"}, {"SmsStatus": "received"}])
def test_an_authentic_request_that_makes_no_sense_is_a_value_error(fake, channel, fields):
    with pytest.raises(ValueError, match=r"\w"):
        channel.webhook(fake.post(f"{PACKAGE}/hooks/sms", fields))


def test_another_accounts_request_makes_no_sense(fake, channel):
    fields = {"MessageSid": SID, "MessageStatus": "sent", "AccountSid": "AC" + "9" * 32}
    with pytest.raises(ValueError, match="another account"):
        channel.webhook(fake.post(f"{PACKAGE}/hooks/sms", fields))


forms = st.dictionaries(
    st.sampled_from(["MessageStatus", "MessageSid", "From", "Body", "AccountSid", "x"]), st.text(max_size=9)
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["POST", "GET", "PUT", "post", ""]),
    url=st.one_of(st.text(max_size=40), st.just(f"{PACKAGE}/hooks/sms")),
    fields=forms,
    raw=st.binary(max_size=60),
    signature=st.one_of(st.text(max_size=44), st.binary(min_size=20, max_size=20).map(lambda b: b.hex())),
    scheme=st.one_of(st.none(), st.text(max_size=30), st.just("key=k,algorithm=HMAC_SHA256")),
    form=st.booleans(),
)
def test_nothing_unsigned_is_ever_believed(channel, method, url, fields, raw, signature, scheme, form):
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    if scheme is not None:
        headers["x-twilio-webhooks-signature-settings"] = scheme
    body = urlencode(fields, errors="replace").encode() if form else raw
    with pytest.raises(api.Forged):
        channel.webhook(Request(method, url, headers, body))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), where=st.sampled_from(["body", "signature", "url"]))
def test_one_changed_letter_is_a_forgery(fake, channel, at, byte, where):
    post = status(fake, "delivered", token="0" * 32)
    if where == "body":
        i = at % len(post.body)
        changed = post.body[:i] + bytes([byte]) + post.body[i + 1 :]
        same = changed == post.body
        spoilt = replace(post, body=changed)
    elif where == "signature":
        signature = post.headers["x-twilio-signature"]
        i = at % len(signature)
        changed = signature[:i] + chr(byte) + signature[i + 1 :]
        same = changed == signature
        spoilt = replace(post, headers={**post.headers, "x-twilio-signature": changed})
    else:
        i = at % len(post.url)
        changed = post.url[:i] + chr(byte) + post.url[i + 1 :]
        same = changed == post.url
        spoilt = replace(post, url=changed)
    try:
        said = channel.webhook(spoilt).inbounds
    except Forged:
        assert not same
    else:  # only another spelling of the same words gets through ("%3A" is ":", "+" is a space)
        assert said == channel.webhook(post).inbounds
