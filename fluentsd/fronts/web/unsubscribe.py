"""The unsubscribe link: a page that changes nothing, and a POST that ends all contact (RFC 8058).

Mail scanners open every link, so GET only shows a button; what the button sends, and what a mail program sends of its
own accord (`List-Unsubscribe=One-Click`), is the same POST. Whoever shows the token is the person the attempt went to.
The body says nothing that matters and is not read: a person who asks to be left alone is not refused for its form.
"""

from __future__ import annotations

import base64
import hashlib
import html

import trio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from fluentsd.api import Inbound, Outcome
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.stats import WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.verbs import queries

#: Seconds for the database to take it; the person is then asked to press the button again.
PATIENCE = 8.0

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem;color:#222}"
    "button{font:inherit;padding:.6rem 1.4rem;border:1px solid #222;border-radius:.4rem;background:#fff;cursor:pointer}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing is loaded, nothing runs, nobody frames it, and its form goes nowhere else.
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
    "<body><h1>{title}</h1>{body}</body></html>\n"
)


class Unsubscribing:
    """The two answers at /u/{token}."""

    def __init__(self, runtime: Runtime, inbox: Inbox, tokens: Tokens, stats: WebStats) -> None:
        self._runtime, self._inbox, self._tokens, self._stats = runtime, inbox, tokens, stats

    async def show(self, request: Request) -> Response:
        """GET: what it is about, and a button."""
        token = request.path_params["token"]
        if not await self._tokens.channels([token]):
            return _unknown()
        name = await queries.campaign_name(self._runtime, token) or ""
        said = f"<p>You were contacted in “{html.escape(name)}”.</p>" if name else ""
        button = (
            '<form method="post"><button name="List-Unsubscribe" value="One-Click">Do not contact me again</button>'
        )
        return _page("Unsubscribe", f"{said}<p>Nothing has been changed yet.</p>{button}</form>")

    async def carry_out(self, request: Request) -> Response:
        """POST: the person is on the stop list, for every channel and campaign, before this is answered."""
        token = request.path_params["token"]
        if not await self._tokens.channels([token]):
            return _unknown()
        with trio.fail_after(PATIENCE):
            await self._inbox.take(Inbound(Outcome.opted_out, token=token, reason="used the unsubscribe link"))
        self._stats.opt_outs += 1
        return _page("Unsubscribed", "<p>You will not be contacted again: not by phone, text message or e-mail.</p>")


def _unknown() -> Response:
    said = "<p>This link is not complete, or too old. Copy the whole link from the message, or reply to it.</p>"
    return _page("This link leads nowhere", said, 404)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(title=title, style=_STYLE, body=body), status, _HEADERS)
