"""The reads of the suppression list find their rows by an index, however many people there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.store import suppression
from fluentsd.store.db import Connection
from tests.databases import open_whole

STATEMENTS = {one: getattr(suppression, one) for one in ("_OWNERS", "_POINTS", "_SAID", "_STOPPED")}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_an_opt_out_reads_through_the_indexes(tmp_path: Path, name: str) -> None:
    async def plan(conn: Connection) -> list[str]:
        written = (
            STATEMENTS[name]
            .params(values="[]", contact=1)
            .compile(conn.sync_engine, compile_kwargs={"literal_binds": True})
        )
        return [row[3] for row in await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]

    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        found = await store.read(plan)
    scanned = [line for line in found if line.startswith("SCAN ") and not line.startswith("SCAN json_each")]
    assert scanned == []
    searched = [line for line in found if line.startswith("SEARCH ")]
    assert searched
    assert not [line for line in searched if line.endswith("(kind=?)")], "all points of a kind"
