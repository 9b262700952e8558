"""Verifies Twilio's webhook signatures in constant time.

The signature is a MAC of the full URL and the sorted form fields: HMAC-SHA1 with the account's auth token, or another
algorithm with a webhook key, named by `X-Twilio-Webhooks-Signature-Settings`. Twilio signs the URL with or without its
port, so both are valid. Every secret is tried, so that a secret can be replaced without a gap. A request has no
timestamp: a replayed request is valid too, and the engine knows it by the message's id. The signature leaves the
boundaries between fields open; `boundaries` closes them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, urlparse, urlsplit

from fluentsd.api import Forged, Request
from fluentsd_channel_sms.boundaries import moved

FORM = "application/x-www-form-urlencoded"
#: Twilio sends a few dozen fields; thousands are an attack.
FIELDS_AT_MOST = 200


def prove(request: Request, secrets: Sequence[str]) -> dict[str, str]:
    """The fields of a verified request; raises `Forged`.

    The fields of a form are in its body; those of a GET are in the URL, which is signed.
    """
    if not secrets:
        raise Forged("webhooks cannot be verified without a secret; set auth_token")
    try:
        fields = _fields(request)
        signed = fields if request.method == "POST" else []
        given = request.headers.get("x-twilio-signature", "").encode("ascii")
        right = _signatures(request, signed, secrets)
    except ValueError as why:  # a broken character, an invalid URL, a thousand fields
        raise Forged("the request is not from Twilio: it cannot be read") from why
    # compare every candidate, so that the time reveals nothing
    matches = [hmac.compare_digest(given, one.encode("ascii")) for one in right]
    if not any(matches):
        raise Forged("the signature is missing or wrong")
    if request.method == "POST" and (why_not := moved(fields)):
        raise Forged(f"the signature is right, but {why_not}")
    return dict(fields)


def _fields(request: Request) -> list[tuple[str, str]]:
    if request.method == "GET":
        raw = urlsplit(request.url).query
    elif request.method == "POST" and request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        raw = request.body.decode("utf-8")
    else:
        raise ValueError("neither a form nor a GET")
    return parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_AT_MOST)


def _signatures(request: Request, fields: list[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """All valid signatures; none when the algorithm is unknown."""
    # here: the SDK is loaded with the first webhook, not for a check of the configuration
    from twilio import request_validator as sdk  # type: ignore[import-untyped]  # ships no types

    algorithm = sdk.get_signature_algorithm(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    address = urlparse(request.url)
    addresses = dict.fromkeys((request.url, sdk.remove_port(address), sdk.add_port(address)))
    form = _Form(fields)
    return [
        sdk.RequestValidator(secret).compute_signature(url, form, algorithm) for secret in secrets for url in addresses
    ]


class _Form(dict[str, list[str]]):
    """Fields by name, each with all its values, in the SDK's interface."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in fields:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]
