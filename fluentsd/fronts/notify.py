"""Those who are told what happens: the log, and an address of the operator's. Each takes one message of the outbox.

A message is told until it is taken, so it may come twice; its id goes along. What leaves the house by web is signed
with the operator's secret (HMAC-SHA256 of the body), so that the receiver knows whom it is from.
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

#: Seconds the other side may take.
PATIENCE = 10.0


class NotTaken(Exception):
    """The operator's address did not take the message."""


def log_listener(log: Any) -> Listener:
    """Write each message to the log, once."""

    async def listen(message: Mapping[str, Any]) -> None:
        if not message["tries"]:
            log.info("outbox", topic=message["topic"], key=message["key"], about=message["payload"])

    return listen


def web_listener(http: Callable[[], httpx.AsyncClient], url: str, secret: str | None) -> Listener:
    """Post each message as JSON: `id, topic, key, at` (epoch microseconds) and `payload`; any 2xx takes it."""

    async def listen(message: Mapping[str, Any]) -> None:
        told = {"id": message["id"], "topic": message["topic"], "key": message["key"], "at": message["created_at"]}
        body = json.dumps(told | {"payload": message["payload"]}, separators=(",", ":")).encode()
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
