"""Webhooks: what a provider says becomes what we know, once it is proved to come from the provider.

The order is the order of trust: is there such a channel; does the request prove where it comes from (the channel's own
pure `parse_webhook`); was its token given out to an attempt of this channel (one indexed read); and only then is it
taken, and answered with 204 when it is committed. A forger learns nothing but 403, whatever token he tries, and costs
no read of the database.

A provider that hears no 2xx comes again, so everything here may come twice, late and in any order. What is known only
gets clearer (`engine.recording`). The same request, word for word, is taken once: but one that asks to be left alone is
always obeyed, because a second STOP may read like the first.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fluentsd import api
from fluentsd.api import Forged, Inbound, Outcome
from fluentsd.config import HttpSettings
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import ChannelState, Runtime
from fluentsd.fronts.web.middleware import Refused, body_of, client_of
from fluentsd.fronts.web.stats import Result, WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.unavailable import StoreUnavailable

#: Requests that were taken and are known again; a provider repeats itself within minutes.
REMEMBERED = 8192
#: Seconds for the database to take a report; the provider is then asked to come again.
TAKING_PATIENCE = 8.0


class Hooks:
    """The webhooks of all channels."""

    def __init__(self, runtime: Runtime, inbox: Inbox, http: HttpSettings, tokens: Tokens, stats: WebStats) -> None:
        self._runtime, self._inbox, self._tokens, self._stats = runtime, inbox, tokens, stats
        self._base = http.public_url
        self._trusted = [ipaddress.ip_network(proxy, strict=False) for proxy in http.trusted_proxies]
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    async def callback(self, request: Request) -> Response:
        """POST /hooks/{kind}/{token}: a report about one attempt."""
        return await self._counted(request, request.path_params["token"])

    async def inbound(self, request: Request) -> Response:
        """POST /hooks/{kind}: what people send of their own accord."""
        return await self._counted(request, None)

    async def _counted(self, request: Request, token: str | None) -> Response:
        channel_state = next(
            (s for kind, s in self._runtime.channels.items() if kind == request.path_params["kind"]), None
        )
        kind = channel_state.kind if channel_state is not None else "none"
        try:
            result = await self._attend(request, channel_state, token)
        except Refused as why:
            self._stats.webhook(kind, why.result)
            raise
        except (StoreUnavailable, trio.TooSlowError):
            self._stats.webhook(kind, Result.unavailable)
            raise
        except ClientDisconnect:
            raise
        except Exception:
            self._stats.webhook(kind, Result.failed)
            raise
        self._stats.webhook(kind, result)
        return Response(status_code=204)

    async def _attend(self, request: Request, channel_state: ChannelState | None, token: str | None) -> Result:
        if channel_state is None:
            raise Refused(404, "there is no such channel", Result.unknown)
        hook = self._request(request, await body_of(request))
        said = self._parse(channel_state, hook, request)
        known = await self._known(channel_state, token, said)
        proof = _proof(hook)
        if proof in self._taken and not any(_asks_to_stop(one) for one in known):
            return Result.repeated
        if not known:
            return Result.nothing
        with trio.fail_after(TAKING_PATIENCE):
            for one in known:
                await self._inbox.take(one, proof=proof.hex(), token_is_ours=one.token is not None)
        self._remember(proof)
        return Result.taken

    def _request(self, request: Request, body: bytes) -> api.Request:
        """What the channel is given: the address as the provider knows it, which is what it signs."""
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        query = request.scope["query_string"]
        base = self._base or f"http://{request.headers.get('host', '')}"
        url = base + (raw + (b"?" + query if query else b"")).decode("ascii", "replace")
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return api.Request(request.method, url, headers, body)

    def _parse(self, channel_state: ChannelState, hook: api.Request, request: Request) -> Sequence[Inbound]:
        try:
            return channel_state.channel.parse_webhook(hook)
        except Forged:
            self._stats.forged(channel_state.kind, client_of(request, self._trusted))
            raise Refused(403, "the request does not prove where it comes from", Result.forged) from None
        except ValueError:
            raise Refused(400, "the request makes no sense", Result.malformed) from None

    async def _known(self, channel_state: ChannelState, token: str | None, said: Sequence[Inbound]) -> list[Inbound]:
        """What is said of attempts that this channel made; what names another's is left out."""
        said = [one if one.token or token is None else replace(one, token=token) for one in said]
        named = {one.token for one in said if one.token} | ({token} if token else set())
        owners = await self._tokens.channels(named) if named else {}
        if token is not None and owners.get(token) != channel_state.kind:
            raise Refused(404, "there is no such attempt", Result.unknown)
        return [one for one in said if one.token is None or owners.get(one.token) == channel_state.kind]

    def _remember(self, proof: bytes) -> None:
        self._taken[proof] = None
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def _asks_to_stop(inbound: Inbound) -> bool:
    return inbound.outcome == Outcome.opted_out


def _proof(hook: api.Request) -> bytes:
    """What a request is known by when it comes again: its address and its body. The signature is left out, because
    some providers sign the moment of each repetition too."""
    return hashlib.blake2b(hook.url.encode() + b"\0" + hook.body, digest_size=16).digest()
