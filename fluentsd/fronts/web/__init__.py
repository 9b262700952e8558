"""The web front: what providers and people reach from outside, and what a watchman asks.

Here lives HTTP, from the socket to the answer, and nothing that decides: a provider's report becomes `Inbound` values
that the engine's inbox takes, an unsubscribe link is an opt-out like any other. Starlette routes, hypercorn's Trio
server speaks the protocol. Imported by the daemon when `[http]` is written, and by nobody else: a daemon without it
carries none of this.

`listening` opens sockets and keeps connections apart · `edge` bounds each request and isolates its faults · `app` says
what is where · `hooks`, `unsubscribing`, `health` and `metrics` answer · `tokens` tells a real token from a guess ·
`tally` counts.
"""

from __future__ import annotations

from fluentsd.fronts.web.server import listen, serve

__all__ = ["listen", "serve"]
