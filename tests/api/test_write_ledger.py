"""An activity is written once: repeated keys, refusals, lost answers and crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.api import InDoubt, Rejected, Unavailable, WriteLedger
from fluentsd.testing import tools


class Crm:
    """Writes, and fails as told."""

    def __init__(self) -> None:
        self.calls: list[bool] = []
        self.fails: BaseException | None = None

    async def __call__(self, in_doubt: bool) -> str:
        self.calls.append(in_doubt)
        if self.fails is not None:
            raise self.fails
        return f"id-{len(self.calls)}"


@pytest.fixture
def ledger(tmp_path: Path) -> WriteLedger:
    return WriteLedger(tools(folder=tmp_path))


async def test_a_key_is_written_once_also_after_a_restart(tmp_path: Path, ledger: WriteLedger) -> None:
    crm = Crm()
    assert [await ledger.once("k", crm), await ledger.once("k", crm)] == ["id-1", "id-1"]
    ledger.close()
    assert await WriteLedger(tools(folder=tmp_path)).once("k", crm) == "id-1"
    assert await ledger.once("other", crm) == "id-2"  # a closed ledger opens again
    assert crm.calls == [False, False]


@pytest.mark.parametrize("refusal", [Unavailable("down"), Rejected("gone")])
async def test_a_refusal_leaves_no_doubt(ledger: WriteLedger, refusal: Exception) -> None:
    crm = Crm()
    crm.fails = refusal
    with pytest.raises(type(refusal)):
        await ledger.once("k", crm)
    crm.fails = None
    assert await ledger.once("k", crm) == "id-2"
    assert crm.calls == [False, False]


@pytest.mark.parametrize("loss", [InDoubt("no answer"), OSError("broken"), KeyboardInterrupt()])
async def test_a_lost_answer_leaves_a_doubt_until_an_id_is_known(ledger: WriteLedger, loss: BaseException) -> None:
    crm = Crm()
    crm.fails = loss
    with pytest.raises(type(loss)):
        await ledger.once("k", crm)
    crm.fails = Unavailable("the search is down too")
    with pytest.raises(Unavailable):
        await ledger.once("k", crm)
    crm.fails = None
    await ledger.once("k", crm)
    assert crm.calls == [False, True, True]
