"""The web front: any bytes get an answer or a closed connection, and any signed report is taken or refused."""

from __future__ import annotations

import json
import tempfile
from typing import Any
from urllib.parse import urlencode

import pytest
import trio
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from fluentsd.testing import tools
from tests.fronts.web.front import PUBLIC, Front, fronted, sign
from tests.fuzz.conftest import fuzz

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # long texts in a report
TOKEN = "0123456789abcdef0123456789abcdef"
SECRET = "a" * 32
TEXTS = st.one_of(
    st.sampled_from(["STOP", "+12125550001", "p1@example.com", "", "\0", "\ud800", "x" * 20_000, "SM" + "a" * 32, "a?b&c=d", "%00", "%zz"]),
    st.text(max_size=20),
)  # fmt: skip
NUMBERS = st.one_of(st.integers(), st.none(), st.booleans(), st.floats(), TEXTS)
REPORTS = st.lists(
    st.fixed_dictionaries(
        {"outcome": st.sampled_from(["delivered", "replied", "opted_out", "bounced", "failed", "answered", "unknown", "x", ""])},
        optional=dict.fromkeys(("token", "ref", "address", "text", "reason", "message_ref", "transcript", "recording"), TEXTS)
        | {name: st.one_of(st.none(), st.integers(-(2**70), 2**70)) for name in ("at", "cost_micros", "duration_s", "away_until_at")}
        | {"dead": st.booleans(), "resubscribed": st.booleans(), "fault": st.sampled_from(["person", "message", "sender"])},
    ),
    max_size=3,
)  # fmt: skip
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["From", "To", "Body", "MessageSid", "SmsSid", "SmsStatus", "MessageStatus", "ErrorCode", "OptOutType", "AccountSid",
                         "NumMedia", "NumSegments", "FromCountry", "RawDlrDoneDate", "ChannelPrefix", "MessagingServiceSid", "X"]),
        st.one_of(TEXTS, st.sampled_from(["delivered", "failed", "START", "HELP", "30007", "whatsapp:+12125550001", "2612241000"])),
    ),
    max_size=9,
)  # fmt: skip
RAW = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda method, path, headers, body: (f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").encode("latin-1", "replace") + body,
        st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PRI", "get", ""]),
        st.one_of(st.sampled_from(["/hooks/sms", f"/hooks/sms/{TOKEN}", f"/u/{TOKEN}", "/healthz", "/metrics", "*", "//", "/hooks/%00",
                                   "http://x/healthz", "/u/\xff", "/hooks/sms?a=%zz&b"]), st.text(max_size=20)),
        st.sampled_from(["", "Content-Length: 5\r\n", "Content-Length: 99999999999\r\n", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
                         "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n", "X-Forwarded-For: ,,;\r\n"]),
        st.binary(max_size=40),
    ),
)  # fmt: skip


@fuzz(12)
@given(st.lists(st.tuples(REPORTS, st.booleans()), max_size=8), st.lists(RAW, max_size=12))
def test_any_request_is_answered_and_none_is_a_fault(reports: list[tuple[Any, bool]], raw: list[bytes]) -> None:
    trio.run(_ask, reports, raw)


async def _ask(reports: list[tuple[Any, bool]], raw: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with fronted(f"sqlite+aiosqlite:///{folder}/f.db") as front:
            [token] = await front.reach()
            for report, with_token in reports:
                status = await _post(front, report, token if with_token else None)
                assert status in (204, 400, 404), status
            for piece in raw:
                await _send(front, piece)
            health = await front.client.get("/healthz")
            assert health.status_code == 200, health.text
            assert not front.logged("web.fault")
            assert not front.logged("web.connection")


async def _post(front: Front, report: Any, token: str | None) -> int:
    path = "/hooks/sms" + (f"/{token}" if token else "")
    body = json.dumps(report).encode()
    headers = {"X-Signature": sign(PUBLIC + path, body)}
    return (await front.client.post(path, content=body, headers=headers)).status_code


async def _send(front: Front, piece: bytes) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        try:
            await stream.send_all(piece)
            await stream.send_eof()
            with trio.fail_after(15):
                got = b""
                while part := await stream.receive_some(65_536):
                    got += part
        except trio.BrokenResourceError:
            return
    assert not got.startswith(b"HTTP/1.1 500")


CHANNEL = SmsChannel(
    read_settings({"account_sid": "AC" + "0" * 32, "auth_token": SECRET, "sender": "+12125550100"}),
    tools(folder=tempfile.gettempdir(), public_url="https://calls.example.com"),
)


@fuzz(150)
@given(FIELDS, st.sampled_from(["/hooks/sms", f"/hooks/sms/{TOKEN}", "/hooks/sms?x=1"]), st.booleans())
def test_any_request_that_twilio_signs_is_read_or_refused(
    fields: list[tuple[str, str]], path: str, forged: bool
) -> None:
    from fluentsd.api import Forged, Request

    url, safe = (
        f"https://calls.example.com{path}",
        [(name, text.encode("utf-8", "replace").decode()) for name, text in fields],
    )
    signature = RequestValidator(SECRET).compute_signature(url, dict(safe))
    headers = {
        "x-twilio-signature": "forged" if forged else signature,
        "content-type": "application/x-www-form-urlencoded",
    }
    try:
        for inbound in CHANNEL.webhook(Request("POST", url, headers, urlencode(safe).encode())).inbounds:
            assert not forged
            assert inbound.token or inbound.ref or inbound.address
    except (Forged, ValueError):
        pass
