"""A running preview, and the requests that its page makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
import trio

from fluentsd.preview.run import run


@dataclass
class Visitor:
    """A browser without a screen: knows the address, the last state, and who it is."""

    http: httpx.AsyncClient
    user: str = "U01"

    async def do(self, act: str, **body: Any) -> Any:
        """One act of the person; its answer."""
        response = await self.http.post(act, json={"user": self.user, **body})
        return response.json()

    async def wait(self, condition: Callable[[dict[str, Any]], Any], seconds: float = 30) -> Any:
        """What the condition finds in the first state in which it finds anything."""
        state: dict[str, Any] = {"version": -1}
        with trio.move_on_after(seconds):
            while True:
                state = (await self.http.get("state", params={"since": state["version"]})).json()
                if found := condition(state):
                    return found
        raise AssertionError(f"not seen; the last state was {str(state)[-3000:]}")

    async def read(self, part: str) -> dict[str, Any]:
        """The message in which this can be read."""
        return dict(
            await self.wait(lambda state: next((one for one in state["messages"] if part in str(one["blocks"])), None))
        )

    async def click(self, message: dict[str, Any], label: str) -> Any:
        """Click a button of a message, or choose an entry of one of its menus."""
        for index, block in enumerate(message["blocks"]):
            for one in [*block.get("elements", ()), block.get("accessory") or {}]:
                if (payload := _chosen(one, label)) is not None:
                    return await self.do(
                        "click", channel=message["channel"], ts=message["ts"], state={"values": {}},
                        block=block.get("block_id", f"b{index}"), action=one["action_id"], payload=payload,
                    )  # fmt: skip
        raise AssertionError(f"no button {label!r}")


def _chosen(element: dict[str, Any], label: str) -> dict[str, Any] | None:
    """What a page sends for a button or an entry of a menu with these first words; None if it has none."""
    if element.get("type") == "button" and element["text"]["text"].startswith(label):
        return {"type": "button"}
    entries = element.get("options", ()) if element.get("type") == "overflow" else ()
    found = next((one for one in entries if one["text"]["text"].startswith(label)), None)
    return {"type": "overflow", "selected_option": found} if found else None


@asynccontextmanager
async def a_preview(*, empty: bool = False) -> AsyncIterator[Visitor]:
    """A preview on a free port."""
    addresses: list[str] = []
    is_ready = trio.Event()

    def ready(address: str) -> None:
        addresses.append(address)
        is_ready.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_run, empty, ready)
        with trio.fail_after(60):
            await is_ready.wait()
        async with httpx.AsyncClient(base_url=addresses[0], timeout=60, trust_env=False) as http:
            yield Visitor(http)
        nursery.cancel_scope.cancel()


async def _run(empty: bool, ready: Callable[[str], None]) -> None:
    await run(0, empty=empty, ready=ready, log=structlog.get_logger())
