"""Files of people: for their owner alone, and without formulas, whatever stood in the way before."""

from __future__ import annotations

import csv
import os
import re
import stat
from pathlib import Path

import pytest

from fluentsd.csv_output import SafeWriter, escape_formula, open_private
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.rejects import RejectFile

PACKAGE = Path(__file__).parents[2] / "fluentsd"
SKIPPED = ["", " ", "  ", "\u00a0", "\u200b", "\ufeff", "\u2060\u00ad", "\u3000 ", "\u202e", "\x00", "\x0b", "\u2028"]


@pytest.mark.parametrize("before", SKIPPED)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "﹣"])
def test_a_cell_that_could_be_a_formula_is_defused(before: str, sign: str) -> None:
    assert escape_formula(f"{before}{sign}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("cell", ["", " ", "Ann", " Ann", "a=b", "2026-01-01", "\u200bAnn-Lee", "'=x", "(+1) 212"])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert escape_formula(cell) == cell


@pytest.mark.parametrize("older", [None, 0o666, 0o644, 0o400])
def test_a_file_is_private_also_in_place_of_a_public_one(tmp_path: Path, older: int | None) -> None:
    file = tmp_path / "list.csv"
    reader = None
    if older is not None:
        file.write_text("old")
        file.chmod(older)
        reader = file.open()
    before = os.umask(0)
    try:
        with open_private(file) as out:
            SafeWriter(out).writerow(["+12125550001", " =1"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(csv.reader(file.read_text("utf-8-sig").splitlines())) == [["'+12125550001", "' =1"]]
    if reader is not None:
        assert reader.read() == "old"
        reader.close()


def test_a_link_keeps_its_place_and_its_file_is_private(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o666)
    link.symlink_to(target)
    with open_private(link) as out:
        out.write("new")
    assert link.is_symlink()
    assert (target.read_text("utf-8-sig"), stat.S_IMODE(target.stat().st_mode)) == ("new", 0o600)


def test_a_device_is_written_as_it_is() -> None:
    with open_private(Path("/dev/null")) as out:
        out.write("x")


def test_rejects_are_private_and_harmless(tmp_path: Path) -> None:
    file = tmp_path / "rejects.csv"
    file.write_text("old")
    file.chmod(0o644)
    with RejectFile(file, ["\u00a0=name"]) as rejects:
        rejects.write(Reject(2, "no number", ("\u200b@SUM(A1)", "ok")))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    assert rows == [["line", "reason", "'\u00a0=name"], ["2", "no number", "'\u200b@SUM(A1)", "ok"]]


def test_csv_for_users_is_written_in_one_place() -> None:
    writers = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py")
               if re.search(r"csv\.(writer|DictWriter)\(", file.read_text("utf-8"))}  # fmt: skip
    assert writers == {"csv_output.py", "demo/people.py"}  # the demo's file is invented and read by fluentsd itself
