"""Lead Docket's API: slow by choice, a key in the header, errors as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from fluentsd.api import (
    ANY,
    Invalid,
    NeedsHuman,
    NotFound,
    Rejected,
    RequestBudget,
    RestClient,
    RestReply,
    Shape,
    Tools,
    without_personal_data,
)
from fluentsd_crm_leaddocket.settings import Settings


class LeaddocketClient(RestClient):
    """The requests of one firm."""

    name: ClassVar[str] = "Lead Docket"
    timeouts: ClassVar[tuple[float, float]] = (5.0, 60.0)
    pause: ClassVar[float] = 2.0
    after_429: ClassVar[float] = 5.0
    writes_answer_text: ClassVar[bool] = True

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        super().__init__(settings.base_url, tools, budget)
        self._key = settings.api_key

    async def headers(self) -> Mapping[str, str]:
        """The key."""
        return {"api_key": self._key}

    async def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, urgent: bool = False, shape: Shape = ANY
    ) -> RestReply:
        """Read something by GET."""
        return await self.read("GET", path, query=query, urgent=urgent, shape=shape)

    async def change(self, method: str, path: str, body: Any, *, urgent: bool = False) -> RestReply:
        """Change something, once; an answer without success is a refusal."""
        reply = await self.write(method, path, body, urgent=urgent)
        if isinstance(reply.body, Mapping) and reply.body.get("Success") is False:
            words = without_personal_data(str(reply.body.get("ErrorMessage") or "no reason"))
            raise Rejected(f"Lead Docket refuses the write: {words[:200]}")
        return reply

    def refuse(self, answer: httpx.Response) -> None:
        """Raise what an error means; a redirect leads to the sign-in page."""
        status = answer.status_code
        if status in (401, 403) or answer.is_redirect:
            raise NeedsHuman(
                f"Lead Docket refuses the key (HTTP {status}). Nothing was changed; let an administrator create an API "
                "key, and set api_key",
                only_this=status == 403,
            )
        words = without_personal_data(answer.text)
        if status == 404:
            raise NotFound(f"HTTP 404: {words}")
        raise Invalid(f"Lead Docket refuses the request (HTTP {status}): {words}")
