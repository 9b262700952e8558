"""The web front: provider webhooks, unsubscribe links, health and metrics.

It handles HTTP, from the socket to the response, and decides nothing. A provider's report becomes `Inbound` values for
the engine's inbox; an unsubscribe link is an opt-out like any other. Starlette routes requests; hypercorn's Trio server
speaks the protocol. The daemon imports it only if `[http]` is configured, so a daemon without it loads none of it.

`server` opens sockets and isolates connections · `middleware` bounds each request and isolates its errors · `routes`
maps paths to handlers · `webhooks`, `unsubscribe`, `health` and `metrics` are the handlers · `tokens` checks the tokens
of attempts · `stats` counts.
"""

from __future__ import annotations

from fluentsd.fronts.web.server import listen, serve

__all__ = ["listen", "serve"]
