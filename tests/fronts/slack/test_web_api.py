"""Calls to the Web API: pace, pauses that Slack asks for, and addresses that are Slack's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog
import trio

from fluentsd.api import Unavailable
from fluentsd.fronts.slack.rates import Rates
from fluentsd.fronts.slack.web_api import SlackRefused, WebApi
from fluentsd.testing.slack import Workspace, fake_slack
from fluentsd.testing.slack.http import Response
from tests.fronts.slack.conftest import slack_settings

PRODUCTION = "https://slack.com/api/"


@pytest.fixture(autouse=True)
def quick_posts() -> None:
    """Posts have the pace that Slack asks for."""


@pytest.mark.parametrize(
    ("api", "hook", "is_theirs"),
    [
        (PRODUCTION, "https://hooks.slack.com/commands/T1/2/3", True),
        (PRODUCTION, "https://hooks.slack-gov.com/commands/T1/2/3", True),
        (PRODUCTION, "http://hooks.slack.com/commands/T1/2/3", False),
        (PRODUCTION, "https://hooks.slack.com.evil.test/x", False),
        (PRODUCTION, "https://evil.test/hooks.slack.com", False),
        (PRODUCTION, "https://hooks.slack.com:8443/x", False),
        (PRODUCTION, "https://hooks.slack.com@evil.test/x", False),
        (PRODUCTION, "http://127.0.0.1/x", False),
        ("http://127.0.0.1:9/api/", "http://localhost:7/x", True),
        ("http://127.0.0.1:9/api/", "https://evil.test/x", False),
    ],
)
async def test_answers_go_to_slacks_own_hosts_alone(api: str, hook: str, is_theirs: bool) -> None:
    web = WebApi(replace(slack_settings(Workspace()), api_url=api), structlog.get_logger())
    assert web.is_hook(hook) is is_theirs
    if not is_theirs:
        with pytest.raises(SlackRefused, match="not Slack's own"):
            await web.respond(hook, {"text": "x"})


async def test_a_short_pause_is_waited_for_and_a_long_one_is_told() -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        slack.fail("auth.test", retry_after=1)
        began = trio.current_time()
        await web.call("auth.test")
        assert trio.current_time() - began >= 1
        slack.fail("auth.test", retry_after=120)
        with pytest.raises(Unavailable) as caught:
            await web.call("auth.test")
        assert caught.value.after == 120


@pytest.mark.parametrize("status", [500, 503])
async def test_slacks_own_trouble_is_unavailable(status: int) -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        slack.fail("auth.test", "internal_error", status=status)
        with pytest.raises(Unavailable):
            await web.call("auth.test")
        slack.is_away = True
        with pytest.raises(Unavailable, match="cannot be reached"):
            await web.call("auth.test")


async def test_a_refusal_has_its_code() -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        with pytest.raises(SlackRefused) as caught:
            await web.call("chat.postMessage", channel="C404", text="x")
        assert (caught.value.method, caught.value.error) == ("chat.postMessage", "channel_not_found")


@pytest.mark.parametrize("page", [b"<html>502 Bad Gateway</html>", b"", b"null", b'{"ok": false}'])
async def test_an_answer_that_is_not_slacks_is_an_outage_and_no_refusal(page: bytes) -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        slack._faults["auth.test"] = [Response(page)]
        with pytest.raises(Unavailable):
            await web.call("auth.test")


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "1.5"}, {"Retry-After": "soon"}])
async def test_a_pause_without_a_number_is_a_second(headers: dict[str, str]) -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        slack._faults["auth.test"] = [Response({"ok": False, "error": "ratelimited"}, 429, headers)]
        began = trio.current_time()
        await web.call("auth.test")
        assert trio.current_time() - began >= 0.9


@pytest.mark.parametrize("more", [{"response_metadata": None}, {"response_metadata": {"messages": ["[ERROR] x"]}}])
async def test_a_refusal_may_have_no_details(more: dict[str, object]) -> None:
    async with fake_slack() as slack:
        web = WebApi(slack_settings(slack), structlog.get_logger())
        slack._faults["auth.test"] = [Response({"ok": False, "error": "invalid_auth", **more})]
        with pytest.raises(SlackRefused) as caught:
            await web.call("auth.test")
        assert caught.value.error == "invalid_auth"


def test_a_channel_gets_one_message_a_second_and_others_do_not_wait() -> None:
    rates = Rates()
    assert [rates.reserve("chat.postMessage", "C1", 0.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert rates.reserve("chat.postMessage", "C2", 0.0) == 0.0


def test_a_tier_paces_a_method_after_its_burst() -> None:
    rates = Rates()
    waits = [rates.reserve("chat.update", None, 0.0) for _ in range(60)]
    assert waits[:10] == [0.0] * 10
    assert waits[59] == pytest.approx(60.0)  # 50 a minute, after a burst of ten
    assert rates.reserve("views.open", None, 0.0) == 0.0


def test_a_pause_that_slack_asked_for_counts_for_its_method_alone() -> None:
    rates = Rates()
    rates.pause("chat.update", 30.0, 0.0)
    assert rates.reserve("chat.update", None, 0.0) == 30.0
    assert rates.reserve("chat.postMessage", "C1", 0.0) == 0.0
