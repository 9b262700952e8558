"""Twilio's client, connected when it is first needed: loading the SDK takes a quarter of a second, so a thread does it.

What must not live here: an import of the SDK outside that thread (`client` has it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from fluentsd.api import Tools
from fluentsd_channel_sms.account import Account


class LazyClient:
    """The client of one account. `prepare` is called in the thread too, for what else the first use would wait for."""

    def __init__(self, account: Account, tools: Tools, prepare: Callable[[], object] = lambda: None) -> None:
        self._account, self._tools, self._prepare = account, tools, prepare
        self._loading = trio.Lock()
        self._connected: Any = None

    async def get(self) -> Any:
        """The connected client; tasks that come while the SDK is loaded wait for the same one."""
        if self._connected is None:
            async with self._loading:
                if self._connected is None:
                    connect = await self._tools.run_sync(self._load)
                    self._connected = connect(self._account, self._tools.http)
        return self._connected

    def _load(self) -> Callable[..., Any]:
        self._prepare()
        from fluentsd_channel_sms.client import connect

        return connect
