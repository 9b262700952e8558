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

from fluentsd.api import Rejected, Unavailable
from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.notify import LogTarget, WebhookTarget, sign

EVENT = Posted(7, "campaign.started", "spring", {"campaign": "spring", "by": "ünï"}, 1_767_625_200_000_000)


def client(answer: httpx.Response, heard: list[httpx.Request]) -> httpx.AsyncClient:
    def take(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(take))


async def tell(answer: httpx.Response, secret: str | None) -> httpx.Request:
    heard: list[httpx.Request] = []
    async with client(answer, heard) as http:
        await WebhookTarget(lambda: http, "https://example.com/hook", secret).deliver(EVENT)
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


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_status_about_the_event_refuses_this_event(status: int) -> None:
    with pytest.raises(Rejected, match=str(status)):
        await tell(httpx.Response(status), None)


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 503])
async def test_any_other_status_means_that_the_webhook_is_down(status: int) -> None:
    headers = {"Location": "https://elsewhere", "Retry-After": "120"}
    with pytest.raises(Unavailable, match=str(status)) as caught:
        await tell(httpx.Response(status, headers=headers), None)
    assert (caught.value.after, caught.value.only_this) == (120.0, False)


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "9" * 400])
async def test_a_pause_that_is_no_number_of_seconds_is_ignored(date: str) -> None:
    with pytest.raises(Unavailable) as caught:
        await tell(httpx.Response(503, headers={"Retry-After": date}), None)
    assert caught.value.after == 0.0


async def test_an_address_that_cannot_be_reached_is_down() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        with pytest.raises(Unavailable, match="no connection"):
            await WebhookTarget(lambda: http, "https://example.com/hook", None).deliver(EVENT)


def test_signatures_differ_by_secret_and_body() -> None:
    assert len({sign("a", b"x"), sign("b", b"x"), sign("a", b"y")}) == 3


async def test_the_log_names_topic_and_key() -> None:
    with capture_logs() as logs:
        await LogTarget(_log()).deliver(EVENT)
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
