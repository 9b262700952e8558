"""The unsubscribe link: GET shows a page and changes nothing, POST records an opt-out (RFC 8058).

Mail scanners open every link, so GET shows only a button. The button and the one-click header of a mail program
(`List-Unsubscribe=One-Click`) send the same POST. The token identifies the person of the attempt. The body is not read,
so an opt-out is never refused for its format.
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

#: Seconds until the database times out; the person then has to press the button again.
PATIENCE = 8.0

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem;color:#222}"
    "button{font:inherit;padding:.6rem 1.4rem;border:1px solid #222;border-radius:.4rem;background:#fff;cursor:pointer}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: The page loads nothing, runs no script, cannot be framed, and its form can only post to this site.
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


class UnsubscribePage:
    """The handlers of /u/{token}."""

    def __init__(self, runtime: Runtime, inbox: Inbox, tokens: Tokens, stats: WebStats) -> None:
        self._runtime, self._inbox, self._tokens, self._stats = runtime, inbox, tokens, stats

    async def show(self, request: Request) -> Response:
        """GET: the campaign's name and a button."""
        token = request.path_params["token"]
        if not await self._tokens.channels([token]):
            return _unknown()
        name = await queries.campaign_name(self._runtime, token) or ""
        context = f"<p>You were contacted in “{html.escape(name)}”.</p>" if name else ""
        button = (
            '<form method="post"><button name="List-Unsubscribe" value="One-Click">Do not contact me again</button>'
        )
        return _page("Unsubscribe", f"{context}<p>Nothing has been changed yet.</p>{button}</form>")

    async def carry_out(self, request: Request) -> Response:
        """POST: puts the person on the suppression list for every channel, committed before the response."""
        token = request.path_params["token"]
        if not await self._tokens.channels([token]):
            return _unknown()
        with trio.fail_after(PATIENCE):
            await self._inbox.take(Inbound(Outcome.opted_out, token=token, reason="used the unsubscribe link"))
        self._stats.opt_outs += 1
        return _page("Unsubscribed", "<p>You will not be contacted again: not by phone, text or e-mail.</p>")


def _unknown() -> Response:
    advice = "<p>This link is incomplete or too old. Copy the whole link from the message, or reply to the message.</p>"
    return _page("This link does not work", advice, 404)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(title=title, style=_STYLE, body=body), status, _HEADERS)
