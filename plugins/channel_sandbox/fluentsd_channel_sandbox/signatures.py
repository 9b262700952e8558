"""The signature of the sandbox's webhooks: HMAC-SHA256 of the URL and the body, in hex."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from fluentsd.api import Forged, Request

#: The header of the signature.
HEADER = "x-sandbox-signature"


def sign(secret: str, url: str, body: bytes) -> str:
    """The signature of a request to `url`."""
    return hmac.new(secret.encode(), url.encode() + b"\n" + body, hashlib.sha256).hexdigest()


def prove(request: Request, secret: str) -> dict[str, Any]:
    """The JSON object of an authentic request; raises `Forged`, or ValueError when it is none."""
    given = request.headers.get(HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, _signature(secret, request)):
        raise Forged("the signature does not fit")
    event = json.loads(request.body.decode())
    if not isinstance(event, dict):
        raise ValueError("the event is not a JSON object")
    return event


def _signature(secret: str, request: Request) -> bytes:
    return sign(secret, request.url.encode("utf-8", "replace").decode(), request.body).encode()


def text(event: dict[str, Any], key: str, *, required: bool = True) -> str:
    """One text of an event; raises ValueError when it is missing or no text."""
    value = event.get(key, "")
    if not isinstance(value, str) or (required and not value):
        raise ValueError(f"{key} is not a text")
    return value
