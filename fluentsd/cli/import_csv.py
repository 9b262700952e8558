"""`fluentsd contacts import`: its options. The work is in `importing`, which takes long to import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fluentsd.cli.runner import fail


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file as Excel, Google Sheets or a CRM exports it")],
    campaign: Annotated[str | None, typer.Option("--campaign", help="enroll the people into this campaign")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help='the meaning of a column, e.g. --map phone="Mobile"; repeatable')
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="a column that is not read at all; repeatable")
    ] = None,
    only_a_field: Annotated[
        list[str] | None,
        typer.Option("--only-a-field", help="a column that is a field and means no more, e.g. no opt-out; repeatable"),
    ] = None,
    day_first: Annotated[bool, typer.Option("--day-first", help="12/1/2026 is the 12th of January")] = False,
    month_first: Annotated[bool, typer.Option("--month-first", help="12/1/2026 is the 1st of December")] = False,
    as_new: Annotated[
        bool,
        typer.Option("--as-new", help="do not read the columns as an earlier file with the same headings was read"),
    ] = False,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="the file has no header; the first row is a person")
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="of several rows about a person keep the last, not the first")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="show how the file is read; import nothing")] = False,
    region: Annotated[str, typer.Option("--region", help="the country of numbers without a country code")] = "US",
    encoding: Annotated[str | None, typer.Option("--encoding", help="the encoding; default: detected")] = None,
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="the delimiter; default: detected")] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="the file for invalid rows; default: beside the file")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="people missing from this file leave the campaign")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="confirm --whole when most people would leave")] = False,
    basis: Annotated[str, typer.Option("--basis", help="basis of consent: written, express, inquiry or customer")] = "",
    given: Annotated[str, typer.Option("--given", help="the date of the consent, like 2026-11-01")] = "",
    scope: Annotated[str, typer.Option("--scope", help="the channels with consent, like phone,sms")] = "",
    by: Annotated[str, typer.Option("--by", help="the person who attests the consent")] = "",
    scrubbed: Annotated[str, typer.Option("--scrubbed", help="the date of the last DNC registry scrub")] = "",
    proof: Annotated[str, typer.Option("--proof", help="the place where the proof of consent is kept")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Import people from a CSV file; importing it again updates them and enrolls no one twice."""
    from fluentsd.cli import importing

    context.obj.as_json = as_json
    if day_first and month_first:
        fail("give --day-first or --month-first, not both; nothing was imported", 2)
    evidence = {"basis": basis, "given": given, "scope": scope, "by": by, "scrubbed": scrubbed, "proof": proof}
    asked = importing.Asked(
        file=file, campaign=campaign, mapping=tuple(mapping or ()), ignored=tuple(ignore or ()),
        only_fields=tuple(only_a_field or ()), has_header=not no_header and None, encoding=encoding,
        delimiter=delimiter, region=region, rejects=rejects, consent=evidence if any(evidence.values()) else None,
        keep_duplicates=keep_duplicates, whole=whole, yes=yes,
        dates="day first" if day_first else "month first" if month_first else "", as_new=as_new,
    )  # fmt: skip
    (importing.preview if preview else importing.import_file)(context.obj, asked)
