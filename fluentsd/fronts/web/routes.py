"""Routes and their handlers. `fluentsd.urls` defines the public paths and builds their URLs.

/healthz and /metrics answer every client that can connect, and hold no personal data. A reverse proxy in front of the
daemon may forward /hooks, /relay, /r and /u alone to keep them internal.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Match, Route

from fluentsd.config import HttpSettings
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.health import Health
from fluentsd.fronts.web.metrics import Metrics
from fluentsd.fronts.web.middleware import App, Receive, RequestGuard, Scope, Send, answer
from fluentsd.fronts.web.recordings import Listening
from fluentsd.fronts.web.stats import WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.fronts.web.unsubscribe import UnsubscribePage
from fluentsd.fronts.web.webhooks import Hooks
from fluentsd.urls import AGENT_REPORTS, CALLBACK, INBOUND, RECORDING, UNSUBSCRIBE


def application(runtime: Runtime, inbox: Inbox, http: HttpSettings, tokens: Tokens, stats: WebStats) -> RequestGuard:
    """The whole ASGI application; `tokens.run` must be running."""
    hooks = Hooks(runtime, inbox, http, tokens, stats)
    unsubscribe = UnsubscribePage(runtime, inbox, tokens, stats)
    routes = [
        Route(AGENT_REPORTS, hooks.agent_reports, methods=["POST"]),  # before the path that fits it too
        Route(CALLBACK, hooks.callback, methods=["POST"]),
        Route(INBOUND, hooks.inbound, methods=["POST"]),
        Route(UNSUBSCRIBE, unsubscribe.show, methods=["GET"]),
        Route(UNSUBSCRIBE, unsubscribe.carry_out, methods=["POST"]),
        Route(RECORDING, Listening(runtime).play, methods=["GET", "HEAD"]),
        Route("/healthz", Health(runtime).show, methods=["GET"]),
        Route("/metrics", Metrics(runtime, stats).show, methods=["GET"]),
    ]
    return RequestGuard(_routed(routes), stats)


def _routed(routes: list[Route]) -> App:
    """The first route that fits, else a JSON error for an unknown path (404) or an unsupported method (405)."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        allowed: set[str] = set()
        for route in routes:
            match, about = route.matches(scope)
            if match is Match.FULL:
                scope.update(about)
                await route.handle(scope, receive, send)
                return
            if match is Match.PARTIAL:
                allowed.update(route.methods or ())
        await _unrouted(scope["method"], ", ".join(sorted(allowed)))(scope, receive, send)

    return handle


def _unrouted(method: str, allowed: str) -> Response:
    if not allowed:
        return answer(404, "there is nothing at this path")
    if method == "OPTIONS":
        return Response(status_code=204, headers={"allow": allowed})
    return answer(405, f"{method} is not supported here", {"allow": allowed})
