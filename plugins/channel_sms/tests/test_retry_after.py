"""How long Twilio asks us to wait, in each form that HTTP has for it."""

from __future__ import annotations

import httpx
import pytest
from fluentsd_channel_sms.account import Account
from fluentsd_channel_sms.client import connect
from fluentsd_channel_sms.error_codes import Refusal

ACCOUNT = Account(account_sid="AC" + "0" * 32, auth_tokens=("t",))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("999999", 3600.0),
        ("Sun, 29 Nov 2026 08:00:09 GMT", 9.0),
        ("Sun, 29 Nov 2026 07:00:00 GMT", 0.0),
        ("Mon, 30 Nov 2026 08:00:00 GMT", 3600.0),
        ("29 Nov 2026 08:00:09 -0000", None),  # a time of no zone
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        (None, None),
    ],
)
async def test_the_wait_is_understood(asked, seconds):
    headers = [("date", "Sun, 29 Nov 2026 08:00:00 GMT"), *([("retry-after", asked.encode())] if asked else [])]
    answer = httpx.Response(429, headers=headers, json={"code": 20429, "message": "Too Many Requests"})
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        with pytest.raises(Refusal) as why:
            await connect(ACCOUNT, lambda: http).messages.create_async(
                to="+14155550001", from_="+14155550100", body="x"
            )
    assert why.value.retry_after == seconds
