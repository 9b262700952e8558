"""An activity is written once: repeated keys, refusals, lost answers and crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.api import InDoubt, NeedsHuman, NotFound, Part, Rejected, Unavailable, WriteLedger
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


class Parts:
    """A write of parts that are refused as told; `done` is the log of what was written."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails: dict[str, Exception] = {}

    def part(self, name: str, *pieces: Part) -> Part:
        async def write() -> None:
            await self.write(name)

        return Part(name, write, pieces)

    async def write(self, name: str) -> str:
        if name in self.fails:
            raise self.fails[name]
        self.done.append(name)
        return f"id of {name}"

    async def parts(self) -> list[Part]:
        return [self.part("both", self.part("one"), self.part("two")), self.part("unsubscribe")]

    async def note(self, in_doubt: bool) -> str:
        return await self.write("note")


async def test_all_parts_are_written_once(ledger: WriteLedger) -> None:
    crm = Parts()
    for _ in range(2):
        assert await ledger.all_parts("k", crm.parts, crm.note) == "id of note"
    assert crm.done == ["both", "unsubscribe", "note"]


@pytest.mark.parametrize("refusal", [Rejected("no such property"), NeedsHuman("a scope is missing")])
async def test_a_refused_part_stops_no_other_and_is_named(ledger: WriteLedger, refusal: Exception) -> None:
    crm = Parts()
    crm.fails = {"unsubscribe": refusal}
    for _ in range(2):
        with pytest.raises(Rejected, match=f"not all else: unsubscribe: {refusal}"):
            await ledger.all_parts("k", crm.parts, crm.note)
    assert crm.done == ["both", "note"]
    crm.fails = {}
    assert await ledger.all_parts("k", crm.parts, crm.note) == "id of note"
    assert crm.done == ["both", "note", "unsubscribe"]


async def test_what_is_refused_together_is_tried_piece_by_piece(ledger: WriteLedger) -> None:
    crm = Parts()
    crm.fails = {"both": Rejected("one of them"), "two": Rejected("two is read-only")}
    for _ in range(2):
        with pytest.raises(Rejected, match=r"not all else: two: two is read-only$"):
            await ledger.all_parts("k", crm.parts, crm.note)
    assert crm.done == ["one", "unsubscribe", "note"]


async def test_a_record_that_is_gone_is_not_asked_for_each_piece(ledger: WriteLedger) -> None:
    crm, gone = Parts(), Rejected("no such contact")
    gone.__cause__ = NotFound("no such contact")
    crm.fails = {"both": gone, "one": AssertionError("asked"), "unsubscribe": gone, "note": gone}
    with pytest.raises(Rejected, match=r"^no such contact$"):
        await ledger.all_parts("k", crm.parts, crm.note)


@pytest.mark.parametrize("loss", [InDoubt("no answer"), Unavailable("down")])
async def test_a_part_that_is_lost_is_written_before_the_note(ledger: WriteLedger, loss: Exception) -> None:
    crm = Parts()
    crm.fails = {"unsubscribe": loss}
    with pytest.raises(type(loss)):
        await ledger.all_parts("k", crm.parts, crm.note)
    crm.fails = {}
    await ledger.all_parts("k", crm.parts, crm.note)
    assert crm.done == ["both", "unsubscribe", "note"]


async def test_the_note_is_written_when_the_parts_cannot_be_told(ledger: WriteLedger) -> None:
    crm = Parts()

    async def hidden() -> list[Part]:
        raise NeedsHuman("the object cannot be described")

    with pytest.raises(Rejected, match="the object cannot be described"):
        await ledger.all_parts("k", hidden, crm.note)
    assert crm.done == ["note"]
