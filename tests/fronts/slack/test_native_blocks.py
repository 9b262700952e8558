"""Native blocks are sent until the workspace refuses them, and again an hour later."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from fluentsd.fronts.slack.native_blocks import AGAIN, Natives
from fluentsd.fronts.slack.web_api import SlackRefused

PLAIN, NATIVE = {"text": "plain"}, {"text": "native"}


class Slack:
    """Takes bodies; refuses native ones with `error`."""

    def __init__(self, error: str = "") -> None:
        self.error, self.sent = error, list[str]()

    async def take(self, body: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(body["text"])
        if self.error and body is NATIVE:
            raise SlackRefused("chat.postMessage", self.error)


@pytest.mark.parametrize("error", ["invalid_blocks", "invalid_blocks_format", "invalid_arguments"])
async def test_a_refused_message_is_sent_plain_and_so_are_those_of_the_next_hour(
    error: str, mock_clock: MockClock
) -> None:
    slack, natives = Slack(error), Natives(structlog.get_logger())
    await natives.send(PLAIN, NATIVE, slack.take)
    await natives.send(PLAIN, NATIVE, slack.take)
    assert slack.sent == ["native", "plain", "plain"]
    slack.error = ""
    mock_clock.jump(AGAIN)
    await natives.send(PLAIN, NATIVE, slack.take)
    assert slack.sent[3:] == ["native"]


async def test_another_refusal_is_told_and_nothing_is_sent_twice() -> None:
    slack, natives = Slack("used_url"), Natives(structlog.get_logger())
    with pytest.raises(SlackRefused):
        await natives.send(PLAIN, NATIVE, slack.take)
    assert slack.sent == ["native"]
    assert natives.are_taken()


async def test_what_has_no_native_form_is_sent_plain() -> None:
    slack = Slack()
    await Natives(structlog.get_logger()).send(PLAIN, None, slack.take)
    assert slack.sent == ["plain"]
