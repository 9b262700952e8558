"""`templates apply`: reads a template file on the user's machine.

Long texts may be in files of their own beside it: `html_file = "follow-up.html"`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.files import display_name, read_text, read_toml
from fluentsd.cli.runner import Shell, refusals, run_verb

_IN_FILES = ("text", "html")


def apply_templates(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="the template file, - for standard input", metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would change, change nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Create or change templates from a file; lists the campaigns that use a changed one."""
    from fluentsd.domain.templates import read_templates

    shell: Shell = context.obj
    shell.as_json = as_json
    with refusals():
        templates = read_templates(_with_files(read_toml(file, "template"), file.parent), display_name(file))
    given = {"template": [one.model_dump(mode="json", exclude_defaults=True) for one in templates]}
    run_verb(shell, "templates apply", {"file": given, "dry_run": dry_run})


def _with_files(data: dict[str, Any], beside: Path) -> dict[str, Any]:
    """The file's data, with the texts of its `text_file` and `html_file` in it."""
    tables = data.get("template")
    if isinstance(tables, list):
        data["template"] = [_with_texts(table, beside) if isinstance(table, dict) else table for table in tables]
    return data


def _with_texts(table: dict[str, Any], beside: Path) -> dict[str, Any]:
    found = dict(table)
    for part in _IN_FILES:
        if isinstance(found.get(f"{part}_file"), str) and part not in found:
            found[part] = read_text(beside / found.pop(f"{part}_file"))
    return found
