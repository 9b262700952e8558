"""Recordings are read from the account, with its credentials, and from nowhere else."""

from __future__ import annotations

import httpx
import pytest
from fluentsd_channel_phone.recordings import fetch
from fluentsd_channel_phone.settings import read_settings

from fluentsd.api import NeedsHuman, Rejected, Unavailable
from plugins.channel_phone.tests.fake_voice import ACCOUNT, TOKEN

SID = "RE" + "a" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}"
SETTINGS = read_settings({"account_sid": ACCOUNT, "auth_token": TOKEN})


async def fetched(answer, url=f"https://api.twilio.com{PATH}"):
    asked, pieces = [], []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request) if callable(answer) else answer

    async def write(data: bytes) -> None:
        pieces.append(data)

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        kind = await fetch(SETTINGS, http, url, write)
    return asked, b"".join(pieces), kind


async def test_it_is_read_with_the_credentials_which_no_storage_sees():
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.twilio.com":
            return httpx.Response(307, headers={"location": "https://media.example/signed?x=1"})
        return httpx.Response(200, content=b"ID3", headers={"content-type": "audio/mpeg"})

    asked, data, kind = await fetched(respond)
    assert (data, kind) == (b"ID3", "audio/mpeg")
    assert [str(one.url) for one in asked] == [f"https://api.twilio.com{PATH}.mp3", "https://media.example/signed?x=1"]
    assert asked[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in asked[1].headers


@pytest.mark.parametrize(
    "url",
    [f"https://evil.example/2010-04-01/Accounts/AC{'0' * 32}/Recordings/{SID}", "file:///etc/passwd", "",
     f"https://api.twilio.com{PATH}/../../Calls", "http://169.254.169.254/latest"],
)  # fmt: skip
async def test_another_address_is_not_asked(url):
    with pytest.raises(Rejected, match="not of a recording of this account"):
        await fetched(httpx.Response(200), url)


async def test_a_foreign_host_is_not_asked_even_with_the_right_path():
    asked, *_ = await fetched(httpx.Response(200, content=b"x"), f"https://evil.example{PATH}")
    assert {one.url.host for one in asked} == {"api.twilio.com"}


@pytest.mark.parametrize(
    ("status", "error"), [(401, NeedsHuman), (403, NeedsHuman), (404, Unavailable), (410, Rejected), (500, Unavailable)]
)
async def test_what_an_answer_means(status, error):
    with pytest.raises(error):
        await fetched(httpx.Response(status))
