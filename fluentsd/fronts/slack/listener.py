"""Slack's own library as the reader of envelopes: it authorizes, ignores the app's own messages, and finds the
listener. Every listener is the same shim, which runs the router on Trio.

The library is synchronous, so each envelope has a thread while it is answered; nothing in a thread touches the engine.
What must not live here: the connection (`transport`), and what an interaction means (`router`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio
from slack_bolt import Ack, App, BoltContext, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult

from fluentsd.fronts.guard import place_of
from fluentsd.fronts.slack.identity import Identity
from fluentsd.fronts.slack.web_api import WebApi

#: Envelopes answered at once.
AT_ONCE = 64
_ANY = re.compile(r"[\s\S]*")
#: What a person reads when a listener failed.
FAILED = "Something went wrong in fluentsd, by no fault of yours; its log has the place. Look before you repeat it."

Handle = Callable[[Mapping[str, Any], trio.Event], Awaitable[Mapping[str, Any] | None]]


class Listener:
    """Answers envelopes by `handle`, which gets the payload, and an event that is set when the acknowledgement has been
    sent; it returns the acknowledgement's payload."""

    def __init__(self, api: WebApi, identity: Identity, handle: Handle, log: Any) -> None:
        self._handle, self._log = handle, log
        self._threads = trio.CapacityLimiter(AT_ONCE)

        def authorize(**_: Any) -> AuthorizeResult:
            """What `auth.test` said when the front started: no request to Slack before an acknowledgement."""
            return AuthorizeResult(
                enterprise_id=identity.enterprise or None,
                team_id=identity.team or None,
                bot_user_id=identity.bot_user or None,
                bot_id=identity.bot or None,
                bot_token=api.client.token,
            )

        quiet = logging.getLogger("fluentsd.slack_bolt")
        quiet.setLevel(logging.CRITICAL)  # it would log requests, with what people wrote
        self._app = App(
            name="fluentsd",
            logger=quiet,
            authorize=authorize,
            process_before_response=True,
            token_verification_enabled=False,
            request_verification_enabled=False,  # signatures belong to HTTP; the socket is Slack's own
        )
        for register in (self._app.command, self._app.action, self._app.options, self._app.shortcut,
                         self._app.view, self._app.view_closed, self._app.event):  # fmt: skip
            register(_ANY)(self._listen)
        self._app.error(self._failed)

    async def answer(self, envelope: Mapping[str, Any], sent: trio.Event) -> Mapping[str, Any] | None:
        """The payload of the acknowledgement; None if it has none. `sent` is set when it has been sent."""
        body = envelope.get("payload")
        if not isinstance(body, dict):
            return None
        headers: dict[str, Any] = {}
        if envelope.get("retry_attempt") is not None:
            headers["x-slack-retry-num"] = str(envelope["retry_attempt"])
        request = BoltRequest(mode="socket_mode", body=body, headers=headers, context={"sent": sent})
        response = await trio.to_thread.run_sync(
            self._app.dispatch, request, limiter=self._threads, abandon_on_cancel=True
        )
        if response.status != 200 or not response.body:
            return None
        if response.headers.get("content-type", [""])[0].startswith("application/json"):
            return dict(json.loads(response.body))
        return {"text": response.body}

    def _listen(self, ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        """The shim: one hop to Trio, then the acknowledgement."""
        payload = trio.from_thread.run(self._handle, body, context["sent"])
        if payload:
            ack(dict(payload))
        else:
            ack()

    def _failed(self, error: Exception, body: dict[str, Any]) -> BoltResponse:
        self._log.error("slack.listener", error=type(error).__name__, where=place_of(error))
        return BoltResponse(status=200, body={"text": FAILED} if "command" in body else "")
