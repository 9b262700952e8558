"""`stop-list import` and `export`: the list to and from a file, where the person sits.

What is read is a file of numbers and addresses, one or more to a line, as any system exports its do-not-contact list;
what is written opens in a spreadsheet, without a cell that it would run.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.client import Link
from fluentsd.cli.format import when
from fluentsd.cli.runner import Shell, fail, with_link
from fluentsd.cli.views.catalogue import show
from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.csv_file import open_csv
from fluentsd.engine.ingest.rejects import inert

#: Numbers and addresses handed over at once.
BATCH = 500
_COLUMNS = ("value", "kind", "channel", "reason", "by", "at", "evidence")


def import_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file with numbers or addresses in any of its columns")],
    because: Annotated[str, typer.Option("--because", help="where the list comes from; kept with each entry")],
    channel: Annotated[str, typer.Option("--channel", help="phone, sms or email; * is every channel")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Put every number and address of a file on the stop list; those on it already are left as they are."""
    shell: Shell = context.obj
    shell.as_json = as_json
    try:
        with open_csv(file, header=None) as opened:
            points = [cell for _, row in opened if not isinstance(row, Reject) for cell in row if _may_be_point(cell)]
            if opened.header is not None:
                points = [cell for cell in opened.header if _may_be_point(cell)] + points
    except CsvError as why:
        fail(str(why))
    if not points:
        fail(f"{file} holds no number and no address; nothing was changed")
    answer = with_link(shell, lambda to: _hand_over(to, points, channel, because))
    show(shell.screen, "stop-list import", answer)


def _may_be_point(cell: str) -> bool:
    return "@" in cell or sum(map(str.isdigit, cell)) >= 7


async def _hand_over(to: Link, points: list[str], channel: str, because: str) -> dict[str, Any]:
    told: dict[str, Any] = {"added": 0, "known": 0, "bad": []}
    for start in range(0, len(points), BATCH):
        given = {"points": points[start : start + BATCH], "channel": channel, "because": because}
        answer = await to.perform("stop-list take", given)
        told["added"] += answer["added"]
        told["known"] += answer["known"]
        told["bad"] += answer["bad"]
    return told


def export_list(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="where to; else standard output")] = None,
) -> None:
    """Write the stop list as CSV."""
    shell: Shell = context.obj
    rows = with_link(shell, _everything)
    if file is None:
        _write(sys.stdout, rows)
        return
    try:
        with file.open("w", encoding="utf-8-sig", newline="") as out:
            _write(out, rows)
    except OSError as why:
        fail(f"{file} cannot be written: {why.strerror}")


async def _everything(to: Link) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        since = rows[-1]["id"] if rows else 0
        part = (await to.perform("stop-list list", {"since": since, "most": 10_000}))["entries"]
        if not part:
            return rows
        rows += part


def _write(out: Any, rows: list[dict[str, Any]]) -> None:
    lines = csv.writer(out)
    lines.writerow(_COLUMNS)
    for row in rows:
        said = {**row, "at": when(row["at"]), "evidence": row["evidence"] or ""}
        lines.writerow([inert(str(said[name])) for name in _COLUMNS])
