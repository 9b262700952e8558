"""The operator's webhook: JSON, signed, repeated until it is accepted."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from fluentsd.fronts.notify import NotTaken, log_listener, sign, web_listener

MESSAGE = {
    "id": 7, "topic": "campaign.started", "key": "spring", "payload": {"campaign": "spring", "by": "ünï"},
    "tries": 0, "created_at": 1_767_625_200_000_000,
}  # fmt: skip


def client(answer: httpx.Response, heard: list[httpx.Request]) -> httpx.AsyncClient:
    def take(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(take))


async def tell(answer: httpx.Response, secret: str | None) -> httpx.Request:
    heard: list[httpx.Request] = []
    async with client(answer, heard) as http:
        await web_listener(lambda: http, "https://example.com/hook", secret)(MESSAGE)
    [request] = heard
    return request


async def test_a_message_is_posted_with_its_id_and_a_signature_the_receiver_can_check() -> None:
    request = await tell(httpx.Response(204), "s3cret")
    assert (request.method, str(request.url)) == ("POST", "https://example.com/hook")
    assert json.loads(request.content) == {
        "id": 7, "topic": "campaign.started", "key": "spring", "at": 1_767_625_200_000_000,
        "payload": {"campaign": "spring", "by": "ünï"},
    }  # fmt: skip
    assert request.headers["x-fluentsd-id"] == "7"
    expected = hmac.new(b"s3cret", request.content, hashlib.sha256).hexdigest()
    assert request.headers["x-fluentsd-signature"] == f"sha256={expected}"


async def test_without_a_secret_there_is_no_signature() -> None:
    assert "x-fluentsd-signature" not in (await tell(httpx.Response(200), None)).headers


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_any_answer_but_success_means_that_it_was_not_taken(status: int) -> None:
    with pytest.raises(NotTaken, match=str(status)):
        await tell(httpx.Response(status, headers={"Location": "https://elsewhere"}), None)


def test_signatures_differ_by_secret_and_body() -> None:
    assert len({sign("a", b"x"), sign("b", b"x"), sign("a", b"y")}) == 3


async def test_the_log_hears_each_message_once_however_often_it_is_told() -> None:
    with capture_logs() as logs:
        listen = log_listener(_log())
        for tries in (0, 1, 2):
            await listen(MESSAGE | {"tries": tries})
    [entry] = logs
    assert (entry["event"], entry["topic"], entry["key"]) == ("outbox", "campaign.started", "spring")


def _log() -> Any:
    import structlog

    return structlog.get_logger()


@pytest.mark.slow
def test_a_daemon_that_posts_to_nobody_loads_no_web_client() -> None:
    code = "import sys, fluentsd.daemon; print('httpx' in sys.modules, 'alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
