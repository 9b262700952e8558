"""Replays of captured messages: no opt-out is lifted, no reply is stored twice, no STOP is hidden."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Forged, Inbound, Outcome
from fluentsd.testing import tools
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fronts.web.front import Front, fronted

PERSON = "+12125550001"
OPEN = "SELECT count(*) FROM suppression WHERE lifted_at IS NULL"
HOUR = 3_600_000_000


def stop(ref: str, at: int | None = None) -> dict[str, object]:
    return {"outcome": "opted_out", "address": PERSON, "text": "STOP", "message_ref": ref, "at": at}


def start(ref: str, at: int | None = None) -> dict[str, object]:
    return {"outcome": "replied", "address": PERSON, "text": "START", "resubscribed": True, "message_ref": ref,
            "at": at}  # fmt: skip


def variants(message: dict[str, object]) -> list[bytes]:
    """The same message in other bytes: its fields in other orders and encodings."""
    orders = itertools.islice(itertools.permutations(message.items()), 0, 24, 4)
    return [json.dumps([dict(order)], indent=n or None).encode() for n, order in enumerate(orders)]


@pytest.mark.parametrize("known", [True, False], ids=["in a campaign", "a stranger"])
async def test_a_captured_start_in_other_bytes_lifts_no_later_stop(front_on_both: Front, known: bool) -> None:
    front = front_on_both
    if known:
        await front.reach()
    stops = [(2 if known else 1,)]  # a person's number and address
    await front.hook(stop("M1"))
    await front.hook(start("M2"))
    assert await front.ask(f"{OPEN} AND kind = 'phone'") == [(0,)]
    await front.hook(stop("M3"))
    assert await front.ask(OPEN) == stops
    for body in variants(start("M2")):
        assert await front.hook(body=body) == 204
    assert await front.ask(OPEN) == stops


async def test_a_stop_that_is_delivered_again_undoes_no_later_start(front_on_both: Front) -> None:
    front = front_on_both
    await front.hook(stop("M1"))
    await front.hook(start("M2"))
    for body in variants(stop("M1")):
        assert await front.hook(body=body) == 204
    assert await front.ask(OPEN) == [(0,)]


async def test_one_reply_is_stored_once_also_after_a_restart(tmp_path: Path, database_url: str) -> None:
    reply = {"outcome": "replied", "address": PERSON, "text": "Who is this?", "message_ref": "M1"}
    async with fronted(database_url) as front:
        await front.reach()
        for body in variants(reply):
            assert await front.hook(body=body) == 204
        assert await front.ask("SELECT text FROM content WHERE kind = 'reply'") == [("Who is this?",)]
        for _ in range(3):
            await front.stage.inbox.take(Inbound(Outcome.replied, address=PERSON, text="Who is this?",
                                                 message_ref="M1"))  # fmt: skip
        assert await front.ask("SELECT count(*) FROM content WHERE kind = 'reply'") == [(1,)]
        await front.hook(reply | {"message_ref": "M2"})
        assert await front.ask("SELECT count(*) FROM content WHERE kind = 'reply'") == [(2,)]


async def test_a_start_that_arrives_after_a_later_stop_lifts_nothing(front_on_both: Front) -> None:
    front = front_on_both
    now = front.stage.clock.now()
    await front.hook(stop("M3", now - HOUR))
    await front.hook(start("M2", now - 2 * HOUR))
    assert await front.ask(OPEN) == [(1,)]
    await front.hook(start("M4", now - HOUR // 2))
    assert await front.ask(OPEN) == [(0,)]


async def test_a_start_without_a_time_is_dated_by_its_provider(front_on_both: Front) -> None:
    front, now = front_on_both, front_on_both.stage.clock.now()
    written: dict[str, int | None] = {"M2": now - HOUR, "M4": now, "M5": None}

    async def said_at(message_ref: str) -> int | None:
        if message_ref == "M6":
            raise OSError("the provider is away")
        return written[message_ref]

    front.stage.sms.said_at = said_at  # type: ignore[attr-defined]
    front.stage.resolve("sms")
    await front.hook(stop("M1"))
    await front.hook(start("M2"))  # written an hour before the stop
    assert await front.ask(OPEN) == [(1,)]
    for known_now in ("M4", "M5", "M6"):  # written now, unknown to the provider, and a provider that is away
        await front.hook(start(known_now))
        assert await front.ask(OPEN) == [(0,)], known_now
        await front.hook(stop(f"stop after {known_now}"))
    assert [entry["error"] for entry in front.logged("optin.undated")] == ["OSError"]


async def test_a_stop_that_is_repeated_later_stands_against_a_start_in_between(front_on_both: Front) -> None:
    front = front_on_both
    now = front.stage.clock.now()
    await front.hook(stop("M1", now - 3 * HOUR))
    await front.hook(stop("M3", now - HOUR))
    await front.hook(start("M2", now - 2 * HOUR))
    assert await front.ask(OPEN) == [(1,)]


async def test_a_time_in_the_future_counts_as_now(front: Front) -> None:
    now = front.stage.clock.now()
    await front.hook(stop("M1", now + 1000 * HOUR))
    await front.hook(start("M2", now + 10 * HOUR))
    assert await front.ask(OPEN) == [(0,)]


async def test_a_message_first_read_as_something_else_still_stops(front: Front) -> None:
    await front.reach()
    reply = {"outcome": "replied", "address": PERSON, "text": "", "message_ref": "M1"}
    assert await front.hook(reply) == 204
    assert await front.hook(start("M1")) == 204
    assert await front.hook(stop("M1")) == 204
    assert await front.ask(f"{OPEN} AND kind = 'phone'") == [(1,)]


# ── the boundaries of fields ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def channel(tmp_path: Path) -> SmsChannel:
    return SmsChannel(read_settings({"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER}),
                      tools(folder=tmp_path))  # fmt: skip


@pytest.fixture
def twilio() -> FakeTwilio:
    fake = FakeTwilio()
    fake.numbers[NUMBER]["sms_url"] = "https://outreach.example/hooks/sms"
    return fake


def resplit(twilio: FakeTwilio, body: str, *moves: tuple[str, str], **more: str) -> tuple[object, object]:
    """A captured request and its forgery with the same signed text, in which `moves` replace "=" by places."""
    post = twilio.write(PERSON, body, **more)
    assert post is not None
    raw = post.body
    for before, after in moves:
        assert before.encode() in raw, (before, raw)
        raw = raw.replace(before.encode(), after.encode(), 1)
    return post, replace(post, body=raw)


@pytest.mark.parametrize(
    ("body", "moves"),
    [
        ("STOP", [("Body=STOP", "B=odySTOP")]),
        ("STOP", [("Body=STOP", "BodyS=TOP")]),
        ("STOP", [("Body=STOP", "BodySTOP=")]),
        ("STOP", [("&ApiVersion=2010-04-01", "&ApiVersion=2010-04-01BodySTOP"), ("&Body=STOP", "")]),
        ("hello", [("&OptOutType=STOP", ""), ("NumSegments=1", "NumSegments=1OptOutTypeSTOP")]),
        ("START", [("MessageSid=SM", "MessageSi=dSM")]),
        ("START", [("&SmsMessageSid=SM", "&SmsMessageSi=dSM"), ("&SmsSid=SM", "&SmsSi=dSM")]),
        ("hiBodySTART", [("Body=hiBodySTART", "Body=hi&Body=START")]),
    ],
)
def test_a_field_that_was_moved_is_refused(
    channel: SmsChannel, twilio: FakeTwilio, body: str, moves: list[tuple[str, str]]
) -> None:
    more = {"OptOutType": "STOP"} if "OptOutType" in moves[0][0] else {}
    post, forged = resplit(twilio, body, *moves, **more)
    assert channel.webhook(post).inbounds  # type: ignore[arg-type]
    with pytest.raises(Forged):
        channel.webhook(forged)  # type: ignore[arg-type]


def test_a_planted_sender_is_refused(channel: SmsChannel, twilio: FakeTwilio) -> None:
    victim = "+12125559999"
    body = f"STARTFrom{victim}FromCityX"
    post = twilio.write(PERSON, body, FromCity="NYC")
    assert post is not None
    assert not channel.webhook(post).inbounds[0].resubscribed
    raw = post.body.replace(f"From={quote(PERSON)}&".encode(), b"").replace(b"&FromCity=NYC", b"")
    raw = raw.replace(quote(body).encode(), b"START")
    raw += f"&From={quote(victim)}&FromCity=X{quote('From' + PERSON)}FromCityNYC".encode()
    with pytest.raises(Forged, match="From stands inside another field"):
        channel.webhook(replace(post, body=raw))


@pytest.mark.parametrize("name", ["Country", "CarrierName", "Zone", "ParentMessageSid", "Body2", "AbcFrom", "Rcs.Body"])
def test_a_new_field_of_twilio_loses_no_stop(channel: SmsChannel, twilio: FakeTwilio, name: str) -> None:
    value = "SM" + "0" * 32 if name.endswith("Sid") else "x"
    post = twilio.write(PERSON, "STOP", **{name: value})
    assert post is not None
    assert channel.webhook(post).inbounds[0].outcome == Outcome.opted_out


def test_a_start_whose_end_is_not_certain_is_a_reply(channel: SmsChannel, twilio: FakeTwilio) -> None:
    post, forged = resplit(twilio, "STARTCall me", ("Body=STARTCall+me", "Body=START&Call=+me"))
    assert not channel.webhook(post).inbounds[0].resubscribed  # type: ignore[arg-type]
    [said] = channel.webhook(forged).inbounds  # type: ignore[arg-type]
    assert not said.resubscribed


def test_everything_twilio_documents_is_understood(channel: SmsChannel, twilio: FakeTwilio) -> None:
    more = {"FromCity": "TOLEDO", "FromState": "OH", "FromZip": "43604", "FromCountry": "US", "ToCity": "", "ToZip": "",
            "MessagingServiceSid": "MG" + "0" * 32, "ProfileName": "BodyShop From 5 To 7", "WaId": "12125550001",
            "ButtonText": "Stop", "ButtonPayload": "x", "NumMedia": "1", "MediaUrl0": "https://api.twilio.com/SmsStatus",
            "MediaContentType0": "image/png", "ReferralBody": "Body", "Latitude": "1.5", "ChannelPrefix": "whatsapp",
            "OriginalRepliedMessageSid": "SM" + "1" * 32, "AddOns": '{"status": "successful", "Body": 1}'}  # fmt: skip
    post = twilio.write(PERSON, "START", **more)
    assert post is not None
    assert channel.webhook(post).inbounds[0].resubscribed
