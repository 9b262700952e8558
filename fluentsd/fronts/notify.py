"""Outbox targets: the log, and the operator's webhook.

An event is sent until the receiver accepts it, so it may arrive twice; its id identifies it. The webhook's requests are
signed with the operator's secret (HMAC-SHA256 of the body).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluentsd.api import Rejected, Unavailable, trouble
from fluentsd.domain.subscriptions import LOG, WEBHOOK
from fluentsd.engine.outbox.targets import Posted

if TYPE_CHECKING:
    import httpx

#: Seconds until a request to the webhook times out.
PATIENCE = 10.0
#: Statuses by which a receiver refuses one event. Every other failure is about the address, the secret or the moment,
#: so it would meet the next event too: the webhook is down until a probe is accepted.
REFUSES_EVENT = frozenset({400, 406, 409, 411, 412, 413, 414, 415, 422, 431, 501})


class LogTarget:
    """Writes each event to the log."""

    name, keeps_delivered = LOG, True

    def __init__(self, log: Any) -> None:
        self._log = log

    async def deliver(self, event: Posted) -> None:
        self._log.info("outbox", topic=event.topic, key=event.key, about=event.payload)


class WebhookTarget:
    """Posts each event as JSON: `id, topic, key, at` (epoch microseconds) and `payload`. Any 2xx status accepts it."""

    name, keeps_delivered = WEBHOOK, True

    def __init__(self, http: Callable[[], httpx.AsyncClient], url: str, secret: str | None) -> None:
        self._http, self._url, self._secret = http, url, secret

    async def deliver(self, event: Posted) -> None:
        import httpx

        body = json.dumps(event._asdict(), separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "X-Fluentsd-Id": str(event.id)}
        if self._secret is not None:
            headers["X-Fluentsd-Signature"] = f"sha256={sign(self._secret, body)}"
        try:
            answer = await self._http().post(self._url, content=body, headers=headers, timeout=PATIENCE)
        except httpx.TransportError as why:
            raise Unavailable(f"the address cannot be reached ({trouble(why)})", 0.0) from why
        problem = f"the address answered {answer.status_code}"
        if answer.status_code in REFUSES_EVENT:
            raise Rejected(problem)
        if not answer.is_success:
            raise Unavailable(problem, _retry_after(answer.headers.get("Retry-After", "")))


def _retry_after(text: str) -> float:
    """The seconds of a Retry-After header, an hour at most; a date or nothing is 0."""
    return float(min(int(text), 3600)) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def sign(secret: str, body: bytes) -> str:
    """The signature of a body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
