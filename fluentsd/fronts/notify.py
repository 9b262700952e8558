"""Outbox listeners: the log, and the operator's webhook. Each receives one message at a time.

A message is sent until the receiver accepts it, so it may arrive twice; its id identifies it. The webhook's requests
are signed with the operator's secret (HMAC-SHA256 of the body).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fluentsd.engine.outbox.deliver import Listener

if TYPE_CHECKING:
    import httpx

#: Seconds until a request to the webhook times out.
PATIENCE = 10.0


class NotTaken(Exception):
    """The operator's webhook did not accept the message."""


def log_listener(log: Any) -> Listener:
    """A listener that writes each message to the log, once."""

    async def listen(message: Mapping[str, Any]) -> None:
        if not message["tries"]:
            log.info("outbox", topic=message["topic"], key=message["key"], about=message["payload"])

    return listen


def web_listener(http: Callable[[], httpx.AsyncClient], url: str, secret: str | None) -> Listener:
    """A listener that posts each message as JSON: `id, topic, key, at` (epoch microseconds) and `payload`.

    Any 2xx status accepts the message.
    """

    async def listen(message: Mapping[str, Any]) -> None:
        envelope = {"id": message["id"], "topic": message["topic"], "key": message["key"], "at": message["created_at"]}
        body = json.dumps(envelope | {"payload": message["payload"]}, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "X-Fluentsd-Id": str(message["id"])}
        if secret is not None:
            headers["X-Fluentsd-Signature"] = f"sha256={sign(secret, body)}"
        answer = await http().post(url, content=body, headers=headers, timeout=PATIENCE)
        if not answer.is_success:
            raise NotTaken(f"the address answered {answer.status_code}")

    return listen


def sign(secret: str, body: bytes) -> str:
    """The signature of a body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
