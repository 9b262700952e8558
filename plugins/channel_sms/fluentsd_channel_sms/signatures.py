"""Whether a request comes from Twilio: the proof it carries, checked in constant time.

The signature is a MAC of the whole address and, sorted, every form field: HMAC-SHA1 with the account's auth token, or,
when `X-Twilio-Webhooks-Signature-Settings` names another algorithm, that one with a webhook key. Twilio signs the
address with or without its port, so both are right. Each secret is tried, so that one can be replaced without a gap.
A request holds no moment: the same one, sent again to the same address, is as true as before, and says the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, urlparse, urlsplit

from fluentsd.api import Forged, Request

FORM = "application/x-www-form-urlencoded"
#: Twilio sends a few dozen fields; who sends thousands wants to keep us busy.
FIELDS_AT_MOST = 200


def prove(request: Request, secrets: Sequence[str]) -> dict[str, str]:
    """The fields of a request that is provably Twilio's; raises `Forged`.

    A form's fields are in its body; those of a GET stand in the address, which is signed as it is.
    """
    if not secrets:
        raise Forged("no secret is set to prove this request by; set auth_token")
    try:
        fields = _fields(request)
        signed = fields if request.method == "POST" else []
        given = request.headers.get("x-twilio-signature", "").encode("ascii")
        right = _signatures(request, signed, secrets)
    except ValueError as why:  # half a character, an address that is none, a thousand fields
        raise Forged(f"the request is not one of Twilio's: {type(why).__name__}") from why
    # every candidate is compared: the time does not tell which one was nearly right
    matches = [hmac.compare_digest(given, one.encode("ascii")) for one in right]
    if not any(matches):
        raise Forged("the signature is missing or wrong")
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
    """Every signature that would be right; none when the algorithm is not known."""
    # here: the SDK is loaded when the first webhook comes, not when a configuration is checked
    from twilio import request_validator as sdk  # type: ignore[import-untyped]  # ships no types

    algorithm = sdk.get_signature_algorithm(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    address = urlparse(request.url)
    addresses = dict.fromkeys((request.url, sdk.remove_port(address), sdk.add_port(address)))
    form = _Form(fields)
    return [
        sdk.RequestValidator(secret).compute_signature(url, form, algorithm) for secret in secrets for url in addresses
    ]


class _Form(dict[str, list[str]]):
    """Fields by name, each with all its values, as the SDK asks for them."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in fields:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]
