"""Verbs that misbehave as real ones must not."""

from __future__ import annotations

from typing import Any

import trio
from sqlalchemy import text

from fluentsd.engine.runtime import Runtime
from fluentsd.unavailable import StoreBusy
from fluentsd.verbs import Call, Refused


async def echo(runtime: Runtime, call: Call, words: str) -> dict[str, Any]:
    return {"words": words, "actor": call.actor, "request_id": call.request_id, "revision": call.revision}


async def bug(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise KeyError("+12125550123")


async def locked(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise StoreBusy("The database is locked by another program")


async def unspeakable(runtime: Runtime, call: Call) -> dict[str, Any]:
    return {"answer": object()}


async def no(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise Refused("not on a Sunday; ask again tomorrow")


async def forever(runtime: Runtime, call: Call) -> dict[str, Any]:
    await trio.sleep_forever()
    raise AssertionError


async def heavy(runtime: Runtime, call: Call) -> dict[str, Any]:
    query = text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000) SELECT count(*) FROM c"
    )
    await runtime.store.read(lambda conn: conn.execute(query))
    raise AssertionError
