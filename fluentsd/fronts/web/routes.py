"""What is where: the routes, and who answers them. The public ones are spelled in `fluentsd.urls`, which hands them
out. /healthz and /metrics are served to whoever reaches the place where it listens, and tell nothing of a person; a
proxy that stands before it passes on /hooks and /u alone if the rest is nobody's business outside.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Match, Route, Router

from fluentsd.config import HttpSettings
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.health import Health
from fluentsd.fronts.web.hooks import Hooks
from fluentsd.fronts.web.metrics import Metrics
from fluentsd.fronts.web.middleware import App, Edge, Receive, Scope, Send, answer
from fluentsd.fronts.web.stats import WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.fronts.web.unsubscribe import Unsubscribing
from fluentsd.urls import CALLBACK, INBOUND, UNSUBSCRIBE


def application(runtime: Runtime, inbox: Inbox, http: HttpSettings, tokens: Tokens, stats: WebStats) -> Edge:
    """The whole ASGI application; `tokens` has to run."""
    hooks = Hooks(runtime, inbox, http, tokens, stats)
    unsubscribing = Unsubscribing(runtime, inbox, tokens, stats)
    routes = [
        Route(CALLBACK, hooks.callback, methods=["POST"]),
        Route(INBOUND, hooks.inbound, methods=["POST"]),
        Route(UNSUBSCRIBE, unsubscribing.show, methods=["GET"]),
        Route(UNSUBSCRIBE, unsubscribing.carry_out, methods=["POST"]),
        Route("/healthz", Health(runtime).show, methods=["GET"]),
        Route("/metrics", Metrics(runtime, stats).show, methods=["GET"]),
    ]
    return Edge(_with_methods(routes, Router(routes, redirect_slashes=False)), stats)


def _with_methods(routes: list[Route], router: Router) -> App:
    """The router, with a plain word to whoever asks for what is not there, or not that way."""

    async def attend(scope: Scope, receive: Receive, send: Send) -> None:
        here = [route for route in routes if route.matches(scope)[0] != Match.NONE]
        allowed = sorted({method for route in here for method in route.methods or ()})
        if not here:
            await answer(404, "there is nothing here")(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"allow": ", ".join(allowed)})(scope, receive, send)
        elif scope["method"] not in allowed:
            await answer(405, f"{scope['method']} does nothing here", {"allow": ", ".join(allowed)})(
                scope, receive, send
            )
        else:
            await router(scope, receive, send)

    return attend
