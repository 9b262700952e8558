"""Webhooks: authenticates providers' requests, hands their reports to the engine, and gives the provider its response.

The checks follow the order of trust: the channel exists; the request is authentic (the channel's own pure `webhook`);
its token belongs to an attempt of this channel (one indexed read). Only then is the report taken, and answered once it
is committed: with the response that the provider expects, else with 204. A forged request is answered with 403,
whatever its token, without a read of the database.

A provider repeats a request that gets no 2xx, so reports may arrive twice, late and in any order. A later report only
makes the stored outcome clearer (`engine.dispatch.outcomes`). A person's message is taken once by the provider's
id of it (`engine.dispatch.inbound`). Of a channel without such ids an identical request is taken once, except an
opt-out, which is always taken, because a second STOP may be identical to the first.

A pick-up is decided by the engine (`engine.calls.pickups`), and the channel words the verdict. Agent providers report
about attempts of the phone channel.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fluentsd import api
from fluentsd.api import Forged, Inbound, Kind, Outcome, Pickup, ReceivesWebhooks, WebhookResult
from fluentsd.config import HttpSettings
from fluentsd.engine.calls.pickups import decide
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.middleware import Refused, body_of, client_of
from fluentsd.fronts.web.stats import Result, WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.unavailable import StoreUnavailable

#: Taken requests kept in memory to recognise repetitions; a provider repeats within minutes.
REMEMBERED = 8192
#: Seconds until the database times out; the provider then gets a 503 and repeats.
TAKING_PATIENCE = 8.0


@dataclass(frozen=True, slots=True)
class _Receiver:
    """What reads a request: a channel, or an agent provider of the phone channel."""

    kind: Kind
    receives: ReceivesWebhooks
    channel_state: ChannelState | None = None


class Hooks:
    """The webhooks of all channels."""

    def __init__(self, runtime: Runtime, inbox: Inbox, http: HttpSettings, tokens: Tokens, stats: WebStats) -> None:
        self._runtime, self._inbox, self._tokens, self._stats = runtime, inbox, tokens, stats
        self._base = http.public_url
        self._trusted = [ipaddress.ip_network(proxy, strict=False) for proxy in http.trusted_proxies]
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    async def callback(self, request: Request) -> Response:
        """POST /hooks/{kind}/{token}: a report about one attempt."""
        return await self._counted(request, self._channel(request), request.path_params["token"])

    async def inbound(self, request: Request) -> Response:
        """POST /hooks/{kind}: messages that people send on their own."""
        return await self._counted(request, self._channel(request), None)

    async def agent_reports(self, request: Request) -> Response:
        """POST /hooks/agents/{name}: an agent provider's reports about attempts of the phone channel."""
        provider = self._runtime.agent_providers.get(request.path_params["name"])
        receiver = _Receiver("phone", provider) if provider is not None else None
        return await self._counted(request, receiver, None)

    def _channel(self, request: Request) -> _Receiver | None:
        channel_state = next(
            (s for kind, s in self._runtime.channels.items() if kind == request.path_params["kind"]), None
        )
        if channel_state is None or channel_state.abilities.webhooks is None:
            return None
        return _Receiver(channel_state.kind, channel_state.abilities.webhooks, channel_state)

    async def _counted(self, request: Request, receiver: _Receiver | None, token: str | None) -> Response:
        kind = receiver.kind if receiver is not None else "none"
        try:
            result, reply = await self._take(request, receiver, token)
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
        return Response(reply.body, reply.status, media_type=reply.content_type or None)

    async def _take(self, request: Request, receiver: _Receiver | None, token: str | None) -> tuple[Result, api.Reply]:
        if receiver is None:
            raise Refused(404, "there is no such channel", Result.unknown)
        client = client_of(request, self._trusted)
        hook = self._request(request, await body_of(request, client))
        found = self._read(receiver, hook, client)
        request.scope["admitted"].prove(client)
        known = await self._known(receiver.kind, token, found)
        result = await self._taken_once(receiver, hook, known)
        if found.pickup is None:
            return result, found.reply or api.Reply()
        return Result.pickup, await self._answer(receiver, found.pickup, token)

    async def _taken_once(self, receiver: _Receiver, hook: api.Request, known: Sequence[Inbound]) -> Result:
        proof = _proof(hook)
        dates = receiver.channel_state.abilities.dates if receiver.channel_state is not None else None
        if proof in self._taken and not any(_is_opt_out(one) for one in known):
            return Result.repeated
        if not known:
            return Result.nothing
        with trio.fail_after(TAKING_PATIENCE):
            for one in known:
                await self._inbox.take(one, proof=proof.hex(), token_is_ours=one.token is not None, dates=dates)
        self._remember(proof)
        return Result.taken

    async def _answer(self, receiver: _Receiver, pickup: Pickup, token: str | None) -> api.Reply:
        """The response to a pick-up; raises `LookupError` if the receiver cannot word one."""
        channel_state = receiver.channel_state
        if channel_state is None or channel_state.abilities.pickups is None:
            raise LookupError("a pick-up from a plugin without `answer`")
        pickup = replace(pickup, token=pickup.token or token)
        with trio.fail_after(TAKING_PATIENCE):
            verdict = await decide(self._runtime, self._inbox.report, channel_state, pickup, self._base)
        return channel_state.abilities.pickups.answer(pickup, verdict)

    def _request(self, request: Request, body: bytes) -> api.Request:
        """The request for the channel, with the public URL, because that is the one the provider signs."""
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        query = request.scope["query_string"]
        base = self._base or f"http://{request.headers.get('host', '')}"
        url = base + (raw + (b"?" + query if query else b"")).decode("ascii", "replace")
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return api.Request(request.method, url, headers, body)

    def _read(self, receiver: _Receiver, hook: api.Request, client: str) -> WebhookResult:
        try:
            return receiver.receives.webhook(hook)
        except Forged:
            self._stats.forged(receiver.kind, client)
            raise Refused(403, "the request is not authentic", Result.forged) from None
        except ValueError:
            raise Refused(400, "the request cannot be read", Result.malformed) from None

    async def _known(self, kind: Kind, token: str | None, found: WebhookResult) -> list[Inbound]:
        """The reports about attempts of this channel; reports about another channel's attempts are left out."""
        reports = [one if one.token or token is None else replace(one, token=token) for one in found.inbounds]
        named = {one.token for one in reports if one.token} | ({token} if token else set())
        owners = await self._tokens.channels(named) if named else {}
        if token is not None and owners.get(token) != kind:
            raise Refused(404, "there is no such attempt", Result.unknown)
        return [one for one in reports if one.token is None or owners.get(one.token) == kind]

    def _remember(self, proof: bytes) -> None:
        self._taken[proof] = None
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def _is_opt_out(inbound: Inbound) -> bool:
    return inbound.outcome == Outcome.opted_out


def _proof(hook: api.Request) -> bytes:
    """The digest that identifies a repeated request: of its URL and body. The signature is left out, because some
    providers sign the time of each repetition too."""
    return hashlib.blake2b(hook.url.encode() + b"\0" + hook.body, digest_size=16).digest()
